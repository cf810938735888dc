"""Prove that a check bites: it passes a good sample and fails each bad one.

A sample is a small tree: the good one, with some files replaced or added. The
check must exit 1 and print what the sample says.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

PUBLIC = """\
#ifndef LAZYPAGER_LAZYPAGER_H
#define LAZYPAGER_LAZYPAGER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Twice x; no x86 here but in this comment. */
uint64_t lp_twice(uint64_t x);

#ifdef __cplusplus
}
#endif

#endif
"""

FRAME_H = """\
#ifndef LP_FRAME_H
#define LP_FRAME_H

#include <lazypager/lazypager.h>

uint64_t lp_once(uint64_t x);

#endif
"""

FRAME_C = """\
#include "frame.h"

uint64_t lp_once(uint64_t x)
{
    return x;
}
"""

MAP_C = """\
#include "frame.h"

#include <stddef.h>

void *memset(void *to, int byte, size_t len);

uint64_t lp_twice(uint64_t x)
{
    uint64_t numbers[16];
    memset(numbers, 0, sizeof(numbers));
    return lp_once(x) + x + numbers[x & 15];
}
"""

GOOD = {
    "include/lazypager/lazypager.h": PUBLIC,
    "core/frame.h": FRAME_H,
    "core/frame.c": FRAME_C,
    "core/map.c": MAP_C,
}


def function_of(lines):
    body = "".join(f"    x += {number};\n" for number in range(lines - 1))
    return f"int lp_long(int x)\n{{\n{body}    return x;\n}}\n"


# check: list of (files of the bad sample, what the check must print)
BAD = {
    "format": [
        ({"core/map.c": MAP_C.replace("    return", "  return")},
         "core/map.c: not formatted"),
        ({"include/lazypager/lazypager.h":
          PUBLIC.replace("uint64_t x", "uint64_t  x")}, "not formatted"),
    ],
    "layering": [
        ({"core/frame.c": FRAME_C + '#include "fault.h"\n'},
         "frame.c may not include fault.h"),
        ({"core/frame.h": FRAME_H + '#include "space.h"\n'},
         "frame.h may not include space.h"),
        ({"core/map.c": MAP_C + '#include "sync.h"\n'},
         "map.c may not include sync.h"),
        ({"core/map.c": MAP_C + '#include "x86_64/format.h"\n'},
         "includes x86_64/format.h"),
        ({"core/map.c": MAP_C + "#include <string.h>\n"},
         "includes string.h"),
        ({"core/map.c": MAP_C + "#ifdef __riscv\n#endif\n"},
         "names an architecture"),
        ({"core/map.c": MAP_C + "int lp_sv39;\n"}, "names an architecture"),
        ({"include/lazypager/lazypager.h": PUBLIC + "int lp_x86_64_bits;\n"},
         "names an architecture"),
        ({"core/map.c": MAP_C + "int lp_peek(struct lp_pte pte)\n"
          "{\n    return pte.bits;\n}\n"}, "looks inside a PTE"),
        ({"core/novelty.c": "int lp_novelty;\n"},
         "is not in the table of layering.py"),
        ({"include/lazypager/lazypager.h": PUBLIC + "_Atomic int lp_n;\n"},
         "not C++"),
        ({"include/lazypager/lazypager.h":
          PUBLIC + '#include "../../core/frame.h"\n'},
         "includes ../../core/frame.h"),
        ({"backends/x86_64/format.c": '#include "frame.h"\n'},
         "includes frame.h"),
        ({"backends/x86_64/plan.c": "void lp_f(void)\n{\n"
          '    __asm__ volatile("nop");\n}\n'}, "an instruction"),
        ({"core/map.c": MAP_C + "void lp_f(void)\n{\n"
          '    __asm__ volatile("nop");\n}\n'}, "an instruction"),
        ({"backends/x86_64/format.c": "",
          "core/map.c": MAP_C + "#include <lazypager/x86_64.h>\n"},
         "includes lazypager/x86_64.h"),
    ],
    "symbols": [
        ({"core/map.c": MAP_C.replace("memset", "strcpy")}, "needs strcpy"),
        ({"core/map.c": MAP_C + "int other(void)\n{\n    return 1;\n}\n"},
         "exports other"),
        ({"core/map.c": MAP_C + "int lp_counter = 1;\n"},
         "writable data: lp_counter"),
        ({"core/map.c": MAP_C + "int lp_hidden(void)\n{\n"
          "    static int calls;\n    return ++calls;\n}\n"},
         "writable data: calls"),
        ({"core/map.c": MAP_C + "int lp_bit(uint64_t x)\n{\n"
          "    return __builtin_ctzll(x);\n}\n"},
         "needs __ctzdi2 (riscv64-speed)"),
        ({"core/frame.c": FRAME_C.replace("lp_once", "lp_uno")},
         "needs lp_once"),
        ({"backends/x86_64/plan.c": "int other(void)\n{\n"
          "    return 1;\n}\n"}, "exports other"),
        ({"backends/riscv64/tlb.c": "int lp_f(void)\n{\n"
          '    __asm__ volatile("invlpg (%rax)");\n}\n'},
         "does not compile (riscv64-speed)"),
    ],
    "headers": [
        ({"include/lazypager/lazypager.h":
          PUBLIC.replace("#include <stdint.h>\n", "")},
         "does not compile alone"),
        ({"include/lazypager/other.h": "int lp_f(int class);\n"},
         "-std=c++17"),
        ({"include/lazypager/other.h":
          "#include <string.h>\nsize_t lp_f(int x);\n"}, "-nostdinc"),
        ({"include/lazypager/other.h": "struct lp_s {\n    int x;\n};\n"},
         "redefinition"),
        ({"core/frame.h": FRAME_H.replace("lp_once(uint64_t x)",
                                          "lp_once(struct lp_q *q)")},
         "core/frame.h: does not compile alone"),
    ],
    "tidy": [
        ({"core/map.c": MAP_C + "int lp_deref(int *p)\n{\n"
          "    if (p == 0)\n        return *p;\n    return 0;\n}\n"},
         "clang-analyzer-core.NullDereference"),
        ({"core/map.c": MAP_C + "unsigned long lp_size(int *p)\n{\n"
          "    return sizeof(sizeof(*p));\n}\n"}, "bugprone-"),
    ],
    "functions": [
        ({"core/map.c": function_of(81)},
         "core/map.c:2: 81 lines in a function"),
        ({"core/map.c": "/* */\n" * 701}, "701 lines in a file"),
    ],
    "marks": [
        ({"core/map.c": MAP_C + "int lp_f(int x)\n{\n"
          "    return x ? 1 : 2; /* no branch: never */\n}\n"},
         "no branch, but no reason"),
        ({"core/map.c": MAP_C + "/* no branch */\nint lp_x;\n"},
         "no branch, but no reason"),
        ({"core/map.c": MAP_C + "/*\n * no branch: never\n */\nint lp_x;\n"},
         "no branch, but no reason"),
    ],
    "cppcheck": [
        ({"core/map.c": MAP_C + "int lp_f(void)\n{\n    int a[4];\n"
          "    a[0] = 1;\n    a[4] = 2;\n    return a[0];\n}\n"},
         "arrayIndexOutOfBounds"),
        ({"core/map.c": MAP_C + "/* cppcheck-suppress unusedVariable */\n"},
         "a suppression without a reason"),
    ],
    "analyzer": [
        ({"core/map.c": MAP_C + "int lp_f(void);\nint lp_f(void)\n{\n"
          "    int *p = 0;\n    return *p;\n}\n"},
         "analyzer-null-dereference"),
    ],
    "recursion": [
        ({"core/map.c": MAP_C + "int lp_f(int n);\nint lp_f(int n)\n{\n"
          "    return n ? lp_f(n - 1) : 0;\n}\n"}, "calls itself: lp_f"),
        ({"core/map.c": MAP_C + "int lp_g(int n);\nint lp_f(int n);\n"
          "int lp_f(int n)\n{\n    return n ? lp_g(n - 1) : 0;\n}\n",
          "core/frame.c": FRAME_C + "int lp_f(int n);\nint lp_g(int n);\n"
          "int lp_g(int n)\n{\n    return lp_f(n);\n}\n"},
         "calls itself: lp_f -> lp_g"),
        ({"core/map.c": MAP_C + "void lp_each(void (*visit)(int), int n);\n"
          "void lp_each(void (*visit)(int), int n)\n{\n    visit(n);\n}\n"
          "static void step(int n)\n{\n    lp_each(step, n - 1);\n}\n"
          "void lp_all(int n);\nvoid lp_all(int n)\n{\n"
          "    lp_each(step, n);\n}\n"}, "calls itself: lp_each -> step"),
    ],
    "words": [
        ({"core/map.c": MAP_C + "/* TO" + "DO: more */\n"}, "TO" + "DO"),
        ({"README.md": "See /ho" + "me/me/lazypager.\n"}, "a path of one"),
        ({"README.md": "Fixes issue " + "#12.\n"}, "a number from elsewhere"),
        ({"core/map.c": MAP_C + "int x; \n"}, "blank at the end of a line"),
        ({"core/map.c": MAP_C + "\tint x;\n"}, "tab"),
        ({"README.md": "no newline"}, "no newline at the end"),
    ],
}

# What must pass although it looks much like what must not.
ALSO_GOOD = {
    "functions": [{"core/map.c": function_of(80)},
                  {"core/map.c": "/* */\n" * 700}],
    "layering": [{"core/table.c": "int lp_f(struct lp_pte pte)\n"
                  "{\n    return pte.bits;\n}\n"},
                 {"core/map.c": MAP_C + '#include "space.h"\n'},
                 {"backends/x86_64/format.c":
                  '#include <lazypager/x86_64.h>\n#include "format.h"\n',
                  "backends/x86_64/format.h": "",
                  "include/lazypager/x86_64.h": "int lp_x86_64;\n"},
                 {"core/map.c": MAP_C + "/* sv39, x86 and pte.bits */\n"}],
    "symbols": [{"backends/riscv64/tlb.c": "void lp_f(void)\n{\n"
                 '    __asm__ volatile("sfence.vma" ::: "memory");\n}\n'}],
    "words": [{"README.md": "SDM 4.10.4.1 and 10.1.2.3; build/work/x\n"}],
}


def run(check, sample):
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        for name, text in (GOOD | sample).items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for name in (".clang-format", ".clang-tidy"):
            shutil.copy(HERE.parents[1] / name, root / name)
        done = subprocess.run(
            [sys.executable, str(HERE / f"{check}.py"), "--root", str(root)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False)
    return done.returncode, done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("check", choices=sorted(BAD))
    check = parser.parse_args().check

    failures = 0
    for sample in [{}] + ALSO_GOOD.get(check, []):
        status, output = run(check, sample)
        if status != 0:
            failures += 1
            print(f"{check} rejects a good sample:\n{sample}\n{output}")
    for sample, text in BAD[check]:
        status, output = run(check, sample)
        if status != 1 or text not in output:
            failures += 1
            print(f"{check} does not say '{text}' (status {status}) about\n"
                  f"{sample}\n{output}")
    print(f"{check}: {len(BAD[check])} bad samples, {failures} failures")
    sys.exit(1 if failures else 0)


main()
