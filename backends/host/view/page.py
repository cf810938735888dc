"""The whole: one HTML page that needs nothing else, or one SVG."""

import collections
import html

import family
import faults
import picture
import residency
import timeline
from picture import count, element, group, rect, text

SNAPSHOTS_MAX = 24
VIEWS = ("time", "share", "pages", "kinds")

HEAD = """body{margin:0 auto;max-width:1120px;padding:20px;background:var(--back);
color:var(--ink);font:15px/1.5 system-ui,"Segoe UI","DejaVu Sans",sans-serif}
h1{font-size:1.5em;margin:.2em 0}h2{font-size:1.15em;margin:2em 0 .4em}
p{margin:.3em 0;max-width:52em}.dim{color:var(--dim)}
figure{margin:0;overflow-x:auto}figure svg{display:block;min-width:820px}
.cards{display:flex;flex-wrap:wrap;gap:10px;margin:14px 0}
.cards div{background:var(--soft);border-radius:6px;padding:8px 14px}
.cards b{display:block;font-size:1.25em;font-variant-numeric:tabular-nums}
.cards span{color:var(--dim);font-size:.85em}
.warn{border-left:4px solid var(--deny);padding:4px 12px}
.pick{display:none}.js .pick{display:flex;gap:10px;align-items:center;
margin:8px 0;flex-wrap:wrap}.pick input{flex:1;min-width:200px}
button,select{font:inherit;color:inherit;background:var(--soft);
border:1px solid var(--line);border-radius:5px;padding:3px 12px}
.js .shot{display:none}.js .shot.on{display:block}
h3{font-size:1em;margin:1.2em 0 .6em}.faint{opacity:.08}
"""

# What moves: which snapshot is shown, whose events stand out.
SCRIPT = """
document.documentElement.classList.add("js");
const shots=[...document.querySelectorAll(".shot")];
const range=document.getElementById("at");
function show(i){
  if(!shots.length)return;
  i=Math.max(0,Math.min(shots.length-1,i));
  shots.forEach((s,n)=>s.classList.toggle("on",n===i));
  range.value=i;
}
if(range){
  range.oninput=()=>show(+range.value);
  document.getElementById("back").onclick=()=>show(+range.value-1);
  document.getElementById("on").onclick=()=>show(+range.value+1);
  show(+range.value);
}
const who=document.getElementById("who");
if(who)who.onchange=()=>document.querySelectorAll("[data-s]").forEach(e=>
  e.classList.toggle("faint",who.value!==""&&
    !e.dataset.s.split(" ").includes(who.value)));
"""


def figure(drawn, label):
    markup, height = drawn
    return "<figure>" + element(
        "svg", picture.title(label) + markup,
        xmlns="http://www.w3.org/2000/svg", role="img",
        viewBox=f"0 0 {picture.WIDTH} {height:.0f}") + "</figure>"


def telling(trace, wanted=None):
    """The snapshots to show: those wanted, or as many as fit."""
    if wanted:
        return [trace.snapshots[n - 1] for n in wanted]
    return picture.pick(trace.snapshots, SNAPSHOTS_MAX)


def sharing(shot):
    """How many frames several spaces of the snapshot have."""
    seen = collections.Counter(
        frame for space in shot.spaces.values()
        for frame in {page.frame for page in space.pages})
    return sum(1 for n in seen.values() if n > 1)


def before_and_after(trace):
    """Numbers of the snapshots around the moment when the most comes to be
    shared; of the only one."""
    shots = trace.snapshots
    if len(shots) < 2:
        return [shot.number for shot in shots]
    gain = [sharing(b) - sharing(a) for a, b in zip(shots, shots[1:])]
    at = gain.index(max(gain))
    return [at + 1, at + 2] + [at + 3] * (at + 2 < len(shots))


def summary(trace):
    spaces = len(timeline.lives(trace))
    tables = {t.frame for s in trace.snapshots[-1:]
              for space in s.spaces.values() for t in space.tables}
    forks = sum(e.kind == "fork" and e.result == "OK" for e in trace.events)
    found = [(trace.format, f"{trace.levels} levels of tables"),
             (f"{spaces:,}", "spaces"), (f"{forks:,}", "forks"),
             (f"{len(trace.events):,}", "events"),
             (f"{len(trace.faults()):,}", "decisions on faults"),
             (f"{len(trace.snapshots):,}", "snapshots"),
             (f"{len(tables):,}", "tables at the end")]
    return found


def warnings(trace):
    found = []
    if trace.lost:
        found.append(f"{count(trace.lost, 'event')} found no room and "
                     "cannot be shown.")
    if trace.cut:
        found.append("The trace is cut: what came last is missing.")
    return found


