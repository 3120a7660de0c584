"""The states of a record: `python3 docs/pictures/states.py > docs/pictures/states.svg`."""

from drawing import arrow, box, picture, text

WIDTH, HEIGHT = 960, 480
# Boxes: x, y, width, height.
PENDING, APPLIED = (176, 156, 240, 104), (680, 76, 244, 88)
PARKED, TOMBSTONE = (680, 252, 244, 88), (176, 372, 240, 72)


def state(place, kind, name, *lines):
    x, y, width, height = place
    yield box(x, y, width, height, kind, radius=12)
    yield text(x + 18, y + 28, name, 16, bold=True)
    for number, line in enumerate(lines):
        yield text(x + 18, y + 50 + 19 * number, line, 13, ink="quiet")


def states():
    yield text(24, 40, "ONE PERSON'S RECORD IN THE ROSTER", 12, ink="quiet", bold=True)
    yield from state(
        PENDING, "wait", "pending", "Connect does not follow yet.", "It is due at a time; whoever",
        "works on it has a lease of 60 s.",
    )  # fmt: skip
    yield from state(
        APPLIED, "good", "applied", "Connect holds what it should:", "a user who works, or is shut out.",
    )  # fmt: skip
    yield from state(
        PARKED, "stop", "parked", "Somebody must act first;", "its fault says who, and why.",
    )  # fmt: skip
    yield from state(TOMBSTONE, "gone", "tombstone", "Hashes and times, for 30 days.")


def ways():
    x, y, width, height = PENDING
    right, bottom, far = x + width, y + height, APPLIED[0]
    # In.
    yield arrow(f"M60 {y + 52}H{x - 3}")
    yield text(60, y + 18, "somebody is", 13)
    yield text(60, y + 36, "heard of", 13)
    # To and from applied.
    yield arrow(f"M{right} {y + 20}H{far - 48}V{APPLIED[1] + 26}H{far - 3}")
    yield text(right + 16, y + 12, "settled: the last step is done", 13)
    yield arrow(f"M{far} {APPLIED[1] + 64}H{far - 24}V{y + 50}H{right + 3}")
    yield text(right + 16, y + 43, "something newer is said", 13)
    # To and from parked.
    yield arrow(f"M{right} {y + 80}H{far - 36}V{PARKED[1] + 24}H{far - 3}")
    yield text(right + 16, y + 73, "held, refused, or in doubt", 13)
    yield arrow(f"M{far} {PARKED[1] + 64}H{right - 40}V{bottom + 3}")
    yield text(right + 16, PARKED[1] + 56, "retry, release, or a new event", 13)
    below = "for settings and quotas by itself, too"
    yield text(right + 16, PARKED[1] + 82, below, 12, ink="quiet")
    # Back to itself.
    yield arrow(f"M{x + 40} {y}V{y - 46}H{x + 110}V{y - 3}")
    yield text(x + 122, y - 48, "Connect throttles, fails or is silent:", 13)
    yield text(x + 122, y - 30, "again after 1 s, 2 s … a quarter of an hour", 13)
    # Out.
    yield arrow(f"M{x + 60} {bottom}V{TOMBSTONE[1] - 3}")
    yield text(x - 8, bottom + 50, "the user is removed", 13, anchor="end")
    yield text(x - 8, bottom + 68, "for good", 13, anchor="end")
    yield arrow(f"M{right} {TOMBSTONE[1] + 36}H{far - 3}")
    yield text(right + 16, TOMBSTONE[1] + 28, "after 30 days", 13)
    below = "a newer join before that makes a new record"
    yield text(right + 16, TOMBSTONE[1] + 56, below, 12, ink="quiet")
    yield text(far + 8, TOMBSTONE[1] + 41, "forgotten", 14, bold=True)


WHAT = (
    "Whoever is heard of is pending. Once Connect holds what it should the record is applied; what is "
    "said next makes it pending again. Where somebody must act first it is parked, until it is retried, "
    "released or told anew. While Connect throttles or fails it stays pending and is tried again. A "
    "person who is removed leaves a tombstone of hashes and times for thirty days."
)

print("\n".join(picture(WIDTH, HEIGHT, "The states of a record", WHAT, [states, ways])))
