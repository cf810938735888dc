"""What the checks of the sources share.

Every check is a program `NAME.py [--root DIR]`: it prints one line per
finding, `file:line: what`, and exits 0 without and 1 with findings, 2 for bad
arguments or a missing tool.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

SKIPPED_DIRECTORIES = {".git", "build", "__pycache__"}
SOURCE_DIRECTORIES = ("core", "backends", "include", "tests")


def arguments(doc, configure=None):
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--root", type=pathlib.Path,
        default=pathlib.Path(__file__).resolve().parents[2],
        help="the tree to look at (default: the one this file is in)")
    if configure:
        configure(parser)
    args = parser.parse_args()
    if not args.root.is_dir():
        parser.error(f"no such directory: {args.root}")
    return args


def need(*tools):
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        print("missing: " + " ".join(missing) + "; tests/setup installs them",
              file=sys.stderr)
        sys.exit(2)


def files(root, directories, suffixes):
    """The files below these directories of root, sorted, as Paths."""
    found = []
    for directory in directories:
        for path, subdirectories, names in os.walk(root / directory):
            subdirectories[:] = sorted(
                set(subdirectories) - SKIPPED_DIRECTORIES)
            found += [pathlib.Path(path) / name for name in names
                      if not suffixes or name.endswith(suffixes)]
    return sorted(found)


def sources(root, *patterns):
    """The files that match these globs of root, sorted."""
    return sorted(path for pattern in patterns for path in root.glob(pattern))


_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def without_comments(text):
    """The text with comments blanked; line numbers stay the same."""
    def blank(match):
        token = match.group()
        if token[0] == "/":
            return re.sub(r"[^\n]", " ", token)
        return token
    return _TOKEN.sub(blank, text)


class Findings:
    """Collects findings and ends the program with them."""

    def __init__(self, root):
        self.root = root
        self.lines = []

    def add(self, path, line, what):
        if isinstance(path, pathlib.Path) and path.is_relative_to(self.root):
            path = path.relative_to(self.root)
        place = f"{path}:{line}" if line else f"{path}"
        self.lines.append(f"{place}: {what}")

    def finish(self, looked_at):
        """looked_at: such as "12 files"; having looked at nothing is a
        finding too."""
        if looked_at.startswith("0 "):
            self.add(self.root, 0, "nothing to look at")
        for line in self.lines:
            print(line)
        print(f"{looked_at}: {len(self.lines)} findings")
        sys.exit(1 if self.lines else 0)


def run_all(commands):
    """Run the commands, as many at once as there are processors.

    Yields (command, status, output) in the order given.
    """
    def one(command):
        done = subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True,
                              errors="replace", check=False)
        return command, done.returncode, done.stdout

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield from pool.map(one, commands)
