"""The Doxygen INPUT_FILTER: `filter.py FILE` prints FILE as Doxygen wants it.

A header of ours is written for whoever reads the header: plain comments,
contract lines that begin with "=>", drawings by indentation.  For the site each
comment that belongs to a declaration becomes a Doxygen comment, contract lines
become a list, lists of errors a list below it, drawings stay as they are, and
known names become links.  A page of docs/ gets links, and its ```dot blocks
become pictures.  Nothing is added that the file does not say.
"""

import pathlib
import re
import sys

sys.dont_write_bytecode = True
import declarations

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Names:
    """What can be linked to, learnt from all public headers."""

    def __init__(self, found):
        self.functions = {f.name for h in found for f in h.functions}
        self.constants = {c.name for h in found for c in h.constants}
        self.structs = {s.name for h in found for s in h.structs}


# --- a comment's text --------------------------------------------------------

_SPECIAL = re.compile(r"([\\@<>#%*&$]|(?<!\w)_|_(?!\w)|\[(?=[^\]]*\]\())")
_ENTITY = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_WORD = re.compile(r"\b(lp_\w+|LP_\w+)\b(?!\\[*_]|\.\w)(\(\))?")


def prose(line, names):
    """One line of text: nothing in it is markup, names are links."""
    line = _SPECIAL.sub(
        lambda m: _ENTITY.get(m.group(), "\\" + m.group()), line)

    def link(match):
        word = match.group(1)
        if word in names.functions:
            return word + "()"
        if word in names.constants:
            return "#" + word
        return match.group()
    return _WORD.sub(link, line)


def _indent(line):
    return len(line) - len(line.lstrip())


def _code(lines, at, least):
    """The end of the drawing that begins at lines[at]: what is indented by
    `least` or more, empty lines in between included."""
    end = at
    for i in range(at, len(lines)):
        if lines[i].strip():
            if _indent(lines[i]) < least:
                break
            end = i + 1
    return end


_ERROR = re.compile(r"^\s+-(LP_E\w+):? +(\S.*)$")


def _contract_item(lines, names):
    """One "=>" as a list item."""
    out = ["- " + prose(lines[0], names)]
    i, error = 1, None
    while i < len(lines):
        line = lines[i]
        match = _ERROR.match(line)
        if match and (re.match(r"\s+-LP_E\w+  +", line) or error is not None
                      or i == 1 and lines[0].rstrip().endswith(("or", ":"))):
            error = _indent(line)
            out.append(f"  - -#{match.group(1)}: "
                       + prose(match.group(2), names))
        elif error is not None and _indent(line) > error + 2:
            out.append("    " + prose(line.strip(), names))
        elif line.strip() and _indent(line) >= 5 and error is None:
            end = _code(lines, i, 5)
            out += ["  @code{.unparsed}\n" + lines[i][3:]] \
                + [text[3:] for text in lines[i + 1:end]]
            out[-1] += "\n  @endcode"
            i = end
            continue
        else:
            if error is not None and line.strip():
                error = None
                out.append("\n  " + prose(line.strip(), names))
            else:
                out.append("  " + prose(line.strip(), names))
        i += 1
    return out


def document(text, names):
    """A comment's text as the inside of a Doxygen comment, a list of lines as
    long as text (an element may hold more than one line)."""
    description, contract = declarations.split(text)
    out, i = [], 0
    while i < len(description):
        line = description[i]
        if line.strip() and _indent(line) >= 2:
            end = _code(description, i, 2)
            block = description[i:end]
            block[0] = "@code{.unparsed}\n" + block[0]
            block[-1] += "\n@endcode"
            out += block
            i = end
            continue
        out.append(prose(line, names))
        i += 1
    first = next((k for k, line in enumerate(out) if line.strip()), None)
    if first is not None and not out[first].startswith("@code"):
        out[first] = re.sub(r"^[a-z](?=[a-z ])(?!p_)",
                            lambda m: m.group().upper(), out[first])
    for number, item in enumerate(contract):
        lines = _contract_item(item, names)
        if number == 0:
            lines[0] = "@par Contract\n" + lines[0]
        out += lines
    return out


