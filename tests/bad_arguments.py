#!/usr/bin/env python3
"""Does a campaign program say what is wrong with its arguments, and exit 2?

    tests/bad_arguments.py build/dev/tests/model/model

Each line below is one thing wrong; the message begins with the program's name
and contains what was wrong.  Nothing may have been run.
"""

import pathlib
import subprocess
import sys

# Arguments, and what the message must contain.
CAMPAIGN = [
    ("--nonsense", "--nonsense"),
    ("model", "model"),
    ("--seed", "--seed"),
    ("--seed x", "x"),
    ("--seed -1", "-1"),
    ("--seed +1", "+1"),
    ("--seed 18446744073709551616", "18446744073709551616"),
    ("--ops 0", "--ops"),
    ("--ops 10x", "10x"),
    ("--runs 0", "--runs"),
    ("--check-every -1", "--check-every"),
    ("--format", "--format"),
    ("--format sv99", "sv99"),
    ("--keep", "--keep"),
    ("--ops 10 --keep 10", "10"),
    ("--ops 10 --keep 3-2", "3-2"),
    ("--ops 10 --keep 1,,2", "1,,2"),
    ("--ops 10 --keep 1,", "1,"),
    ("--ops 10 --keep 1;2", "1;2"),
    ("--test", "--test"),
    ("--test nothing", "nothing"),
    ("--test sv99/long", "sv99/long"),
    ("--test sv39/nothing", "sv39/nothing"),
]
PROGRAMS = {
    "model": CAMPAIGN + [
        ("--mode", "--mode"),
        ("--mode nothing", "nothing"),
        ("--cpus 0", "--cpus"),
        ("--cpus 17", "--cpus"),
        ("--seconds 0", "--seconds"),
    ],
    "linux-oracle": CAMPAIGN + [
        ("--lie", "--lie"),
        ("--lie x", "x"),
        ("--lie 1:nothing", "nothing"),
    ],
    "fuzz-replay": [
        ("", "usage"),
        ("--nonsense", "usage"),
        ("--test", "usage"),
        ("--test ../fuzz.c", "../fuzz.c"),
        ("--test nothing", "nothing"),
        ("nothing", "nothing"),
    ],
}


def main():
    if len(sys.argv) != 2 or pathlib.Path(sys.argv[1]).name not in PROGRAMS:
        raise SystemExit(__doc__)
    program = pathlib.Path(sys.argv[1])
    failed = 0
    for words, about in PROGRAMS[program.name]:
        done = subprocess.run([program, *words.split()], capture_output=True,
                              text=True, check=False, timeout=60)
        first = done.stderr.partition("\n")[0]
        if done.returncode == 77 and program.name == "linux-oracle":
            return 77
        if done.returncode != 2 or about not in first or done.stdout:
            print(f"{program.name} {words}: status {done.returncode}, "
                  f"says {first!r}")
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
