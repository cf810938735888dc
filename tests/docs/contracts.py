"""docs/contracts: does every public function say all that its caller must know?

For each function of include/lazypager/:

    contract   the comment right above it begins with its name
    parameter  each one is spoken of by name, but for those in OBVIOUS
    context    from where it may be called: in its own contract, or in what the
               header says is common to all calls
    returns    what an int or int64_t is; another result is named by the first
               sentence ("the ...", "is ...?") or by "returns"
    errors     each LP_E* that can come out (errors.py reads it off the sources)
               is named, and none that cannot
    ownership  what it gives by a pointer to a pointer: who gives it back, how

For each function that a table asks of a kernel, a backend or a file system:
context and, where it answers something, returns. Each field, each constant and
each structure has a text. All of it is what the site shows.
"""

import re
import sys

sys.dont_write_bytecode = True
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "checks"), str(HERE.parents[1] / "docs/site")]
import common
import errors
import declarations

# The thing that the call is about: its type says all. Results that the text
# calls by their field or by "*name" are not here.
OBVIOUS = {"space", "pager", "object", "m", "ctx", "parent"}

# What "where" can look like.
CONTEXT = re.compile(
    r"[Aa]ny context|\b[Nn]o locks?\b|lock of the library|under any lock"
    r"|[Uu]nder locks|interrupts (on|off|enabled)|preemption (on|off|may)"
    r"|\bpure\b|no other call|before any other call|same context"
    r"|[Cc]ontext as", re.S)
RETURNS = re.compile(r"\b[Rr]eturns?\b")
# A first sentence that names the result: a noun, or a question.
NAMED = re.compile(
    r"^(the|a|an|all|is|are|does|what|which|how|number|size|length|sum|calls|"
    r"frames|physical|\")\b", re.I)
OWNER = re.compile(r"lp_\w+_(destroy|put)\b|reference|as lp_\w+")

# (function, error): why it does not come out although errors.py sees it.
SWALLOWED = {
    ("lp_madvise", "LP_EIO"): "advise.c makes it EFAULT, as Linux does",
}
# Errors that a function of the embedder's answers, so that no source of ours
# holds them: struct lp_object_ops.
FROM_OUTSIDE = {"LP_EAGAIN", "LP_EIO"}


def plain(lines):
    return " ".join(" ".join(lines).split())


def error_names(root):
    text = (root / "include/lazypager/error.h").read_text(encoding="utf-8")
    return set(re.findall(r"^    (LP_E\w+) =", text, re.M))


class Contracts:
    def __init__(self, root):
        self.root = root
        self.findings = common.Findings(root)
        self.headers = declarations.public(root)
        self.errors = error_names(root)
        self.bodies = errors.bodies(
            common.sources(root, "core/*.[ch]", "backends/*/*.[ch]"),
            common.without_comments)
        self.named = {}   # function: the errors that its contract names
        self.checked = 0

    def add(self, header, line, what):
        self.findings.add(header.path, line, what)

    def common_part(self, header):
        """What the header says of all its calls: after such a line."""
        text = "\n".join(header.comment)
        match = re.search(r"common to all calls", text)
        return plain([text[match.start():]]) if match else ""

    def function(self, header, f, previous):
        own = declarations.entries(f.comment, _together(header, f))[f.name]
        description, contract = declarations.split(f.comment)
        text = plain(own) + " " + plain(sum(contract, []))
        whole = text + " " + self.common_part(header)
        if not re.search(rf"\b{f.name}(, \w+)*: ", "\n".join(description)):
            self.add(header, f.line, f"{f.name}: no contract above it")
            return
        self.checked += 1
        spoken = whole + plain(f.comment)   # also of its companions
        for kind, name in f.parameters:
            if name not in OBVIOUS and not re.search(rf"\b{name}\b", spoken):
                self.add(header, f.line,
                         f"{f.name}: nothing is said of {name}")
            if "**" in kind and not OWNER.search(text):
                self.add(header, f.line, f"{f.name}: who owns *{name}?")
        if not CONTEXT.search(whole):
            self.add(header, f.line, f"{f.name}: from which context?")
        self.returns(header, f, text, own)
        self.error_lists(header, f, text, previous)

    def returns(self, header, f, text, own):
        if f.returns == "void" or RETURNS.search(text):
            return
        if f.returns in ("int", "int64_t") or not NAMED.match(plain(own)):
            self.add(header, f.line, f"{f.name}: what does it return?")

    def error_lists(self, header, f, text, previous):
        named = set(re.findall(r"LP_E[A-Z]+", text)) & self.errors
        if re.search(r"\bas above\b", text):
            named |= self.named.get(previous, set())
        for other in re.findall(r"\bas (lp_\w+)", text):
            named |= self.named.get(other, set())
        self.named[f.name] = named
        carries = (f.returns in ("int", "int64_t")
                   or any("int *" in kind for kind, _ in f.parameters))
        if not carries or f.name not in self.bodies:
            return
        possible = errors.possible(self.bodies, f.name)
        for error in sorted(set(possible) - named):
            if (f.name, error) not in SWALLOWED:
                self.add(header, f.line, f"{f.name}: -{error} is not named; "
                         "by " + ", ".join(possible[error]))
        for error in sorted(named - set(possible) - FROM_OUTSIDE):
            self.add(header, f.line, f"{f.name}: -{error} cannot come out")

    def table(self, header, struct):
        if not struct.comment:
            self.add(header, struct.line, f"struct {struct.name}: no text")
        for m in struct.members:
            where = f"struct {struct.name}, {m.name}"
            text = plain(m.comment)
            if not text:
                self.add(header, m.line, f"{where}: no text")
            if not m.function or not text:
                continue
            self.checked += 1
            whole = text + plain(struct.comment) + plain(header.comment)
            if not CONTEXT.search(whole):
                self.add(header, m.line, f"{where}: from which context?")
            if m.returns != "void" and not RETURNS.search(text) and (
                    not NAMED.match(text.partition(": ")[2])):
                self.add(header, m.line, f"{where}: what does it return?")

    def run(self):
        for header in self.headers:
            for constant in header.constants:
                if not plain(constant.comment):
                    self.add(header, constant.line,
                             f"{constant.name}: no text")
            for struct in header.structs:
                self.table(header, struct)
            previous = None
            for f in header.functions:
                self.function(header, f, previous)
                previous = f.name
        self.findings.finish(f"{self.checked} functions")


def _together(header, f):
    """The names of the functions that share f's comment."""
    return [g.name for g in header.functions if g.first == f.first]


Contracts(common.arguments(__doc__).root).run()