INTRO = {
    "time": "From left to right the events, in order; from top to bottom the "
    "addresses of all spaces on one axis, where only what was touched has much "
    "room. Above, who lived when: a line down is a fork.",
    "pages": "How many pages each space had present at each snapshot, by what "
    "they were, and last how many frames hold them all: what is shared counts "
    "once.",
    "share": "The pages of each space, and below the trees of their page "
    "tables: a table or frame that several spaces share is one box. No write "
    "goes through a dashed line.",
    "kinds": "What the fault path decided. One fault may take several "
    "decisions.",
}


def choose(trace, shots):
    first = before_and_after(trace)
    at = next((i for i, shot in enumerate(shots)
               if first and shot.number >= first[min(1, len(first) - 1)]), 0)
    return at


def controls(trace, shots):
    at = choose(trace, shots)
    return ('<div class="pick"><button id="back" aria-label="back">&lt;'
            '</button><input id="at" type="range" min="0" '
            f'max="{max(len(shots) - 1, 0)}" value="{at}" '
            'aria-label="snapshot"/><button id="on" aria-label="on">&gt;'
            "</button></div>")


def whose(trace):
    names = trace.names()
    spaces = sorted({event.space for event in trace.events})
    options = "".join(
        f'<option value="{s}">{html.escape(names.get(s, f"space {s}"))}'
        "</option>" for s in spaces[:200])
    return ('<div class="pick"><label>events of <select id="who">'
            f'<option value="">all spaces</option>{options}</select></label>'
            "</div>")


def as_html(trace, name, wanted=None, which=VIEWS):
    shots = telling(trace, wanted)
    parts = [f"<h1>{html.escape(name)}</h1>", '<div class="cards">']
    parts += [f"<div><b>{html.escape(value)}</b><span>{html.escape(words)}"
              "</span></div>" for value, words in summary(trace)]
    parts.append("</div>")
    parts += [f'<p class="warn">{html.escape(w)}</p>' for w in warnings(trace)]

    def section(key, heading, body):
        parts.append(f'<section id="{key}"><h2>{heading}</h2>'
                     f'<p class="dim">{INTRO[key]}</p>{body}</section>')

    if trace.events and "time" in which:
        section("time", "The address space over time", whose(trace) + figure(
            timeline.draw(trace), "events by address"))
    if shots and "share" in which:
        section("share", "Who shares what", controls(trace, shots) + "".join(
            f'<div class="shot"><h3>Snapshot {shot.number} of '
            f"{len(trace.snapshots)}, after event {shot.after}: "
            f"{html.escape(shot.label)}</h3>" +
            figure(family.draw(trace, shot), shot.label) + "</div>"
            for shot in shots))
    if shots and "pages" in which:
        section("pages", "Residency", figure(
            residency.draw(trace), "pages present, by snapshot"))
    if trace.faults() and "kinds" in which:
        section("kinds", "Faults by kind", figure(
            faults.draw(trace), "decisions, by kind"))
    return ("<!DOCTYPE html>\n" '<html lang="en"><head><meta charset="utf-8"/>'
            '<meta name="viewport" content="width=device-width"/>'
            f"<title>{html.escape(name)}</title>"
            f"<style>{picture.STYLE}{HEAD}</style></head>\n<body>\n" +
            "\n".join(parts) +
            f"\n<script>//<![CDATA[{SCRIPT}//]]></script>\n</body></html>\n")


def svg_views(trace, wanted, which):
    """[(heading, (markup, height))]"""
    drawn = []
    if trace.events and "time" in which:
        drawn.append(("The address space over time", timeline.draw(trace)))
    if "share" in which:
        drawn += [(f"Snapshot {shot.number}: {shot.label}",
                   family.draw(trace, shot)) for shot in
                  telling(trace, wanted or before_and_after(trace))]
    if trace.snapshots and "pages" in which:
        drawn.append(("Residency", residency.draw(trace)))
    if trace.faults() and "kinds" in which:
        drawn.append(("Faults by kind", faults.draw(trace)))
    return drawn


def as_svg(trace, name, wanted=None, which=VIEWS):
    drawn = svg_views(trace, wanted, which)
    facts = " - ".join(f"{value} {words}" for value, words in summary(trace))
    parts = [text(0, 20, name, "h"), text(0, 40, facts, "dim")]
    y = 56
    for warning in warnings(trace):
        parts.append(text(0, y + 4, warning, "bold"))
        y += 20
    for heading, (markup, height) in drawn:
        parts.append(text(0, y + 24, picture.shortened(heading, 140), "bold"))
        parts.append(group(markup, 0, y + 40))
        y += height + 62
    width, height = picture.WIDTH + 40, y + 20
    ground = rect(0, 0, width, height, "back")
    return element(
        "svg", picture.title(name) + f"<style>{picture.STYLE}</style>" +
        ground + group("".join(parts), 20, 16),
        xmlns="http://www.w3.org/2000/svg", width=float(width),
        height=float(height), viewBox=f"0 0 {width} {height:.0f}") + "\n"
