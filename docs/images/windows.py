#!/usr/bin/env python3
"""Draws docs/images/windows.svg: the worked example of docs/windows.md. Needs Python alone.

`windows.py` writes it, `windows.py --check` ends with 1 if the file is another one. The times are those of the test
"the worked example of docs/windows.md" in config/detections.
"""

import pathlib
import sys

FILE = pathlib.Path(__file__).with_suffix(".svg")
WIDTH, HEIGHT = 880, 412
LEFT, RIGHT = 96, 856
FROM, TO = 10 * 60 - 5, 12 * 60 + 5

STYLE = """
text { font: 14px system-ui, 'Segoe UI', sans-serif; fill: #1f2328 }
.small { font-size: 12px; fill: #59636e }
.strong { font-weight: 600 }
.line { stroke: #59636e; stroke-width: 1; fill: none }
.path { stroke: #8c959f; stroke-width: 1.2; stroke-dasharray: 3 3 }
.window { fill: #b6d4fe } .grace { fill: #dcebff } .bucket { fill: #f6d9a8 }
.event { fill: #0550ae } .late { fill: #9a5b00 } .copy { fill: none; stroke: #0550ae; stroke-width: 1.6 }
.close { stroke: #cf222e; stroke-width: 1.6 }
.told { fill: #116329 }
.paper { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9ea7b3 } .line { stroke: #9ea7b3 } .path { stroke: #6e7681 }
  .window { fill: #1b4b91 } .grace { fill: #16294a } .bucket { fill: #5c3d06 }
  .event { fill: #79c0ff } .late { fill: #f0b656 } .copy { stroke: #79c0ff }
  .close { stroke: #ff7b72 } .told { fill: #56d364 } .paper { fill: #0d1117 }
}"""

# Name, event time, arrival, kind.
EVENTS = [
    ("a", 10 * 60 + 5, 10 * 60 + 7, "event"),
    ("b", 10 * 60 + 40, 10 * 60 + 43, "event"),
    ("b again", 10 * 60 + 40, 10 * 60 + 50, "copy"),
    ("c", 10 * 60 + 58, 11 * 60 + 12, "event"),
    ("d", 10 * 60 + 30, 11 * 60 + 15, "late"),
    ("e", 10 * 60 + 50, 11 * 60 + 40, "late"),
]
HAPPENED, ARRIVED, TOLD = 92, 220, 336


def x(minute):
    return round(LEFT + (minute - FROM) * (RIGHT - LEFT) / (TO - FROM), 1)


def text(at, y, words, kind="", anchor="middle"):
    return f'<text x="{at}" y="{y}" class="{kind}" text-anchor="{anchor}">{words}</text>'


def rect(begin, end, y, height, kind):
    return f'<rect x="{x(begin)}" y="{y}" width="{round(x(end) - x(begin), 1)}" height="{height}" class="{kind}"/>'


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{kind}"/>'


def axis(y, words):
    out = [line(LEFT, y, RIGHT, y, "line"), text(LEFT - 10, y + 5, words, "strong", "end")]
    for minute in range(10 * 60, 12 * 60 + 1, 15):
        out.append(line(x(minute), y, x(minute), y + 5, "line"))
        if minute % 30 == 0:
            out.append(text(x(minute), y + 19, f"{minute // 60}:{minute % 60:02}", "small"))
    return out


def told(minute, y, stage, words, anchor):
    at = x(minute)
    side = 10 if anchor == "start" else -10
    shape = f'<path d="M{at} {y - 6} l6 6 l-6 6 l-6 -6 z" class="told"/>'
    return [shape, text(at + side, y + 1, stage, "strong", anchor), text(at + side, y + 17, words, "small", anchor)]


def picture():
    end, close, bucket = 11 * 60, 11 * 60 + 15, 12 * 60
    out = [f'<rect width="{WIDTH}" height="{HEIGHT}" class="paper"/>']
    out += [rect(10 * 60, end, HAPPENED - 30, 30, "window"), text(x(10 * 60 + 30), HAPPENED - 38, "window 10:00 to 11:00", "strong")]
    out += [rect(10 * 60, end, ARRIVED - 26, 26, "window"), rect(end, close, ARRIVED - 26, 26, "grace")]
    out += [rect(close, bucket, ARRIVED - 26, 26, "bucket")]
    out += [text(x(11 * 60 + 7.5), ARRIVED + 38, "grace", "strong")]
    out += [text(x(10 * 60 + 30), ARRIVED + 38, "on time", "strong"), text(x(11 * 60 + 37.5), ARRIVED + 38, "late: bucket 11:00 to 12:00", "strong")]
    for name, happened, arrived, kind in EVENTS:
        top, bottom = HAPPENED - 15, ARRIVED - 13
        out.append(line(x(happened), top + 5, x(arrived), bottom - 5, "path"))
        if kind != "copy":
            out.append(f'<circle cx="{x(happened)}" cy="{top}" r="5" class="{kind}"/>')
        out.append(f'<circle cx="{x(arrived)}" cy="{bottom}" r="5" class="{kind}"/>')
    for name, minute in [("a", 605), ("d", 630), ("b", 640), ("e", 650), ("c", 658)]:
        out.append(text(x(minute) + 8, HAPPENED - 19, name, "small", "start"))
    out += axis(HAPPENED, "happened") + axis(ARRIVED, "arrived")
    out += [line(x(close), ARRIVED - 34, x(close), TOLD + 22, "close"), text(x(close) + 6, ARRIVED + 72, "close_at 11:15", "strong", "start")]
    out += [line(x(bucket), ARRIVED - 34, x(bucket), TOLD + 66, "close"), text(x(bucket) - 6, ARRIVED + 72, "close_at 12:00", "strong", "end")]
    out += [text(LEFT - 10, TOLD + 5, "told", "strong", "end"), text(LEFT - 10, TOLD + 51, "told, late", "strong", "end")]
    out += told(607, TOLD, "early", "id X, count 1", "start")
    out += told(close, TOLD, "final", "id X, count 3 (a, b, c)", "start")
    out += told(close, TOLD + 46, "early", "id Y, count 1", "start")
    out += told(bucket, TOLD + 46, "final", "id Y, count 2 (d, e)", "end")
    title = "An event counts in the window of the time at which it happened; when it arrived decides whether it is on time"
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" aria-label="{title}">',
        f"<style>{STYLE}\n</style>",
        text(16, 28, "One window of one hour, with a grace of 15 minutes", "strong", "start"),
        *out[1:],
        "</svg>\n",
    ]).replace("</style>\n", "</style>\n" + out[0] + "\n")


def main():
    drawn = picture()
    if "--check" in sys.argv[1:]:
        if FILE.read_text(encoding="utf-8") != drawn:
            sys.exit(f"{FILE} is not what {__file__} draws; run it and look at the picture")
    else:
        FILE.write_text(drawn, encoding="utf-8")


main()
