"""Each way to get the library into a build, tried out.

usage: ways.py CASE [--root DIR]

A case builds consumer/smoke.c, which embeds the library as little as can be,
runs it, and wants it to say that all is well. Exit status: 0, 1 it does not
work, 2 bad arguments or a missing tool.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CONSUMER = HERE / "consumer"
CMAKE = ["cmake", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug"]
AMALGAMATE = [sys.executable, "-B", str(HERE / "amalgamate")]

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow",
            "-Werror"]
KERNEL = ["-std=c11", "-ffreestanding", "-nostdinc", "-fno-pic",
          "-fno-stack-protector", *WARNINGS]
X86_KERNEL = ["-mgeneral-regs-only", "-mno-red-zone", "-mcmodel=kernel"]
RISCV = ["-march=rv64gc", "-mabi=lp64d", "-mcmodel=medany"]
COMPILERS = {  # name: (command, for this backend alone)
    "gcc": (["gcc", *X86_KERNEL], "x86_64"),
    "clang": (["clang", "--target=x86_64-linux-gnu", *X86_KERNEL], "x86_64"),
    "gcc-riscv64": (["riscv64-linux-gnu-gcc", *RISCV], "riscv64"),
    "clang-riscv64": (["clang", "--target=riscv64-linux-gnu", *RISCV],
                      "riscv64"),
}


class Failed(Exception):
    """What does not work."""


def run(*command, **options):
    """Its standard output; a failure ends the case."""
    words = [str(word) for word in command]
    done = subprocess.run(words, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False,
                          **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(words)}\n{done.stdout}"
                     f"exit status {done.returncode}")
    return done.stdout


def version():
    text = (ROOT / "include/lazypager/lazypager.h").read_text()
    return re.search(r'LP_VERSION_STRING "([^"]+)"', text).group(1)


def smoke(program, word="ok"):
    said = run(program)
    if said != f"lazypager {version()}: {word}\n":
        raise Failed(f"{program} says: {said}")


def cmake(source, build, *options):
    run(*CMAKE, "-S", source, "-B", build, "-DCMAKE_C_FLAGS=-O1", *options)
    run("cmake", "--build", build)


def subdirectory(work):
    """add_subdirectory: nothing is built but the core and the backends."""
    cmake(CONSUMER, work / "b", f"-DLAZYPAGER_TREE={ROOT}")
    smoke(work / "b/smoke")
    if list((work / "b").rglob("*host*.a")):
        raise Failed("the host machine was built for an embedder")
    if list((work / "b").rglob("lazypager-config.cmake")):
        raise Failed("an embedder's install would install the library too")


def installed(work):
    """find_package and pkg-config, from a place that the tree was moved to."""
    cmake(ROOT, work / "library", "-DLP_TESTS=OFF",
          "-DCMAKE_INSTALL_LIBDIR=lib/deep")
    run("cmake", "--install", work / "library", "--prefix", work / "first")
    prefix = work / "second"
    (work / "first").rename(prefix)
    cmake(CONSUMER, work / "b", f"-DCMAKE_PREFIX_PATH={prefix}",
          f"-Dlazypager_DIR={prefix}/lib/deep/cmake/lazypager")
    smoke(work / "b/smoke")
    smoke(work / "b/hosted", "hosted ok")

    env = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib/deep/pkgconfig")}
    for program, package, word in (("smoke", "lazypager-x86_64", "ok"),
                                   ("hosted", "lazypager-host", "hosted ok")):
        flags = run("pkg-config", "--static", "--cflags", "--libs", package,
                    env=env).split()
        run("gcc", CONSUMER / f"{program}.c", "-o", work / program, *flags)
        smoke(work / program, word)
    said = run("pkg-config", "--modversion", "lazypager-core", env=env)
    if said.strip() != version():
        raise Failed(f"pkg-config says version {said}")


MAKEFILE = """\
CFLAGS = -O1 -I$(TREE)/include
SOURCES := $(addprefix $(TREE)/,$(shell cat sources.txt))

