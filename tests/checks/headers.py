"""check/headers: every header compiles alone, and twice.

Public headers: as C11 and as C++17, by both compilers, hosted and
freestanding; as C11 also with nothing but the compiler's own headers. Headers
of the core and of the backends: as C11 by both compilers. Warnings are errors.
"""

import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import common

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow",
            "-Werror", "-fsyntax-only"]


def own_headers(compiler):
    """The flags that leave a compiler nothing but its own headers."""
    output = subprocess.run([compiler, "-print-file-name=include"],
                            stdout=subprocess.PIPE, text=True,
                            check=True).stdout
    return ["-ffreestanding", "-nostdinc", "-isystem", output.strip()]


def main():
    args = common.arguments(__doc__)
    common.need("gcc", "g++", "clang", "clang++")
    root = args.root
    public = common.files(root, ["include"], (".h",))
    inner = common.sources(root, "core/*.h", "backends/*/*.h")

    c11 = {name: [name, "-std=c11", *WARNINGS] for name in ("gcc", "clang")}
    modes = []
    for name, command in c11.items():
        modes.append(command)
        modes.append(command + own_headers(name))
    for name in ("g++", "clang++"):
        modes.append([name, "-std=c++17", *WARNINGS])
        modes.append([name, "-std=c++17", "-ffreestanding", *WARNINGS])

    findings = common.Findings(root)
    with tempfile.TemporaryDirectory() as temporary:
        commands = {}
        for number, path in enumerate(public + inner):
            text = (f'#include "{path}"\n#include "{path}"\n'
                    "typedef int lp_not_empty;\n")
            for suffix in (".c", ".cpp"):
                file = pathlib.Path(temporary) / f"{number}{suffix}"
                file.write_text(text)
            flags = [f"-I{root}/include"]
            if path in public:
                wanted = modes
            else:
                wanted = [command + ["-D_GNU_SOURCE", f"-I{root}/core"]
                          for command in c11.values()]
            for mode in wanted:
                suffix = ".cpp" if "++" in mode[0] else ".c"
                file = pathlib.Path(temporary) / f"{number}{suffix}"
                commands[tuple(mode + flags + [str(file)])] = path
        for command, status, output in common.run_all(commands):
            if status != 0:
                shown = " ".join(word for word in command
                                 if word not in WARNINGS)
                findings.add(commands[command], 0,
                             f"does not compile alone: {shown}\n{output}")
    findings.finish(f"{len(public) + len(inner)} headers")


main()
