"""What the pictures are drawn with: text, boxes and arrows as SVG, in a light and a dark dress."""

from xml.sax.saxutils import escape

# What a colour is for: by day, and by night.
INKS = {
    "ink": ("#1f2328", "#e6edf3"),
    "quiet": ("#57606a", "#9da7b3"),
    "line": ("#6e7781", "#8b949e"),
}
# What a box is: its edge and its face, by day and by night.
BOXES = {
    "page": (("#d0d7de", "#f6f8fa"), ("#30363d", "#0d1117")),
    "paper": (("#d0d7de", "#ffffff"), ("#3d444d", "#151b23")),
    "sender": (("#0969da", "#eef6ff"), ("#4493f8", "#12243d")),
    "door": (("#8250df", "#f6f1ff"), ("#ab7df8", "#251a3f")),
    "house": (("#bc4c00", "#fff5ec"), ("#db6d28", "#2d1a0c")),
    "step": (("#e0a879", "#ffffff"), ("#8a5a33", "#1a1512")),
    "service": (("#0f766e", "#eaf7f5"), ("#3fb6a8", "#0c2724")),
    "good": (("#1a7f37", "#e6f7ea"), ("#3fb950", "#0f2a17")),
    "wait": (("#9a6700", "#fff8dc"), ("#d29922", "#2c220b")),
    "stop": (("#cf222e", "#ffefee"), ("#f85149", "#341416")),
    "gone": (("#6e7781", "#eef0f2"), ("#8b949e", "#21262d")),
}
# Whose turn it is: the face and the ink of a status, by day and by night.
TURNS = {
    "done": (("#d2f4dc", "#0f5323"), ("#12401f", "#9be9a8")),
    "senders": (("#ffdfdc", "#8c1020"), ("#521a1e", "#ffb3ad")),
    "later": (("#fff1b8", "#6b4500"), ("#4a3a0b", "#f2d675")),
    "operators": (("#e3e7ec", "#32383f"), ("#343b44", "#d0d7de")),
}


def dress():
    """The colours, as classes: by day, and where the reader has asked for it by night."""
    lines = []
    for time in (0, 1):
        rules = [f".{name}{{fill:{both[time]}}}" for name, both in INKS.items() if name != "line"]
        line = INKS["line"][time]
        rules += [f".line{{stroke:{line};fill:none}}", f".head{{fill:{line}}}"]
        for name, both in BOXES.items():
            edge, face = both[time]
            rules.append(f".{name}{{stroke:{edge};fill:{face}}}")
        for name, both in TURNS.items():
            face, ink = both[time]
            rules += [f".{name}{{fill:{face}}}", f".{name}-ink{{fill:{ink}}}"]
        text = "".join(rules)
        lines.append(f"@media (prefers-color-scheme: dark){{{text}}}" if time else text)
    return ["<style>", *lines, "</style>"]


def text(x, y, words, size=13, *, ink="ink", bold=False, anchor="start"):
    weight = ' font-weight="600"' if bold else ""
    place = f'x="{x}" y="{y}" font-size="{size}" class="{ink}" text-anchor="{anchor}"'
    return f"<text {place}{weight}>{escape(words)}</text>"


def box(x, y, width, height, kind, radius=8, stroke=1.5, *, dashed=False):
    size = f'x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}"'
    dashes = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<rect {size} class="{kind}" stroke-width="{stroke}"{dashes}/>'


def arrow(path, *, both=False, dashed=False):
    start = ' marker-start="url(#head)"' if both else ""
    dashes = ' stroke-dasharray="6 4"' if dashed else ""
    return (
        f'<path d="{path}" class="line" stroke-width="1.75"{start}{dashes}'
        ' marker-end="url(#head)"/>'
    )


def chips(right, y, statuses, turn):
    """Statuses side by side, the last of them ending at `right`."""
    for status in reversed(statuses):
        yield f'<rect x="{right - 34}" y="{y}" width="34" height="18" rx="9" class="{turn}"/>'
        yield text(right - 17, y + 13, status, 12, ink=f"{turn}-ink", bold=True, anchor="middle")
        right -= 39


def picture(width, height, title, what, parts):
    """The whole: what it is in words for who cannot see it, and its parts, each with its name."""
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
    yield f'  width="{width}" height="{height}" role="img" aria-labelledby="title what"'
    yield "  font-family=\"system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif\">"
    yield f'<title id="title">{escape(title)}</title>'
    yield f'<desc id="what">{escape(what)}</desc>'
    yield from dress()
    yield '<defs><marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="5"'
    yield '  markerHeight="5" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" class="head"/>'
    yield "</marker></defs>"
    yield box(0.5, 0.5, width - 1, height - 1, "page", radius=12, stroke=1)
    for part in parts:
        yield f"<!-- {part.__name__} -->"
        yield from part()
    yield "</svg>"
