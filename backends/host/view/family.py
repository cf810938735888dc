"""One snapshot: the pages of each space, and who shares which table and frame.

The tree of tables runs from left to right: roots, tables level by level, frames.
Tables are drawn one by one, or, when there are many, as one node for all of a
level that the same spaces share. Frames always are: one node for all of a kind
that the same spaces have.
"""

import collections

import axis
import picture
from picture import group, path, rect, text

SINGLE_MAX = 40     # tables drawn one by one
NODES_MAX = 26      # of frames
MAP_ROW, MAP_LEFT = 22, 168
NODE, GAP = 34, 9


# --- the pages of each space ---

def draw_map(shot, scale):
    """A row for each space; a cell holds the pages that fall into it."""
    parts, y = [], 0
    for space in shot.spaces.values():
        parts.append(text(MAP_LEFT - 8, y + 13,
                          picture.shortened(space.name, 24), "small", "end"))
        for area in space.areas:
            x0, x1 = scale(area.start), scale(area.end)
            sharing = "shared" if area.shared else "private"
            parts.append(rect(
                MAP_LEFT + x0, y + 2, max(x1 - x0, 1), MAP_ROW - 6, "soft",
                f"{area.start:x}-{area.end:x} {area.access} {sharing}, "
                f"{picture.size(area.end - area.start)}"))
        parts += cells(space, scale, y)
        y += MAP_ROW
    return group("".join(parts), data_view="pages"), y


def cells(space, scale, y):
    found = collections.defaultdict(list)
    for page in space.pages:
        x0, x1 = scale(page.va), scale(page.va + 4096)
        if x1 - x0 < 3:
            x0 = int(x0 / 3) * 3.0
            x1 = x0 + 3
        found[x0, x1].append(page)
    for (x0, x1), pages in found.items():
        kind = collections.Counter(
            page.kind for page in pages).most_common(1)[0][0]
        page = pages[0]
        if len(pages) == 1:
            hover = (f"{space.name}, {page.va:x}: {page.access}, "
                     f"{picture.PAGES[page.kind]}; frame {page.frame:x}, "
                     f"{picture.count(page.references, 'reference')}")
        else:
            hover = (f"{space.name}, from {page.va:x}: {len(pages)} pages, "
                     f"most {picture.PAGES[kind]}")
        yield rect(MAP_LEFT + x0, y + 2, max(x1 - x0 - 0.6, 0.8), MAP_ROW - 6,
                   "p-" + kind, hover, data_n=len(pages))


def draw_map_axis(scale, y):
    parts, last = [], -99.0
    for piece in scale.pieces:
        if piece.kind != "hole" and piece.at - last >= 84:
            parts.append(text(MAP_LEFT + piece.at, y + 10, f"{piece.start:x}",
                              "mono dim"))
            last = piece.at
    return "".join(parts)


# --- tables and frames ---

class Node:
    def __init__(self, column, sharers):
        self.column, self.sharers = column, sharers
        self.tables, self.frames = {}, set()
        self.kind = None
        self.unowned = False
        self.parents = []
        self.x = self.y = 0.0
        self.height = NODE

    def count(self):
        return len(self.frames or self.tables)


