"""check/tidy: clang-tidy, configured by .clang-tidy, finds nothing in the core
and in the page-table formats."""

import sys

sys.dont_write_bytecode = True
import common


def main():
    args = common.arguments(__doc__)
    common.need("clang-tidy")
    root = args.root
    paths = common.sources(root, "core/*.c", "backends/x86_64/format*.c",
                           "backends/riscv64/format*.c")
    commands = [["clang-tidy", "--quiet",
                 f"--config-file={root / '.clang-tidy'}", str(path), "--",
                 "-std=c11", "-ffreestanding", f"-I{root}/include"]
                for path in paths]
    findings = common.Findings(root)
    for path, (_, status, output) in zip(paths, common.run_all(commands)):
        if status != 0:
            findings.add(path, 0, "\n" + output)
    findings.finish(f"{len(paths)} files")


main()
