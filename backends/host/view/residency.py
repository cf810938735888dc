"""Residency: the pages of each space at each snapshot, by what they are."""

import collections

import picture
from picture import group, rect, text

COLUMNS_MAX, ROWS_MAX = 60, 16
LEFT, TOP = 168, 32
TALL, LOW, MANY = 46, 24, 8  # a bar; a bar where there are many rows


def bar(kinds, x, width, base, scale, hover):
    """Kinds in the order of the legend, stacked from the ground up."""
    parts, y = [], base
    for kind in picture.PAGES:
        n = kinds.get(kind, 0)
        if n:
            y -= n * scale
            parts.append(rect(x, y, width, max(n * scale, 0.7), "p-" + kind,
                              f"{hover}: {picture.count(n, 'page')} "
                              f"{picture.PAGES[kind]}", data_n=n, data_p=kind))
    return "".join(parts)


def frames(shot):
    """Distinct frames by kind; one seen as several goes by the first."""
    seen = {}
    for space in shot.spaces.values():
        for page in space.pages:
            seen.setdefault(page.frame, page.kind)
    return collections.Counter(seen.values())


def draw(trace):
    shots = picture.pick(trace.snapshots, COLUMNS_MAX)
    counts = {(space.number, shot.number):
              collections.Counter(page.kind for page in space.pages)
              for shot in shots for space in shot.spaces.values()}
    names = trace.names()
    spaces = sorted({space for space, _ in counts})
    held = collections.Counter()
    for (space, _), kinds in counts.items():
        held[space] += sum(kinds.values())
    shown = sorted(space for space, _ in held.most_common(ROWS_MAX))
    column = min((picture.WIDTH - LEFT - 14) / max(len(shots), 1), 84)
    wide = column * 0.72
    totals = {shot.number: frames(shot) for shot in shots}
    most = max([sum(c.values()) for c in counts.values()] +
               [sum(c.values()) for c in totals.values()] + [1])
    height = TALL if len(shown) <= MANY else LOW
    scale, parts, y = height / most, [], TOP
    for i, shot in enumerate(shots):
        if i % max(1, len(shots) // 30 + 1) == 0:
            parts.append(text(LEFT + i * column + wide / 2, 12, shot.number,
                              "small dim", "middle"))
    rows = [(names[s], {shot.number: counts.get((s, shot.number), {})
                        for shot in shots}, {"data_space": s}) for s in shown]
    rows.append(("frames, each once", totals, {"data_total": "frames"}))
    for name, values, more in rows:
        base = y + height
        parts.append(text(LEFT - 8, base - 3, picture.shortened(name, 24),
                          "small" + (" bold" if "data_total" in more else ""),
                          "end"))
        parts.append(picture.path(f"M{LEFT} {base}H{picture.WIDTH - 14}",
                                  "rule"))
        cells = []
        for i, shot in enumerate(shots):
            kinds = values[shot.number]
            total = sum(kinds.values())
            x = LEFT + i * column
            cells.append(group(bar(
                kinds, x, wide, base, scale,
                f"{name}, snapshot {shot.number}"), data_shot=shot.number))
            if total and column >= 22 and height == TALL:
                cells.append(text(x + wide / 2, base - total * scale - 3,
                                  f"{total:,}", "mono dim", "middle"))
        parts.append(group("".join(cells), **more))
        y = base + (17 if height == TALL else 9)
    notes = []
    if len(shots) < len(trace.snapshots):
        notes.append(f"{len(shots)} of {len(trace.snapshots)} snapshots")
    if len(shown) < len(spaces):
        notes.append(f"the {len(shown)} that held most of {len(spaces)} spaces")
    if notes:
        parts.append(text(LEFT, y + 2, "shown: " + ", ".join(notes),
                          "small dim"))
        y += 18
    kinds = {kind for c in counts.values() for kind in c}
    marks, legend = picture.pages_legend(kinds, y + 12)
    return group("".join(parts) + marks, data_view="residency"), \
        y + 12 + legend