class Tree:
    """Nodes by column, and links {(node, node): [count, unowned]}."""

    def __init__(self, trace, shot):
        self.levels, self.bits = trace.levels, trace.index_bits
        self.shot = shot
        self.sharers = collections.defaultdict(set)
        self.tables = {}
        self.nodes, self.links = {}, {}
        self.map_tables()
        self.map_frames()

    def map_tables(self):
        for space in self.shot.spaces.values():
            for table in space.tables:
                self.sharers[table.frame].add(space.number)
                self.tables.setdefault(table.frame, table)
        self.single = len(self.tables) <= SINGLE_MAX
        entries = {}
        for space in self.shot.spaces.values():
            above = {}
            for table in sorted(space.tables, key=lambda t: -t.level):
                node = self.table_node(table)
                node.unowned |= not table.owned
                above[table.level,
                      table.start // self.span(table.level)] = table
                start = table.start // self.span(table.level + 1)
                parent = above.get((table.level + 1, start))
                if parent:
                    entries[parent.frame, table.frame] = (
                        self.table_node(parent), node, not table.owned)
        for parent, node, unowned in entries.values():
            self.link(parent, node, 1, unowned)

    def span(self, level):
        """Bytes that a table of this level maps."""
        return axis.PAGE << self.bits * (level + 1)

    def table_node(self, table):
        sharers = frozenset(self.sharers[table.frame])
        top = table.level == self.levels - 1
        key = (table.level, table.frame if self.single or top else sharers)
        node = self.nodes.get(key)
        if not node:
            node = self.nodes[key] = Node(self.levels - 1 - table.level,
                                          sharers)
        node.tables[table.frame] = table
        return node

    def map_frames(self):
        have, kinds = collections.defaultdict(set), {}
        held = {}
        for space in self.shot.spaces.values():
            leaves = {t.start // self.span(0): t for t in space.tables
                      if t.level == 0}
            for page in space.pages:
                have[page.frame].add(space.number)
                kinds.setdefault(page.frame, page.kind)
                leaf = leaves.get(page.va // self.span(0))
                if leaf:
                    held[leaf.frame, page.va] = page
        keys = {frame: (kinds[frame], frozenset(have[frame]))
                for frame in have}
        if len(set(keys.values())) > NODES_MAX:
            keys = {frame: (kind, len(sharers))
                    for frame, (kind, sharers) in keys.items()}
        for frame, key in keys.items():
            node = self.nodes.get(key)
            if not node:
                node = self.nodes[key] = Node(self.levels, set())
                node.kind = key[0]
            node.frames.add(frame)
            node.sharers = node.sharers | have[frame]
            node.each = key[1] if isinstance(key[1], int) else len(key[1])
        for (leaf, _), page in held.items():
            self.link(self.table_node(self.tables[leaf]),
                      self.nodes[keys[page.frame]], 1, "c" in page.flags)

    def link(self, parent, node, n, unowned):
        entry = self.links.setdefault((parent, node), [0, False])
        entry[0] += n
        entry[1] |= unowned
        if parent not in node.parents:
            node.parents.append(parent)

    def place(self):
        """Columns from left to right; in a column by the middle of the parents.
        Returns the height."""
        columns = [[] for _ in range(self.levels + 1)]
        for node in self.nodes.values():
            columns[node.column].append(node)
            if node.kind:
                node.height = 28 + min(24, 4 * node.count() ** 0.5)
        tallest = max(sum(n.height + GAP for n in c) for c in columns)
        step = (picture.WIDTH - 14 - 148) / self.levels
        for column, nodes in enumerate(columns):
            if column:
                nodes.sort(key=lambda n: (
                    sum(p.y + p.height / 2 for p in n.parents) /
                    max(len(n.parents), 1),
                    min((t.start for t in n.tables.values()), default=0)))
            total = sum(node.height for node in nodes)
            gap = min((tallest - total) / max(len(nodes), 1), 5 * GAP)
            y = (tallest - total - gap * (len(nodes) - 1)) / 2
            for node in nodes:
                node.x, node.y = column * step, y
                y += node.height + gap
        return tallest


def words(node, shot):
    names = [shot.spaces[s].name for s in sorted(node.sharers)]
    who = ", ".join(names)
    if node.kind:
        n = node.count()
        first = f"{n:,} " + ("frame" if n == 1 else "frames")
        shared = node.each > 1
        second = f"of {node.each} spaces" if shared else names[0]
        hover = (f"{picture.count(n, 'frame')}, {picture.PAGES[node.kind]}: "
                 f"{who}")
        return first, second, hover
    table = next(iter(node.tables.values()))
    used = sum(t.used for t in node.tables.values())
    if len(node.tables) > 1:
        first = f"{len(node.tables)} tables"
        second = f"{used:,} used" + (
            f", {len(names)} spaces" if len(names) > 1 else "")
        where = f"{len(node.tables)} tables of level {table.level}"
    elif node.column == 0:
        first, second = names[0], f"root, {used} used"
        where = f"root table in frame {table.frame:x}"
    else:
        first = f"{table.start:x}"
        second = f"{used} used" + (
            f", {len(names)} spaces" if len(names) > 1 else "")
        where = (f"table of level {table.level}, {table.start:x}-"
                 f"{table.end:x}, frame {table.frame:x}, "
                 f"{picture.count(table.references, 'reference')}")
    owned = "; not owned: no write goes through" if node.unowned else ""
    return first, second, f"{where}, {used:,} entries used: {who}{owned}"


def draw_node(node, shot):
    first, second, hover = words(node, shot)
    wide = 142
    if node.kind:
        box = rect(node.x, node.y, 8, node.height, "p-" + node.kind)
        box += rect(node.x + 8, node.y, wide - 8, node.height,
                    "many" if node.each > 1 and node.kind != "zero"
                    else "node", stroke_width=0.8)
    else:
        box = rect(node.x, node.y, wide, node.height,
                   "many" if len(node.sharers) > 1 else "node", rx=4)
    y = node.y + node.height / 2
    return group(
        picture.title(hover) + box +
        text(node.x + 14, y - 2, picture.shortened(first, 20), "small bold") +
        text(node.x + 14, y + 11, picture.shortened(second, 20),
             "small dim"),
        **({"data_frames": node.count()} if node.kind else
           {"data_tables": node.count()}), data_sharers=len(node.sharers))


def draw_links(tree):
    parts = []
    for (parent, node), (n, unowned) in tree.links.items():
        x0, x1 = parent.x + 142, node.x
        y0, y1 = parent.y + parent.height / 2, node.y + node.height / 2
        middle = (x0 + x1) / 2
        what = (picture.count(n, "page") if node.kind
                else picture.count(n, "entry").replace("entrys", "entries"))
        parts.append(path(
            f"M{x0:.1f} {y0:.1f}C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} "
            f"{x1:.1f} {y1:.1f}", "edge" + (" wary" if unowned else ""),
            what + ("; no write goes through" if unowned else ""),
            stroke_width=1.3 + min(n, 400) ** 0.5 / 4, data_n=n))
    return "".join(parts)


def heads(tree, y):
    step = (picture.WIDTH - 14 - 148) / tree.levels
    top = tree.levels - 1
    parts = [text(0, y, "spaces and their roots", "small dim")]
    for column in range(1, tree.levels):
        level = top - column
        words_ = "leaf tables" if level == 0 else f"tables, level {level}"
        parts.append(text(column * step, y, words_, "small dim"))
    parts.append(text(tree.levels * step, y, "frames", "small dim"))
    return "".join(parts)


def draw(trace, shot):
    """Markup and height of one snapshot."""
    scale = axis.of_snapshot(shot, picture.WIDTH - MAP_LEFT - 14)
    pages, y = draw_map(shot, scale)
    parts = [pages, draw_map_axis(scale, y)]
    y += 36
    tree = Tree(trace, shot)
    height = tree.place()
    parts.append(heads(tree, y))
    body = draw_links(tree) + "".join(
        draw_node(node, shot) for node in tree.nodes.values())
    parts.append(group(body, 0, y + 12, data_view="tree",
                       data_shot=shot.number))
    y += height + 30
    kinds = {page.kind for s in shot.spaces.values() for page in s.pages}
    marks, legend = picture.pages_legend(kinds, y)
    y += legend
    entries = [(rect(-6, -5, 12, 10, "many", rx=2), "shared by several spaces"),
               (rect(-6, -5, 12, 10, "node", rx=2), "of one space alone"),
               (path("M-7 0H7", "edge"), "owned"),
               (path("M-7 0H7", "edge wary"),
                "not owned: before a write the lower end is copied, or "
                "regained by its last sharer")]
    ways, more = picture.legend(entries, 0, y + 4, picture.WIDTH)
    return "".join(parts) + marks + ways, y + 4 + more
