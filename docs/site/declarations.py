"""The public headers as data: declarations and the comments that belong to
them.

The headers are laid out by clang-format, and this relies on it: what is not
inside a structure begins in the first column; a comment belongs to what stands
right below it, without an empty line; a contract's lines begin with "=>".

    read(path)      a Header: its own comment, its functions and structures
    entries(...)    one comment that speaks of several names, cut up by name
    split(...)      a comment's text as (description, contract lines)
"""

import dataclasses
import pathlib
import re


@dataclasses.dataclass
class Function:
    name: str
    returns: str       # "int", "struct lp_host *", ...
    parameters: list   # (type, name)
    line: int
    comment: list      # of the whole comment above, see text_of
    first: int = 0     # its first line


@dataclasses.dataclass
class Member:
    name: str
    line: int
    comment: list
    function: bool     # a pointer to a function
    returns: str = ""


@dataclasses.dataclass
class Constant:
    name: str
    line: int
    comment: list


@dataclasses.dataclass
class Struct:
    name: str
    line: int
    comment: list
    members: list


@dataclasses.dataclass
class Header:
    path: pathlib.Path
    comment: list = dataclasses.field(default_factory=list)
    functions: list = dataclasses.field(default_factory=list)
    structs: list = dataclasses.field(default_factory=list)
    constants: list = dataclasses.field(default_factory=list)


def text_of(lines):
    """The text of a comment's lines, without its stars."""
    text = []
    for line in lines:
        line = re.sub(r"^\s*/\*[*<]* ?", "", line)
        line = re.sub(r"\s*\*/\s*$", "", line)
        line = re.sub(r"^ *\*(?: |$)", "", line)
        text.append(line.rstrip())
    while text and not text[0].strip():
        text.pop(0)
    while text and not text[-1].strip():
        text.pop()
    return text


def split(text):
    """(description, contract): the lines before the first "=>", and a list of
    items, each the lines of one "=>" without it."""
    description, items, plain = [], [], False
    for line in text:
        if line.startswith("=>"):
            items.append([line[2:].strip()])
            plain = False
        elif not items:
            description.append(line)
        elif line.strip() and not line.startswith(" ") and not plain:
            items.append([line])   # text again: an item of its own
            plain = True
        else:
            items[-1].append(line)
    return description, items


def entries(text, names):
    """{name: description lines} of a comment that speaks of `names`.

    "a, b: one text", or "a: text.  b: another", or a text without names, which
    is everybody's.
    """
    if not names:
        return {}
    found = {}
    known = "|".join(re.escape(name) for name in names)
    head = re.compile(rf"(?:^|(?<=  ))((?:{known})(?:, (?:{known}))*): ")
    current, order = None, []
    for line in text:
        at = 0
        for match in head.finditer(line):
            if current is not None and line[at:match.start()].strip():
                current.append(line[at:match.start()].rstrip())
            elif current is None and line[:match.start()].strip():
                break
            current = []
            order.append((match.group(1).split(", "), current))
            at = match.end()
        if current is None:
            return {name: list(text) for name in names}
        current.append(line[at:].rstrip())
    for several, lines in order:
        for name in several:
            found[name] = lines
    for name in names:
        found.setdefault(name, list(text))
    return found


_PROTOTYPE = re.compile(
    r"^(?P<returns>[\w ]+?[ *]+)(?P<name>lp_\w+)\((?P<parameters>.*)\);$")
_MEMBER = re.compile(
    r"^(?P<type>[\w ]+?[ *]+)(?:\(\*(?P<function>\w+)\)\(.*\)"
    r"|(?P<name>\w+(?:, ?\**\w+)*)(?:\[[^]]*\])?);")


def _parameters(text):
    result, depth, piece = [], 0, ""
    for c in text + ",":
        if c == "," and depth == 0:
            result.append(piece.strip())
            piece = ""
            continue
        depth += (c == "(") - (c == ")")
        piece += c
    pairs = []
    for one in result:
        if one == "void":
            continue
        pointer = re.search(r"\(\*(\w+)\)\(", one)
        match = re.search(r"(\w+)(?:\[\d*\])?$", one)
        name = pointer.group(1) if pointer else match.group(1)
        pairs.append((one, name))
    return pairs


