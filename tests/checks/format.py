"""check/format: clang-format has nothing to change in any C file."""

import sys

sys.dont_write_bytecode = True
import common


def main():
    args = common.arguments(__doc__)
    common.need("clang-format")
    findings = common.Findings(args.root)
    paths = common.files(args.root, common.SOURCE_DIRECTORIES, (".c", ".h"))
    commands = [["clang-format", "--style=file", "--dry-run", "-Werror",
                 str(path)] for path in paths]
    for command, status, output in common.run_all(commands):
        if status != 0:
            first = output.splitlines()[0] if output else f"status {status}"
            findings.add(command[-1], 0, "not formatted: " + first)
    if findings.lines:
        print("clang-format -i does it")
    findings.finish(f"{len(paths)} files")


main()