# --- a header ----------------------------------------------------------------


class Writer:
    """The lines of a header, replaced one by one."""

    def __init__(self, path, names):
        self.lines = path.read_text(encoding="utf-8").split("\n")
        self.names = names

    def comment(self, first, last, head, text, column=0):
        """Put a Doxygen comment of `text` where the lines first..last hold a
        comment that begins in `column`."""
        body = document(text, self.names)
        code = self.lines[first][:column]
        self.lines[first] = code + head + (body[0] if body else "")
        rest = body[1:]
        for i in range(first + 1, last + 1):
            self.lines[i] = rest.pop(0) if rest else ""
        self.lines[last] += ("\n" + "\n".join(rest) if rest else "") + " */"

    def comment_at(self, line):
        """(first, last, text) of the comment that begins there."""
        last = line
        while "*/" not in self.lines[last]:
            last += 1
        column = self.lines[line].index("/*")
        text = declarations.text_of([self.lines[line][column:]]
                               + self.lines[line + 1:last + 1])
        return last, text, column


def _declared_below(lines, i):
    """The names that the block of lines from i on declares."""
    names, text = [], ""
    while i < len(lines) and lines[i].strip():
        text += lines[i] + "\n"
        if lines[i].startswith(("struct", "enum")) and lines[i].endswith("{"):
            break
        i += 1
    for pattern in (r"^#define (\w+)", r"\b(lp_\w+)\(", r"\b(lp_\w+)(?:\[\])?;",
                    r"^(?:struct|enum) (\w+) \{"):
        names += [n for n in re.findall(pattern, text, re.M) if n not in names]
    return names


_SEVERAL = re.compile(
    r"^(\s*)((?:const )?(?:struct )?\w+) (\**\w+(?:, \**\w+)+);")


def _one_by_one(writer, i, text):
    """`type a, b;` becomes `type a; type b;`, each with the text."""
    match = _SEVERAL.match(writer.lines[i])
    if not match:
        return False
    comment = " /**< " + "\n".join(document(text, writer.names)) + " */ "
    writer.lines[i] = match.group(1) + comment.join(
        f"{match.group(2)} {name};"
        for name in match.group(3).split(", ")) + comment
    return True


def _inner(writer, i, end, names):
    """The inside of a structure or an enumeration, from line i on; `end` is
    what a declaration there ends with."""
    lines, above = writer.lines, None
    while not lines[i].startswith("}"):
        line = lines[i]
        if not line.strip():
            above = None
        elif line.strip().startswith("/*"):
            last, text, column = writer.comment_at(i)
            member = re.search(
                r"\(\*(\w+)\)\(|(\w+)(?:\[[^]]*\])?(?:[;,]| =)",
                "".join(lines[last + 1:last + 2]))
            found = [n for n in (member.groups() if member else ()) if n]
            head = re.match(r"(\w+(?:, \w+)*): ", text[0] if text else "")
            if head and found and found[0] in head.group(1).split(", "):
                text = [text[0][head.end():]] + text[1:]
            writer.comment(i, last, "/** ", text, column)
            above, i = text, last + 1
            if _one_by_one(writer, i, text):
                i += 1
                continue
            # the member below has it now; those after it get it again
            while "/*" not in lines[i] and not lines[i].rstrip().endswith(end):
                i += 1
            if "/*" in lines[i] and not lines[i].strip().startswith("/*"):
                continue
        elif "/*" in line:
            last, text, column = writer.comment_at(i)
            writer.comment(i, last, "/**< ", text, column)
            _one_by_one(writer, i, text)
            i = last
        elif above and line.rstrip().endswith(end):
            one = "\n".join(document(above, names))
            if not _one_by_one(writer, i, above):
                lines[i] += " /**< " + one + " */"
        i += 1
    return i


