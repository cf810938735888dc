"""The small wrong changes.

    negate     if (c), while (c)     -> if (!(c)); and == !=, && ||
    bound      < <= > >=             -> off by one; + 1, - 1 gone
    statement  f(...); a = b; i++;   -> nothing
    flush      ... where f flushes, gathers or syncs code
    count      ... where f counts references, pins or entries in use
    lock       ... where f locks: its unlocking in the function goes as well
    zeroing    ... where f zeroes; and frames asked for zeroed come as they are
    swap       f(a, b)               -> f(b, a), where a compiler takes it

Every change keeps the number of lines, so that an assertion's line does not make
equal code differ.  Promises (lp_assert...) are left alone: without one the code
is as right as before.
"""

import re
from collections import namedtuple

# id: FILE:LINE:OPERATOR:ORDINAL, the ordinal among those of the same line.
# key: FILE:FUNCTION:OPERATOR:ORDINAL, among those of the function: it outlives
# changes elsewhere in the file.
# edits: [(start, end, replacement)], from the last to the first.
Mutant = namedtuple("Mutant", "id key file line operator what edits")

OPERATORS = ("negate", "bound", "statement", "flush", "count", "lock",
             "zeroing", "swap")
# Those of which none may survive.
STRICT = ("flush", "count", "lock", "zeroing")

LEFT_ALONE = re.compile(r"lp_assert|_Static_assert|assert$|lp_trace$")
# In the user range is what has start + len in it, whichever is which.
SYMMETRIC = {"lp_min", "lp_max", "sizeof", "offsetof", "lp_likely",
             "lp_unlikely", "lp_in_user_range"}
CLASSES = [
    ("lock", re.compile(r"lock(_slow)?$|^lp_preempt_")),
    ("zeroing", re.compile(r"^memset$|zero_tail")),
    ("flush", re.compile(r"flush|fence|sync_code|invlpg|gather_(range|tables|"
                         r"everything|all_spaces|settle|arm)|^serve|catch_up")),
    ("count", re.compile(r"_(get|put|drop|pin|unpin)$|^lp_use_|^drop$|"
                         r"get_entries|release_page|drop_frames|link_pin")),
]

NEGATED = {"==": "!=", "!=": "==", "&&": "||", "||": "&&"}
SHIFTED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
DECLARES = {"struct", "const", "unsigned", "int", "bool", "char", "size_t",
            "static", "enum", "union", "void", "return", "goto", "break",
            "continue", "case", "default", "LP_NO_TSA"}


def class_of(name):
    for kind, pattern in CLASSES:
        if pattern.search(name):
            return kind
    return "statement"


def blank(text):
    """Nothing, on as many lines."""
    return "\n" * text.count("\n")


