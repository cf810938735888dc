#!/usr/bin/env python3
"""How large the library is, and how much stack its calls take.

usage: measure.py size|stack [--update]

What is measured is the amalgamation (amalgamate), compiled as a kernel would.

size: the bytes of text, read-only data included, and of data and bss of

    all    the core and one backend, every function kept, LP_ASSERT=1
    bare   the same with LP_ASSERT, LP_STATS, LP_TRACE, LP_CHECK and
           LP_ARCH_CHECK 0
    used   bare, with LP_STATIC, and only what is reached from: lp_pager_create,
           lp_space_create and _destroy, lp_activate, lp_mmap, lp_munmap,
           lp_mprotect, lp_fork, lp_handle_fault, lp_copy_in, lp_copy_out and
           the backend's setup

by gcc and clang, for both machines; all of them at -Os, `all` at -O2 too, `used`
at -Oz too: that is what clang has for what gcc means by -Os.  What is aimed at
is that `used` fits into 32 KiB.

stack: for each public function the most bytes on the stack from its call on,
its return address included, summed along the deepest path of calls (gcc at -O2,
LP_ASSERT=1).  A call through a pointer counts as the deepest function that may
be meant: what is stored in a member of that name, or what is passed on and
takes as many arguments; but for the functions that the embedder supplies
(struct lp_kernel, struct lp_object_ops, emit): theirs is theirs to add.  A path
that comes back to where it was is recursion, and a failure; so is a function
above 2.5 KiB: on a stack of one page, the smallest that kernels have, 1.5 KiB
are left for what is below and above the library.

budget.txt beside this file has a line `NAME NUMBER` for each, and
docs/EMBEDDING-BUILD.md the tables made of it. Exit status: 0, 1 a number more than
2 per cent above its budget, or more than 5 below it (then --update writes it down,
in both), a function that is missing there, a table that is not what the budget
says, or recursion; 2 bad arguments.
"""

import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUDGET = HERE / "budget.txt"
PAGE = ROOT / "docs" / "EMBEDDING-BUILD.md"
HEADLINE = "# Written by measure.py --update; see there. gcc 12.2, clang 14.\n"
ABOVE, BELOW = 1.02, 0.95
USED_WANTED = 32768
STACK_MAX = 2560

COMMON = ["-std=c11", "-ffreestanding", "-fno-pic", "-fno-stack-protector",
          "-fno-asynchronous-unwind-tables"]
X86 = ["-mgeneral-regs-only", "-mno-red-zone", "-mcmodel=kernel",
       "-fcf-protection=none"]
RISCV = ["-march=rv64gc", "-mabi=lp64d", "-mcmodel=medany"]
COMPILERS = {
    ("gcc", "x86_64"): ["gcc", *X86],
    ("clang", "x86_64"): ["clang", "--target=x86_64-linux-gnu", *X86],
    ("gcc", "riscv64"): ["riscv64-linux-gnu-gcc", *RISCV],
    ("clang", "riscv64"): ["clang", "--target=riscv64-linux-gnu", *RISCV],
}
BARE = [f"-DLP_{name}=0" for name in
        ("ASSERT", "STATS", "TRACE", "CHECK", "ARCH_CHECK")]
ROOTS = ["lp_pager_create", "lp_space_create", "lp_space_destroy",
         "lp_activate", "lp_mmap", "lp_munmap", "lp_mprotect", "lp_fork",
         "lp_handle_fault", "lp_copy_in", "lp_copy_out"]
BACKEND_ROOTS = {
    "x86_64": ["lp_x86_64_probe", "lp_x86_64_setup", "lp_x86_64_cpu_enable"],
    "riscv64": ["lp_riscv64_probe", "lp_riscv64_setup"],
}


