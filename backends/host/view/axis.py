"""The address axis: what is used gets room, what is not is folded up."""

import bisect
import math

from reader import PAGE

PIECES_MAX = 40


class Piece:
    """Addresses [start, end) drawn at [at, at + size)."""

    def __init__(self, start, end, kind):
        self.start, self.end, self.kind = start, end, kind
        self.at = self.size = 0.0

    def weight(self):
        pages = (self.end - self.start) // PAGE
        if self.kind == "touched":
            return 10 + 7 * math.log2(1 + pages)
        return {"mapped": 6 + 1.5 * math.log2(1 + pages), "hole": 7}[self.kind]


def merge(ranges, gap):
    """Sorted, disjoint ranges; those closer than gap become one."""
    merged = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1] + gap:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged


class Axis:
    """Maps addresses to [0, size): areas and the pages touched in them.

    Pieces alternate between what was touched, what was only mapped, and holes;
    inside a piece the scale is linear. When there would be too many pieces, what
    lies close together is joined.
    """

    def __init__(self, mapped, touched, size):
        gap = 8 * PAGE
        while True:
            self.pieces = self.cut(merge(mapped, 0), merge(touched, gap), gap)
            if len(self.pieces) <= PIECES_MAX:
                break
            gap *= 4
        self.size = size
        total = sum(piece.weight() for piece in self.pieces) or 1
        at = 0.0
        for piece in self.pieces:
            piece.at, piece.size = at, piece.weight() * size / total
            at += piece.size
        self.starts = [piece.start for piece in self.pieces]

    @staticmethod
    def cut(mapped, touched, gap):
        pieces, last, i = [], None, 0
        for start, end in merge(mapped + touched, gap):
            if last is not None:
                pieces.append(Piece(last, start, "hole"))
            at = start
            while i < len(touched) and touched[i][0] < end:
                low, high = touched[i]
                if low > at:
                    pieces.append(Piece(at, low, "mapped"))
                pieces.append(Piece(low, high, "touched"))
                at = high
                i += 1
            if at < end:
                pieces.append(Piece(at, end, "mapped"))
            last = end
        return pieces

    def __call__(self, va):
        """Where this address is; outside: at the nearest end."""
        i = bisect.bisect_right(self.starts, va) - 1
        if i < 0:
            return 0.0
        piece = self.pieces[i]
        part = (va - piece.start) / (piece.end - piece.start)
        return piece.at + piece.size * min(part, 1.0)


def whole_pages(start, end):
    return start // PAGE * PAGE, -(-end // PAGE) * PAGE


def of(trace, size):
    """The axis for all snapshots and events."""
    mapped, touched = [], []
    for event in trace.events:
        if event.kind == "fault" and event.detail != "DENY":
            touched.append(whole_pages(event.va, event.va + 1))
        elif event.kind == "mmap" and event.result == "OK" and event.len:
            mapped.append(whole_pages(event.va, event.va + event.len))
    for shot in trace.snapshots:
        for space in shot.spaces.values():
            mapped += [(area.start, area.end) for area in space.areas]
            touched += [(page.va, page.va + PAGE) for page in space.pages]
    return Axis(mapped, touched, size)


def of_snapshot(shot, size):
    """The axis for the spaces of one snapshot."""
    spaces = shot.spaces.values()
    return Axis([(area.start, area.end) for space in spaces
                 for area in space.areas],
                [(page.va, page.va + PAGE) for space in spaces
                 for page in space.pages], size)