def _end_of_comment(lines, i):
    while "*/" not in lines[i]:
        i += 1
    return i


def _without_comment(line):
    return re.sub(r"/\*.*?(\*/|$)", "", line).strip()


def _function(lines, i, comment, first):
    """The prototype that begins at line i, and the line after it; or None."""
    text, j = "", i
    while j < len(lines):
        text += " " + lines[j].strip()
        if lines[j].rstrip().endswith(";") or not lines[j].strip():
            break
        j += 1
    text = re.sub(r"\bLP_MUST_CHECK\b|\bextern\b", "", text).strip()
    match = _PROTOTYPE.match(re.sub(r"\s+", " ", text))
    if not match:
        return None, i
    return Function(match["name"], match["returns"].strip(),
                    _parameters(match["parameters"]), i + 1, comment,
                    first), j + 1


def _members(lines, i):
    """The members from line i on to the closing brace; the line after it."""
    members, comment, fresh = [], [], False
    while not lines[i].startswith("}"):
        line = lines[i]
        stripped = line.strip()
        if stripped.startswith("/*"):
            end = _end_of_comment(lines, i)
            comment, fresh = text_of(lines[i:end + 1]), True
            i = end + 1
            continue
        if not stripped:
            comment = []
            i += 1
            continue
        first, code = i, _without_comment(line)
        while not code.endswith(";") and not lines[i + 1].startswith(
                "}") and "/*" not in lines[i]:
            i += 1
            code += " " + _without_comment(lines[i])
        own = []
        if "/*" in lines[i]:
            end = _end_of_comment(lines, i)
            own = text_of([lines[i][lines[i].index("/*"):]]
                          + lines[i + 1:end + 1])
            i = end
        match = _MEMBER.match(code)
        if match:
            names = ([match["function"]] if match["function"]
                     else re.split(r", ?\**", match["name"]))
            for name in names:
                members.append(Member(name, first + 1, own or comment,
                                      bool(match["function"]),
                                      match["type"].strip()))
        i += 1
    return members, i + 1


def _constants(lines, i):
    """The values of an enumeration, from line i on; the line after it."""
    found, comment = [], []
    while not lines[i].startswith("}"):
        line, own = lines[i], []
        match = re.match(r"    (LP_\w+)", line)
        if not line.strip():
            comment = []
        elif "/*" in line:
            end = _end_of_comment(lines, i)
            own = text_of([line[line.index("/*"):]] + lines[i + 1:end + 1])
            if not match:
                comment = own
            i = end
        if match:
            found.append(Constant(match.group(1), i + 1, own or comment))
        i += 1
    return found, i + 1


# How a header is built, and nothing that a program uses.
MACHINERY = {"LP_BEGIN_DECLS", "LP_END_DECLS", "LP_MUST_CHECK",
             "LP_STATIC_ASSERT"}


def read(path):
    lines = path.read_text(encoding="utf-8").split("\n")
    header = Header(path)
    comment, first, i, seen_any = [], 0, 0, False
    while i < len(lines):
        line = lines[i]
        if line.startswith("/*"):
            end = _end_of_comment(lines, i)
            comment, first = text_of(lines[i:end + 1]), i + 1
            if not seen_any:
                header.comment, comment, seen_any = comment, [], True
            i = end + 1
            continue
        if not line.strip():
            comment = []
        struct = re.match(r"struct (\w+) \{", line)
        define = re.match(r"#define (LP_\w+)\b(?!\()", line)
        if define and define.group(1) not in MACHINERY:
            header.constants.append(Constant(define.group(1), i + 1, comment))
        if struct:
            members, after = _members(lines, i + 1)
            header.structs.append(Struct(struct.group(1), i + 1, comment,
                                         members))
            comment, i = [], after
            continue
        if re.match(r"enum(?: \w+)? \{", line):
            constants, i = _constants(lines, i + 1)
            header.constants += constants
            comment = []
            continue
        if re.match(r"(LP_MUST_CHECK|[a-z])", line):
            function, after = _function(lines, i, comment, first)
            if function:
                header.functions.append(function)
                i = after
                continue
        i += 1
    return header


def public(root):
    """All public headers of the tree, as Headers."""
    return [read(path) for path in
            sorted((root / "include" / "lazypager").glob("*.h"))]
