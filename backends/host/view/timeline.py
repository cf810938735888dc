"""The address space over time: who lived when, and what happened where.

Every event is in the picture. Up to EACH of them have a mark of their own; with
more, what falls into one cell becomes one mark, whose data-n says how many, and
cells grow until the marks are few enough for a browser.
"""

import collections

import axis
import picture
from picture import element, group, path, rect, text

EACH = 600
MARKS_MAX = 3000
CELL_X, CELL_Y = 4.5, 7.0
ROWS_MAX = 24
LEFT, TOP, CHART = 168, 26, 430
ROW = 17
VERBS = ("mmap", "munmap", "mprotect", "madvise")


class Time:
    """Events along x; their numbers begin with 1."""

    def __init__(self, trace):
        self.events = max(len(trace.events), 1)
        self.room = picture.WIDTH - LEFT - 14
        self.single = self.events <= EACH
        self.cell = CELL_X

    def __call__(self, number):
        x = LEFT + (number - 0.5) * self.room / self.events
        if self.single:
            return x
        return LEFT + middle(x - LEFT, self.cell)


def middle(x, cell):
    """The middle of the cell that x falls into."""
    return (int(x / cell) + 0.5) * cell


def lives(trace):
    """{space: [first event, last, parent or None, events]}, in order."""
    found = {}

    def see(space, at):
        found.setdefault(space, [at, len(trace.events), None, 0])

    shots = collections.deque(trace.snapshots)
    for event in trace.events:
        while shots and shots[0].after < event.number:
            shot = shots.popleft()
            for space in shot.spaces:
                see(space, shot.after)
        if event.kind == "destroy" and event.space not in found:
            continue  # of a fork that failed
        see(event.space, event.number)
        found[event.space][3] += 1
        if event.kind == "fork" and event.detail:
            see(event.detail, event.number)
            found[event.detail][2] = event.space
        if event.kind == "destroy":
            found[event.space][1] = event.number
    for shot in shots:
        for space in shot.spaces:
            see(space, shot.after)
    return found


def family_order(found):
    """Children below their parent, oldest first."""
    children = collections.defaultdict(list)
    for space, life in found.items():
        children[life[2] if life[2] in found else None].append(space)
    order, left = [], list(reversed(children[None]))
    while left:
        space = left.pop()
        order.append(space)
        left += reversed(children[space])
    return order


