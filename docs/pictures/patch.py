"""A PATCH on its way: `python3 docs/pictures/patch.py > docs/pictures/patch.svg`."""

from drawing import arrow, box, chips, picture, text

WIDTH, HEIGHT = 960, 620
# Who takes part, each with the middle of its line.
CLIENT, FUNCTION, ROSTER, CONNECT = 110, 360, 610, 850
TOP, FIRST, STEP = 76, 124, 46

STEPS = [
    # From, to, what is said, a note below, the answer that ends it here.
    (CLIENT, FUNCTION, "PATCH /Users/{id}", "active: \"False\"", None),
    (FUNCTION, FUNCTION, "is the token one of ours?", "", "401"),
    (FUNCTION, ROSTER, "the record", "", "404"),
    (FUNCTION, FUNCTION, "the operations, on a copy", "", "400"),
    (FUNCTION, ROSTER, "write: pending, leased", "if its version is still that", None),
    (FUNCTION, CONNECT, "DescribeUser", "", None),
    (FUNCTION, ROSTER, "count the removal", "if the hour has room", None),
    (FUNCTION, CONNECT, "UpdateUserSecurityProfiles, TagResource", "", None),
    (FUNCTION, ROSTER, "settle: applied, no lease", "", None),
    (FUNCTION, CLIENT, "200, the user, its ETag", "provisioning.state: applied", None),
]  # fmt: skip
DURABLE = 4


def height(number):
    return FIRST + STEP * number


def lines():
    for middle, name, kind in [
        (CLIENT, "Okta, Entra ID", "sender"),
        (FUNCTION, "the function", "house"),
        (ROSTER, "the roster", "service"),
        (CONNECT, "Amazon Connect", "service"),
    ]:
        dots = 'class="line" stroke-width="1" stroke-dasharray="2 4"'
        yield f'<path d="M{middle} {TOP}V{HEIGHT - 84}" {dots}/>'
        yield box(middle - 76, 28, 152, 40, kind)
        yield text(middle, 53, name, 14, bold=True, anchor="middle")


def durable():
    top = height(DURABLE) - 22
    yield box(24, top, 912, HEIGHT - top - 36, "wait", radius=12, stroke=1, dashed=True)
    for below, words in [
        (68, "From the first write on nothing is lost: cut off anywhere,"),
        (52, "the record is due, and the drain goes on within a minute."),
    ]:
        yield text(924, HEIGHT - below, words, 12, ink="quiet", anchor="end")


def steps():
    for number, (start, end, said, note, refused) in enumerate(STEPS):
        y = height(number)
        if start == end:
            yield arrow(f"M{start} {y - 10}H{start + 26}V{y + 8}H{start + 3}")
            yield text(start + 36, y + 4, f"{number + 1}. {said}", 13)
            left = start + 230
        else:
            aside = -3 if end > start else 3
            yield arrow(f"M{start} {y}H{end + aside}")
            left = min(start, end) + 12
            yield text(left, y - 7, f"{number + 1}. {said}", 13)
            if note:
                yield text(left, y + 16, note, 12, ink="quiet")
            left = max(start, end) + 12
        if refused:
            yield from chips(left + 34, y - 9, [refused], "senders")


WHAT = (
    "Ten steps: the PATCH arrives; the token is compared; the record is read; the operations are tried "
    "on a copy; the record is written, pending and leased, on condition of its version; Connect is "
    "looked at; the removal is counted; Connect is changed; the record is settled; the client is "
    "answered. From the write on nothing is lost."
)

parts = [durable, lines, steps]
print("\n".join(picture(WIDTH, HEIGHT, "A PATCH on its way", WHAT, parts)))
