"""Read a trace (docs/TRACE.md); anything else is a TraceError with its line."""

import re

VERSION = 1
DECISIONS = ("ZERO", "MAP", "FILL", "COPY", "REUSE", "OWN", "WIDEN",
             "SPURIOUS", "DENY")
PAGE = 4096


class TraceError(Exception):
    """What is wrong with the input, in one line."""


class Event:
    """One line of a verb or of a decision.

    kind: fault, mmap, munmap, mprotect, madvise, fork, destroy. detail: the
    decision, the advice, or the child's number. result: "OK" or an error.
    """

    def __init__(self, kind, number, cpu, space):
        self.kind, self.number, self.cpu, self.space = kind, number, cpu, space
        self.va = self.len = 0
        self.access = self.detail = None
        self.result = "OK"


class Area:
    def __init__(self, start, end, access, shared, obj, offset):
        self.start, self.end, self.access = start, end, access
        self.shared, self.object, self.offset = shared, obj, offset


class Table:
    def __init__(self, level, start, end, frame, references, used, owned):
        self.level, self.start, self.end, self.frame = level, start, end, frame
        self.references, self.used, self.owned = references, used, owned


class Page:
    def __init__(self, va, frame, access, flags, references, area):
        self.va, self.frame, self.access = va, frame, access
        self.flags, self.references, self.area = flags, references, area
        self.kind = self.classify()

    def classify(self):
        """What the page is to whoever looks; picture.PAGES has the words."""
        flags = self.flags
        if "v" in flags:
            return "device"
        if "k" in flags:
            return "kept"
        if "z" in flags:
            return "zero"
        if "s" in flags:
            return "dirty" if "d" in flags else "shared"
        if self.area.object and "d" not in flags:
            return "cache"
        if "c" in flags or "u" in flags or self.references > 1:
            return "cow"
        return "own"


class Space:
    """What a snapshot says of one space."""

    def __init__(self, number, name):
        self.number, self.name = number, name
        self.areas, self.tables, self.pages = [], [], []


class Snapshot:
    def __init__(self, number, label, after):
        self.number, self.label = number, label
        self.after = after  # events before it
        self.spaces = {}


class Trace:
    def __init__(self):
        self.format, self.levels, self.index_bits = "", 0, 0
        self.user_end = 0
        self.events, self.snapshots = [], []
        self.lost = 0
        self.cut = False

    def faults(self):
        return [event for event in self.events if event.kind == "fault"]

    def names(self):
        """The last name of each space that has one."""
        return {number: space.name for shot in self.snapshots
                for number, space in shot.spaces.items()}


HEX, NUMBER = "([0-9a-f]{1,16})", "([0-9]{1,20})"
ACCESS = "([r-][w-][x-])"
WORD, TEXT = r"([A-Z?][A-Z0-9?]*)", "(.*)"
EVENT = [NUMBER] * 3

# What follows the first word of a record; blanks between.
SHAPES = {word: re.compile(" ".join(parts)) for word, parts in {
    "machine": [r"(\S+)", NUMBER, NUMBER, HEX],
    "fault": [*EVENT, HEX, ACCESS, WORD],
    "mmap": [*EVENT, HEX, HEX, WORD],
    "munmap": [*EVENT, HEX, HEX, WORD],
    "mprotect": [*EVENT, HEX, HEX, ACCESS, WORD],
    "madvise": [*EVENT, HEX, HEX, NUMBER, WORD],
    "fork": [*EVENT, NUMBER, WORD],
    "destroy": EVENT,
    "lost": [NUMBER],
    "snapshot": [NUMBER, TEXT],
    "space": [NUMBER, TEXT],
    "table": [NUMBER, HEX, HEX, HEX, NUMBER, NUMBER, "(owned|unowned)"],
    "area": [HEX, HEX, ACCESS, "(private|shared)", HEX, HEX],
    "pages": [HEX, ACCESS, "([kcsdazvu]+|-)",
              r"([0-9a-f]+(?:\*[0-9]+)?(?: [0-9a-f]+(?:\*[0-9]+)?)*)"],
    "end": [NUMBER],
    "done": [NUMBER, NUMBER],
}.items()}
EVENTS = ("fault", "mmap", "munmap", "mprotect", "madvise", "fork", "destroy")
INSIDE = ("space", "table", "area", "pages")


def hexa(text):
    return int(text, 16)


