"""Who may speak: every forgery gets one and the same 401, and Amazon Connect hears of none."""

import base64
import hashlib
import json
from itertools import count

import pytest

from deployments import HR_SECRET, SECRET, signed
from http_events import http_event
from people import as_bytes, user
from standard_webhooks import key, mac, now, secret, sign, v1

BODY = as_bytes(user())
AGAIN = json.dumps(json.loads(BODY), separators=(",", ":")).encode()
ID = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
KEY = key(SECRET)
OLD, NEW = secret(b"the key before the rotation"), secret(b"the key after the rotation!")


def event(body=BODY, sent=None, id=ID, timestamp=None, using=SECRET, **headers):
    """An event signed in order; then with `sent` as its body and these headers instead of its own
    (None leaves one out). Underscores in a header's name stand for hyphens."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers = sign(using, id, timestamp or now(), body) | headers
    headers = {name: value for name, value in headers.items() if value is not None}
    return http_event(headers=headers, body=body if sent is None else sent)


def spelled(spell, holding=""):
    """An event whose signature header is spelled from the bare signature; one whose base64 has
    this character."""
    timestamp = now()
    macs = ((f"msg_{n}", mac(KEY, f"msg_{n}", timestamp, BODY)) for n in count())
    id, right = next((id, mac) for id, mac in macs if holding in v1(mac)[3:])
    return event(id=id, timestamp=timestamp, webhook_signature=spell(right))


def b64(mac):
    return base64.b64encode(mac).decode()


def timed(text):
    """A timestamp that was signed as it stands there."""
    return lambda: event(timestamp=text())


def rewritten(text):
    """A timestamp in its plain form when it was signed, and in another when it was sent."""
    return lambda: event(timestamp=now(), webhook_timestamp=text())


def keyed(key, digest=hashlib.sha256):
    """An event signed with these key bytes and this digest."""
    at = now()
    return event(timestamp=at, webhook_signature=v1(mac(key, ID, at, BODY, digest)))


def twice(name):
    """One header under two spellings of its name, which no gateway would write."""
    forged = event()
    forged["headers"][name.title()] = forged["headers"][name]
    return forged


def joined(name, other=None):
    """One header sent twice, as the gateway joins it."""
    forged = event()
    value = forged["headers"][name]
    forged["headers"][name] = f"{value},{other or value}"
    return forged


def renamed(*families):
    """The three headers, each with the prefix of its family."""
    forged = event()
    for family, name in zip(families, ("id", "timestamp", "signature"), strict=True):
        value = forged["headers"].pop(f"webhook-{name}")
        if family:
            forged["headers"][f"{family}-{name}"] = value
    return forged


def elsewhere():
    """The headers where the older event shape has them, and in the query."""
    honest = event()["headers"]
    forged = renamed("", "", "")
    forged["multiValueHeaders"] = {name: [value] for name, value in honest.items()}
    forged["rawQueryString"] = "&".join(f"{name}={value}" for name, value in honest.items())
    return forged


NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")
TIMES = {
    "305 seconds ago": lambda: now(-305),
    "305 seconds ahead": lambda: now(+305),
    "a year ago": lambda: now(-31_536_000),
    "-1": lambda: "-1",
    "+1": lambda: "+1",
    "0": lambda: "0",
    "01": lambda: "01",
    "1e9": lambda: "1e9",
    "a sign": lambda: "+" + now(),
    "a minus": lambda: "-" + now(),
    "a leading zero": lambda: "0" + now(),
    "a fraction": lambda: now() + ".0",
    "an exponent": lambda: now() + "e0",
    "a space before": lambda: " " + now(),
    "a space behind": lambda: now() + " ",
    "an underscore": lambda: now()[:4] + "_" + now()[4:],
    "hexadecimal": lambda: hex(int(now())),
    "20 digits": lambda: "1" * 20,
    "20 digits with zeros": lambda: now().zfill(20),
    "milliseconds": lambda: now() + "000",
    "beyond 64 bits": lambda: str(2**64 + int(now())),
    "i64::MIN": lambda: str(-(2**63)),
    "i64::MAX": lambda: str(2**63 - 1),
    "u64::MAX": lambda: str(2**64 - 1),
    "Arabic digits": lambda: now().translate({48 + n: 0x660 + n for n in range(10)}),
    "ISO 8601": lambda: "2026-11-02T08:15:00Z",
}
FORGERIES = {
    "no headers": lambda: renamed("", "", ""),
    "headers elsewhere": elsewhere,
    **{f"no {name}": lambda name=name: event(**{name: None}) for name in NAMES},
    **{f"an empty {name}": lambda name=name: event(**{name: ""}) for name in NAMES},
    **{f"a blank {name}": lambda name=name: event(**{name: " "}) for name in NAMES},
    **{f"a list as {name}": lambda name=name: event(**{name: ["a"]}) for name in NAMES},
    **{f"{name} twice": lambda name=name: joined(name) for name in NAMES},
    **{f"{name} in two cases": lambda name=name: twice(name) for name in NAMES},
    "two ids": lambda: joined("webhook-id", "msg_2"),
    "a forged signature joined": lambda: joined("webhook-signature", v1(bytes(32))),
    "svix headers": lambda: renamed("svix", "svix", "svix"),
    "a svix id": lambda: renamed("svix", "webhook", "webhook"),
    "a svix signature": lambda: renamed("webhook", "webhook", "svix"),
    **{f"time: {name}": timed(text) for name, text in TIMES.items()},
    **{f"time, rewritten: {name}": rewritten(text) for name, text in TIMES.items()},
    "a time that is still fresh": rewritten(lambda: now(-1)),
    "another id": lambda: event(webhook_id=ID + "x"),
    "a dot in the id": lambda: event(id="x." + now()),
    "a comma in the id": lambda: event(id="a,b"),
    "a space in the id": lambda: event(id="a b"),
    "an id of 257 characters": lambda: event(id="a" * 257),
    "an id in UTF-8": lambda: event(id="mensaje_ñ"),
    "no body": lambda: event(sent=b""),
    "another body": lambda: event(sent=as_bytes(user("eve@example.com"))),
    "the same JSON, written again": lambda: event(sent=AGAIN),
    "a line end appended": lambda: event(sent=BODY + b"\r\n"),
    "a line feed appended": lambda: event(sent=BODY + b"\n"),
    "a byte order mark": lambda: event(sent=b"\xef\xbb\xbf" + BODY),
    "another source's key": lambda: event(using=HR_SECRET),
    "an unknown key": lambda: event(using=secret(b"a key that nobody was given")),
    "an empty key": lambda: keyed(b""),
    "the secret with its prefix": lambda: keyed(SECRET.encode()),
    "the secret undecoded": lambda: keyed(SECRET.removeprefix("whsec_").encode()),
    "SHA-1": lambda: keyed(KEY, hashlib.sha1),
    "SHA-512": lambda: keyed(KEY, hashlib.sha512),
    "SHA3-256": lambda: keyed(KEY, hashlib.sha3_256),
    "one byte of a signature": lambda: spelled(lambda mac: v1(mac[:1])),
    "31 bytes of a signature": lambda: spelled(lambda mac: v1(mac[:31])),
    "33 bytes of a signature": lambda: spelled(lambda mac: v1(mac + b"\0")),
    "a signature twice over": lambda: spelled(lambda mac: v1(mac + mac)),
    "a signature cut in its text": lambda: spelled(lambda mac: v1(mac)[:-2]),
    "a signature with more text": lambda: spelled(lambda mac: v1(mac) + "A"),
    "a signature without text": lambda: spelled(lambda mac: "v1,"),
    "a signature without padding": lambda: spelled(lambda mac: v1(mac).rstrip("=")),
    "trailing bits": lambda: spelled(lambda mac: v1(mac)[:-2] + chr(ord(v1(mac)[-2]) + 1) + "="),
    "url-safe -": lambda: spelled(lambda mac: v1(mac).replace("+", "-"), holding="+"),
    "url-safe _": lambda: spelled(lambda mac: v1(mac).replace("/", "_"), holding="/"),
    "hexadecimal": lambda: spelled(lambda mac: "v1," + mac.hex()),
    "upside down": lambda: spelled(lambda mac: v1(mac[::-1])),
    "V1": lambda: spelled(lambda mac: "V1," + b64(mac)),
    "v1=": lambda: spelled(lambda mac: "v1=" + b64(mac)),
    "v2": lambda: spelled(lambda mac: "v2," + b64(mac)),
    "v1a": lambda: spelled(lambda mac: "v1a," + b64(mac)),
    "no version": lambda: spelled(b64),
    "an empty version": lambda: spelled(lambda mac: "," + b64(mac)),
    "a space before": lambda: spelled(lambda mac: " " + v1(mac)),
    "a space behind": lambda: spelled(lambda mac: v1(mac) + " "),
    "a space inside": lambda: spelled(lambda mac: "v1, " + b64(mac)),
    "two spaces between": lambda: spelled(lambda mac: v1(bytes(32)) + "  " + v1(mac)),
    "a tab between": lambda: spelled(lambda mac: v1(bytes(32)) + "\t" + v1(mac)),
    "17 signatures": lambda: spelled(lambda mac: " ".join([v1(bytes(32))] * 16 + [v1(mac)])),
    "1000 signatures": lambda: spelled(lambda mac: " ".join([v1(bytes(32))] * 999 + [v1(mac)])),
}  # fmt: skip


@pytest.fixture(scope="module")
def refusal(shared):
    """What an event without any signature gets."""
    answer = shared.send(http_event(body=BODY))
    assert answer.status == 401
    assert answer.headers == {"content-type": "application/scim+json"}
    assert answer.json == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": "401",
        "detail": "the event's signature was not accepted",
    }
    return answer


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_forgery_is_refused_like_any_other(deployment, refusal, forge):
    assert deployment.send(forge()) == refusal
    assert deployment.standin.calls() == {}


def test_no_flipped_bit_is_accepted(deployment, refusal):
    """Every bit of the signature, and the lowest of every other character."""
    honest = event()
    headers = honest["headers"]
    right = int.from_bytes(base64.b64decode(headers["webhook-signature"].removeprefix("v1,")))
    changes = [{"webhook-signature": v1((right ^ 1 << bit).to_bytes(32))} for bit in range(256)]
    for name in ("webhook-id", "webhook-timestamp"):
        changes += [{name: text} for text in flips(headers[name])]
    forgeries = [honest | {"headers": headers | change} for change in changes]
    forgeries += [honest | {"body": text} for text in flips(honest["body"])]

    assert [forged for forged in forgeries if deployment.send(forged) != refusal] == []
    assert len(forgeries) > 500
    assert deployment.standin.calls() == {}
    assert deployment.send(honest).status == 201, "it was one bit each time, and nothing else"


def flips(text):
    return (text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :] for at in range(len(text)))


def test_two_events_that_have_one_signature_are_not_taken_for_each_other(deployment, refusal):
    """Parts are joined by dots without their lengths, so a dot in an id moves what is signed."""
    vector = key("C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
    signature = "q7RpV4wQcHRM/QMOKIjmYrbPYAVt5yZv8k7Rc5Aqmjk="
    assert b64(mac(vector, "x", "1", b"2.B")) == signature == b64(mac(vector, "x.1", "2", b"B"))

    then, later = now(-1), now()
    honest = sign(SECRET, "x", then, f"{later}.".encode() + BODY)
    forged = {**honest, "webhook-id": f"x.{then}", "webhook-timestamp": later}

    assert deployment.send(http_event(headers=forged, body=BODY)) == refusal
    assert deployment.standin.calls() == {}


@pytest.mark.parametrize("offset", [-295, -1, 0, +1, +295])
def test_clocks_may_differ_by_five_minutes(deployment, offset):
    assert deployment.send(event(timestamp=now(offset))).status == 201


@pytest.mark.parametrize(
    "spell",
    [
        lambda right: f"{v1(bytes(32))} {right}",
        lambda right: f"{right} {v1(bytes(32))}",
        lambda right: " ".join([v1(bytes(32))] * 15 + [right]),
        lambda right: f"v1a,{b64(bytes(64))} {right}",
        lambda right: f"{right} v1a,{b64(bytes(64))}",
        lambda right: f"v2,anything {right}",
    ],
    ids=["the last", "the first", "the sixteenth", "after v1a", "before v1a", "after v2"],
)
def test_one_right_signature_among_others_is_enough(deployment, spell):
    answer = deployment.send(spelled(lambda mac: spell(v1(mac))))

    assert answer.status == 201


@pytest.mark.parametrize("id", ["a", "a" * 256, "msg-1_2:3/4+5=", "!\"#$%&'()*/:;<=>?@[]^`{|}~"])
def test_an_id_is_any_printable_text_without_dot_and_comma(deployment, id):
    assert deployment.send(event(id=id)).status == 201


@pytest.mark.parametrize("form", ["{old},{new}", '["{old}", "{new}"]', "{old} , {new},"])
def test_while_a_key_is_rotated_either_signs(deploy, form):
    text = form.format(old=OLD, new=NEW.removeprefix("whsec_"))
    deployment = deploy(HOOK_OKTA_SECRET=text)
    at = now()
    both = " ".join(sign(one, ID, at, BODY)["webhook-signature"] for one in (OLD, NEW))

    for sender, status in [
        (event(using=OLD), 201),
        (event(using=NEW), 200),
        (event(timestamp=at, webhook_signature=both), 200),
        (event(using=HR_SECRET), 401),
        (event(), 401),
    ]:
        assert deployment.send(sender).status == status
    assert deployment.standin.calls()["CreateUser"] == 3


def test_each_source_has_its_own_key(deployment, refusal):
    assert deployment.deliver(user(), path="/hooks/hr", secret=HR_SECRET).status == 201
    assert deployment.deliver(user(), path="/hooks/hr", secret=SECRET) == refusal
    assert deployment.standin.calls() == {"CreateUser": 1}


@pytest.mark.parametrize("type", ["user.updated", "user.deleted", "group.created"])
def test_nothing_is_said_of_what_a_stranger_asks_for(deployment, refusal, type):
    """The body's meaning is not read before its sender is known."""
    for body in ({"type": type, "data": user()}, {"userName": 7}, b"{", b"\xff\xfe"):
        forged = signed(body, secret=HR_SECRET, base64=True)
        assert deployment.send(forged) == refusal
