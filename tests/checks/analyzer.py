"""check/analyzer: gcc -fanalyzer finds nothing in the core and in the portable
part of the backends."""

import sys

sys.dont_write_bytecode = True
import common


def main():
    args = common.arguments(__doc__)
    common.need("gcc")
    root = args.root
    paths = common.sources(root, "core/*.c", "backends/x86_64/*.c",
                           "backends/riscv64/*.c")
    paths = [path for path in paths if path.name != "tlb.c" or
             path.parent.name == "core"]  # the instructions
    commands = [["gcc", "-std=c11", "-ffreestanding", "-O1", "-fanalyzer",
                 "-Werror", f"-I{root}/include", "-c", "-o", "/dev/null",
                 str(path)] for path in paths]
    findings = common.Findings(root)
    for path, (_, status, output) in zip(paths, common.run_all(commands)):
        if status != 0:
            findings.add(path, 0, "\n" + output)
    findings.finish(f"{len(paths)} files")


main()
