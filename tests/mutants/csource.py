"""C as far as mutants need it: tokens, function bodies, statements.

No preprocessing: a directive, with its continuation lines, is skipped, and so
are tables outside functions.  What is found is right for code that clang-format
has laid out, where a macro does not hide braces.
"""

import re
from collections import namedtuple

# kind: name, number, text, punct; at: offset of its first character.
Token = namedtuple("Token", "kind text at")
# first and last: indices of tokens, both inclusive.
Statement = namedtuple("Statement", "first last")
Function = namedtuple("Function", "name first last")

TOKEN = re.compile(r"""
    (?P<skip> \s+ | //[^\n]* | /\*.*?\*/ | ^[ ]*\#(?:\\\n|[^\n])* )
  | (?P<name> [A-Za-z_]\w* )
  | (?P<number> \d[\w.]* )
  | (?P<text> "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' )
  | (?P<punct> -> | \+\+ | -- | <<= | >>= | << | >> | [<>=!+*/%&|^-]= | && | \|\|
             | \.\.\. | . )
""", re.VERBOSE | re.DOTALL | re.MULTILINE)

CLOSING = {"(": ")", "[": "]", "{": "}"}
BLOCK_HEADS = {"if", "for", "while", "switch"}


def tokens_of(text):
    return [Token(match.lastgroup, match.group(), match.start())
            for match in TOKEN.finditer(text) if match.lastgroup != "skip"]


class Source:
    """A file's tokens, which brackets match, and its functions."""

    def __init__(self, text):
        self.text = text
        self.tokens = tokens_of(text)
        self.match = self._matches()
        self.functions = list(self._functions())

    def _matches(self):
        """Opening to closing bracket, and back."""
        match, stack = {}, []
        for i, token in enumerate(self.tokens):
            if token.kind != "punct":
                continue
            if token.text in CLOSING:
                stack.append(i)
            elif token.text in CLOSING.values() and stack:
                match[i] = stack.pop()
                match[match[i]] = i
        return match

    def is_(self, i, *texts):
        return 0 <= i < len(self.tokens) and self.tokens[i].text in texts

    def _functions(self):
        """Bodies at the top level behind a list of parameters."""
        i = 0
        while i < len(self.tokens):
            if not self.is_(i, "{"):
                i += 1
                continue
            last = self.match.get(i, len(self.tokens) - 1)
            if self.is_(i - 1, ")"):
                yield Function(self._name_before(i - 1), i, last)
            i = last + 1

    def _name_before(self, closing):
        """The function's name; an attribute may stand behind it."""
        opening = self.match[closing]
        while self.is_(opening - 2, ")"):
            opening = self.match[opening - 2]
        return self.tokens[opening - 1].text

    def _is_block(self, i):
        """Does this brace begin a block, not an expression's list?"""
        if self.is_(i - 1, "{", "}", ";", "else", "do", ":"):
            return True
        if not self.is_(i - 1, ")"):
            return False
        return self.is_(self.match[i - 1] - 1, *BLOCK_HEADS)

    def statements(self, function):
        """The simple statements of a body: those that end with a semicolon."""
        i = first = function.first + 1
        while i < function.last:
            if self.is_(i, "(", "[") or (self.is_(i, "{") and
                                         not self._is_block(i)):
                head = self.is_(i - 1, *BLOCK_HEADS)
                i = self.match[i] + 1
                first = i if head else first
            elif self.is_(i, "{", "}", ":", "else", "do"):
                # A colon of a label; that of ?: has a question mark before it.
                if not self.is_(i, ":") or not self._question(first, i):
                    first = i + 1
                i += 1
            elif self.is_(i, ";"):
                if i > first:
                    yield Statement(first, i)
                i = first = i + 1
            else:
                i += 1

    def _question(self, first, i):
        return any(self.is_(k, "?") for k in range(first, i))

    def line(self, i):
        return self.text.count("\n", 0, self.tokens[i].at) + 1

    def end(self, i):
        """Offset behind a token."""
        return self.tokens[i].at + len(self.tokens[i].text)

    def piece(self, first, last):
        """The text from one token to another, both included."""
        return self.text[self.tokens[first].at:self.end(last)]

    def arguments(self, opening):
        """The arguments of a call: (first, last) token of each."""
        result, first = [], opening + 1
        i = first
        while i <= self.match[opening]:
            if i == self.match[opening] or self.is_(i, ","):
                if i > first:
                    result.append((first, i - 1))
                first = i + 1
                i += 1
            else:
                i = self.match[i] + 1 if self.tokens[i].text in CLOSING \
                    and self.tokens[i].kind == "punct" else i + 1
        return result