class Finder:
    """All mutants of one file."""

    def __init__(self, file, source):
        self.file = file
        self.source = source
        self.found = []
        self._function = ""
        self._ordinals = {}

    def all(self):
        for function in self.source.functions:
            self._function = function.name
            i = function.first
            while i < function.last:
                if LEFT_ALONE.search(self.source.tokens[i].text):
                    i = self.source.match[i + 1]
                else:
                    self._token(i)
                i += 1
            for statement in self.source.statements(function):
                self._statement(function, statement)
        return self.found

    def _add(self, i, operator, what, *edits):
        line = self.source.line(i)
        self.found.append(Mutant(
            f"{self.file}:{line}:{operator}:{self._next(line, operator)}",
            f"{self.file}:{self._function}:{operator}:"
            f"{self._next(self._function, operator)}",
            self.file, line, operator, " ".join(what.split()),
            sorted(edits, reverse=True)))

    def _next(self, *place):
        self._ordinals[place] = self._ordinals.get(place, 0) + 1
        return self._ordinals[place]

    def _replace(self, i, text):
        return self.source.tokens[i].at, self.source.end(i), text

    def _cut(self, first, last, text=""):
        start, end = self.source.tokens[first].at, self.source.end(last)
        return start, end, text + blank(self.source.text[start:end])

    # --- within expressions ---

    def _token(self, i):
        source, token = self.source, self.source.tokens[i]
        if token.kind == "name" and source.is_(i + 1, "("):
            self._call(i)
        if token.text == "LP_FRAME_ZEROED":
            self._add(i, "zeroing", "zeroed -> any",
                      self._replace(i, "LP_FRAME_ANY"))
        if token.kind != "punct":
            return
        if token.text in NEGATED:
            new = NEGATED[token.text]
            self._add(i, "negate", f"{token.text} -> {new}",
                      self._replace(i, new))
        elif token.text in SHIFTED:
            new = SHIFTED[token.text]
            self._add(i, "bound", f"{token.text} -> {new}",
                      self._replace(i, new))
        elif token.text in "+-" and source.is_(i + 1, "1", "1U"):
            self._add(i, "bound", f"{token.text} 1 -> {token.text} 0",
                      self._replace(i + 1, "0"))

    def _call(self, i):
        source, name = self.source, self.source.tokens[i].text
        opening, closing = i + 1, source.match[i + 1]
        if name in ("if", "while") and closing > opening + 1:
            self._add(i, "negate", f"{name} negated",
                      (source.end(opening), source.end(opening), "!("),
                      (source.tokens[closing].at, source.tokens[closing].at,
                       ")"))
        elif not (name in SYMMETRIC or LEFT_ALONE.search(name) or
                  name in ("for", "switch", "return", "lp_count",
                           "lp_count_n")):
            self._swap(i, source.arguments(opening))

    def _swap(self, i, arguments):
        source = self.source
        for one, two in zip(arguments, arguments[1:]):
            a, b = source.piece(*one), source.piece(*two)
            if a != b and a.count("\n") + b.count("\n") == 0:
                self._add(one[0], "swap", f"{a} <-> {b}",
                          self._cut(*one, b), self._cut(*two, a))

    # --- statements ---

    def _statement(self, function, statement):
        source, first, last = self.source, *statement
        name = self._called(first, last)
        if name:
            if not LEFT_ALONE.search(name):
                self._remove_call(function, statement, name)
        elif self._assigns(first, last):
            self._add(first, "statement", f"{source.piece(first, last)} gone",
                      self._cut(first, last, ";"))

    def _called(self, first, last):
        """The name when the statement is one call, or (void)call."""
        source = self.source
        if source.is_(first, "(") and source.is_(first + 1, "void"):
            first += 3
        opening = first + 1
        while source.is_(opening, "->", "."):
            opening += 2
        if source.tokens[first].kind == "name" and source.is_(opening, "(") \
                and source.match[opening] == last - 1 \
                and source.tokens[first].text not in DECLARES:
            return source.tokens[opening - 1].text
        return None

    def _remove_call(self, function, statement, name):
        source, first, last = self.source, *statement
        kind = class_of(name)
        edits = [self._cut(first, last, ";")]
        if kind == "lock" and "unlock" not in name:
            edits += self._unlocks(function, last, name, self._object(last))
        self._add(first, kind, f"{source.piece(first, last)} gone", *edits)

    def _object(self, last):
        """What a call locks: its last argument."""
        arguments = self.source.arguments(self.source.match[last - 1])
        return self.source.piece(*arguments[-1]) if arguments else ""

    def _unlocks(self, function, behind, name, what):
        """The edits that remove the unlocking that belongs to a lock."""
        opposite = name.replace("disable", "enable") if "disable" in name \
            else name.replace("trylock", "unlock").replace("lock", "unlock")
        for first, last in self.source.statements(function):
            if first > behind and self._called(first, last) == opposite and \
                    self._object(last) == what:
                yield self._cut(first, last, ";")

    def _assigns(self, first, last):
        """An assignment or a step, no declaration."""
        source = self.source
        if source.tokens[first].text in DECLARES or \
                (source.tokens[first].kind == "name" and
                 source.tokens[first + 1].kind == "name"):
            return False
        if source.is_(first + 1, "*") and source.is_(first + 3, "=", ";", ","):
            return False  # type *name
        depth = range(first, last)
        return any(re.fullmatch(r"[+*/%&|^-]?=|<<=|>>=|\+\+|--",
                                source.tokens[i].text) for i in depth) and \
            not source.is_(first, "for")


def apply(text, edits):
    for start, end, new in edits:
        text = text[:start] + new + text[end:]
    return text