smoke: $(CONSUMER)/smoke.c $(SOURCES)
>cc $(CFLAGS) -o $@ $^
"""


def sources(work):
    """A list of files, and another build system: make."""
    listed = run(*AMALGAMATE, "--sources", "x86_64")
    (work / "sources.txt").write_text(listed)
    (work / "Makefile").write_text(".RECIPEPREFIX = >\n" + MAKEFILE)
    run("make", "-C", work, f"TREE={ROOT}", f"CONSUMER={CONSUMER}")
    smoke(work / "smoke")
    rule = sorted(str(path.relative_to(ROOT)) for pattern in
                  ("core/*.c", "backends/x86_64/*.c")
                  for path in ROOT.glob(pattern))
    if sorted(listed.split()) != rule:
        raise Failed("sources are not core/*.c and backends/x86_64/*.c")


def forwards(work):
    """<lazypager/...> of smoke.c becomes the one header."""
    (work / "lazypager").mkdir(exist_ok=True)
    for name in ("lazypager.h", "x86_64.h"):
        (work / "lazypager" / name).write_text('#include "../lazypager.h"\n')


def own_headers(command):
    compiler = next(word for word in command if not word.startswith("-"))
    return ["-isystem",
            run(compiler, "-print-file-name=include").strip()]


def only_lp(path):
    """Nothing global but lp_, nothing wanted but mem*, nothing writable."""
    for line in run("nm", path).splitlines():
        *_, kind, name = line.split()
        wanted = kind in "Uw" and name not in ("memcpy", "memmove", "memset",
                                               "memcmp")
        other = kind in "TRVW" and not name.startswith("lp_")
        if wanted or other or kind in "BbCDdG" and not name.startswith(".L"):
            raise Failed(f"{path.name}: {kind} {name}")


def amalgamation(work):
    """lazypager.c and lazypager.h, for each selection and compiler."""
    for selection in (["x86_64"], ["riscv64"], ["x86_64", "riscv64"]):
        out = work / "-".join(selection)
        run(*AMALGAMATE, "--out", out, *selection)
        for name, (command, backend) in COMPILERS.items():
            if backend not in selection:
                continue
            for linkage in ([], ["-DLP_STATIC"]):
                target = out / f"{name}.o"
                run(*command, *KERNEL, *own_headers(command), "-O0", *linkage,
                    "-c", "-o", target, out / "lazypager.c")
                only_lp(target)
        for compiler in ("g++", "clang++"):
            run(compiler, "-std=c++17", *WARNINGS, "-fsyntax-only",
                "-x", "c++", out / "lazypager.h")
    both = work / "x86_64-riscv64"
    forwards(both)
    run("gcc", "-O1", *WARNINGS, f"-I{both}", CONSUMER / "smoke.c",
        both / "lazypager.c", "-o", work / "smoke")
    smoke(work / "smoke")
    one = both / "one.c"
    one.write_text(f'#include "lazypager.c"\n#include "{CONSUMER}/smoke.c"\n')
    run("gcc", "-O1", *WARNINGS, "-DLP_STATIC", f"-I{both}", one, "-o",
        work / "static")
    smoke(work / "static")
    if re.search(r" [TRD] lp_", run("nm", work / "static")):
        raise Failed("with LP_STATIC something of lp_ is global")


def conformance(work):
    """The host machine on the one file: what the suite says of two formats."""
    run(*CMAKE, "-S", ROOT, "-B", work, "-DCMAKE_C_FLAGS=-O1",
        "-DLP_AMALGAMATION=x86_64;riscv64", "-DLP_MUTANTS=OFF",
        "-DLP_CHECKS=OFF", "-DLP_KERNELS=OFF")
    run("cmake", "--build", work, "--target", "conformance-host")
    program = work / "tests/conformance/conformance-host"
    for case in run(program, "--list").split():
        if re.match(r"(x86-64|sv39)/f", case):
            run(program, "--test", case)


def starter(work, arch, name, cpus):
    """tests/starter, as an author copies it, says what it should."""
    copy = work / "copy"
    shutil.copytree(ROOT / "tests/starter", copy)
    run("cmake", "-G", "Ninja", "-S", copy, "-B", work / "b",
        f"-DLAZYPAGER={ROOT}", "-DCMAKE_BUILD_TYPE=Release",
        f"-DCMAKE_TOOLCHAIN_FILE={copy}/{arch}/toolchain.cmake")
    run("cmake", "--build", work / "b", "--target", "starter")
    for cpu in cpus:
        said = run(copy / "boot", arch, work / "b/starter", cpu)
        if said != f"paging: {name}\n" + (copy / "expected.txt").read_text():
            raise Failed(f"on {cpu} it says\n{said}")


def starter_x86_64(work):
    """With SMAP and SMEP, and without."""
    starter(work, "x86_64", "x86-64", ["max", "qemu64"])


def starter_riscv64(work):
    """In Sv39, which is what the template asks for."""
    starter(work, "riscv64", "sv39", ["rv64"])


# Options off or at an end of their range, and the others as they are.
CONFIGURATIONS = [
    [],
    ["LP_CPUS_MAX=64", "LP_ASIDS_PER_CPU=1", "LP_ASSERT=2"],
    ["LP_CPUS_MAX=4096", "LP_ASIDS_PER_CPU=12", "LP_ASSERT=0"],
    ["LP_STATS=0"],
    ["LP_TRACE=0"],
    ["LP_ARCH_CHECK=0"],
    ["LP_CHECK=0"],
    ["LP_STATS=0", "LP_TRACE=0", "LP_ARCH_CHECK=0", "LP_CHECK=0",
     "LP_ASSERT=0"],
]
OUT_OF_RANGE = ["LP_CPUS_MAX=100", "LP_CPUS_MAX=0", "LP_CPUS_MAX=8192",
                "LP_ASIDS_PER_CPU=0", "LP_ASIDS_PER_CPU=13", "LP_ASSERT=3",
                "LP_STATS=2", "LP_TRACE=2", "LP_CHECK=2", "LP_ARCH_CHECK=2"]


def config(work):
    """Combinations of the options of config.h, and what it must refuse."""
    run(*AMALGAMATE, "--out", work, "x86_64")
    forwards(work)
    text = (ROOT / "include/lazypager/config.h").read_text()
    options = set(re.findall(r"#ifndef (LP_\w+)", text))
    tried = {word.split("=")[0] for row in CONFIGURATIONS for word in row}
    refused = {word.split("=")[0] for word in OUT_OF_RANGE}
    if options != tried or options != refused:
        raise Failed(f"options of config.h that no case sets: "
                     f"{(options - tried) | (options - refused)}")
    for number, row in enumerate(CONFIGURATIONS):
        program = work / f"smoke{number}"
        run("gcc" if number % 2 else "clang", "-O0", "-std=c11", *WARNINGS,
            *(f"-D{word}" for word in row), f"-I{work}", CONSUMER / "smoke.c",
            work / "lazypager.c", "-o", program)
        smoke(program)
    for word in OUT_OF_RANGE:
        done = subprocess.run(
            ["gcc", "-fsyntax-only", f"-D{word}", f"-I{ROOT}/include",
             ROOT / "include/lazypager/config.h"], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode == 0 or "static assertion failed" not in done.stdout:
            raise Failed(f"config.h takes {word}")


def versions(_):
    """CMake, the header's two forms and the changelog name one version."""
    header = (ROOT / "include/lazypager/lazypager.h").read_text()
    number = int(re.search(r"LP_VERSION (0x\w+)", header).group(1), 16)
    cmake_says = re.search(r"project\(lazypager VERSION ([\d.]+)",
                           (ROOT / "CMakeLists.txt").read_text()).group(1)
    found = {"LP_VERSION": f"{number >> 16}.{number >> 8 & 255}."
                           f"{number & 255}",
             "LP_VERSION_STRING": version(), "CMakeLists.txt": cmake_says}
    releases = re.findall(r"^## \[?(\d+\.\d+\.\d+)",
                          (ROOT / "CHANGELOG.md").read_text(), re.M)
    unreleased = "## Unreleased" in (ROOT / "CHANGELOG.md").read_text()
    if releases and not unreleased:
        found["CHANGELOG.md"] = releases[0]
    elif not releases and not unreleased:
        raise Failed("CHANGELOG.md has no version and nothing unreleased")
    if len(set(found.values())) != 1:
        raise Failed(f"versions differ: {found}")


