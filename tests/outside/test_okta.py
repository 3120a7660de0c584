"""Okta's event hooks: a fixed value for a proof, several events in one request, three seconds for
an answer and one repeat. The release binary, from the hook to boto3."""

import base64
import itertools
import json
import re
import time
import unicodedata
from collections import Counter
from contextlib import closing

import pytest

import people
from deployments import HR_SECRET, SECRET, Deployment, foreign_user, signed
from http_events import Answer, http_event
from okta import (
    APP, AUTHORIZATION, CHALLENGE, GROUP, added, app, app_user, assigned, delivery, event, group,
    hook, somebody, target, user, verification,
)  # fmt: skip
from programs import Function, Standin, wait_for

OTHERS = "the value of another hook of Okta's"


def source(name, secret=AUTHORIZATION, scheme="okta", **settings):
    settings |= {"SCHEME": scheme, "SECRET": secret}
    return {f"HOOK_{name}_{setting}": value for setting, value in settings.items()}


# One hook for each way of saying who joins, and one whose sender signs.
SOURCES = {
    **source("OKTA", APPS=APP["id"], GROUPS=GROUP["id"], LIFECYCLE="false"),
    **source("NAMES", APPS='["Sales, EMEA", "Amazon Connect"]', GROUPS="Agents,Connect Agents"),
    **source("NEITHER", OTHERS),
    **source("EVERYBODY", LIFECYCLE="true"),
    **source("UNKNOWN", APPS="unknown", GROUPS="unknown"),
    **source("HR", HR_SECRET, "standard-webhooks", APPS=APP["id"]),
}
SHAPES = {
    "http api": {},
    "base64": {"base64": True},
    "function url": {"function_url": True},
    "function url, base64": {"function_url": True, "base64": True},
    "stage": {"stage": "prod", "path": "/prod/hooks/okta"},
}
ERROR = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"]}
REMOVED = "application.user_membership.remove"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One deployment for all of these tests, with every source."""
    log = tmp_path_factory.mktemp("okta") / "function.log"
    with closing(Standin("--no-throttle")) as connect:
        with closing(Function(Deployment.environment(connect, **SOURCES), log)) as function:
            yield Deployment(connect, function)


def told(answer, status=200):
    """What an answer says of each event; the whole of it as bad as its worst."""
    assert answer.status == status, answer.body
    kind = "application/json" if status < 400 else "application/scim+json"
    assert answer.headers["content-type"] == kind
    return answer.json["events"]


def outcomes(answer, status=200):
    return [event.get("outcome", event.get("status")) for event in told(answer, status)]


def made(deployment):
    """Whose users there are, by their logins."""
    return sorted(deployment.standin.users())


def logins(*people):
    return sorted(person.login for person in people)


# --- The verification -----------------------------------------------------------------------------


@pytest.mark.parametrize("spell", [str.lower, str.title, str.upper])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_okta_is_given_its_challenge_back(deployment, shape, spell):
    question = verification(**shape)
    question["headers"] = {spell(name): value for name, value in question["headers"].items()}

    answer = deployment.send(question)

    assert (answer.status, answer.json) == (200, {"verification": CHALLENGE})
    assert answer.headers == {"content-type": "application/json"}
    assert deployment.standin.calls() == {}


@pytest.mark.parametrize(
    "challenge", ["a", '"}, {"verification": "b', "\\", "</script>", "ñ", "7", "a,b", "x" * 4096]
)
def test_whatever_the_challenge_is_it_stays_one_text(deployment, challenge):
    answer = deployment.send(verification(challenge))

    assert (answer.status, answer.json) == (200, {"verification": challenge})
    assert answer.headers == {"content-type": "application/json"}


UNPROVEN = {
    "none": None,
    "an empty one": "",
    "a blank one": " ",
    "another source's": OTHERS,
    "one that lacks a character": AUTHORIZATION[:-1],
    "one with a character more": AUTHORIZATION + "x",
    "one with a space before": " " + AUTHORIZATION,
    "one with a space behind": AUTHORIZATION + " ",
    "one in capitals": AUTHORIZATION.upper(),
    "one behind a scheme": f"Bearer {AUTHORIZATION}",
    "one that was sent twice": f"{AUTHORIZATION},{AUTHORIZATION}",
    "one in base64": base64.b64encode(AUTHORIZATION.encode()).decode(),
    "a list of it twice": [AUTHORIZATION, AUTHORIZATION],
    "a number": 7,
}


@pytest.fixture(scope="module")
def refusal(shared):
    """What a hook without any proof gets."""
    answer = shared.send(delivery(hook(), None))
    assert answer.status == 401
    assert answer.headers == {"content-type": "application/scim+json"}
    assert answer.json == ERROR | {"status": "401", "detail": answer.json["detail"]}
    return answer


@pytest.mark.parametrize("authorization", UNPROVEN.values(), ids=UNPROVEN)
def test_a_stranger_is_not_told_the_challenge(deployment, refusal, authorization):
    assert deployment.send(verification(authorization=authorization)) == refusal
    assert CHALLENGE not in refusal.body


def test_a_challenge_that_is_not_there_once_is_asked_for(deployment):
    twice = {"X-Okta-Verification-Challenge": CHALLENGE}
    for question in (verification(None), verification(""), verification(headers=twice)):
        answer = deployment.send(question)
        assert (answer.status, answer.json["scimType"]) == (400, "invalidSyntax")
        assert "x-okta-verification-challenge" in answer.json["detail"]
        assert CHALLENGE not in answer.body


def test_no_other_source_has_a_challenge(deployment):
    for headers in ({}, signed(b"", secret=HR_SECRET)["headers"]):
        answer = deployment.send(verification(path="/hooks/hr", headers=headers))
        assert answer.status == 405
        assert answer.headers == {"allow": "POST", "content-type": "application/scim+json"}
        assert CHALLENGE not in answer.body


@pytest.mark.parametrize("method", "PUT PATCH DELETE OPTIONS get post".split())
def test_another_method_is_told_the_two_there_are(deployment, method):
    person = somebody()
    for question in (delivery(hook(assigned(person))), verification()):
        question["requestContext"]["http"]["method"] = method
        answer = deployment.send(question)
        assert answer.status == 405
        assert answer.headers == {"allow": "GET, HEAD, POST", "content-type": "application/scim+json"}
        assert CHALLENGE not in answer.body
    assert deployment.standin.calls() == {}


# --- Who speaks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("authorization", UNPROVEN.values(), ids=UNPROVEN)
def test_a_hook_without_its_proof_is_refused_whatever_is_in_it(deployment, refusal, authorization):
    person = somebody()
    bodies = [hook(assigned(person)), people.user(), hook(), {"eventType": 7}, b"{", b"", b"\xff"]
    for body in bodies:
        assert deployment.send(delivery(body, authorization, base64=True)) == refusal
    assert deployment.standin.calls() == {}


def test_the_proof_is_looked_for_nowhere_else(deployment, refusal):
    sound = delivery(hook(assigned(somebody())))
    proof = sound["headers"].pop("authorization")
    elsewhere = [
        {"headers": sound["headers"] | {"Authorization": proof, "AUTHORIZATION": proof}},
        {"headers": sound["headers"] | {"proxy-authorization": proof, "x-authorization": proof}},
        {"headers": sound["headers"] | {"authorization ": proof}},
        {"multiValueHeaders": {"authorization": [proof]}},
        {"rawQueryString": f"authorization={proof}"},
        {"cookies": [f"authorization={proof}"]},
    ]
    for change in elsewhere:
        assert deployment.send(sound | change) == refusal, change
    assert deployment.standin.calls() == {}


def test_each_hook_has_a_value_of_its_own(deployment, refusal):
    document = hook(event("user.session.start"))

    assert deployment.send(delivery(document, path="/hooks/neither")) == refusal
    assert deployment.send(delivery(document, OTHERS, path="/hooks/neither")).status == 200
    assert deployment.send(delivery(document, AUTHORIZATION)).status == 200


# --- Who joins ------------------------------------------------------------------------------------


@pytest.mark.parametrize("spell", [str.lower, str.title])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_hook_is_read_however_the_gateway_hands_it_over(deployment, shape, spell):
    person = somebody("José Núñez")
    event = delivery(hook(assigned(person)), **shape)
    event["headers"] = {spell(name): value for name, value in event["headers"].items()}

    answer = deployment.send(event)

    (ours,) = deployment.standin.users().values()
    assert answer.headers == {"content-type": "application/json"}
    assert told(answer) == [
        {
            "outcome": "created",
            "userId": ours["Id"],
            "userArn": f"{deployment.standin.instance_arn}/agent/{ours['Id']}",
            "owner": people.owner_tags(person.id)["provisioner-owner"],
        }
    ]
    assert set(answer.json) == {"outcome", "events"}
    assert ours["IdentityInfo"] == {"FirstName": "José", "LastName": "Núñez"}


def test_one_call_carries_what_an_event_tells_and_what_the_operator_says(deployment):
    standin, person = deployment.standin, somebody()

    deployment.send(delivery(hook(assigned(person))))

    assert standin.calls() == {"CreateUser": 1}
    assert standin.sent("CreateUser") == [
        {
            "Username": person.login,
            "IdentityInfo": {"FirstName": "Ana", "LastName": "Ruiz"},
            "PhoneConfig": {
                "PhoneType": "SOFT_PHONE", "AutoAccept": False, "AfterContactWorkTimeLimit": 0,
            },
            "RoutingProfileId": standin.routing_profiles["Basic Routing Profile"],
            "SecurityProfileIds": [standin.security_profiles["Agent"]],
            "Tags": people.owner_tags(person.id),
        }
    ]  # fmt: skip


PAYROLL = app("0oa2hki74h325r1Ir1h5", "Payroll")
ADMINS = group("00g2fnbLZaUXSZZSSUTL", "Administrators")
NO_APPS, NOT_ON_APPS = "HOOK_<SOURCE>_APPS is not set", "not on HOOK_<SOURCE>_APPS"
NO_GROUPS, NOT_ON_GROUPS = "HOOK_<SOURCE>_GROUPS is not set", "not on HOOK_<SOURCE>_GROUPS"
NO_LIFECYCLE = "HOOK_<SOURCE>_LIFECYCLE is not true"


def life(type):
    return lambda person: event(f"user.lifecycle.{type}", user(person))


def by_app(*apps):
    return lambda person: event("application.user_membership.add", user(person), *apps)


def by_group(*groups):
    return lambda person: event("group.user_membership.add", *groups, user(person))


JOINS = {
    "an application by its id": ("okta", assigned),
    "a group by its id": ("okta", added),
    "an application by its label": ("names", assigned),
    "a label with a comma in it": ("names", by_app(app("0oa3", "Sales, EMEA"))),
    "a group by its name": ("names", added),
    "a group by its id, renamed": ("okta", by_group(GROUP | {"displayName": "Beginners"})),
    "one group of several": ("okta", by_group(ADMINS, GROUP)),
    "a group that has no name": ("okta", by_group(GROUP | {"displayName": None})),
    "somebody new": ("everybody", life("create")),
    "somebody activated": ("everybody", life("activate")),
}
STAYS = {
    "another application": ("okta", by_app(PAYROLL), NOT_ON_APPS),
    "another application's label": ("names", by_app(PAYROLL), NOT_ON_APPS),
    "another group": ("okta", by_group(ADMINS), NOT_ON_GROUPS),
    "another group's name": ("names", by_group(ADMINS), NOT_ON_GROUPS),
    "a group named like a listed id": (
        "okta", by_group(ADMINS | {"displayName": GROUP["id"]}), NOT_ON_GROUPS,
    ),
    "an application named so": ("okta", by_app(PAYROLL | {"displayName": APP["id"]}), NOT_ON_APPS),
    "a name where ids are listed": ("okta", by_group(GROUP | {"id": "00g3"}), NOT_ON_GROUPS),
    "an id where names are listed": ("names", by_app(app(APP["id"], "x")), NOT_ON_APPS),
    "a label in another case": ("names", by_app(app("0oa4", "amazon connect")), NOT_ON_APPS),
    "an id in another case": ("okta", by_app(app(APP["id"].upper(), "x")), NOT_ON_APPS),
    "a part of a name": ("names", by_group(group("00g5", "Connect")), NOT_ON_GROUPS),
    "a name and more": ("names", by_group(group("00g5", "Connect Agents 2")), NOT_ON_GROUPS),
    "a name with a space": ("names", by_group(group("00g5", " Agents")), NOT_ON_GROUPS),
    "a whole list": ("names", by_group(group("00g5", "Agents,Connect Agents")), NOT_ON_GROUPS),
    "every group's alternateId": ("unknown", added, NOT_ON_GROUPS),
    "an application's alternateId": (
        "unknown", by_app(APP | {"alternateId": "unknown"}), NOT_ON_APPS,
    ),
    "an id as an alternateId": (
        "okta", by_app(PAYROLL | {"alternateId": APP["id"]}), NOT_ON_APPS,
    ),
    "an application as a group": ("okta", by_group(GROUP | {"type": "AppInstance"}), NOT_ON_GROUPS),
    "a group as an application": ("okta", by_app(APP | {"type": "UserGroup"}), NOT_ON_APPS),
    "an application in an event of a group": ("okta", by_group(APP), NOT_ON_GROUPS),
    "an id of another type": ("okta", by_app(PAYROLL | {"id": [APP["id"]]}), NOT_ON_APPS),
    "no application": ("okta", by_app(), NOT_ON_APPS),
    "no list of applications": ("everybody", assigned, NO_APPS),
    "no list of groups": ("everybody", added, NO_GROUPS),
    "no list at all": ("neither", assigned, NO_APPS),
    "somebody new, unasked": ("neither", life("create"), NO_LIFECYCLE),
    "somebody activated, unasked": ("neither", life("activate"), NO_LIFECYCLE),
    "somebody new, unwanted": ("okta", life("create"), NO_LIFECYCLE),
    "somebody activated, unwanted": ("okta", life("activate"), NO_LIFECYCLE),
    "somebody unsuspended": ("everybody", life("unsuspend"), "ask nothing of Amazon Connect"),
    "somebody who logs in": (
        "everybody", lambda person: event("user.session.start", user(person)),
        "ask nothing of Amazon Connect",
    ),
    "a type with more behind it": ("everybody", life("create.v2"), "ask nothing"),
    "a type in capitals": ("everybody", life("CREATE"), "ask nothing"),
}  # fmt: skip


LEAVERS = [
    lambda person: event(REMOVED, user(person), app_user(person), APP),
    lambda person: event("group.user_membership.remove", user(person), GROUP),
    lambda person: event("user.lifecycle.deactivate", user(person)),
    lambda person: event("user.lifecycle.suspend", user(person)),
    lambda person: event("user.lifecycle.delete.initiated", user(person)),
]


def deliver_to(deployment, name, *events):
    authorization = OTHERS if name == "neither" else AUTHORIZATION
    return deployment.send(delivery(hook(*events), authorization, path=f"/hooks/{name}"))


@pytest.mark.parametrize("name, happened", JOINS.values(), ids=JOINS)
def test_who_is_on_a_list_joins(deployment, name, happened):
    person = somebody()

    assert outcomes(deliver_to(deployment, name, happened(person))) == ["created"]
    assert made(deployment) == [person.login]


@pytest.mark.parametrize("name, happened, reason", STAYS.values(), ids=STAYS)
def test_nobody_else_joins_and_the_answer_says_why(deployment, name, happened, reason):
    (ignored,) = told(deliver_to(deployment, name, happened(somebody())))

    assert set(ignored) == {"outcome", "reason"}
    assert ignored["outcome"] == "ignored"
    assert reason in ignored["reason"]
    assert deployment.standin.calls() == {}


def test_targets_stand_in_any_order_among_others(deployment):
    crowd, events = [], []
    unknown = [target("PublicClientApp", "0oc1", "Okta Admin Console"), None, 7, {}, {"type": None}]
    for order in itertools.permutations(["App", "AppUser", "User"]):
        crowd.append(person := somebody())
        targets = {"App": APP, "AppUser": app_user(person), "User": user(person)}
        ordered = [targets[name] for name in order]
        mixed = itertools.chain(*itertools.zip_longest(unknown, ordered))
        events.append(event("application.user_membership.add", *mixed))

    assert outcomes(deployment.send(delivery(hook(*events)))) == ["created"] * 6
    assert made(deployment) == logins(*crowd)


def test_what_did_not_succeed_did_not_happen(deployment):
    results = ["FAILURE", "SKIPPED", "ALLOW", "DENY", "CHALLENGE", "success", "SUCCESS ", None, 1]
    ends = [{"outcome": {"result": result}} for result in results]
    ends += [{"outcome": end} for end in ({}, None, "SUCCESS", ["SUCCESS"], True)] + [{}]
    events = []
    for end in ends:
        for happened in (assigned(somebody()), added(somebody()), LEAVERS[0](somebody())):
            del happened["outcome"]
            events.append(happened | end)

    for ignored in told(deployment.send(delivery(hook(*events)))):
        assert ignored["outcome"] == "ignored"
        assert "outcome.result" in ignored["reason"]
    assert deployment.standin.calls() == {}


# --- What Connect holds then ----------------------------------------------------------------------

NAMES = {
    "Ana Ruiz": ("Ana", "Ruiz"),
    "Ana Ruiz García": ("Ana", "Ruiz García"),
    "Ruiz García, Ana": ("Ana", "Ruiz García"),
    "Ruiz García,Ana María": ("Ana María", "Ruiz García"),
    "Ludwig van Beethoven": ("Ludwig", "van Beethoven"),
    "van Beethoven, Ludwig": ("Ludwig", "van Beethoven"),
    "  Ana \t Ruiz  García ": ("Ana", "Ruiz  García"),
    "Anne-Marie O'Brien": ("Anne-Marie", "O'Brien"),
    "Ana\u00a0Ruiz": ("Ana", "Ruiz"),
    "山田\u3000太郎": ("太郎", "山田"),
    "Đặng Thị Ánh": ("Đặng", "Thị Ánh"),
    "Øystein Åsen": ("Øystein", "Åsen"),
    "محمد علي": ("محمد", "علي"),
    "Ana R.": ("Ana", "R."),
    unicodedata.normalize("NFD", "José Núñez"): ("José", "Núñez"),
    unicodedata.normalize("NFD", "Müller-Lüdenscheidt, Jürgen"): ("Jürgen", "Müller-Lüdenscheidt"),
    unicodedata.normalize("NFD", "Đặng Thị Ánh"): ("Đặng", "Thị Ánh"),
}


def test_a_name_to_show_becomes_two_names(deployment):
    crowd = [somebody(name) for name in NAMES]

    answer = deployment.send(delivery(hook(*map(assigned, crowd))))

    assert outcomes(answer) == ["created"] * len(crowd), answer.body
    users = deployment.standin.users()
    held = [users[person.login]["IdentityInfo"] for person in crowd]
    names = [(identity["FirstName"], identity["LastName"]) for identity in held]
    assert dict(zip(NAMES, names, strict=True)) == NAMES
    assert all(unicodedata.is_normalized("NFC", name) for name in itertools.chain(*names))


def test_a_login_is_the_username_as_it_is(deployment):
    crowd = [somebody(login=login) for login in ("Eva.LUNA_7@Example.COM", "eva", "e-l", "e" * 64)]

    assert outcomes(deployment.send(delivery(hook(*map(assigned, crowd))))) == ["created"] * 4
    assert made(deployment) == logins(*crowd)


def scim(person, **members):
    return people.user(person.login, externalId=person.id, **members)


@pytest.mark.parametrize("first", ["hook", "scim"])
def test_one_person_by_hook_and_by_signed_user_is_one_user(deployment, first):
    person = somebody()

    def by_hook():
        return told(deployment.send(delivery(hook(assigned(person)))))[0]

    def by_scim():
        return deployment.deliver(scim(person), path="/hooks/hr", secret=HR_SECRET).json

    ways = [by_hook, by_scim] if first == "hook" else [by_scim, by_hook]
    answers = [way() for way in ways]

    assert [answer.pop("outcome") for answer in answers] == ["created", "alreadyOurs"]
    assert answers[0] == answers[1]
    (ours,) = deployment.standin.users().values()
    assert (ours["Username"], ours["Tags"]) == (person.login, people.owner_tags(person.id))


def test_another_person_of_that_login_is_somebody_else(deployment):
    person = somebody()
    assert outcomes(deployment.send(delivery(hook(assigned(person))))) == ["created"]

    for answer in (
        deployment.deliver(people.user(person.login), path="/hooks/hr", secret=HR_SECRET),
        deployment.send(delivery(hook(assigned(somebody(login=person.login))))),
    ):
        assert (answer.status, answer.json["scimType"]) == (409, "uniqueness")
    assert made(deployment) == [person.login]


# --- A batch --------------------------------------------------------------------------------------


def with_user(**changes):
    """Somebody is assigned, and the User among the targets has these members instead."""
    person = somebody()
    targets = [app_user(person), APP, user(person) | changes]
    return event("application.user_membership.add", *targets)


def of_nobody(*targets):
    return event("application.user_membership.add", APP, *targets)


BAD = {
    **{f"named {name!r}": (lambda name=name: with_user(displayName=name), "displayName")
       for name in ("Cher", " Cher ", "", ",", "Ruiz,", ", Ana", "Smith, John, Jr.", None, 7,
                    ["Ana", "Ruiz"])},
    "named by dots": (lambda: with_user(displayName="Ana ..."), "name.familyName"),
    "named with a line end": (lambda: with_user(displayName="Ana Ruiz\nGarcía"), "name.familyName"),
    "named at great length": (lambda: with_user(displayName="A " + "x" * 301), "name.familyName"),
    "named backwards": (lambda: with_user(displayName="Ana\u202e Ruiz"), "name.givenName"),
    "without a login": (lambda: with_user(alternateId=None), "alternateId"),
    "with an empty login": (lambda: with_user(alternateId=""), "alternateId"),
    "with two logins": (lambda: with_user(alternateId=["ana", "eva"]), "alternateId"),
    "with a login that Connect refuses": (lambda: with_user(alternateId="ana ruiz"), "userName"),
    "with a long login": (lambda: with_user(alternateId="a" * 65), "userName"),
    "without an id": (lambda: with_user(id=None), ".id"),
    "with an empty id": (lambda: with_user(id=""), ".id"),
    "with a number for an id": (lambda: with_user(id=7), ".id"),
    "about nobody": (of_nobody, "exactly one of type User, found none"),
    "about the application's user alone": (lambda: of_nobody(app_user(somebody())), "found none"),
    "about two people": (
        lambda: of_nobody(user(somebody()), user(somebody())), "of type User, found several",
    ),
    "about one person twice": (
        lambda: of_nobody(*[user(somebody())] * 2), "of type User, found several",
    ),
    "with one target and no list": (lambda: assigned(somebody(), target=APP), "target: expected"),
    "with a text for targets": (lambda: assigned(somebody(), target="Ana"), "target: expected"),
    "without a type": (lambda: assigned(somebody(), eventType=None), "eventType"),
    "of a type that is a number": (lambda: assigned(somebody(), eventType=7), "eventType"),
    "of two types": (lambda: assigned(somebody(), eventType=["a", "b"]), "eventType"),
    "that is null": (lambda: None, "data.events"),
    "that is a text": (lambda: "application.user_membership.add", "data.events"),
    "that is a list": (lambda: [assigned(somebody())], "data.events"),
    "that is a number": (lambda: 7, "data.events"),
    "that is empty": (lambda: {}, "eventType"),
}  # fmt: skip


def spoken(event, number, events):
    """The answer to a batch for which the event of this number speaks."""
    detail = f"event {number} of {len(events)}: {event['detail']}"
    return event | {"detail": detail, "events": events}


@pytest.mark.parametrize("event, says", BAD.values(), ids=[f"one {what}" for what in BAD])
def test_a_bad_event_is_told_what_it_lacks_and_the_others_are_carried_out(deployment, event, says):
    before, after = somebody(), somebody()

    answer = deployment.send(delivery(hook(assigned(before), event(), added(after))))

    first, bad, last = told(answer, 400)
    assert (first["outcome"], last["outcome"]) == ("created", "created")
    assert bad == ERROR | {"status": "400"} | {name: bad[name] for name in ("detail", "scimType")}
    assert bad["scimType"] in ("invalidValue", "invalidSyntax")
    assert says in bad["detail"] and ": expected " in bad["detail"] and ", found " in bad["detail"]
    assert answer.json == spoken(bad, 2, [first, bad, last])
    assert made(deployment) == logins(before, after)


def test_who_is_wanted_by_the_life_cycle_must_be_somebody_too(deployment):
    for nobody in ([], [APP], [user(somebody()), user(somebody())]):
        answer = deliver_to(deployment, "everybody", event("user.lifecycle.create", *nobody))
        assert outcomes(answer, 400) == ["400"]
    assert deployment.standin.calls() == {}


ENDS = {
    "fine": "created", "ignored": "ignored", "gone": "leaverIgnored", "unsplit": "400",
    "foreign": "409", "denied": "503",
}  # fmt: skip


def ending(deployment, end):
    """An event that ends like this, and the faults that meet it."""
    person = somebody("Cher" if end == "unsplit" else "Ana Ruiz")
    match end:
        case "ignored":
            return assigned(person, PAYROLL), []
        case "gone":
            return LEAVERS[0](person), []
        case "foreign":
            foreign_user(deployment.standin, person.login)
            return assigned(person), ["DuplicateResourceException"]
        case "denied":
            return assigned(person), ["denied"]
    return assigned(person), []


@pytest.mark.parametrize(
    "ends, status, speaker",
    [
        ("", 200, None),
        ("fine", 200, None),
        ("fine ignored gone fine", 200, None),
        ("fine unsplit fine", 400, 2),
        ("foreign fine", 409, 1),
        ("unsplit foreign fine", 400, 1),
        ("foreign unsplit fine", 409, 1),
        ("unsplit denied fine", 503, 2),
        ("denied unsplit foreign", 503, 1),
        ("ignored foreign denied", 503, 3),
    ],
)
def test_the_answer_is_the_worst_of_its_events(deployment, ends, status, speaker):
    """The first of equally bad ones speaks for all."""
    endings = [ending(deployment, end) for end in ends.split()]
    deployment.fail("CreateUser", *[fault for _, faults in endings for fault in faults])

    answer = deployment.send(delivery(hook(*[happened for happened, _ in endings])))

    assert outcomes(answer, status) == [ENDS[end] for end in ends.split()]
    events = answer.json["events"]
    calm = {"outcome": "batch", "events": events}
    assert answer.json == (spoken(events[speaker - 1], speaker, events) if speaker else calm)


FAULTS = {
    "throttle": ("fewer calls", "5"),
    "TooManyRequestsException": ("fewer calls", "5"),
    "denied": ("configuration", None),
    "expired": ("configuration", None),
    "ResourceNotFoundException": ("configuration", None),
    "limit": ("quota", "3600"),
    "500-before": ("repeat the event", "30"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_may_pass_is_503_since_okta_repeats_nothing_else(deployment, fault):
    says, retry_after = FAULTS[fault]
    person = somebody()
    deployment.fail("CreateUser", *[fault] * 8)

    answer = deployment.send(delivery(hook(assigned(person))))

    (failed,) = told(answer, 503)
    assert failed["status"] == "503" and says in failed["detail"]
    assert answer.headers.get("retry-after") == retry_after
    words = ("Exception", "asked for by", person.login)
    assert [word for word in words if word in answer.body] == []
    deployment.standin.control(reset=True)
    assert outcomes(deployment.send(delivery(hook(assigned(person))))) == ["created"]


def test_a_user_that_is_not_ours_is_left_alone(deployment):
    foreign = somebody()
    foreign_user(deployment.standin, foreign.login)
    before, ours = deployment.standin.users(), somebody()

    for _ in range(2):
        answer = deployment.send(delivery(hook(assigned(foreign), assigned(ours))))
        failed, _ = told(answer, 409)
        assert (failed["scimType"], failed["status"]) == ("uniqueness", "409")
        assert "userName" in failed["detail"]
    after = deployment.standin.users()
    assert {name: after[name] for name in before} == before
    assert sorted(after) == logins(foreign, ours)


# --- Three seconds, and once more -----------------------------------------------------------------


def asked_for(standin):
    """How often each user was asked for."""
    return Counter(body["Username"] for body in standin.sent("CreateUser"))


TROUBLE = {
    "slow": {"slowMs": 300, "faults": {"CreateUser": ["slow"] * 24}},
    "silent": {"slowMs": 60_000, "faults": {"CreateUser": ["slow"] * 24}},
    "throttling": {"throttle": True},
}


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
def test_who_did_not_fit_joins_by_the_repeat_and_nobody_is_asked_for_again(deployment, trouble):
    """Whatever became of the calls that were cut off."""
    standin, crowd = deployment.standin, [somebody() for _ in range(12)]
    batch = delivery(hook(*map(assigned, crowd)))
    deployment.send(http_event("/health", method="GET"))
    standin.control(**trouble)
    begun = time.monotonic()

    answer = deployment.send(batch)

    assert time.monotonic() - begun < 3, "Okta has hung up"
    events = told(answer, 503)
    assert "retry-after" in answer.headers
    assert {said["status"] for said in events if "userId" not in said} == {"503"}
    there = {person.login for person, said in zip(crowd, events, strict=True) if "userId" in said}
    assert 0 < len(there) < len(crowd)
    before = asked_for(standin)

    standin.control(slowMs=0, throttle=False)
    again = told(deployment.send(batch))

    assert set(asked_for(standin) - before) == {person.login for person in crowd} - there
    users = standin.users()
    assert sorted(users) == logins(*crowd)
    assert [said["userId"] for said in again] == [users[person.login]["Id"] for person in crowd]
    calls = standin.calls()["CreateUser"]
    assert outcomes(deployment.send(batch)) == ["alreadyOurs"] * len(crowd)
    assert standin.calls()["CreateUser"] == calls


def test_the_same_hook_again_makes_nobody_twice(deployment, function):
    """Also where another function gets it, which remembers nothing."""
    standin, crowd = deployment.standin, [somebody() for _ in range(3)]
    event = delivery(hook(*map(assigned, crowd)))
    other = function(Deployment.environment(standin, **SOURCES))

    answers = [deployment.send(event), deployment.send(event), Answer.of(other.invoke(event))]

    assert [outcomes(answer) for answer in answers] == [["created"] * 3] + [["alreadyOurs"] * 3] * 2
    first, *others = [[said["userId"] for said in told(answer)] for answer in answers]
    assert others == [first, first]
    assert made(deployment) == logins(*crowd)
    assert standin.calls()["CreateUser"] == 6


def test_one_person_twice_in_a_batch_is_one_user(deployment):
    person = somebody()
    events = [assigned(person), assigned(person), added(person), assigned(somebody())]

    answer = deployment.send(delivery(hook(*events)))

    assert outcomes(answer) == ["created", "alreadyOurs", "alreadyOurs", "created"]
    assert len({said["userId"] for said in answer.json["events"]}) == 2
    assert deployment.standin.calls() == {"CreateUser": 2}


# --- The log --------------------------------------------------------------------------------------

@pytest.fixture
def counted(deploy):
    """The lines and the metrics that each hook leaves behind, and the answer it got."""
    deployment, sent, seen = deploy(**SOURCES), itertools.count(1), []

    def send(delivered):
        answer, number = deployment.send(delivered), next(sent)
        # The metrics come last.
        wait_for(lambda: len(deployment.function.metrics()) == number, f"{number} metrics")
        lines = deployment.function.lines(number)[len(seen) :]
        seen.extend(lines)
        return lines, deployment.function.metrics()[-1], answer

    send.deployment = deployment
    return send


def test_who_leaves_is_counted_and_left_to_the_operator(counted):
    person = somebody()
    counted(delivery(hook(assigned(person))))
    others = [
        event(REMOVED, user(person), PAYROLL),
        event("group.user_membership.remove", user(person), ADMINS),
        event("user.lifecycle.unsuspend", user(person)),
        LEAVERS[0](person) | {"outcome": {"result": "FAILURE"}},
    ]

    lines, metrics, answer = counted(delivery(hook(*[of(person) for of in LEAVERS], *others)))

    assert outcomes(answer) == ["leaverIgnored"] * 5 + ["ignored"] * 4
    assert all("by hand" in said["reason"] for said in answer.json["events"][:5])
    assert (metrics["Events"], metrics["LeaverIgnored"]) == (9, 5)
    assert [line["intent"] for line in lines[:5]] == ["leave"] * 4 + ["remove"]
    assert [line["intent"] for line in lines[5:]] == ["nothing", "nothing", "return", "nothing"]
    assert {(line["level"], line["outcome"]) for line in lines[:5]} == {("WARN", "leaverIgnored")}
    assert made(counted.deployment) == [person.login]
    assert counted.deployment.standin.calls()["CreateUser"] == 1


def test_a_source_without_lists_counts_only_who_leaves_okta(counted):
    leavers = [of(somebody()) for of in LEAVERS]

    _, metrics, answer = counted(delivery(hook(*leavers), OTHERS, path="/hooks/neither"))

    assert outcomes(answer) == ["ignored"] * 2 + ["leaverIgnored"] * 3
    assert metrics["LeaverIgnored"] == 3


HEX = re.compile(r"[0-9a-f]{16}")
CALLED = {"connectCalls", "connectMs", "connectRequestId"}
FAULT = {"turn", "cause"}


def test_every_event_of_a_batch_has_a_line_of_its_own(counted):
    known, new, denied = somebody(), somebody(), somebody()
    counted(delivery(hook(assigned(known))))
    batch = [
        assigned(known), assigned(denied), assigned(new), assigned(somebody("Cher")),
        assigned(somebody(), PAYROLL), LEAVERS[2](somebody()), "no event",
    ]  # fmt: skip
    counted.deployment.fail("CreateUser", "denied")

    lines, metrics, answer = counted(delivery(hook(*batch)))

    assert answer.status == 503
    always = {"level", "message", "source", "event", "part", "key", "outcome", "status",
              "durationMs", "requestId"}  # fmt: skip
    rows = [
        ("INFO", "alreadyOurs", {"intent", "owner", "userId"}),
        ("ERROR", "configuration", {"intent", "owner"} | CALLED | FAULT),
        ("INFO", "created", {"intent", "owner", "userId"} | CALLED),
        ("WARN", "invalidValue", {"intent"} | FAULT),
        ("INFO", "ignored", {"intent"}),
        ("WARN", "leaverIgnored", {"intent", "owner"}),
        ("WARN", "invalidSyntax", FAULT),
    ]
    assert [(line["level"], line["outcome"], set(line) - always) for line in lines] == rows
    assert [line["part"] for line in lines] == [1, 2, 3, 4, 5, 6, 7]
    for line in lines:
        assert always <= set(line)
        assert (line["message"], line["source"], line["key"]) == ("event", "okta", 1)
        assert line["status"] == 503 and HEX.fullmatch(line["event"])
        assert line["requestId"] == lines[0]["requestId"]
        assert line["durationMs"] == lines[0]["durationMs"]
    assert len({line["event"] for line in lines}) == len(lines)
    owners = [people.owner_tags(one.id)["provisioner-owner"] for one in (known, denied, new)]
    assert [line["owner"] for line in lines[:3]] == owners
    assert [lines[0]["userId"], lines[2]["userId"]] == [
        said["userId"] for said in answer.json["events"] if "userId" in said
    ]
    assert [line.get("connectCalls") for line in lines] == [None, 1, 1] + [None] * 4

    names = "Events Created LeaverIgnored Rejected SenderFaults OperatorFaults LaterFaults Bugs"
    assert [metrics[name] for name in names.split()] == [7, 1, 1, 0, 2, 1, 0, 0]
    (directive,) = metrics["_aws"]["CloudWatchMetrics"]
    assert {one["Name"] for one in directive["Metrics"]} == set(metrics) - {"_aws", "Deployment"}
    whole = sum(line["connectMs"] for line in lines[1:3])  # each rounded down to milliseconds
    assert whole <= metrics["ConnectLatency"] < whole + 2


def test_a_hook_that_is_refused_is_one_line_and_one_event(counted):
    batch = hook(*[assigned(somebody()) for _ in range(3)])
    for refused, outcome, name in [
        (delivery(batch, OTHERS), "unauthenticated", "Rejected"),
        (delivery(batch | {"data": {}}), "invalidSyntax", "SenderFaults"),
        (delivery(people.as_bytes(batch)[:-1]), "invalidSyntax", "SenderFaults"),
    ]:
        (line,), metrics, _ = counted(refused)
        assert (line["outcome"], line["level"]) == (outcome, "WARN")
        assert "part" not in line
        assert (metrics["Events"], metrics[name]) == (1, 1)


def test_the_verification_is_a_line_and_no_event(counted):
    counted.deployment.send(verification())

    (line,) = counted.deployment.function.lines(1)
    assert (line["outcome"], line["status"], line["level"]) == ("confirmed", 200, "INFO")
    _, metrics, _ = counted(delivery(hook(event("user.session.start"))))
    assert metrics["Events"] == 1
    assert len(counted.deployment.function.metrics()) == 1


def test_a_repeat_is_logged_as_the_same_event(counted):
    one, two = assigned(somebody()), assigned(somebody())

    def hashes(*events):
        lines, _, _ = counted(delivery(hook(*events)))
        return [line["event"] for line in lines]

    first, second = hashes(one, two)
    assert first != second
    assert hashes(one, two) == [first, second]
    assert hashes(two, assigned(somebody()), one)[::2] == [second, first], "in another batch"
    assert hashes(assigned(somebody(), uuid=one["uuid"])) == [first], "the uuid is what counts"
    assert not {first, second} & {*hashes(one | {"uuid": two["uuid"] + "0"})}


# --- Canaries -------------------------------------------------------------------------------------

CANARY = "canaryinacoalmine"
NUMBER = "771335599171"
_planted = itertools.count(1)
# What an event is told by; all else of it could be anything.
OKTAS_WORDS = {"eventType", "type", "result"}


def planted(value):
    """The same, with a canary in each place."""
    match value:
        case dict():
            kept = {name: value[name] for name in OKTAS_WORDS & set(value)}
            return {name: planted(inner) for name, inner in value.items()} | kept | {CANARY: CANARY}
        case list():
            return [planted(inner) for inner in value]
        case int() | float():
            return int(f"{NUMBER}{next(_planted)}")
        case str() if CANARY in value:
            return value
    return f"{CANARY}{next(_planted)}"


def canary():
    """Somebody of whom nothing may be seen."""
    number = next(_planted)
    return somebody(f"{CANARY}{number} {CANARY}", f"{CANARY}.{number}@{CANARY}.example")


def guises(text):
    """A text in whatever form something might be logged."""
    bytes = text.encode()
    yield from (text, bytes.hex(), str(list(bytes))[1:-1])
    for shift in range(3):  # wherever it may stand in something longer
        encoded = base64.b64encode(b"\0" * shift + bytes).decode()
        yield encoded[4 if shift else 0 : -4]


CANARY_APP = app(f"{CANARY}0", f"{CANARY} app")


def sessions(standin):
    """Events that end in every way, each with the faults that meet it."""

    def sound(person=None, **members):
        return assigned(person or canary(), CANARY_APP, **members)

    known, foreign = canary(), canary()
    foreign_user(standin, foreign.login)
    yield sound(foreign), []
    yield sound(known), []
    yield sound(known), []
    for fault in ("denied", "limit", "InvalidParameterException", "SerializationException",
                  "drop", "500-after"):  # fmt: skip
        yield sound(), [fault]
    yield sound(), ["500-before"] * 3
    yield sound(), ["throttle"] * 4  # no event below gets as far as Connect
    yield sound(somebody(CANARY, f"{CANARY}@example.com")), []
    yield sound(somebody(f"{CANARY}\0 {CANARY}", f"{CANARY}@example.com")), []
    for login in (f"{CANARY}+@example.com", f"@{CANARY}", f"{CANARY}@{CANARY}", CANARY * 4):
        yield sound(somebody(f"{CANARY} {CANARY}", login)), []
    yield sound(outcome={"result": CANARY, "reason": CANARY}), []
    yield sound(eventType=CANARY), []
    yield sound(eventType=[CANARY]), []
    yield sound(target=CANARY), []
    yield sound(target=[CANARY_APP, user(canary()), user(canary())]), []
    yield assigned(canary(), APP | {"displayName": CANARY}), []
    yield event(REMOVED, user(canary()), CANARY_APP), []
    yield CANARY, []


def test_nothing_of_a_hook_is_ever_logged_or_answered(deploy):
    proof = f"Bearer {CANARY} for Okta"
    settings = source("OKTA", proof, APPS=CANARY_APP["displayName"], GROUPS=CANARY)
    deployment, answers = deploy(**settings), []

    def send(question):
        question["headers"] |= {CANARY: CANARY, "user-agent": CANARY}
        question["cookies"] = [f"c={CANARY}"]
        question["requestContext"]["http"] |= {"sourceIp": CANARY, "userAgent": CANARY}
        answers.append(deployment.send(question))

    for happened, faults in sessions(deployment.standin):
        deployment.fail("CreateUser", *faults)
        send(delivery(planted(hook(happened)), proof, query=f"q={CANARY}"))
    whole = people.as_bytes(planted(hook(assigned(canary()))))
    assert whole.count(CANARY.encode()) > 50 and NUMBER.encode() in whole, "all is planted"
    for body in (
        whole[:-1], whole + whole, whole.replace(b'"target"', b'"OUTCOME"'), CANARY.encode(),
        whole.ljust(262_145), people.as_bytes(hook(data=CANARY)),
    ):  # fmt: skip
        send(delivery(body, proof))
    for other in (None, proof[:-1], f"{proof}{CANARY}"):
        send(delivery(whole, other))
        send(verification(CANARY, other))
    send(verification("", proof))
    send(verification(CANARY, proof, path=f"/hooks/{CANARY}"))
    assert {answer.status for answer in answers} == {200, 400, 401, 404, 409, 413, 500, 503}
    confirmed = deployment.send(verification(CANARY, proof))
    assert confirmed.json == {"verification": CANARY}

    lines = deployment.function.lines(len(answers) + 1)
    assert len(lines) == len(answers) + 1, "one line for each hook"
    heard = [json.dumps([answer.headers, answer.body]) for answer in answers]
    forbidden = [*guises(CANARY), *guises(NUMBER), "asked for by", "already associated"]
    for text in (deployment.function.log(), *heard):
        assert [word for word in forbidden if word.lower() in text.lower()] == []


# --- What no Okta would send ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [None, {}, [], "x", 7, {"events": None}, {"events": {}}, {"events": "x"}, {"events": 7},
     {"events": {"0": assigned(somebody())}}, {"event": [assigned(somebody())]},
     [assigned(somebody())], {"events": assigned(somebody())}],
    ids=lambda data: json.dumps(data)[:32],
)  # fmt: skip
def test_a_hook_without_a_list_of_events_is_told_so(deployment, data):
    answer = deployment.send(delivery(hook(data=data)))

    assert (answer.status, answer.json["scimType"]) == (400, "invalidSyntax")
    assert answer.json["detail"].startswith("data.events: expected an array, found ")
    assert "events" not in answer.json
    assert deployment.standin.calls() == {}


@pytest.mark.parametrize(
    "type",
    [None, 7, "", [], ["com.okta.event_hook"], {"type": "com.okta.event_hook"},
     "COM.OKTA.EVENT_HOOK", "com.okta.event_hook ", "com.okta.event_hook.v2",
     "com.okta.user.pre-registration", "com.okta.oauth2.tokens.transform"],
)  # fmt: skip
def test_what_is_no_event_hook_is_not_taken_for_one(deployment, type):
    answer = deployment.send(delivery(hook(assigned(somebody()), eventType=type)))

    assert (answer.status, answer.json["scimType"]) == (400, "invalidSyntax")
    assert "an Okta event hook" in answer.json["detail"]
    assert deployment.standin.calls() == {}


def test_two_thousand_events_are_answered_one_by_one(deployment):
    person = somebody()
    events = [None, 7, [], {}, {"eventType": "user.session.start"}] * 400
    expected = ["400", "400", "400", "400", "ignored"] * 400
    events[1234], expected[1234] = assigned(person), "created"

    assert outcomes(deployment.send(delivery(hook(*events))), 400) == expected
    assert made(deployment) == [person.login]


def test_two_thousand_whole_events_are_too_many(deployment):
    batch = hook(*[assigned(somebody()) for _ in range(2000)])

    assert deployment.send(delivery(batch)).status == 413
    assert deployment.standin.calls() == {}


def test_a_batch_as_large_as_a_body_may_be_is_answered_in_time(deployment):
    """Each event has no more than what is read."""
    crowd = [somebody() for _ in range(900)]
    batch = [
        {"eventType": "group.user_membership.add", "outcome": {"result": "SUCCESS"},
         "target": [{"type": "UserGroup", "id": GROUP["id"]},
                    {"type": "User", "id": person.id, "alternateId": person.login,
                     "displayName": person.name}]}
        for person in crowd
    ]  # fmt: skip
    deployment.send(http_event("/health", method="GET"))
    deployment.standin.control(slowMs=60, faults={"CreateUser": ["slow"] * len(crowd)})
    begun = time.monotonic()

    answer = deployment.send(delivery(hook(*batch)))

    assert time.monotonic() - begun < 3, "Okta has hung up"
    ended = Counter(outcomes(answer, 503))
    assert set(ended) <= {"created", "alreadyOurs", "503"}
    assert 0 < ended["503"] < ended.total() == len(crowd)


@pytest.mark.parametrize(
    "change",
    [
        (b'"data":', b'"Data": {"events": []}, "data":'),
        (b'"eventType": "com', b'"eventtype": "user.created", "eventType": "com'),
        (b'"target":', b'"target": [], "target":'),
        (b'"outcome":', b'"Outcome": {"result": "FAILURE"}, "outcome":'),
        (b'"result":', b'"RESULT": "FAILURE", "result":'),
        (b'"type": "AppInstance"', b'"type": "AppInstance", "\\u0074ype": "User"'),
        (b'"alternateId":', b'"alternateID": "eve", "alternateId":'),
    ],
    ids=lambda change: change[1].decode()[:24],
)
def test_a_hook_that_could_be_read_in_two_ways_is_read_in_none(deployment, change):
    whole = people.as_bytes(hook(assigned(somebody())))
    assert whole.count(change[0]) >= 1

    answer = deployment.send(delivery(whole.replace(*change)))

    assert answer.status == 400
    assert "expected each member once, found one twice" in answer.json["detail"]
    assert deployment.standin.calls() == {}


def test_nesting_ends_at_32_levels(deployment):
    person = somebody()

    def nested(levels):
        deep = assigned(person, debugContext="HERE")
        lists = b"[" * (levels - 4) + b"]" * (levels - 4)
        return people.as_bytes(hook(deep)).replace(b'"HERE"', lists)

    for levels in (33, 128, 100_000):
        answer = deployment.send(delivery(nested(levels)))
        assert answer.status == 400
        assert "at most 32 levels" in answer.json["detail"]
    assert deployment.standin.calls() == {}
    assert outcomes(deployment.send(delivery(nested(32)))) == ["created"]


def test_a_hook_is_a_hook_whoever_signed_it(deployment):
    person, later = somebody(), somebody()
    events = [assigned(person), added(somebody()), LEAVERS[0](person)]

    answer = deployment.deliver(hook(*events), path="/hooks/hr", secret=HR_SECRET)

    joined, ignored, left = told(answer)
    assert (joined["outcome"], left["outcome"]) == ("created", "leaverIgnored")
    assert NO_GROUPS in ignored["reason"]
    deployment.fail("CreateUser", *["throttle"] * 8)
    answer = deployment.deliver(hook(assigned(later)), path="/hooks/hr", secret=HR_SECRET)
    assert outcomes(answer, 503) == ["503"]
    forged = deployment.deliver(hook(assigned(later)), path="/hooks/hr", secret=SECRET)
    assert forged.status == 401
    assert deployment.send(delivery(hook(assigned(later)), path="/hooks/hr")).status == 401
    assert made(deployment) == [person.login]


def test_a_user_by_the_value_of_a_hook_is_a_user(deployment):
    person = somebody()

    answer = deployment.send(delivery(scim(person)))

    assert (answer.status, answer.json["outcome"]) == (201, "created")
    assert made(deployment) == [person.login]


@pytest.mark.parametrize("path, deliver", [("/hooks/okta", "fixed"), ("/hooks/hr", "signed")])
def test_what_is_a_hook_and_a_user_and_an_envelope_is_a_hook(deployment, path, deliver):
    by_hook, by_user, by_data = somebody(), somebody(), somebody()
    document = scim(by_user) | {"type": "user.created"} | hook(assigned(by_hook))
    document["data"] |= scim(by_data)

    if deliver == "signed":
        answer = deployment.deliver(document, path=path, secret=HR_SECRET)
    else:
        answer = deployment.send(delivery(document, path=path))

    assert outcomes(answer) == ["created"]
    assert made(deployment) == [by_hook.login]