def run(*command):
    done = subprocess.run([str(word) for word in command],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def amalgamate(work, arch):
    out = work / arch
    run(sys.executable, "-B", HERE / "amalgamate", "--out", out, arch)
    roots = ", ".join(f"(void (*)(void)){name}"
                      for name in ROOTS + BACKEND_ROOTS[arch])
    (out / "used.c").write_text(
        '#include "lazypager.c"\n'
        "extern void (*const lp_roots[])(void);\n"
        f"void (*const lp_roots[])(void) = {{ {roots} }};\n")
    return out


# --- size ---

def compiled(work, compiler, arch, level, what):
    """text, data, bss."""
    source = "used.c" if what == "used" else "lazypager.c"
    flags = {"all": [], "bare": BARE, "used": [*BARE, "-DLP_STATIC"]}[what]
    target = work / f"{compiler}-{arch}-{level}-{what}.o"
    run(*COMPILERS[compiler, arch], *COMMON, f"-{level}", *flags, "-w",
        f"-I{work / arch}", "-c", work / arch / source, "-o", target)
    numbers = run("size", target).splitlines()[1].split()[:3]
    return [int(number) for number in numbers]


def size(work):
    for arch in BACKEND_ROOTS:
        amalgamate(work, arch)
    cases = [(compiler, arch, level, what)
             for what, levels in (("all", ("Os", "O2")), ("bare", ("Os",)),
                                  ("used", ("Os", "Oz")))
             for level in levels for compiler, arch in COMPILERS]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda case: compiled(work, *case), cases))
    table = {}
    print(f"{'':32}{'text':>8}{'data':>8}{'bss':>8}")
    for (compiler, arch, level, what), numbers in zip(cases, results):
        name = f"size/{what}/{level}/{compiler}/{arch}"
        table[name] = numbers[0]
        aim = ""
        if what == "used":
            aim = "met" if numbers[0] <= USED_WANTED else "missed"
            aim = f"  (wanted {USED_WANTED}: {aim})"
        print(f"{name:32}" + "".join(f"{n:>8}" for n in numbers) + aim)
    return table, []


# --- stack ---

def hooks():
    """Names of the functions that an embedder supplies."""
    text = "".join((ROOT / "include/lazypager" / name).read_text()
                   for name in ("kernel.h", "object.h"))
    return set(re.findall(r"\(\*(\w+)\)\(void \*ctx", text)) | {"emit"}


def count_arguments(text):
    """How many there are in the parentheses that text begins with."""
    depth = commas = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        commas += character == "," and depth == 1
        if depth == 0:
            break
    return commas + 1


class Graph:
    """Who calls whom, and the bytes that each takes."""

    def __init__(self, text, source, call):
        self.bytes, self.calls, self.known = {}, {}, {}
        for title, label in re.findall(
                r'node: \{ title: "([^"]*)" label: "([^"]*)"', text):
            used = re.search(r"(\d+) bytes \(([\w,]+)\)", label)
            if used and used.group(2) == "dynamic":
                sys.exit(f"{title}: no bound on its stack")
            self.bytes[title] = int(used.group(1)) + call if used else 0
        self.source = re.sub(r"/\*.*?\*/",
                             lambda m: re.sub(r"[^\n]", " ", m.group()),
                             source, flags=re.S)
        self.lines = self.source.splitlines()
        self.titles = {}
        for title in self.bytes:
            name = title.split(":")[-1].split(".")[0]
            self.titles.setdefault(name, []).append(title)
        self.arguments = {
            match.group(1): count_arguments(self.source[match.end() - 1:])
            for match in re.finditer(r"^[a-zA-Z][^;=(]*?\b([a-z]\w+)\(",
                                     self.source, re.M)}
        self.passed = set(re.findall(r"[(,&=]\s*([a-z]\w+)\s*(?=[,);])",
                                     self.source)) & set(self.titles)
        theirs = hooks()
        for caller, target, line, column in re.findall(
                r'edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"'
                r'(?: label: "[^":]*:(\d+):(\d+)")?', text):
            targets = {target}
            if target == "__indirect_call":
                targets = self.pointed_at(int(line), int(column), theirs)
            self.calls.setdefault(caller, set()).update(targets)

    def pointed_at(self, line, column, theirs):
        """What a call through a pointer may call: what is ever stored in a
        member of that name, or what is passed on with as many arguments."""
        text = (self.lines[line - 1][column - 1:] + " "
                + " ".join(self.lines[line:line + 4]))
        match = re.match(r"(?:[\w>.*-]|\[\w*\])*?(->|\.|\b)(\w+)"
                         r"(?:\[\w*\])?(?=\()", text)
        if not match:
            sys.exit(f"line {line}: what is called here? {text[:60]}")
        how, name = match.groups()
        arguments = count_arguments(text[match.end():])
        if name in theirs or name == "lp_trace":
            return set()
        if how in ("->", "."):
            found = set(re.findall(rf"\b{name}\s*=\s*&?([a-z]\w+)\s*[,;}}]",
                                   self.source)) & set(self.titles)
        else:
            found = {one for one in self.passed
                     if self.arguments.get(one) == arguments}
        if not found and how != "->":
            sys.exit(f"line {line}: nothing to call for {name}")
        return {title for one in found for title in self.titles[one]}

    def depth(self, name, path=()):
        """(bytes, path) of the deepest way down."""
        if name in path:
            raise RecursionError(" -> ".join(path + (name,)))
        if name not in self.known:
            best = (0, ())
            for target in self.calls.get(name, ()):
                best = max(best, self.depth(target, path + (name,)))
            self.known[name] = (best[0] + self.bytes.get(name, 0),
                                (name,) + best[1])
        return self.known[name]


