"""The picture in the README: `python3 docs/overview.py > docs/overview.svg`."""

from xml.sax.saxutils import escape

WIDTH, HEIGHT = 960, 528

# Columns: where each begins, and how wide it is. Rows: the four steps of the function.
SENDERS, GATEWAY, FUNCTION, SERVICES = (24, 216), (304, 88), (432, 288), (808, 128)
STEP_HEIGHT, STEP_GAP, FIRST_STEP = 60, 16, 76
TOP, BOTTOM = 64, 372
STEPS = [FIRST_STEP + (STEP_HEIGHT + STEP_GAP) * number for number in range(4)]
MIDDLES = [top + STEP_HEIGHT // 2 for top in STEPS]
ANSWERS_TOP, ANSWERS_BOTTOM = 412, 504

INK, QUIET, LINE, PAPER, PAGE = "#1f2328", "#57606a", "#6e7781", "#ffffff", "#f6f8fa"
# What a box is: its edge and its face.
SENDER, DOOR, HOUSE = ("#0969da", "#eef6ff"), ("#8250df", "#f6f1ff"), ("#bc4c00", "#fff5ec")
SERVICE = ("#0f766e", "#eaf7f5")
# Whose turn it is: the face and the ink of a status.
TURNS = (
    dict.fromkeys(["200", "201"], ("#d2f4dc", "#0f5323"))
    | dict.fromkeys(["400", "401", "409"], ("#ffdfdc", "#8c1020"))
    | dict.fromkeys(["429", "503"], ("#fff1b8", "#6b4500"))
    | dict.fromkeys(["500", "501"], ("#e3e7ec", "#32383f"))
)


def text(x, y, words, size=13, *, fill=INK, bold=False, anchor="start"):
    weight = ' font-weight="600"' if bold else ""
    place = f'x="{x}" y="{y}" font-size="{size}" fill="{fill}" text-anchor="{anchor}"'
    return f"<text {place}{weight}>{escape(words)}</text>"


def box(x, y, width, height, edge, face, radius=8, stroke=1.5):
    size = f'x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}"'
    return f'<rect {size} fill="{face}" stroke="{edge}" stroke-width="{stroke}"/>'


def arrow(path, both=False):
    start = ' marker-start="url(#head)"' if both else ""
    return (
        f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.75"{start}'
        ' marker-end="url(#head)"/>'
    )


def chips(right, y, statuses):
    """Statuses side by side, the last of them ending at `right`."""
    for status in reversed(statuses):
        face, ink = TURNS[status]
        yield f'<rect x="{right - 34}" y="{y}" width="34" height="18" rx="9" fill="{face}"/>'
        yield text(right - 17, y + 13, status, 12, fill=ink, bold=True, anchor="middle")
        right -= 39


def heading(column, words):
    x, width = column
    return text(x + width // 2, 44, words, 12, fill=QUIET, bold=True, anchor="middle")


def senders():
    x, width = SENDERS
    yield heading(SENDERS, "WHO SENDS")
    for top, height, lines, proof in [
        (STEPS[0], 98, ["Okta event hook"], "shows a fixed secret value"),
        (STEPS[1] + 38, 174, ["Okta Workflow", "Logic App (Entra ID)", "Svix, or your own code"],
         "sign every byte they send"),
    ]:  # fmt: skip
        yield box(x, top, width, height, *SENDER)
        block = 24 * len(lines) + 16
        y = top + (height - block) // 2 + 10
        for line in lines:
            yield text(x + 20, y, line, 14, bold=True)
            y += 24
        yield text(x + 20, y + 4, proof, 13, fill=QUIET)
        middle = top + height // 2
        yield arrow(f"M{x + width} {middle}H{GATEWAY[0] - 3}")
        between = (x + width + GATEWAY[0]) // 2
        yield text(between, middle - 9, "HTTPS", 12, fill=QUIET, anchor="middle")


def gateway():
    x, width = GATEWAY
    middle = x + width // 2
    yield heading(GATEWAY, "THE DOOR")
    yield box(x, STEPS[0], width, STEPS[3] + STEP_HEIGHT - STEPS[0], *DOOR)
    y = (STEPS[1] + STEPS[2] + STEP_HEIGHT) // 2
    yield text(middle, y - 4, "API", 15, bold=True, anchor="middle")
    yield text(middle, y + 16, "Gateway", 15, bold=True, anchor="middle")


def function():
    x, width = FUNCTION
    yield heading(FUNCTION, "ONE LAMBDA FUNCTION")
    yield box(x, TOP, width, BOTTOM - TOP, *HOUSE, radius=12)
    inside, room = x + 12, width - 24
    yield arrow(f"M{GATEWAY[0] + GATEWAY[1]} {MIDDLES[0]}H{inside - 3}")
    for top, question, how, statuses in [
        (STEPS[0], "Who speaks?", "before the body is read", ["401"]),
        (STEPS[1], "What do they want?", "a person joins", ["400"]),
        (STEPS[2], "What should Connect hold?", "your settings decide", ["400"]),
        (STEPS[3], "Make it so", "never twice", ["201", "200", "409"]),
    ]:
        yield box(inside, top, room, STEP_HEIGHT, "#e0a879", PAPER, stroke=1)
        yield text(inside + 14, top + 25, question, 14, bold=True)
        yield text(inside + 14, top + 46, how, 13, fill=QUIET)
        yield from chips(inside + room - 10, top + 33, statuses)
    for top in STEPS[:-1]:
        yield arrow(f"M{x + width // 2} {top + STEP_HEIGHT}v{STEP_GAP - 3}")


def services():
    x, width = SERVICES
    left, middle = FUNCTION[0] + FUNCTION[1] - 12, x + width // 2
    yield heading(SERVICES, "BEHIND IT")
    for row, top, height, lines, label in [
        (0, STEPS[0], STEP_HEIGHT, ["Secrets", "Manager"], "keys"),
        (3, STEPS[2], STEP_HEIGHT * 2 + STEP_GAP, ["Amazon", "Connect"], "CreateUser"),
    ]:
        yield box(x, top, width, height, *SERVICE)
        y = top + height // 2
        yield text(middle, y - 4, lines[0], 15, bold=True, anchor="middle")
        yield text(middle, y + 16, lines[1], 15, bold=True, anchor="middle")
        yield arrow(f"M{left + 3} {MIDDLES[row]}H{x - 3}", both=True)
        between = (FUNCTION[0] + FUNCTION[1] + x) // 2
        yield text(between, MIDDLES[row] - 9, label, 12, fill=QUIET, anchor="middle")


def answers():
    x, width = SENDERS[0], WIDTH - 2 * SENDERS[0]
    yield box(x, ANSWERS_TOP, width, ANSWERS_BOTTOM - ANSWERS_TOP, "#d0d7de", PAPER)
    start = FUNCTION[0] + FUNCTION[1] // 2
    yield arrow(f"M{start} {BOTTOM}V{ANSWERS_TOP - 3}")
    back = SENDERS[0] + SENDERS[1] // 2
    yield arrow(f"M{back} {ANSWERS_TOP}V{STEPS[3] + STEP_HEIGHT + 3}")
    yield text(start + 12, BOTTOM + 25, "answers, by whose turn it is", 12, fill=QUIET)
    for number, (statuses, whose, what) in enumerate([
        (["201", "200"], "Done", "created; already ours"),
        (["400", "401", "409"], "The sender's turn", "mend the event or the proof"),
        (["429", "503"], "Later", "a repeat is always safe"),
        (["500", "501"], "The operator's turn", "mend the set-up; act by hand"),
    ]):  # fmt: skip
        left = x + 20 + 226 * number
        yield from chips(left + 39 * len(statuses) - 5, ANSWERS_TOP + 14, statuses)
        yield text(left, ANSWERS_TOP + 54, whose, 14, bold=True)
        yield text(left, ANSWERS_TOP + 74, what, 12.5, fill=QUIET)


def picture():
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
    yield f'  width="{WIDTH}" height="{HEIGHT}" role="img" aria-labelledby="title what"'
    yield "  font-family=\"system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif\">"
    yield '<title id="title">The path of an event</title>'
    yield '<desc id="what">Senders post events through API Gateway to the function. It asks who'
    yield "speaks, with keys from Secrets Manager, what they want and what Connect should hold, and"
    yield "creates the user in Amazon Connect. The answer goes back to the sender.</desc>"
    yield '<defs><marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="5"'
    yield f'  markerHeight="5" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="{LINE}"/>'
    yield "</marker></defs>"
    yield box(0.5, 0.5, WIDTH - 1, HEIGHT - 1, "#d0d7de", PAGE, radius=12, stroke=1)
    for part in [senders, gateway, function, services, answers]:
        yield f"<!-- {part.__name__} -->"
        yield from part()
    yield "</svg>"


print("\n".join(picture()))
