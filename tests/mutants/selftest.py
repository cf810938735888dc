"""Prove that tests/mutants/run tells killed, survived and broken mutants
apart, on a tree of two files."""

import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

TREE = {
    "CMakeLists.txt": """\
cmake_minimum_required(VERSION 3.25)
project(sample LANGUAGES C)
add_executable(sample core/sample.c)
""",
    "core/sample.c": """\
#include <stdio.h>
#include <string.h>

static int clamp(int x)
{
    if (x > 10)
        return 10;
    return x;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        puts("high\\nlow");
        return 0;
    }
    if (argc == 3 && strcmp(argv[2], "high") == 0)
        return clamp(11) != 10;
    return 0;
}
""",
}

HEAD = """\
Subject: a sample
Expect: nothing in particular
Tests: sample {tests}
File: core/sample.c
<<<<
{old}
====
{new}
>>>>
"""

# name: (tests, old, new, exit status, what must be printed)
MUTANTS = {
    "killed": ("high", "if (x > 10)\n  return 10;", "", 0,
               "killed: sample high fails (status 1)"),
    "crash": ("low high", "return 10;", "__builtin_trap();", 0,
              "killed: sample high dies of SIGILL"),
    "hang": ("*", "return 10;", "for (;;)\n;", 0, "killed: sample high hangs"),
    "survivor": ("low", "return 10;", "return 9;", 1, "SURVIVED"),
    "stale": ("high", "return 11;", "return 9;", 1, "no longer applies: 0"),
    "unclear": ("high", "return", "return 1 +", 1, "no longer applies: 5"),
    "untyped": ("high", "return 10;", "return ten;", 1, "does not build"),
    "astray": ("middle", "return 10;", "return 9;", 1, "no test of sample"),
}


def run(root, *arguments):
    done = subprocess.run(
        [sys.executable, "-B", str(HERE / "run"), "--root", str(root),
         "--timeout", "2", *arguments], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def expect(failures, what, got, status, text):
    if got[0] != status or text not in got[1]:
        failures.append(f"{what}: expected {status} and '{text}', "
                        f"got {got[0]}\n{got[1]}")


def main():
    failures = []
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        for name, text in TREE.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        mutants = root / "tests" / "mutants"
        mutants.mkdir(parents=True)
        for name, (tests, old, new, _, _) in MUTANTS.items():
            (mutants / f"{name}.mutant").write_text(
                HEAD.format(tests=tests, old=old, new=new))

        for name, (_, _, _, status, text) in MUTANTS.items():
            expect(failures, name, run(root, "--only", name), status, text)
        expect(failures, "--list", run(root, "--list"), 0, "survivor\n")
        expect(failures, "no such", run(root, "--only", "none"), 2,
               "no mutant named none")
        expect(failures, "bad option", run(root, "--bad"), 2, "usage")

        story = "Story: long ago\nOracle: {}\n" + HEAD.format(
            tests="high", old="return 10;", new="__builtin_trap();")
        for oracle, status, text in (
                ("sample/assertion", 0, "killed: sample high"),
                ("sample/machine", 1, "not by sample/machine"),
                ("unit", 1, "not by unit"),
                ("unit/nobody", 1, "no such oracle")):
            (mutants / "crash.mutant").write_text(story.format(oracle))
            expect(failures, f"oracle {oracle}", run(root, "--only", "crash"),
                   status, text)
        expect(failures, "--history", run(root, "--history"), 1, "no such")
        (mutants / "crash.mutant").write_text(story.format("sample"))
        expect(failures, "--history", run(root, "--history"), 0, "long ago")

        (mutants / "killed.mutant").write_text("Subject: nothing else\n")
        expect(failures, "no header", run(root, "--only", "killed"), 1,
               "has no expect")
        sample = root / "core" / "sample.c"
        sample.write_text(TREE["core/sample.c"].replace("> 10", "> 20"))
        expect(failures, "failing tree", run(root, "--only", "crash"), 1,
               "without the change sample high fails")

    for failure in failures:
        print(failure)
    print(f"{len(MUTANTS) + 11} cases, {len(failures)} failures")
    sys.exit(1 if failures else 0)


main()
