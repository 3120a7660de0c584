"""One line for each event, and nobody's name in any: not a secret, not a person, not a word of
AWS's, however loud the libraries are told to be (RUST_LOG=trace)."""

import base64
import itertools
import json
import re
import urllib.parse

import pytest

from deployments import HR_SECRET, SECRET, foreign_user, signed
from http_events import Answer, http_event
from people import as_bytes, envelope, owner_tags, user
from programs import PLATFORM
from standard_webhooks import key, now

ANA = "ana.ruiz@example.com"
OWNER = owner_tags(f"ext-{ANA}")["provisioner-owner"]
ALWAYS = {"level", "message", "outcome", "status", "durationMs", "requestId"}
FAULT = {"turn", "cause"}


CALLED = {"connectCalls", "connectMs", "connectRequestId"}


def check(line, **expected):
    """A line has these members, with these values, besides how long it took and for which call."""
    called = CALLED if "connectCalls" in expected else set()
    signed = {"event"} if "key" in expected else set()
    assert set(line) == set(expected) | ALWAYS | called | signed
    assert re.fullmatch(r"[0-9a-f]{16}", line.get("event", "0" * 16))
    assert line["message"] == "event"
    assert isinstance(line["durationMs"], int) and 0 <= line["durationMs"] < 5000
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", line["requestId"])
    assert {name: line[name] for name in expected} == expected


@pytest.fixture
def line_of(deploy):
    """The line that an event leaves behind, and the answer it got."""
    deployment = deploy()
    sent = itertools.count(1)

    def deliver(event, *faults):
        deployment.fail("CreateUser", *faults)
        response = deployment.function.invoke(event)
        lines = deployment.function.lines(number := next(sent))
        assert len(lines) == number, "one line for each event"
        assert f"START RequestId: {lines[-1]['requestId']} " in deployment.function.log()
        return lines[-1], response

    deliver.deployment = deployment
    return deliver


def test_what_came_of_each_event_is_one_line(line_of):
    okta = {"source": "okta", "key": 1, "intent": "join", "owner": OWNER}
    line, response = line_of(signed(user()))
    id = Answer.of(response).json["userId"]
    check(line, level="INFO", outcome="created", status=201, userId=id, connectCalls=1, **okta)
    assert re.fullmatch(r"[0-9a-f-]{36}", line["connectRequestId"])

    line, _ = line_of(signed(envelope("user.created", user())))
    check(line, level="INFO", outcome="alreadyOurs", status=200, userId=id, connectCalls=3, **okta)

    line, _ = line_of(signed(user(active=False)))
    check(line, level="INFO", outcome="ignored", status=200, source="okta", key=1, intent="join")

    line, _ = line_of(signed(envelope("group.created", {})))
    check(
        line, level="WARN", outcome="ignored", status=200, source="okta", key=1, intent="nothing",
        warning="unknownType",
    )  # fmt: skip

    line, _ = line_of(http_event("/health", method="GET"))
    check(line, level="INFO", outcome="healthy", status=200)

    line, _ = line_of({"Records": []})
    check(line, level="ERROR", outcome="notHttp", status=0)


LEAVER = envelope("user.deleted", {})
FAULTS = [
    (lambda: http_event("/nowhere"), [], "unknownRoute", 404, "sender", {}),
    (lambda: http_event(method="GET"), [], "wrongMethod", 405, "sender", {}),
    (lambda: http_event(body=b"x" * 262_145), [], "tooLarge", 413, "sender", {"source"}),
    (lambda: http_event(), [], "unauthenticated", 401, "sender", {"source"}),
    (lambda: signed(b"{"), [], "invalidSyntax", 400, "sender", {"source", "event", "key"}),
    (lambda: signed(user(name=None)), [], "invalidValue", 400, "sender", {"source", "event", "key", "intent"}),
    (lambda: signed(LEAVER), [], "needsRoster", 501, "operator", {"source", "event", "key", "intent"}),
    (lambda: signed(user()), ["InvalidRequestException"], "invalidValue", 400, "sender", "Connect"),
    (lambda: signed(user()), ["denied"], "configuration", 500, "operator", "Connect"),
    (lambda: signed(user()), ["limit"], "quotaFull", 503, "operator", "Connect"),
    (lambda: signed(user()), ["throttle"] * 4, "throttled", 429, "later", "Connect"),
    (lambda: signed(user()), ["500-before"] * 3, "unavailable", 503, "later", "Connect"),
    (lambda: signed(user()), ["SerializationException"], "bug", 500, "nobody", "Connect"),
]  # fmt: skip


