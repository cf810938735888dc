"""The pages of docs/ and README.md against the code that they speak of.

usage: pages.py names                what is named in `code` exists
       pages.py members              each member of the tables has its heading
       pages.py quotes               what is quoted from a file stands there
       pages.py printed PROGRAM      what PROGRAM and this script print is in
                                     the pages; with --update, put it there
       pages.py extract DIRECTORY    write each example that is a program there,
                                     and print its name

Every ```c block has a line above it that says what it is:

    <!-- run -->              a program: it exits with 0 on the host machine
    <!-- frame: NAME -->      goes into tests/docs/frames/NAME.c, which is run
    <!-- from: FILE -->       lines of FILE, in order; a line "..." stands for
                              what has been left out

Text between <!-- printed: NAME --> and <!-- end --> is printed by a program.
"""

import argparse
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "checks"), str(HERE.parents[1] / "docs/site")]
import common
import declarations
import errors
import glue

SOURCES = ("core/*.[ch]", "backends/*/*.[ch]", "include/lazypager/*.h",
           "tests/*/*.[chS]", "tests/kernel/*/*.[chS]")


class Page:
    def __init__(self, path):
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.lines = self.text.split("\n")

    def blocks(self):
        """(line number, marker, lines) of each ```c block."""
        start = None
        for number, line in enumerate(self.lines, 1):
            if start is None and line == "```c":
                start = number
            elif start is not None and line == "```":
                marker = re.match(r"<!-- (run|frame|from)(?:: (\S+))? -->$",
                                  self.lines[start - 2])
                yield (start, marker.groups() if marker else None,
                       self.lines[start:number - 1])
                start = None

    def prose(self):
        """The text with the inside of all fences blanked."""
        out, inside = [], False
        for line in self.lines:
            fence = line.startswith("```")
            out.append("" if inside or fence else line)
            inside ^= fence
        return out


def pages(root):
    return [Page(path) for path in
            [root / "README.md"] + sorted((root / "docs").glob("*.md"))]


# --- names -------------------------------------------------------------------


class Sources:
    def __init__(self, root):
        self.root = root
        self.paths = common.sources(root, *SOURCES)
        self.words = set()
        self.functions = {}   # name: the files that define it
        self.members = set()
        for path in self.paths:
            text = path.read_text(encoding="utf-8")
            self.words |= set(re.findall(r"\b\w+\b", text))
        for name, bodies in errors.bodies(
                [p for p in self.paths if p.suffix != ".S"],
                common.without_comments).items():
            self.functions[name] = {b.path for b in bodies}

    def file(self, name):
        return (self.root / name).exists()


_PATH = re.compile(r"^(?:core|backends|include|tests|docs)/[\w./*-]+$")


def _block_files(lines, number, root):
    """The files of the tree that the paragraph around a line names."""
    first, last = number, number
    while first > 0 and lines[first - 1].strip():
        first -= 1
    while last + 1 < len(lines) and lines[last + 1].strip():
        last += 1
    found = set()
    for line in lines[first:last + 1]:
        for word in re.findall(r"`([^`]+)`", line):
            if re.fullmatch(r"[\w/.-]+\.[ch]", word):
                found |= {p for p in (root / word, root / "core" / word)
                          if p.is_file()}
    return found


def names(root, findings):
    """Paths, functions and LP_ or lp_ words in `code`, and links."""
    sources, count = Sources(root), 0
    for page in pages(root):
        lines = page.prose()
        for number, line in enumerate(lines):
            for word in re.findall(r"`([^`]+)`", line):
                count += 1
                what = _unknown(sources, page, lines, number, word)
                if what:
                    findings.add(page.path, number + 1, what)
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", line):
                if "://" not in target and not (
                        page.path.parent / target).exists():
                    findings.add(page.path, number + 1, f"no file {target}")
    return f"{count} names"


def _unknown(sources, page, lines, number, word):
    placeholder = re.search(r"[A-Z]{4}", word) and not word.endswith(".md")
    if _PATH.match(word) and not placeholder:
        found = (list(sources.root.glob(word)) if "*" in word
                 else sources.file(word))
        return None if found else f"no file {word}"
    call = re.fullmatch(r"(\w+)\(\)", word)
    if call:
        name = call.group(1)
        files = sources.functions.get(name)
        if not files:
            return f"no function {name}"
        near = _block_files(lines, number, sources.root)
        if page.path.name == "INTERNALS.md" and near and not files & near:
            return (f"{name} is in " + ", ".join(
                str(f.relative_to(sources.root)) for f in sorted(files)))
        return None
    for name, star in re.findall(r"\b((?:lp|LP)_\w+)(\*?)", word):
        if star or name.endswith("_"):   # LP_MAP_*
            if not any(w.startswith(name) for w in sources.words):
                return f"nothing begins with {name}"
        elif name not in sources.words:
            return f"no {name}"
    return None


# --- members -----------------------------------------------------------------

# structure: the page that has a heading for each of its members
DESCRIBED = {
    "lp_kernel": "EMBEDDING.md", "lp_object_ops": "EMBEDDING.md",
    "lp_arch": "PORTING.md", "lp_pte_format": "PORTING.md",
}


