"""check/functions: no function of more than 80 lines, no file of more than 700.

In core/ and backends/. A function is what clang-format lays out as one: from a
brace alone in the first column to the next closing brace in the first column.
"""

import sys

sys.dont_write_bytecode = True
import common

FUNCTION_LINES = 80
FILE_LINES = 700


def long_functions(lines):
    """(line number, length) of each function that is too long."""
    start = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            start = number
        elif line.startswith("}") and start is not None:
            length = number - start - 1
            if length > FUNCTION_LINES:
                yield start, length
            start = None


def main():
    args = common.arguments(__doc__)
    findings = common.Findings(args.root)
    paths = common.files(args.root, ["core", "backends"], (".c", ".h", ".S"))
    for path in paths:
        lines = path.read_text().splitlines()
        if len(lines) > FILE_LINES:
            findings.add(path, 0, f"{len(lines)} lines in a file, more than "
                         f"{FILE_LINES}: what is the second idea?")
        for number, length in long_functions(lines):
            findings.add(path, number, f"{length} lines in a function, more "
                         f"than {FUNCTION_LINES}")
    findings.finish(f"{len(paths)} files")


main()