class Reader:
    """One pass over the lines; `take_WORD` for each kind of record."""

    def __init__(self):
        self.trace = Trace()
        self.machine = self.done = False
        self.shot = self.space = None

    def fail(self, why):
        raise TraceError(why)

    def take(self, line):
        word, _, rest = line.partition(" ")
        if self.done:
            self.fail("something follows the record 'done'")
        if word not in SHAPES:
            self.fail(f"unknown record '{word[:20]}'")
        match = SHAPES[word].fullmatch(rest)
        if not match:
            self.fail(f"malformed record '{word}'")
        if not self.machine and word != "machine":
            self.fail("no record 'machine' before this one")
        if (word in INSIDE or word == "end") != (self.shot is not None):
            self.fail(f"record '{word}' " + ("inside" if self.shot
                                             else "outside") + " a snapshot")
        if word in EVENTS:
            self.take_event(word, match.groups())
        else:
            getattr(self, "take_" + word)(*match.groups())

    def take_machine(self, name, levels, bits, end):
        if self.machine:
            self.fail("a second record 'machine'")
        self.machine = True
        trace = self.trace
        trace.format, trace.levels = name, int(levels)
        trace.index_bits, trace.user_end = int(bits), hexa(end)
        if not 2 <= trace.levels <= 5 or not 2 <= trace.index_bits <= 9:
            self.fail("no machine has tables like these")

    def take_event(self, word, parts):
        event = Event(word, *map(int, parts[:3]))
        rest = list(parts[3:])
        if event.number != len(self.trace.events) + 1:
            self.fail(f"event {event.number} follows event "
                      f"{len(self.trace.events)}: lines are missing")
        if word == "fork":
            event.detail = int(rest.pop(0))
        elif word != "destroy":
            event.va = hexa(rest.pop(0))
            event.len = 1 if word == "fault" else hexa(rest.pop(0))
        if word in ("fault", "mprotect"):
            event.access = rest.pop(0)
        if word == "fault":
            event.detail = rest.pop(0)
            if event.detail not in DECISIONS:
                self.fail(f"unknown decision '{event.detail}'")
        if word == "madvise":
            event.detail = int(rest.pop(0))
        if rest:
            event.result = rest.pop(0)
        self.trace.events.append(event)

    def take_lost(self, count):
        self.trace.lost += int(count)

    def take_snapshot(self, number, label):
        if int(number) != len(self.trace.snapshots) + 1:
            self.fail(f"snapshot {number} follows snapshot "
                      f"{len(self.trace.snapshots)}")
        self.shot = Snapshot(int(number), label, len(self.trace.events))
        self.space = None

    def take_space(self, number, name):
        self.space = Space(int(number), name)
        if self.space.number in self.shot.spaces:
            self.fail(f"space {number} is twice in a snapshot")
        self.shot.spaces[self.space.number] = self.space

    def in_space(self):
        if not self.space:
            self.fail("no space before this record")
        return self.space

    def take_table(self, level, start, end, frame, references, used, owned):
        if int(level) >= self.trace.levels:
            self.fail(f"no table is of level {level}")
        self.in_space().tables.append(Table(
            int(level), hexa(start), hexa(end), hexa(frame), int(references),
            int(used), owned == "owned"))

    def take_area(self, start, end, access, sharing, obj, offset):
        if hexa(start) >= hexa(end):
            self.fail("an area without a page")
        self.in_space().areas.append(Area(
            hexa(start), hexa(end), access, sharing == "shared", hexa(obj),
            hexa(offset)))

    def take_pages(self, start, access, flags, frames):
        if not self.in_space().areas:
            self.fail("no area before this record")
        va, area = hexa(start), self.space.areas[-1]
        for word in frames.split(" "):
            frame, _, references = word.partition("*")
            if not area.start <= va < area.end:
                self.fail("a page outside its area")
            self.space.pages.append(Page(va, hexa(frame), access, flags,
                                         int(references or 1), area))
            va += PAGE

    def take_end(self, number):
        if int(number) != self.shot.number:
            self.fail(f"snapshot {self.shot.number} ends as {number}")
        self.shot.spaces = dict(sorted(self.shot.spaces.items()))
        self.trace.snapshots.append(self.shot)
        self.shot = None

    def take_done(self, events, lost):
        if (int(events), int(lost)) != (len(self.trace.events),
                                        self.trace.lost):
            self.fail(f"{events} events and {lost} lost were written, not "
                      f"{len(self.trace.events)} and {self.trace.lost}")
        self.done = True


def check_head(line):
    match = re.fullmatch(r"lazypager-trace (\S+)", line)
    if not match:
        raise TraceError("not a trace: it does not begin with "
                         "'lazypager-trace'")
    if match.group(1) != str(VERSION):
        raise TraceError(f"a trace of version {match.group(1)[:20]}; this "
                         f"program reads version {VERSION}")


def parse(data, cut=False):
    """bytes -> Trace. cut: the end may be missing; an open snapshot goes."""
    if not data:
        raise TraceError("not a trace: it is empty")
    lines = data.decode("ascii", errors="replace").split("\n")
    check_head(lines[0])
    partial = lines.pop()  # what follows the last newline
    reader = Reader()
    for number, line in enumerate(lines[1:], 2):
        try:
            reader.take(line)
        except TraceError as error:
            raise TraceError(f"line {number}: {error}") from error
    if partial or not reader.done:
        if not cut:
            raise TraceError("the trace is cut: its last record is not 'done'"
                             " (--cut shows what there is)")
        reader.trace.cut = True
    if not reader.machine:
        raise TraceError("the trace is cut before its record 'machine'")
    return reader.trace