def test_what_went_wrong_is_one_line_that_says_whose_turn_it_is(line_of):
    levels = {"sender": "WARN", "later": "WARN", "operator": "ERROR", "nobody": "ERROR"}
    for event, faults, outcome, status, turn, members in FAULTS:
        line, response = line_of(event(), *faults)

        if members == "Connect":
            members = {"source", "event", "key", "intent", "owner"} | CALLED
            assert re.fullmatch(
                r"CreateUser: [A-Za-z]+, status \d{3}, request [0-9a-f-]{36}", line["cause"]
            ), line
        assert set(line) == ALWAYS | FAULT | set(members), line
        found = (line["level"], line["outcome"], line["status"], line["turn"])
        assert found == (levels[turn], outcome, status, turn)
        assert response["statusCode"] == status


def test_each_event_is_counted_whatever_is_logged(deploy):
    deployment = deploy(LOG_LEVEL="ERROR", DEPLOYMENT="counted")
    deployment.deliver(user())
    deployment.deliver(user(), secret=HR_SECRET)
    deployment.fail("CreateUser", "denied")
    deployment.deliver(user("bea@example.com"))
    deployment.send(http_event("/health", method="GET"))

    lines = deployment.function.lines(1)
    assert [line["outcome"] for line in lines] == ["configuration"], "the only error"
    counted = deployment.function.metrics()
    assert len(counted) == 3, "a health check is no event"
    names = "Events Created Rejected SenderFaults OperatorFaults LaterFaults Bugs".split()
    assert [[metrics[name] for name in names] for metrics in counted] == [
        [1, 1, 0, 0, 0, 0, 0],
        [1, 0, 1, 1, 0, 0, 0],
        [1, 0, 0, 0, 1, 0, 0],
    ]
    assert ["ConnectLatency" in metrics for metrics in counted] == [True, False, True]
    for metrics in counted:
        (directive,) = metrics["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "ConnectProvisioner"
        assert (directive["Dimensions"], metrics["Deployment"]) == ([["Deployment"]], "counted")
        assert {one["Name"] for one in directive["Metrics"]} == set(metrics) - {"_aws", "Deployment"}
        assert abs(metrics["_aws"]["Timestamp"] / 1000 - int(now())) < 60


def test_a_repeat_is_logged_as_the_same_event(line_of):
    first, again = signed(user(), id="msg_a"), signed(user(), id="msg_a", timestamp=now(-5))
    other = signed(user(), id="msg_b")
    hashes = [line_of(event)[0]["event"] for event in (first, again, other)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_which_check_failed_is_for_the_log_alone(line_of):
    causes = {
        "a security header is missing": http_event(),
        "no key matched": signed(user(), secret=HR_SECRET),
        "the timestamp is outside the tolerance": signed(user(), timestamp=now(-400)),
        "the timestamp is malformed": signed(user(), timestamp="+1"),
        "the message id is malformed": signed(user(), id="a.b"),
    }
    answers = []
    for cause, event in causes.items():
        line, response = line_of(event)
        assert line["cause"] == cause
        answers.append(response)

    assert answers == [answers[0]] * len(causes)


# --- Canaries -------------------------------------------------------------------------------------

# One in every place that an event has; none of them is a word that anybody else would write.
CANARIES = {
    place: f"canary{number:02}{place}"
    for number, place in enumerate(
        "username external given family display email password title role group custom header "
        "query cookie path id type key agent".split()
    )
}
PHONE = "+34911987654"


def planted(**members):
    """A user with a canary in every attribute."""
    plant = CANARIES
    name = {"givenName": plant["given"], "familyName": plant["family"]}
    address = f"{plant['email']}@example.com"
    return user(f"{plant['username']}@example.com") | {
        "externalId": plant["external"],
        "name": name | {"formatted": plant["given"]},
        "displayName": plant["display"],
        "emails": [{"value": address, "type": "work", "display": plant["display"]}],
        "phoneNumbers": [{"value": PHONE, "type": "work"}],
        "password": plant["password"],
        "title": plant["title"],
        "roles": [{"value": plant["role"]}],
        "groups": [{"value": plant["group"], "display": plant["group"]}],
        plant["key"]: plant["custom"],
        **members,
    }


def sessions():
    """Events of every kind, good and bad, each with the faults that meet it."""
    plant = CANARIES
    sound = planted()
    yield sound, ["500-before"] * 3
    for fault in ("denied", "limit", "InvalidParameterException", "SerializationException", "drop"):
        yield sound, [fault]
    yield sound, []  # by then it is ours
    yield envelope("user.created", sound), []
    for type in ("user.deleted", plant["type"]):
        yield envelope(type, sound), []
    yield planted(userName=plant["username"] + "+"), []
    yield planted(userName=[plant["username"]]), []
    yield planted(userName=plant["username"] + "@x"), []
    yield planted(name=plant["given"]), []
    yield planted(active=plant["custom"]), []
    yield planted(externalId=[plant["external"]]), []
    yield planted(externalId="another person's"), []  # 409
    yield planted(userName="taken"), []  # 409
    yield as_bytes(sound)[:-1], []
    yield as_bytes(sound) + as_bytes(plant["custom"]), []
    yield as_bytes(sound).replace(b'"active"', b'"USERNAME"'), []
    yield as_bytes(plant["custom"]), []
    yield plant["custom"].encode(), []
    yield as_bytes(sound).ljust(262_145), []
    yield b"\xff" + as_bytes(sound), []


def test_no_name_no_secret_and_no_word_of_aws_is_ever_logged_or_answered(deploy):
    deployment = deploy(EMAIL_AS="secondary", PHONE_TYPE="DESK_PHONE")
    foreign_user(deployment.standin, "taken")
    plant, statuses, answers, sent = CANARIES, set(), [], ""

    def send(document, **signing):
        signing |= {"id": plant["id"], "query": f"q={plant['query']}", "base64": True}
        event = signed(document, **signing)
        event["headers"]["authorization"] = f"Bearer {plant['header']}"
        event["headers"][plant["header"]] = plant["header"]
        event["cookies"] = [f"c={plant['cookie']}"]
        event["requestContext"]["http"]["userAgent"] = plant["agent"]
        nonlocal sent
        sent += json.dumps(event) + str(document)
        answer = deployment.send(event)
        statuses.add(answer.status)
        answers.append(json.dumps([answer.headers, answer.body]))

    for document, faults in sessions():
        deployment.fail("CreateUser", *faults)
        send(document)
    send(planted(), secret=HR_SECRET)
    send(planted(), timestamp=now(-400))
    send(planted(), path=f"/hooks/{plant['path']}")
    send(planted(), method=plant["path"].upper())
    send(planted(), stage=plant["path"])
    assert [word for word in [*plant.values(), PHONE] if word not in sent] == [], "all are planted"
    assert statuses == {200, 400, 401, 404, 405, 409, 413, 500, 501, 503}

    lines = deployment.function.lines(len(answers))
    assert len(lines) == len(answers), "one line for each event"
    for text in (deployment.function.log(), "".join(answers)):
        assert [word for word in forbidden() if word.lower() in text.lower()] == []


def forbidden():
    """What must not be seen, in every guise that something logged might have."""
    keys = [key(SECRET), key(HR_SECRET)]
    texts = [*CANARIES.values(), PHONE, "911 987 654", SECRET, HR_SECRET, "1mz050nq", "Taken"]
    texts += [PLATFORM["AWS_SECRET_ACCESS_KEY"], PLATFORM["AWS_SESSION_TOKEN"]]
    texts += [secret.removeprefix("whsec_") for secret in (SECRET, HR_SECRET)]
    yield from texts
    yield from map(urllib.parse.quote_plus, texts)
    for bytes in keys + [text.encode() for text in texts]:
        yield bytes.decode(errors="replace")
        yield bytes.hex()
        yield str(list(bytes))
        for shift in range(3):  # wherever it may stand in something longer
            encoded = base64.b64encode(b"\0" * shift + bytes).decode()
            encoded = encoded[4 if shift else 0 : -4]
            if len(encoded) >= 8:
                yield encoded
    # The sentences of the stand-in and of Connect, and what only a trace would say.
    yield from ("asked for by", "already associated", "webhook-signature", "PhoneConfig", "TRACE")
    yield from ("IdentityInfo", "AWS4-HMAC", "x-amz", "panicked", "hyper::", "aws_smithy")