CASES = {"subdirectory": subdirectory, "installed": installed,
         "sources": sources, "amalgamation": amalgamation,
         "conformance": conformance, "config": config, "versions": versions,
         "starter_x86_64": starter_x86_64, "starter_riscv64": starter_riscv64}
TOOLS = {"subdirectory": ["cmake", "ninja"],
         "installed": ["cmake", "ninja", "pkg-config"],
         "sources": ["make"],
         "amalgamation": ["gcc", "clang", "g++", "clang++",
                          "riscv64-linux-gnu-gcc"],
         "conformance": ["cmake", "ninja"],
         "config": ["gcc", "clang"], "versions": [],
         "starter_x86_64": ["cmake", "ninja", "qemu-system-x86_64"],
         "starter_riscv64": ["cmake", "ninja", "qemu-system-riscv64",
                             "riscv64-linux-gnu-gcc"]}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=list(CASES))
    case = parser.parse_args().case
    missing = [tool for tool in TOOLS[case] if shutil.which(tool) is None]
    if missing:
        print("missing: " + " ".join(missing) + "; tests/setup installs them",
              file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as directory:
        try:
            CASES[case](pathlib.Path(directory))
        except Failed as failure:
            print(failure)
            return 1
    print(f"{case}: ok")
    return 0


sys.exit(main())