def public():
    text = "".join(path.read_text()
                   for path in ROOT.glob("include/lazypager/*.h")
                   if path.name != "host.h")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return set(re.findall(r"^[a-z][\w \n*]*\b(lp_\w+)\(", text, re.M))


def stack(work):
    table, bad = {}, []
    for arch in BACKEND_ROOTS:
        out = amalgamate(work, arch)
        run(*COMPILERS["gcc", arch], *COMMON, "-O2", "-fcallgraph-info=su",
            "-w", "-c", out / "lazypager.c", "-o", out / "l.o")
        # x86 pushes the return address; RISC-V's is in the frame.
        graph = Graph((out / "l.ci").read_text(),
                      (out / "lazypager.c").read_text(),
                      8 if arch == "x86_64" else 0)
        found = [name for name in sorted(public()) if name in graph.bytes]
        deepest = (0, ())
        for name in found:
            try:
                answer = graph.depth(name)
            except RecursionError as error:
                bad.append(f"{arch}: recursion: {error}")
                continue
            deepest = max(deepest, answer)
            table[f"stack/{arch}/{name}"] = answer[0]
        print(f"{arch}: {len(found)} functions; the deepest takes "
              f"{deepest[0]} bytes (at most {STACK_MAX}):")
        for name in deepest[1]:
            print(f"{graph.bytes.get(name, 0):8}  {name.split(':')[-1]}")
    for name, number in table.items():
        if number > STACK_MAX:
            bad.append(f"{name}: {number} bytes, more than {STACK_MAX}")
    return table, bad


# --- the budget ---

def budget():
    if not BUDGET.exists():
        return {}
    return {name: int(number) for name, number in
            re.findall(r"^(\S+/\S+) (\d+)$", BUDGET.read_text(), re.M)}


def judge(kind, table):
    allowed = budget()
    for name, number in table.items():
        if name not in allowed:
            yield f"{name} {number}: not in {BUDGET.name}"
        elif number > allowed[name] * ABOVE:
            yield f"{name} {number}: above the budget of {allowed[name]}"
        elif number < allowed[name] * BELOW:
            yield f"{name} {number}: far below {allowed[name]}, write it down"
    for name in allowed:
        if name.startswith(kind) and name not in table:
            yield f"{name}: in {BUDGET.name}, but nothing like it is there"


# --- the tables of the page ---

SIZE_ROWS = [("used", "Os"), ("used", "Oz"), ("bare", "Os"), ("all", "Os"),
             ("all", "O2")]
STACK_ROWS = ["lp_handle_fault", "lp_mmap", "lp_munmap", "lp_mprotect",
              "lp_madvise", "lp_fork", "lp_copy_in", "lp_get_user_page",
              "lp_msync", "lp_kernel_map", "lp_activate", "lp_space_create",
              "lp_space_destroy", "lp_pager_create", "lp_check"]


def rendered(kind, numbers):
    """The lines of the page's table."""
    if kind == "size":
        yield "| | gcc x86-64 | clang x86-64 | gcc RISC-V | clang RISC-V |"
        yield "|---|---:|---:|---:|---:|"
        rows = [(f"*{what}*, `-{level}`",
                 [f"size/{what}/{level}/{compiler}/{arch}"
                  for arch in BACKEND_ROOTS for compiler in ("gcc", "clang")])
                for what, level in SIZE_ROWS]
    else:
        yield "| function | x86-64 | RISC-V |"
        yield "|---|---:|---:|"
        rows = [(f"`{name}`", [f"stack/{arch}/{name}"
                               for arch in BACKEND_ROOTS])
                for name in STACK_ROWS]
    for title, names in rows:
        yield f"| {title} | " + " | ".join(
            f"{numbers[name]:,}" for name in names) + " |"


def page_with(kind, numbers):
    """The page as it should read."""
    table = "\n".join(rendered(kind, numbers))
    return re.sub(rf"(<!-- measured: {kind} -->\n).*?(\n<!-- end -->)",
                  lambda match: match.group(1) + table + match.group(2),
                  PAGE.read_text(), flags=re.S)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["size", "stack"])
    parser.add_argument("--update", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        table, bad = {"size": size, "stack": stack}[args.kind](
            pathlib.Path(directory))
    if args.update:
        numbers = {name: number for name, number in budget().items()
                   if not name.startswith(args.kind)} | table
        BUDGET.write_text(HEADLINE + "".join(
            f"{name} {numbers[name]}\n" for name in sorted(numbers)))
        PAGE.write_text(page_with(args.kind, numbers))
    else:
        bad += judge(args.kind, table)
        if PAGE.read_text() != page_with(args.kind, budget()):
            bad.append(f"{PAGE.name} is not what {BUDGET.name} says: --update")
    for line in bad:
        print(line)
    return 1 if bad else 0


sys.exit(main())