def members(root, findings):
    count = 0
    for header in declarations.public(root):
        for struct in header.structs:
            if struct.name not in DESCRIBED:
                continue
            page = root / "docs" / DESCRIBED[struct.name]
            text = page.read_text(encoding="utf-8")
            headings = set()
            for line in re.findall(r"^#+ (.*)$", text, re.M):
                headings |= set(re.findall(r"\w+", line))
            for member in struct.members:
                count += 1
                if member.name not in headings:
                    findings.add(page, 0, f"no heading for struct "
                                 f"{struct.name}, {member.name}")
    return f"{count} members"


# --- quotes ------------------------------------------------------------------


def find_piece(lines, piece, at):
    for i in range(at, len(lines) - len(piece) + 1):
        if lines[i:i + len(piece)] == piece:
            return i + len(piece)
    return None


def quotes(root, findings):
    count = 0
    for page in pages(root):
        for number, marker, lines in page.blocks():
            if marker is None:
                findings.add(page.path, number,
                             "a ```c block without a line that says what it is")
                continue
            if marker[0] != "from":
                continue
            count += 1
            source = root / marker[1]
            if not source.is_file():
                findings.add(page.path, number, f"no file {marker[1]}")
                continue
            text, at, piece = source.read_text().split("\n"), 0, []
            for line in lines + ["..."]:
                if line.strip() != "...":
                    piece.append(line)
                    continue
                while piece and not piece[-1]:
                    piece.pop()
                while piece and not piece[0]:
                    piece.pop(0)
                after = find_piece(text, piece, at) if piece else at
                if after is None:
                    findings.add(page.path, number,
                                 f"not in {marker[1]}: {piece[0].strip()}")
                    break
                at, piece = after, []
    return f"{count} quotes"


# --- numbers -----------------------------------------------------------------

NUMBERS = [
    ("the first write to a page", "bench_fault/write/x86-64"),
    ("a copy-on-write fault, without the copying itself",
     "bench_fault/copy/x86-64"),
    ("fork of 1 MiB in 20 areas", "bench_fork/fork_small/x86-64"),
    ("fork of 1 GiB in 20,000 areas", "bench_fork/fork_large/x86-64"),
    ("finding an area among 100,000", "bench_vma/find_100000"),
]


def numbers(root):
    """A few rows of the table in docs/PERFORMANCE.md, which its own test keeps
    true."""
    text = (root / "docs/PERFORMANCE.md").read_text(encoding="utf-8")
    rows = []
    for what, case in NUMBERS:
        match = re.search(rf"^\| {re.escape(case)} \| ([\d,]+) \|", text, re.M)
        rows.append(f"| {what} | {match.group(1)} |\n")
    return "| | instructions |\n|---|---:|\n" + "".join(rows)


# --- printed -----------------------------------------------------------------


def printed(root, findings, program, update):
    def text_of(name):
        if name == "glue":
            return glue.table(root)
        if name == "numbers":
            return numbers(root)
        return subprocess.run([program, name], stdout=subprocess.PIPE,
                              text=True, check=True).stdout

    count = 0
    for page in pages(root):
        def put(match):
            nonlocal count
            count += 1
            wanted = text_of(match.group(2))
            if match.group(3) != wanted and not update:
                line = page.text.count("\n", 0, match.start()) + 1
                findings.add(page.path, line, f"{match.group(2)} prints:\n"
                             + wanted)
            return match.group(1) + wanted + match.group(4)
        new = re.sub(r"(<!-- printed: (\S+) -->\n)(.*?)(<!-- end -->)", put,
                     page.text, flags=re.S)
        if update and new != page.text:
            page.path.write_text(new, encoding="utf-8")
    return f"{count} printed texts"


# --- extract -----------------------------------------------------------------


def extract(root, directory):
    """Print "NAME" of each program; its source is DIRECTORY/NAME.c.  Blocks of
    one page that name the same frame are one program, in their order."""
    programs = {}
    for page in pages(root):
        runs = 0
        for number, marker, lines in page.blocks():
            if marker is None or marker[0] == "from":
                continue
            runs += marker[0] == "run"
            name = f"{page.path.stem.lower()}-{marker[1] or runs}"
            text = "\n".join(
                [f'#line {number + 1} "{page.path.relative_to(root)}"']
                + lines) + "\n"
            programs.setdefault(name, (marker[1], []))[1].append(text)
    directory.mkdir(parents=True, exist_ok=True)
    for name, (frame, texts) in programs.items():
        text = "".join(texts)
        if frame:
            path = HERE / "frames" / f"{frame}.c"
            before, mark, after = path.read_text().partition("EXAMPLE\n")
            if not mark:
                sys.exit(f"{path}: a line EXAMPLE is wanted")
            line = before.count("\n") + 2
            text = before + text + f'#line {line} "{path.name}"\n' + after
        path = directory / f"{name}.c"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        print(name)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["names", "members", "quotes",
                                         "printed", "extract"])
    parser.add_argument("argument", nargs="?")
    parser.add_argument("--root", type=pathlib.Path, default=HERE.parents[1])
    parser.add_argument("--update", action="store_true")
    args = parser.parse_intermixed_args()
    if args.what == "extract":
        extract(args.root, pathlib.Path(args.argument))
        return
    findings = common.Findings(args.root)
    if args.what == "printed":
        looked_at = printed(args.root, findings, args.argument, args.update)
    else:
        looked_at = {"names": names, "members": members,
                     "quotes": quotes}[args.what](args.root, findings)
    findings.finish(looked_at)


main()
