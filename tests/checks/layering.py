"""check/layering: an arrow never points up.

- A file of core/ includes the compiler's freestanding headers, public headers,
  and those core headers that the table below allows.
- A backend for real machines includes freestanding and public headers and its
  own; it does not see into the core.
- A public header includes freestanding and public headers, but not a backend's
  (include/lazypager/NAME.h belongs to backends/NAME); nor does the core.
- Neither core nor public headers name an architecture outside comments.
- Only the page-table module looks inside a PTE (.bits).
- Instructions are in a backend's tlb*.c and nowhere else.
- Public headers are C++ too: no _Atomic, no <stdatomic.h>.
"""

import re
import sys

sys.dont_write_bytecode = True
import common

# Ground floor first. A file x.c or x.h belongs to module x. It may include the
# headers of its own module and of the floors below; of its own floor and above
# only what EXCEPT lists.
FLOORS = [
    ["base"],
    ["lock", "arch", "error"],
    ["frame", "slab", "pte"],
    ["cache"],
    ["object"],
    ["vma", "vma_node"],
    ["vma_prepare", "vma_check"],
    ["vma_edit"],
    ["pager"],
    ["ktable"],
    ["space"],
    ["tlb"],
    ["gather"],
    ["table"],
    ["own", "range"],
    ["decide", "around"],
    # Two verbs have inner steps that others take too.
    ["fault", "unmap"],
    # One file per verb or view: none includes another's header.
    ["map", "protect", "advise", "fork", "user", "query", "check", "print",
     "sync", "resize", "io", "kmap"],
]

# pager.h and space.h say what a pager and a space are made of; every .c file
# may look.
STATE = {"pager", "space"}

# file: modules of its own floor or above whose headers it may include.
# Every line says why.
EXCEPT = {
    "pager.c": {"ktable", "tlb"},  # makes and ends the kernel's half
    "slab.c": {"frame"},  # nodes are carved from frames
    "vma.c": {"vma_node"},  # the tree's inside, and its outside
    "vma_node.c": {"vma"},
    "vma_node.h": {"vma"},
    "space.c": {"gather", "table"},  # its end lets go of its tables
    "gather.c": {"table"},  # a table that goes free lets go of what is below
}

# The page-table module.
SEES_PTE_BITS = {"pte.h", "table.h", "table.c", "range.c", "own.c",
                 "ktable.c"}

FREESTANDING = {
    "float.h", "iso646.h", "limits.h", "stdalign.h", "stdarg.h",
    "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdnoreturn.h",
}

ARCHITECTURE = re.compile(
    r"x86|riscv|risc_v|rv32|rv64|amd64|aarch64|arm64|__arm|i[3-6]86|ia32"
    r"|loongarch|powerpc|s390"
    r"|\b(lp_)?sv(32|39|48|57)|satp|sfence|invlpg|\bcr[0-4]\b|\befer\b",
    re.I)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)[">]', re.M)
PTE_BITS = re.compile(r"(\.|->)\s*bits\b")
ASSEMBLY = re.compile(r"\b(__asm__|__asm|asm)\b")
ATOMIC = re.compile(r"\b_Atomic\b|\batomic_\w+|stdatomic\.h")


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def floor_of(module):
    for floor, modules in enumerate(FLOORS):
        if module in modules:
            return floor
    return None


def check_core_include(findings, path, line, name):
    module, target = path.stem, name.removesuffix(".h")
    if target == module or target in EXCEPT.get(path.name, ()):
        return
    if target in STATE and path.suffix == ".c":
        return
    mine, theirs = floor_of(module), floor_of(target)
    if theirs is None:
        findings.add(path, line, f"{name} is not in the table of layering.py")
    elif mine is not None and theirs >= mine:
        findings.add(path, line, f"{path.name} may not include {name}: "
                     "it is not on a floor below")


def check_includes(findings, path, text, backends):
    """What any file of the core, of a backend or of include/ may include.

    Yields (line, name) of each include of a file beside it.
    """
    own = path.stem if path.parent.name == "lazypager" else path.parent.name
    for match in INCLUDE.finditer(text):
        quote, name = match.groups()
        line = line_of(text, match.start())
        public = name.startswith("lazypager/")
        front_door = public and name[len("lazypager/"):-2]
        if quote == "<" and name in FREESTANDING:
            continue
        if public and (front_door == own or front_door not in backends):
            continue
        if quote == '"' and not public and "/" not in name:
            yield line, name
        else:
            findings.add(path, line, f"includes {name}")


def check_pattern(findings, path, text, pattern, what):
    for match in pattern.finditer(text):
        findings.add(path, line_of(text, match.start()),
                     f"{what}: {match.group().strip()}")


def main():
    args = common.arguments(__doc__)
    findings = common.Findings(args.root)
    backends = {path.name for path in args.root.glob("backends/*")}
    core = common.files(args.root, ["core"], (".c", ".h"))
    public = common.files(args.root, ["include"], (".h",))
    real = [path for backend in sorted(backends - {"host"})
            for path in common.files(args.root, [f"backends/{backend}"],
                                     (".c", ".h", ".S"))]

    for path in core + public + real:
        text = common.without_comments(path.read_text())
        for line, name in check_includes(findings, path, text, backends):
            if path in core:
                check_core_include(findings, path, line, name)
            elif path in public or not (path.parent / name).exists():
                findings.add(path, line, f"includes {name}")
        if path in core or path in public and path.stem not in backends:
            check_pattern(findings, path, text, ARCHITECTURE,
                          "names an architecture")
        if path in core and path.name not in SEES_PTE_BITS:
            check_pattern(findings, path, text, PTE_BITS, "looks inside a PTE")
        if path not in real or not path.name.startswith("tlb"):
            check_pattern(findings, path, text, ASSEMBLY, "an instruction")
        if path in public:
            check_pattern(findings, path, text, ATOMIC, "not C++")
        if path in core and floor_of(path.stem) is None:
            findings.add(path, 0, "is not in the table of layering.py")
    findings.finish(f"{len(core) + len(public) + len(real)} files")


main()
