"""check/cppcheck: cppcheck finds nothing in the core and in the backends.

Left out, for all files: variableScope (declarations stand at the top of their
function here), and what it cannot know (a system header it does not read). All
else is suppressed where it stands, `cppcheck-suppress id ; reason`; a suppression
that is no longer needed is a finding.
"""

import os
import re
import sys

sys.dont_write_bytecode = True
import common

SUPPRESSION = re.compile(r"cppcheck-suppress(\s+\S+)?(.*)")


def main():
    args = common.arguments(__doc__)
    common.need("cppcheck")
    root = args.root
    paths = common.sources(root, "core/*.c", "backends/x86_64/*.c",
                           "backends/riscv64/*.c")
    findings = common.Findings(root)
    command = ["cppcheck", "--quiet", "--std=c11", "--platform=unix64",
               "--enable=warning,style,performance,portability",
               "--inline-suppr", "--error-exitcode=1",
               "--template={file}:{line}: {id}: {message}",
               "--suppress=variableScope", "--suppress=missingIncludeSystem",
               "-j", str(os.cpu_count() or 1), f"-I{root}/include",
               f"-I{root}/core", "-DLP_ASSERT=1", "-D__GNUC__=12",
               "-D__x86_64__", "-D__riscv", "-D__riscv_xlen=64",
               *[str(path) for path in paths]]
    for _, status, output in common.run_all([command]):
        if status != 0:
            findings.add(root, 0, "\n" + output)
    for path in common.files(root, ["core", "backends", "include"],
                             (".c", ".h")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = SUPPRESSION.search(line)
            if found and len(found.group(2).strip(" ;*/").split()) < 3:
                findings.add(path, number, "a suppression without a reason")
    findings.finish(f"{len(paths)} files")


main()
