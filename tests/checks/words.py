"""check/words: words that do not belong in what others will read.

Every text file of the tree is searched. What is not finished goes into
docs/CAVEATS; paths and names of one machine mean nothing on another; a text
speaks of the library, not of the work on it.
"""

import re
import sys

sys.dont_write_bytecode = True
import common

# pattern, reason
WORDS = [
    (r"\b(TODO|FIXME|XXX|HACK|WIP)\b", "unfinished: say it in docs/CAVEATS"),
    (r"\b[Ww]ork in progress\b", "unfinished: say it in docs/CAVEATS"),
    (r"(?<![\w.$}/])/(home|root|work|Users)/\w", "a path of one machine"),
    (r"\b(10|127|172\.\d+|192\.168)(\.\d+){2,3}:\d+\b",
     "an address of one network"),
    (r"(?i)\b[\w-]+\.(internal|intranet|corp|lan)\b", "a host of one network"),
    (r"(?i)\b(issue|ticket|bug|task|pr) ?#\d+", "a number from elsewhere"),
    (r"(?i)\bas (requested|instructed|discussed|agreed)\b",
     "speaks of the work"),
    (r"(?i)\b(this|previous|last|next) session\b", "speaks of the work"),
    (r"(?i)\b(assistant|chatbot|co-authored-by|generated with)\b",
     "speaks of the work"),
    (r"(?i)\b(prompt|conversation|transcript)\b", "speaks of the work"),
    (r"(?i)\b(black|white)list", "say allow, deny, list of"),
    (r"[\u2013\u2014\u2018-\u201d\u2026\u00a0]", "typographic character"),
    (r"[\U0001f300-\U0001faff\u2705\u274c\u2728]", "pictograph"),
    (r"[ \t]+$", "blank at the end of a line"),
    (r"\t", "tab"),
]

# This file names the words. A Makefile needs tabs; git decides its own files.
EXEMPT = {"tests/checks/words.py"}
BINARY = (".png", ".jpg", ".gz", ".xz", ".bin", ".gcda", ".dtb")


def main():
    args = common.arguments(__doc__)
    findings = common.Findings(args.root)
    patterns = [(re.compile(word, re.M), reason) for word, reason in WORDS]
    paths = [path for path in common.files(args.root, ["."], ())
             if not path.name.endswith(BINARY)
             and str(path.relative_to(args.root)) not in EXEMPT]
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            findings.add(path, 0, "not UTF-8")
            continue
        if text and not text.endswith("\n"):
            findings.add(path, 0, "no newline at the end")
        for pattern, reason in patterns:
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                findings.add(path, line, f"{match.group()!r}: {reason}")
    findings.finish(f"{len(paths)} files")


main()
