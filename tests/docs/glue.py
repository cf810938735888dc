"""How many lines of glue the library needs, measured on the test kernel.

PARTS names the functions and tables of tests/kernel that exist because the
library is there; a line counts when it holds code. Includes and declarations
count with the file that is listed whole.
"""

import re
import sys

sys.dont_write_bytecode = True
import common

# (what, for whom, file, functions or None for the whole file)
PARTS = [
    ("the kernel's table, the start", "both", "glue.c", None),
    ("requests to other CPUs", "both", "cpu.c",
     ["cpu_request", "send", "cpu_call"]),
    ("spaces: made, forked, ended", "both", "process.c",
     ["vm_create", "vm_fork", "vm_put", "process_set_vm"]),
    ("the switch", "both", "sched.c", ["space_of", "switch_space"]),
    ("faults, and their signals", "both", "trap.c",
     ["send_fault", "kill_for_memory", "serve_fault", "kernel_fault"]),
    ("user memory", "both", "usercopy.c",
     ["outcome", "user_read", "user_write", "user_zero", "user_read_string"]),
    ("the backend's table", "`x86_64`", "x86_64/init.c", ["arch_pager"]),
    ("a fault's registers", "`x86_64`", "x86_64/traps.c", ["decode_fault"]),
    ("the backend's table", "`riscv64`", "riscv64/boot.c", ["arch_pager"]),
    ("what the harts have", "`riscv64`", "riscv64/boot.c",
     ["least", "find_features"]),
    ("a fault's registers", "`riscv64`", "riscv64/traps.c", ["decode"]),
    ("flushes by the firmware (optional)", "`riscv64`", "riscv64/harts.c",
     ["take_mask", "running", "fence", "arch_fence_cpus",
      "arch_sync_code_cpus"]),
]


def code_lines(text):
    return sum(1 for line in common.without_comments(text).split("\n")
               if line.strip())


def function(text, name):
    """The text of one function, from its first line to its brace."""
    match = re.search(rf"^[\w*][^\n;{{}}]*\b{name}\((?:[^;{{}}]*?)\)\n"
                      r"\{\n.*?^\}\n", text, re.M | re.S)
    if not match:
        raise SystemExit(f"glue.py: no function {name}")
    return match.group()


def measure(root):
    for what, whom, name, functions in PARTS:
        text = (root / "tests/kernel" / name).read_text(encoding="utf-8")
        if functions is not None:
            text = "".join(function(text, f) for f in functions)
        yield what, whom, name, functions, code_lines(text)


def table(root):
    rows, sums = [], {"both": 0, "`x86_64`": 0, "`riscv64`": 0}
    for what, whom, name, functions, lines in measure(root):
        shown = ("all" if functions is None else
                 ", ".join(f"`{f}()`" for f in functions))
        rows.append(f"| {what} | {whom} | `tests/kernel/{name}` | {shown} "
                    f"| {lines} |")
        sums[whom] += lines
    head = ["| what | for | file | functions | lines |",
            "|---|---|---|---|---:|"]
    x86 = sums["both"] + sums["`x86_64`"]
    riscv = sums["both"] + sums["`riscv64`"]
    tail = [f"| all | `{whom}` | | | {lines} |"
            for whom, lines in (("x86_64", x86), ("riscv64", riscv))]
    return "\n".join(head + rows + tail) + "\n"
