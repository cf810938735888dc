"""Which LP_E* can a function of the library answer?  Read off the sources.

An error is born where "-LP_E..." stands in a function, and travels to whoever
calls it and answers int, int64_t or through an `int *error`.  That is more than
can happen: who swallows an error is listed in contracts.py, with the reason.
"""

import re


class Body:
    def __init__(self, name, path, signature, text):
        self.name, self.path, self.text = name, path, text
        head = signature[:signature.index(name + "(")]
        self.carries = (re.search(r"\bint(64_t)?\s*$", head.strip())
                        is not None or "int *error" in signature
                        or "int *why" in signature)
        self.static = re.search(r"\bstatic\b|LP_INLINE", head) is not None
        self.born = set(re.findall(r"-(LP_E[A-Z]+)\b", text))
        self.calls = set(re.findall(r"\b([a-z]\w+)\(", text))


def bodies(paths, without_comments):
    """{name: [Body]} of all functions defined in these files."""
    found = {}
    for path in paths:
        text = without_comments(path.read_text(encoding="utf-8"))
        for match in re.finditer(
                r"^((?:[\w*]+[^;{}=]*?)\b(\w+)\([^;{}]*?\))[^;{}()]*\n\{\n"
                r"(.*?)^\}$", text, re.M | re.S):
            # the name is what stands before the outermost parenthesis
            signature = match.group(1)
            depth, at = 0, len(signature)
            while at > 0:
                at -= 1
                depth += (signature[at] == ")") - (signature[at] == "(")
                if depth == 0:
                    break
            name = re.search(r"(\w+)\s*$", signature[:at])
            if name:
                body = Body(name.group(1), path, signature, match.group(3))
                found.setdefault(body.name, []).append(body)
    return found


def possible(found, name):
    """{error: the chain of functions that it comes by} for a public one."""
    result, seen = {}, set()

    def visit(body, chain):
        if (body.path, body.name) in seen:
            return
        seen.add((body.path, body.name))
        for error in body.born:
            result.setdefault(error, chain + [body.name])
        for callee in sorted(body.calls):
            for other in found.get(callee, []):
                if not other.carries or other.static and (
                        other.path != body.path):
                    continue
                visit(other, chain + [body.name])

    for body in found.get(name, []):
        if not body.static:
            visit(body, [])
    return result
