"""What all views draw with: elements, words, colours."""

import html

WIDTH = 1080

# page kind: what it is
PAGES = {
    "own": "private, writable at once",
    "cow": "private, shared until somebody writes",
    "cache": "clean page of a file's cache",
    "shared": "of a shared mapping",
    "dirty": "of a shared mapping, changed since the last write-back",
    "zero": "the one zero page",
    "kept": "kept while PROT_NONE",
    "device": "device memory",
}

# decision: what it means
MEANING = {
    "ZERO": "a fresh page of zeroes, or the zero page for a read",
    "MAP": "a page that the object has in its cache",
    "FILL": "the object was asked for the page; MAP follows",
    "COPY": "a shared page was copied for the one who writes",
    "REUSE": "the last sharer got the page back without a copy",
    "OWN": "a shared page table was made the space's own first",
    "WIDEN": "the area allows more than the entry did",
    "SPURIOUS": "the tables allowed it already; the TLB was old",
    "DENY": "refused: no area, or one that does not allow it",
}

# Colours of Okabe and Ito, which all kinds of sight tell apart; a little lighter
# on dark ground.
STYLE = """
:root{color-scheme:light dark;--back:#fff;--ink:#1d2329;--dim:#5c6670;
--line:#d5dade;--soft:#f3f5f7;--zero:#0072b2;--map:#009e73;--fill:#6fc9ad;
--copy:#d55e00;--reuse:#e69f00;--own:#a8548a;--widen:#56b4e9;
--spurious:#8a929a;--deny:#b3001b;--p-own:#0072b2;--p-cow:#e69f00;
--p-cache:#009e73;--p-shared:#cc79a7;--p-dirty:#8f3b6c;--p-zero:#aab2ba;
--p-kept:#6b5b95;--p-device:#444}
@media(prefers-color-scheme:dark){:root{--back:#15191d;--ink:#e6eaee;
--dim:#9aa5af;--line:#39424b;--soft:#1e242a;--zero:#4aa8e8;--map:#1fc296;
--fill:#7bd8bd;--copy:#f5853a;--reuse:#f2bd42;--own:#d98abf;--widen:#8fd0f5;
--spurious:#a0a8b0;--deny:#ff5c6e;--p-own:#3b96d6;--p-cow:#e9ab2b;
--p-cache:#16ab82;--p-shared:#d98abf;--p-dirty:#b0558c;--p-zero:#6d7780;
--p-kept:#8f80c0;--p-device:#bbb}}
svg{font:12px system-ui,"Segoe UI","DejaVu Sans",sans-serif}
svg text{fill:var(--ink)}svg .dim{fill:var(--dim)}
svg .small{font-size:10.5px}svg .mono{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:10px}
svg .bold{font-weight:600}svg .h{font-size:17px;font-weight:600}
svg .back{fill:var(--back)}svg .soft{fill:var(--soft)}
svg .rule{stroke:var(--line);fill:none}svg .axis{stroke:var(--dim);fill:none}
svg .node{fill:var(--soft);stroke:var(--dim)}
svg .many{fill:color-mix(in srgb,var(--p-cow) 22%,var(--back));stroke:var(--p-cow);stroke-width:1.6}
svg .edge{fill:none;stroke:var(--dim);stroke-width:1.4}
svg .wary{stroke-dasharray:4 3;stroke:var(--p-cow)}
svg .mmap{stroke:var(--map);fill:none}svg .munmap{stroke:var(--deny);fill:none}
svg .mprotect,svg .madvise{stroke:var(--dim);fill:none;stroke-dasharray:2 2}
svg .knot{fill:var(--ink)}svg .life{fill:var(--line)}svg .fork{stroke:var(--ink);fill:none}
"""
STYLE += "".join(
    f"svg .f-{name}{{fill:var(--{name.lower()});stroke:none}}"
    for name in MEANING) + "".join(
    f"svg .p-{name}{{fill:var(--p-{name})}}" for name in PAGES) + "\n"

# A mark for each decision, so that colour is never the only difference.
MARKS = {
    "ZERO": "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0z",
    "MAP": "M0-3.8L3.6 2.6H-3.6z",
    "FILL": "M-3.4-1.2H3.4V1.2H-3.4z",
    "COPY": "M-3-3H3V3H-3z",
    "REUSE": "M0 3.8L3.6-2.6H-3.6z",
    "OWN": "M0-4.2L4.2 0L0 4.2L-4.2 0z",
    "WIDEN": "M-1.2-3.4H1.2V3.4H-1.2z",
    "SPURIOUS": "M-3-2L-2-3L0-1L2-3L3-2L1 0L3 2L2 3L0 1L-2 3L-3 2L-1 0z",
    "DENY": "M-1.3-4H1.3V-1.3H4V1.3H1.3V4H-1.3V1.3H-4V-1.3H-1.3z",
}


def number(x):
    """A coordinate: short."""
    return f"{x:.1f}".removesuffix(".0")


def element(name, content=None, **attributes):
    """<name .../>; content is markup. class_, data_n: as in Python."""
    words = [name]
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        if isinstance(value, float):
            value = number(value)
        words.append(f'{key}="{html.escape(str(value))}"')
    if content is None:
        return f"<{' '.join(words)}/>"
    return f"<{' '.join(words)}>{content}</{name}>"


def title(text):
    return element("title", html.escape(text))


def text(x, y, words, class_="", anchor="start", **more):
    return element("text", html.escape(str(words)), x=float(x), y=float(y),
                   **({"class_": class_} if class_ else {}),
                   **({"text_anchor": anchor} if anchor != "start" else {}),
                   **more)


def rect(x, y, width, height, class_, hover=None, **more):
    return element("rect", title(hover) if hover else None, x=float(x),
                   y=float(y), width=float(width), height=float(height),
                   class_=class_, **more)


def path(d, class_, hover=None, **more):
    return element("path", title(hover) if hover else None, d=d, class_=class_,
                   **more)


def group(content, x=0.0, y=0.0, **more):
    if x or y:
        more["transform"] = f"translate({number(x)} {number(y)})"
    return element("g", content, **more)


def count(n, word):
    """"1 page", "1,024 pages"."""
    ending = "" if n == 1 else "es" if word.endswith("s") else "s"
    return f"{n:,} {word}{ending}"


def size(nbytes):
    for unit, shift in (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if nbytes >= 1 << shift:
            return f"{nbytes / (1 << shift):.4g} {unit}"
    return f"{nbytes} B"


def shortened(words, room):
    return words if len(words) <= room else words[:room - 2] + ".."


def pick(things, most):
    """At most so many of the things, the first and the last among them."""
    if len(things) <= most:
        return list(things)
    step = (len(things) - 1) / (most - 1)
    return [things[round(i * step)] for i in range(most)]


def legend(entries, x, y, room):
    """entries: (markup at the origin, words). Markup, and the height."""
    parts, at, row = [], x, 0
    for mark, words in entries:
        wide = 28 + sum(7.6 if c.isupper() else 5.9 for c in words)
        if at > x and at + wide > x + room:
            at, row = x, row + 1
        parts.append(group(mark, at + 6, y + 18 * row))
        parts.append(text(at + 15, y + 18 * row + 4, words, "small dim"))
        at += wide
    return "".join(parts), 18 * (row + 1)


def pages_legend(kinds, y, room=WIDTH):
    return legend([(rect(-5, -5, 10, 10, "p-" + kind), words)
                   for kind, words in PAGES.items() if kind in kinds],
                  0, y, room)
