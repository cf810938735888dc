"""check/marks: every branch that is left out of the coverage says why.

The mark is a comment of core/, include/ or backends/:

    /* no branch: what makes it impossible */

On a line of code it stands for that line, alone for the next line of code. The
check lists all of them; one without a reason of some words is a finding.
"""

import re
import sys

sys.dont_write_bytecode = True
import common

MARK = re.compile(r"/\*[\s*]*no branch\b:?(.*?)\*/", re.S)
SOURCES = ("core", "include", "backends")


def sources(root):
    return common.files(root, SOURCES, (".c", ".h"))


def found(path):
    """(line of the mark, line it stands for, reason)."""
    text = path.read_text(encoding="utf-8")
    for match in MARK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        before = text[:match.start()].rpartition("\n")[2]
        covered = line
        if not before.strip():
            rest = text[match.end():]
            blank = len(rest) - len(rest.lstrip())
            covered = text.count("\n", 0, match.end() + blank) + 1
        reason = " ".join(match.group(1).replace("*", " ").split())
        yield line, covered, reason


def lines(path):
    """The lines whose branches need not be taken."""
    return {covered for _, covered, _ in found(path)}


def wrong(path):
    """Complaints about the marks of a file."""
    return [f"{path}:{line}: no branch, but no reason"
            for line, _, reason in found(path) if len(reason.split()) < 3]


def main():
    args = common.arguments(__doc__)
    findings = common.Findings(args.root)
    paths = sources(args.root)
    for path in paths:
        name = path.relative_to(args.root)
        for line, _, reason in found(path):
            print(f"{name}:{line}: no branch: {reason}")
            if len(reason.split()) < 3:
                findings.add(path, line, "no branch, but no reason")
    findings.finish(f"{len(paths)} files")


if __name__ == "__main__":
    main()
