"""check/symbols: what the core needs and what it gives.

The core and the backends of real machines are compiled as a kernel would, by
several compilers with several options; a backend's tlb*.c, where its
instructions are, by those that compile for its machine. Then, according to nm:

- undefined are only memcpy, memmove, memset, memcmp and what another file of
  the library defines;
- every global symbol begins with lp_;
- there is no writable data: everything hangs on the pager, the space or the
  object.
"""

import pathlib
import platform
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import common

LIBC = {"memcpy", "memmove", "memset", "memcmp"}
# The warnings without which docs/EMBEDDING-BUILD.md says the sources compile.
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow",
            "-Werror"]
FLAGS = ["-std=c11", "-ffreestanding", "-fno-pic", "-fno-pie",
         "-fno-stack-protector", *WARNINGS]
X86_KERNEL = ["-mgeneral-regs-only", "-mno-red-zone", "-mcmodel=kernel"]
RISCV = ["-march=rv64gc", "-mabi=lp64d", "-mcmodel=medany"]
RISCV_GCC = "riscv64-linux-gnu-gcc"

# name: compiler, nm, flags
CONFIGURATIONS = {
    "gcc-debug": ("gcc", "nm", ["-O0"]),
    "gcc-release": ("gcc", "nm", ["-O2", "-DLP_ASSERT=0"]),
    "gcc-size": ("gcc", "nm", ["-Os"]),
    "clang-release": ("clang", "nm", ["-O2", "-DLP_ASSERT=0"]),
    "riscv64-speed": (RISCV_GCC, "riscv64-linux-gnu-nm", ["-O2"] + RISCV),
    "riscv64-size": (RISCV_GCC, "riscv64-linux-gnu-nm", ["-Os"] + RISCV),
}
if platform.machine() == "x86_64":
    CONFIGURATIONS |= {
        "gcc-kernel": ("gcc", "nm", ["-O2"] + X86_KERNEL),
        "clang-kernel": ("clang", "nm", ["-O2"] + X86_KERNEL),
    }


def sources(root, compiler):
    """The files of the core and of all backends that this compiler can take.

    A backend is named as its machine is in the compiler's target.
    """
    target = subprocess.run([compiler, "-dumpmachine"], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    machine = target.partition("-")[0]
    return [path for path in common.sources(root, "core/*.c",
                                            "backends/*/*.c")
            if path.parent.name != "host"
            and (not path.name.startswith("tlb")
                 or path.parent.name in (machine, "core"))]


def compile_all(findings, root, name, directory):
    compiler, _, flags = CONFIGURATIONS[name]
    paths = sources(root, compiler)
    objects = [directory / ("-".join(path.relative_to(root).parts) + ".o")
               for path in paths]
    commands = [[compiler, *FLAGS, *flags, f"-I{root}/include", "-c",
                 "-o", str(out), str(path)]
                for path, out in zip(paths, objects)]
    for command, status, output in common.run_all(commands):
        if status != 0:
            findings.add(pathlib.Path(command[-1]), 0,
                         f"does not compile ({name}):\n{output}")
    return [path for path in objects if path.exists()]


def symbols(nm, path):
    """(name, type) of each symbol that nm shows."""
    output = subprocess.run([nm, str(path)], stdout=subprocess.PIPE,
                            text=True, check=True).stdout
    for line in output.splitlines():
        words = line.split()
        yield words[-1], words[-2]


def check(findings, root, name):
    nm = CONFIGURATIONS[name][1]
    with tempfile.TemporaryDirectory() as temporary:
        objects = compile_all(findings, root, name, pathlib.Path(temporary))
        table = {path.name.removesuffix(".o"): list(symbols(nm, path))
                 for path in objects}

    defined = {symbol for all_ in table.values() for symbol, type_ in all_
               if type_ not in "Uwv"}
    for file, all_ in table.items():
        for symbol, type_ in all_:
            if type_ in "Uwv":
                if symbol not in LIBC and symbol not in defined:
                    findings.add(file, 0, f"needs {symbol} ({name})")
            elif type_ in "BbCcDdGgSs":
                findings.add(file, 0, f"writable data: {symbol} ({name})")
            elif type_.isupper() and not symbol.startswith("lp_"):
                findings.add(file, 0, f"exports {symbol} ({name})")


def main():
    def configure(parser):
        parser.add_argument("--only", choices=sorted(CONFIGURATIONS),
                            help="one configuration instead of all")
    args = common.arguments(__doc__, configure)
    names = [args.only] if args.only else list(CONFIGURATIONS)
    for name in names:
        common.need(*CONFIGURATIONS[name][:2])
    findings = common.Findings(args.root)
    for name in names:
        check(findings, args.root, name)
    findings.finish(f"{len(names)} configurations")


main()