def worth_a_row(order, found):
    """All, or some with many events and some from the whole time."""
    if len(order) <= ROWS_MAX:
        return order
    busy = sorted(order, key=lambda s: -found[s][3])[:ROWS_MAX // 3]
    rest = [space for space in order if space not in busy]
    some = {*busy, *picture.pick(rest, ROWS_MAX - len(busy))}
    return [space for space in order if space in some]


def draw_lives(trace, time, top):
    found, names = lives(trace), trace.names()
    order = family_order(found)
    shown = worth_a_row(order, found)
    row = {space: top + i * ROW for i, space in enumerate(shown)}
    parts = []
    for space in shown:
        first, last, parent, events = found[space]
        y, x0, x1 = row[space], time(max(first, 1)), time(max(last, 1))
        name = names.get(space, f"space {space}")
        hover = (f"{name} (space {space}): "
                 f"{picture.count(events, 'event')}, {first} to {last}")
        parts.append(text(LEFT - 8, y + 4, picture.shortened(name, 24),
                          "small", "end"))
        parts.append(rect(x0, y - 4, max(x1 - x0, 3), 8, "life", hover,
                          rx=3, data_space=space))
        if parent in row:
            parts.append(path(f"M{x0:.1f} {row[parent] + 4}V{y - 4}", "fork",
                              f"fork: {names.get(parent, parent)} -> {name}"))
            parts.append(element("circle", cx=x0, cy=float(y - 4), r=2,
                                 class_="knot"))
    height = len(shown) * ROW
    if len(order) > len(shown):
        parts.append(text(LEFT, top + height + 4,
                          f"and {len(order) - len(shown)} more spaces", "small dim"))
        height += ROW
    return group("".join(parts), data_view="lives", data_spaces=len(order),
                 data_shown=len(shown)), height


def draw_ground(scale, top):
    """The addresses: what is mapped, what is touched, what is folded up."""
    parts, last = [], -99.0
    for piece in scale.pieces:
        y = top + piece.at
        if piece.kind == "hole":
            parts.append(path(f"M{LEFT} {y + piece.size / 2:.1f}H"
                              f"{picture.WIDTH - 14}", "rule",
                              stroke_dasharray="1 5"))
            continue
        length = picture.size(piece.end - piece.start)
        parts.append(rect(LEFT, y, picture.WIDTH - 14 - LEFT, piece.size,
                          "soft", f"{piece.start:x}-{piece.end:x}, {length}, "
                          f"{piece.kind}",
                          opacity=1 if piece.kind == "touched" else 0.5))
        if y - last >= 11:
            parts.append(text(LEFT - 8, y + 9, f"{piece.start:x}",
                              "mono dim", "end"))
            last = y
    return "".join(parts)


def describe(trace, event, names):
    who = names.get(event.space, f"space {event.space}")
    where = f"{event.va:x}"
    if event.kind == "fault":
        what = f"{event.detail}: {event.access.replace('-', '')} at {where}"
    else:
        what = f"{event.kind} {where}+{event.len:x}: {event.result}"
    return f"event {event.number}, CPU {event.cpu}, {who}: {what}"


def fill_cells(faults, time, scale):
    """{(x, y, decision): events}"""
    cell_y = CELL_Y
    while True:
        cells = collections.defaultdict(list)
        for event in faults:
            y = scale(event.va)
            cells[time(event.number), y if time.single else middle(y, cell_y),
                  event.detail].append(event)
        if time.single or len(cells) <= MARKS_MAX:
            return cells
        time.cell *= 1.4
        cell_y *= 1.4


def draw_faults(trace, time, scale, top):
    names = trace.names()
    cells = fill_cells(trace.faults(), time, scale)
    busiest = max(map(len, cells.values()), default=1)
    beside = collections.defaultdict(list)
    for x, y, decision in cells:
        beside[x, y].append(decision)
    marks = []
    for (x, y, decision), events in sorted(
            cells.items(), key=lambda item: -len(item[1])):
        n = len(events)
        if n == 1:
            hover = describe(trace, events[0], names)
        else:
            hover = (f"{n} x {decision}, events {events[0].number} to "
                     f"{events[-1].number}, from {events[0].va:x}")
        grow = 0.75 + 0.75 * n / busiest if not time.single else 1
        spaces = " ".join(str(s) for s in sorted({e.space for e in events}))
        others = beside[x, y]
        x += (others.index(decision) - (len(others) - 1) / 2) * 2.5
        place = f"translate({x:.1f} {top + y:.1f})" + (
            f" scale({grow:.2f})" if grow != 1 else "")
        marks.append(path(picture.MARKS[decision], "f-" + decision, hover,
                          transform=place, data_n=n, data_d=decision,
                          data_s=spaces))
    return group("".join(marks), data_view="faults")


def draw_verbs(trace, time, scale, top):
    names, bars = trace.names(), {}
    for event in trace.events:
        if event.kind in VERBS:
            key = (event.kind, time(event.number), scale(event.va),
                   scale(event.va + event.len))
            bars.setdefault(key, []).append(event)
    parts = []
    for (kind, x, y0, y1), events in bars.items():
        hover = describe(trace, events[0], names) + (
            f" and {len(events) - 1} more" if len(events) > 1 else "")
        y1 = max(y1, y0 + 3)
        parts.append(path(
            f"M{x - 2.5:.1f} {top + y0:.1f}h5m-2.5 0V{top + y1:.1f}m-2.5 0h5",
            kind, hover, data_n=len(events), data_k=kind,
            data_s=" ".join(str(s) for s in sorted({e.space
                                                    for e in events}))))
    return group("".join(parts), data_view="verbs")


def draw_snapshots(trace, time, top, height):
    parts, last = [], 0.0
    for shot in picture.pick(trace.snapshots, 30):
        x = time(shot.after) + (time.room / time.events / 2 if time.single
                                else 0)
        x = max(x, LEFT)
        parts.append(path(f"M{x:.1f} {top}v{height:.1f}", "axis",
                          stroke_dasharray="1 3"))
        if x - last >= 16:
            parts.append(text(x, top - 5, shot.number, "small dim", "middle"))
            last = x
    return "".join(parts)


def draw_legend(trace, y):
    kinds = collections.Counter(event.detail for event in trace.faults())
    entries = [(path(picture.MARKS[d], "f-" + d), d) for d in picture.MARKS
               if kinds[d]]
    verbs = {event.kind for event in trace.events}
    entries += [(path("M-2.5-5h5m-2.5 0V5m-2.5 0h5", kind), kind)
                for kind in VERBS if kind in verbs]
    entries.append((path("M0-6V6", "axis", stroke_dasharray="1 3"),
                    "snapshot"))
    return picture.legend(entries, LEFT, y, picture.WIDTH - LEFT)


def draw(trace):
    """Markup and height."""
    time = Time(trace)
    scale = axis.of(trace, CHART)
    rows, height = draw_lives(trace, time, TOP - 12)
    top = TOP + height + 12
    marks, legend = draw_legend(trace, top + CHART + 36)
    faults = draw_faults(trace, time, scale, top)
    body = [rows, draw_ground(scale, top),
            draw_snapshots(trace, time, top, CHART),
            draw_verbs(trace, time, scale, top), faults,
            text(LEFT, top + CHART + 15, "event 1", "small dim"),
            text(picture.WIDTH - 14, top + CHART + 15,
                 f"{len(trace.events):,}", "small dim", "end"), marks]
    return "".join(body), top + CHART + 36 + legend
