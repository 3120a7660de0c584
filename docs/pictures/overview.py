"""The picture in the README: `python3 docs/pictures/overview.py > docs/pictures/overview.svg`."""

from drawing import arrow, box, chips, picture, text

WIDTH, HEIGHT = 960, 560

# Columns: where each begins, and how wide it is. Rows: the four steps of the function.
SENDERS, GATEWAY, FUNCTION, SERVICES = (24, 216), (304, 88), (432, 280), (804, 132)
STEP_HEIGHT, STEP_GAP, FIRST_STEP = 64, 18, 76
TOP, BOTTOM = 64, 400
STEPS = [FIRST_STEP + (STEP_HEIGHT + STEP_GAP) * number for number in range(4)]
MIDDLES = [top + STEP_HEIGHT // 2 for top in STEPS]
ANSWERS_TOP, ANSWERS_BOTTOM = 444, 536


def heading(column, words):
    x, width = column
    return text(x + width // 2, 44, words, 12, ink="quiet", bold=True, anchor="middle")


def senders():
    x, width = SENDERS
    yield heading(SENDERS, "WHO SENDS")
    for top, height, lines, proof, dashed in [
        (STEPS[0], 92, ["Okta, Entra ID: SCIM"], "show a bearer token", True),
        (STEPS[0] + 106, 68, ["Okta event hook"], "shows a fixed secret value", False),
        (STEPS[0] + 188, 122, ["Okta Workflow", "Logic App (Entra ID)", "Svix, or your own code"],
         "sign every byte they send", False),
    ]:  # fmt: skip
        yield box(x, top, width, height, "sender", dashed=dashed)
        block = 24 * len(lines) + 16
        y = top + (height - block) // 2 + 12
        for line in lines:
            yield text(x + 16, y, line, 14, bold=True)
            y += 24
        yield text(x + 16, y, proof, 13, ink="quiet")
        middle = top + height // 2
        yield arrow(f"M{x + width} {middle}H{GATEWAY[0] - 3}", dashed=dashed)
    between = (x + width + GATEWAY[0]) // 2
    yield text(between, STEPS[0] + 37, "HTTPS", 12, ink="quiet", anchor="middle")


def gateway():
    x, width = GATEWAY
    middle = x + width // 2
    yield heading(GATEWAY, "THE DOOR")
    yield box(x, STEPS[0], width, STEPS[3] + STEP_HEIGHT - STEPS[0], "door")
    y = (STEPS[1] + STEPS[2] + STEP_HEIGHT) // 2
    yield text(middle, y - 16, "API", 15, bold=True, anchor="middle")
    yield text(middle, y + 4, "Gateway", 15, bold=True, anchor="middle")
    yield text(middle, y + 28, "or a proxy", 13, ink="quiet", anchor="middle")


def function():
    x, width = FUNCTION
    yield heading(FUNCTION, "ONE FUNCTION")
    yield box(x, TOP, width, BOTTOM - TOP, "house", radius=12)
    inside, room = x + 12, width - 24
    yield arrow(f"M{GATEWAY[0] + GATEWAY[1]} {MIDDLES[0]}H{inside - 3}")
    for top, question, how, groups in [
        (STEPS[0], "Who speaks?", "before the body is read", [(["401"], "senders")]),
        (STEPS[1], "What do they want?", "join, change, leave, read", [(["400"], "senders")]),
        (STEPS[2], "What should be?", "your settings decide", [(["409"], "senders")]),
        (STEPS[3], "Make Connect follow", "leavers too", [(["200", "201", "202"], "done")]),
    ]:
        yield box(inside, top, room, STEP_HEIGHT, "step", stroke=1)
        yield text(inside + 14, top + 26, question, 14, bold=True)
        yield text(inside + 14, top + 48, how, 13, ink="quiet")
        for statuses, turn in groups:
            yield from chips(inside + room - 10, top + 35, statuses, turn)
    for top in STEPS[:-1]:
        yield arrow(f"M{x + width // 2} {top + STEP_HEIGHT}v{STEP_GAP - 3}")


def services():
    x, width = SERVICES
    left, middle = FUNCTION[0] + FUNCTION[1] - 12, x + width // 2
    between = (FUNCTION[0] + FUNCTION[1] + x) // 2
    yield heading(SERVICES, "BEHIND IT")
    for top, height, lines, dashed in [
        (STEPS[0], STEP_HEIGHT, ["Secrets", "Manager"], False),
        (STEPS[2] - 41, STEP_HEIGHT + 41, ["Roster", "what should be"], True),
        (STEPS[3], STEP_HEIGHT, ["Amazon", "Connect"], False),
    ]:
        yield box(x, top, width, height, "service", dashed=dashed)
        y = top + height // 2
        yield text(middle, y - 3, lines[0], 15, bold=True, anchor="middle")
        second = {"size": 13, "ink": "quiet"} if dashed else {"size": 15, "bold": True}
        yield text(middle, y + 17, lines[1], anchor="middle", **second)
    yield arrow(f"M{left + 3} {MIDDLES[0]}H{x - 3}", both=True)
    yield text(between, MIDDLES[0] - 9, "keys", 12, ink="quiet", anchor="middle")
    yield arrow(f"M{left + 3} {MIDDLES[2] - 4}H{x - 3}", dashed=True)
    yield text(between, MIDDLES[2] - 13, "written first", 12, ink="quiet", anchor="middle")
    # What is due comes back by itself, and Connect is asked again.
    due = STEPS[3] + 14
    turn = (between + x) // 2
    yield arrow(f"M{x} {STEPS[2] + 52}H{turn}V{due}H{left + 3}", dashed=True)
    yield text(turn - 8, due - 6, "due", 12, ink="quiet", anchor="end")
    yield arrow(f"M{left + 3} {MIDDLES[3] + 10}H{x - 3}", both=True)
    yield text(between, MIDDLES[3] + 27, "users", 12, ink="quiet", anchor="middle")


def answers():
    x, width = SENDERS[0], WIDTH - 2 * SENDERS[0]
    yield box(x, ANSWERS_TOP, width, ANSWERS_BOTTOM - ANSWERS_TOP, "paper")
    start = FUNCTION[0] + FUNCTION[1] // 2
    yield arrow(f"M{start} {BOTTOM}V{ANSWERS_TOP - 3}")
    back = SENDERS[0] + SENDERS[1] // 2
    yield arrow(f"M{back} {ANSWERS_TOP}V{STEPS[0] + 188 + 122 + 3}")
    yield text(start + 12, BOTTOM + 27, "answers, by whose turn it is", 12, ink="quiet")
    yield text(
        WIDTH - 24, BOTTOM + 27, "dashed: with a roster", 12, ink="quiet", anchor="end"
    )
    for number, (statuses, turn, whose, what) in enumerate([
        (["200", "201"], "done", "Done", "joined, changed, shut out"),
        (["202"], "done", "Written down", "Connect will follow"),
        (["400", "401", "409"], "senders", "The sender's turn", "mend the event, the proof"),
        (["429", "503"], "later", "Later", "a repeat is always safe"),
        (["500", "501"], "operators", "The operator's turn", "mend the set-up"),
    ]):  # fmt: skip
        left = x + 18 + 180 * number
        yield from chips(left + 39 * len(statuses) - 5, ANSWERS_TOP + 14, statuses, turn)
        yield text(left, ANSWERS_TOP + 54, whose, 14, bold=True)
        yield text(left, ANSWERS_TOP + 74, what, 12.5, ink="quiet")


WHAT = (
    "Okta and Entra ID by SCIM, Okta's event hooks, and whoever signs send through API Gateway or a "
    "proxy to the function. It asks who speaks, with keys from Secrets Manager, what they want and "
    "what should be, writes that into the roster first where there is one, and makes Amazon Connect "
    "follow: joiners get a user, changes are carried over, leavers are shut out. What is due is tried "
    "again. The answer goes back to the sender and says whose turn it is."
)

PARTS = [senders, gateway, function, services, answers]
print("\n".join(picture(WIDTH, HEIGHT, "The path of an event", WHAT, PARTS)))