def header(path, names):
    writer = Writer(path, names)
    lines, i, seen = writer.lines, 0, False
    while i < len(lines):
        block = re.match(r"(struct|enum)(?: \w+)? \{$", lines[i])
        if block:
            end = ";" if block.group(1) == "struct" else ","
            i = _inner(writer, i + 1, end, names)
        if not lines[i].startswith("/*") or lines[i].startswith("/**"):
            i += 1
            continue
        last, text, _ = writer.comment_at(i)
        below = _declared_below(lines, last + 1)
        if not seen:
            seen = True
            text[0] = re.sub(r"^[\w.]+\.h: ", "", text[0])
            writer.comment(i, last, f"/** @file {path.name}\n", text)
        elif (last + 1 < len(lines) and lines[last + 1].strip()
              and not lines[last + 1].startswith("/*")):
            _declaration(writer, i, last, text, below)
        i = last + 1
    return "\n".join(lines)


def _declaration(writer, first, last, text, below):
    """The comment above one declaration or several."""
    lines = writer.lines
    description, _ = declarations.split(text)
    cut = text[len(description):]
    own = declarations.entries(description, below)
    anonymous = not below or re.match(r"enum \{", lines[last + 1])
    head = "/** "
    if below and re.match(r"#if", lines[last + 1]):
        head = f"/** @def {below[0]}\n"
    whole = text if anonymous else own[below[0]] + cut
    writer.comment(first, last, head, whole)
    # what follows without an empty line shares the contract
    done, i = 1, last + 1
    while i < len(lines) and lines[i].strip() and done < len(below):
        following = re.search(rf"\b{below[done]}\b", lines[i])
        if following and not lines[i].startswith((" ", "/**")):
            more = document(own[below[done]] + cut, writer.names)
            lines[i] = "/** " + "\n".join(more) + " */ " + lines[i]
            done += 1
        i += 1


# --- a page ------------------------------------------------------------------


def page(text, names):
    """Links for the names in code, pictures for ```dot blocks."""
    out, fence = [], None
    for line in text.split("\n"):
        mark = re.match(r"```(\w*)", line)
        if mark and fence is None:
            fence = mark.group(1) or "unparsed"
            out.append("@dot" if fence == "dot" else "@code{." + (
                "c" if fence == "c" else "unparsed") + "}")
        elif mark:
            out.append("@enddot" if fence == "dot" else "@endcode")
            fence = None
        elif fence is not None or line.startswith("    "):
            out.append(line)
        elif re.match(r"\s*<!--.*-->\s*$", line):
            out.append("")
        else:
            out.append(_page_line(line, names))
    return "\n".join(out)


def _page_line(line, names):
    def code(match):
        word = match.group(1)
        bare = re.sub(r"\(\)$|^struct ", "", word)
        if bare in names.functions | names.constants | names.structs:
            return f'<tt>@ref {bare} "{word}"</tt>'
        return match.group()
    line = re.sub(r"(?<!!)\[([^]]+)\]\(([^):]+)\)", _link, line)
    if line.startswith("#") or "](" in line or "@ref" in line:
        return line
    line = re.sub(r"(?<![&\w`])#(?=[A-Za-z])", r"\\#", line)   # not a link: #GP
    return re.sub(r"`((?:struct )?[lL][pP]_\w+(?:\(\))?)`", code, line)


def _link(match):
    """A link to a page stays, one to a header leads to its page, and one to
    another file of the tree, which the site does not have, is its text."""
    text, target = match.groups()
    if target.partition("#")[0].endswith(".md"):
        return match.group()
    if target.endswith(".h"):
        return f'@ref {target.rpartition("/")[2]} "{text}"'
    return text


def main():
    path = pathlib.Path(sys.argv[1]).resolve()
    names = Names(declarations.public(ROOT))
    if path.suffix == ".h":
        sys.stdout.write(header(path, names))
    else:
        sys.stdout.write(page(path.read_text(encoding="utf-8"), names))


if __name__ == "__main__":
    main()
