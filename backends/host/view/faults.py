"""Faults by kind: how many of each decision, for each space."""

import collections

import picture
from picture import group, path, rect, text

COLUMNS_MAX = 5
ROW, TOP = 22, 30


def draw(trace):
    faults, names = trace.faults(), trace.names()
    by_kind = collections.Counter(event.detail for event in faults)
    by_space = collections.Counter(event.space for event in faults)
    shown = sorted(space for space, _ in by_space.most_common(COLUMNS_MAX))
    cell = collections.Counter((e.detail, e.space) for e in faults)
    most = max(by_kind.values(), default=1)
    first = picture.WIDTH - 14 - 88 * (len(shown) - 1)
    parts = [text(22, 14, "decision", "small dim"),
             text(290, 14, "all", "small dim", "end")]
    for i, space in enumerate(shown):
        parts.append(text(first + 88 * i, 14, picture.shortened(
            names.get(space, f"space {space}"), 15), "small dim", "end"))
    y = TOP
    for decision in picture.MEANING:
        n = by_kind[decision]
        cells = [path(picture.MARKS[decision], "f-" + decision,
                      transform=f"translate(8 {y + 2})"),
                 text(22, y + 6, decision, "bold"),
                 rect(112, y - 4, 110 * n / most, 12, "f-" + decision),
                 text(290, y + 6, f"{n:,}", "", "end", data_d=decision,
                      data_n=n),
                 text(310, y + 6, picture.MEANING[decision], "small dim")]
        for i, space in enumerate(shown):
            m = cell[decision, space]
            cells.append(text(first + 88 * i, y + 6, f"{m:,}" if m else "-",
                              "" if m else "dim", "end"))
        parts.append(group("".join(cells)))
        y += ROW
    parts.append(path(f"M0 {y - 8}H{picture.WIDTH - 14}", "rule"))
    parts.append(text(22, y + 8, "all", "bold"))
    parts.append(text(290, y + 8, f"{len(faults):,}", "bold", "end"))
    for i, space in enumerate(shown):
        parts.append(text(first + 88 * i, y + 8, f"{by_space[space]:,}",
                          "bold", "end"))
    if len(by_space) > len(shown):
        y += ROW
        parts.append(text(22, y + 8, f"the {len(shown)} spaces with the most "
                          f"faults of {len(by_space)}", "small dim"))
    return group("".join(parts), data_view="kinds"), y + 18
