"""check/recursion: nothing in the core or in a backend calls itself, by
whatever way: the depth of the stack must not depend on data.

gcc writes the calls of each file (-fcallgraph-info); here they are joined by
name. A call through a pointer may reach every function of the same sources
that is named somewhere without being called: any such function counts as
called by all that call through pointers. What that finds but cannot happen is
in the table below. Calls of the kernel's, the architecture's and an object's
functions leave the library, and their contracts forbid the way back.
"""

import pathlib
import re
import sys
import tempfile

sys.dont_write_bytecode = True
import common

FLAGS = ["-std=c11", "-ffreestanding", "-O0", "-fno-inline", "-DLP_ASSERT=1",
         "-fcallgraph-info"]
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)" '
                  r'label: "([^"]+)"')
OUTWARD = re.compile(r"[\w.>-]*\b(kernel|k|arch|ops)->\w+\(|emit\(")

# Cycles that there may be: {functions}: reason.
ALLOWED = {
    frozenset(("lp_table_zap", "lp_table_zap_cached", "zap")):
        "zap in range.c takes one of its own visitors of entries; these two "
        "are visitors of areas, which resize.c and advise.c hand on",
}


def compile_all(findings, root, paths, directory):
    """The .ci files."""
    out = [directory / ("-".join(path.relative_to(root).parts)[:-2] + ".o")
           for path in paths]
    commands = [["gcc", *FLAGS, f"-I{root}/include", "-c", "-o", str(to),
                 str(path)] for path, to in zip(paths, out)]
    for path, (_, status, output) in zip(paths, common.run_all(commands)):
        if status != 0:
            findings.add(path, 0, f"does not compile:\n{output}")
    return sorted(directory.glob("*.ci"))


def outward(place):
    """Does this call, FILE:LINE:COLUMN, leave the library?"""
    path, line, column = place.rsplit(":", 2)
    text = pathlib.Path(path).read_text().splitlines()[int(line) - 1]
    return OUTWARD.match(text, int(column) - 1) is not None


def calls(path):
    """{caller: callees}; a static function is named by its file as well."""
    graph = {}
    for caller, callee, place in EDGE.findall(path.read_text()):
        callees = graph.setdefault(caller, set())
        if callee == "__indirect_call":
            callees |= set() if outward(place) else {callee}
        elif "__builtin" not in callee:
            callees.add(callee)
    return graph


def named(paths):
    """Functions that are handed on: a name with neither a call's nor a
    definition's parenthesis behind it."""
    text = "\n".join(common.without_comments(path.read_text())
                     for path in paths)
    functions = set(re.findall(r"(?m)^[a-z][\w *]*?\b(\w+)\(", text))
    return functions & set(re.findall(r"[,({=]\s*&?(\w+)\s*[,)};]", text))


def add_pointers(graph, handed):
    """Who calls through a pointer may call any of those handed on."""
    nodes = set(graph).union(*graph.values())
    targets = {node for node in nodes
               if node.rpartition(":")[2] in handed}
    for callees in graph.values():
        if "__indirect_call" in callees:
            callees.discard("__indirect_call")
            callees |= targets


def cycles(graph):
    """Strongly connected components of more than one, and self-calls
    (Tarjan 1972; this is the one place that may recurse)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = []
            while not component or component[-1] != node:
                component.append(stack.pop())
            if len(component) > 1 or node in graph.get(node, ()):
                found.append(component)

    for node in list(graph):
        if node not in index:
            visit(node)
    return found


def main():
    args = common.arguments(__doc__)
    common.need("gcc")
    root = args.root
    findings = common.Findings(root)
    paths = common.sources(root, "core/*.c", "backends/x86_64/*.c",
                           "backends/riscv64/*.c")
    paths = [path for path in paths if path.name != "tlb.c" or
             path.parent.name == "core"]  # the instructions
    graph = {}
    with tempfile.TemporaryDirectory() as temporary:
        for path in compile_all(findings, root, paths,
                                pathlib.Path(temporary)):
            for caller, callees in calls(path).items():
                graph.setdefault(caller, set()).update(callees)
    add_pointers(graph, named(paths))
    sys.setrecursionlimit(10000)
    for cycle in cycles(graph):
        names = sorted(name.rpartition(":")[2] for name in cycle)
        if frozenset(names) not in ALLOWED:
            findings.add(cycle[0].rpartition(":")[0] or root, 0,
                         "calls itself: " + " -> ".join(names))
    ncalls = sum(len(callees) for callees in graph.values())
    print(f"{len(graph)} functions that call, {ncalls} calls")
    findings.finish(f"{len(paths)} files")


main()
