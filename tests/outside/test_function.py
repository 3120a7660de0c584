"""Signed events become Amazon Connect users: the release binary, from the event to boto3."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError

import pytest

from deployments import Deployment, signed
from http_events import Answer, http_event
from people import envelope, owner_tags, user
from programs import wait_for

STORIES = Path(__file__).resolve().parents[2] / "events"
ANA = "ana.ruiz@example.com"


def test_a_signed_user_becomes_a_connect_user(deployment):
    answer = deployment.deliver(user())

    users = deployment.standin.users()
    assert list(users) == [ANA]
    tags = owner_tags(f"ext-{ANA}")
    assert answer.status == 201
    assert answer.headers == {"content-type": "application/json"}
    assert answer.json == {
        "outcome": "created",
        "userId": users[ANA]["Id"],
        "userArn": f"{deployment.standin.instance_arn}/agent/{users[ANA]['Id']}",
        "owner": tags["provisioner-owner"],
    }
    assert users[ANA]["Arn"] == answer.json["userArn"]
    assert users[ANA]["Tags"] == tags
    assert users[ANA]["IdentityInfo"] == {"FirstName": "Ana", "LastName": "Ruiz"}


def test_one_call_carries_every_member_and_nothing_else(deployment):
    """No password, no e-mail under SAML; and `false` and `0` are spelled out, which no SDK does."""
    standin = deployment.standin

    deployment.deliver(user())

    assert standin.calls() == {"CreateUser": 1}
    assert standin.sent("CreateUser") == [
        {
            "Username": ANA,
            "IdentityInfo": {"FirstName": "Ana", "LastName": "Ruiz"},
            "PhoneConfig": {
                "PhoneType": "SOFT_PHONE", "AutoAccept": False, "AfterContactWorkTimeLimit": 0,
            },
            "RoutingProfileId": standin.routing_profiles["Basic Routing Profile"],
            "SecurityProfileIds": [standin.security_profiles["Agent"]],
            "Tags": owner_tags(f"ext-{ANA}"),
        }
    ]  # fmt: skip


def test_every_setting_reaches_connect(deploy, standin):
    directory = standin()
    arn = directory.instance_arn
    group = directory.hierarchy_groups["Iberia"]
    profiles = [directory.security_profiles[name] for name in ("Agent", "QualityAnalyst")]
    deployment = deploy(
        CONNECT_INSTANCE=directory.instance_id,
        ROUTING_PROFILE=f"{arn}/routing-profile/{directory.routing_profiles['Sales']}",
        SECURITY_PROFILES=f"{profiles[0]}, {arn}/security-profile/{profiles[1]}",
        HIERARCHY_GROUP=f"{arn}/agent-group/{group}",
        TAGS="team=blue,cost center=7",
        DEPLOYMENT="prod",
        EMAIL_AS="secondary",
        PHONE_TYPE="DESK_PHONE",
        AUTO_ACCEPT="true",
        AFTER_CONTACT_WORK_SECONDS="30",
        PERSISTENT_CONNECTION="true",
    )

    assert deployment.deliver(user()).status == 201

    assert deployment.standin.sent("CreateUser") == [
        {
            "Username": ANA,
            "IdentityInfo": {"FirstName": "Ana", "LastName": "Ruiz", "SecondaryEmail": ANA},
            "PhoneConfig": {
                "PhoneType": "DESK_PHONE", "AutoAccept": True, "AfterContactWorkTimeLimit": 30,
                "DeskPhoneNumber": "+34911234567", "PersistentConnection": True,
            },
            "RoutingProfileId": directory.routing_profiles["Sales"],
            "SecurityProfileIds": profiles,
            "HierarchyGroupId": group,
            "Tags": {"team": "blue", "cost center": "7"}
            | owner_tags(f"ext-{ANA}", deployment="prod"),
        }
    ]  # fmt: skip


def test_an_empty_setting_is_no_setting(deploy):
    """SAM passes every parameter, the empty ones too."""
    names = (
        "HIERARCHY_GROUP TAGS DEPLOYMENT EMAIL_AS PHONE_TYPE AUTO_ACCEPT HOOK_OLD_SECRET "
        "AFTER_CONTACT_WORK_SECONDS PERSISTENT_CONNECTION BASE_PATH HOOK_TYPO"
    )
    deployment = deploy(**dict.fromkeys(names.split(), ""))

    assert deployment.deliver(user()).status == 201
    assert deployment.standin.users()[ANA]["Tags"] == owner_tags(f"ext-{ANA}")


@pytest.mark.parametrize("own", [True, False], ids=["of its own", "of all services"])
def test_an_empty_endpoint_is_no_endpoint(standin, function, own):
    connect = standin("--no-throttle")
    settings = Deployment.environment(
        connect,
        AWS_ENDPOINT_URL_CONNECT=connect.endpoint if own else "",
        AWS_ENDPOINT_URL="" if own else connect.endpoint,
        AWS_ENDPOINT_URL_SECRETS_MANAGER="",
    )
    deployment = Deployment(connect, function(settings))

    assert deployment.deliver(user()).status == 201


def test_the_username_is_the_owner_where_there_is_no_external_id(deployment):
    assert deployment.deliver(user(externalId=None)).status == 201

    assert deployment.standin.users()[ANA]["Tags"] == owner_tags(ANA, kind="userName")


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "base64"])
@pytest.mark.parametrize("function_url", [False, True], ids=["http api", "function url"])
@pytest.mark.parametrize("spell", [str.lower, str.title, str.upper])
def test_a_request_is_read_however_the_gateway_hands_it_over(
    deployment, wrapped, function_url, spell
):
    joined = envelope("user.created", user("jose@example.com", displayName="José 🦀"))
    event = signed(joined, base64=wrapped, function_url=function_url)
    event["headers"] = {spell(name): value for name, value in event["headers"].items()}

    answer = deployment.send(event)

    assert answer.status == 201
    assert list(deployment.standin.users()) == ["jose@example.com"]



@pytest.mark.parametrize(
    "story, status, said",
    [
        ("okta-user-created", 201, {"outcome": "created"}),
        ("entra-user-created", 201, {"outcome": "created"}),
        ("user-privileged", 201, {"outcome": "created"}),
        ("user-inactive", 200, {"outcome": "ignored"}),
        ("group-created", 200, {"outcome": "ignored"}),
        ("user-updated", 501, {"status": "501"}),
        ("user-renamed", 501, {"status": "501"}),
        ("user-deactivated", 501, {"status": "501"}),
        ("user-activated", 501, {"status": "501"}),
        ("user-deleted", 501, {"status": "501"}),
        ("user-name-missing", 400, {"status": "400", "scimType": "invalidValue"}),
        ("user-name-refused", 400, {"status": "400", "scimType": "invalidValue"}),
    ],
)
def test_each_story_ends_as_it_should(deployment, story, status, said):
    told = json.loads((STORIES / f"{story}.json").read_text())
    path = told["path"].replace("{source}", "okta")

    answer = deployment.deliver(told["body"], path=path, method=told["method"])

    assert (answer.status, answer.json | said) == (status, answer.json)
    person = told["body"].get("data", told["body"])
    expected = [person["userName"]] if status == 201 else []
    assert list(deployment.standin.users()) == expected


def test_nobody_chooses_their_own_power(deployment):
    standin = deployment.standin
    admin = standin.security_profiles["Admin"]
    arn = f"{standin.instance_arn}/security-profile/{admin}"
    claims = [{"value": "Admin"}, {"value": admin}, {"value": arn}]

    answer = deployment.deliver(
        user(roles=claims, entitlements=claims, groups=claims, SecurityProfileIds=[admin],
             securityProfiles=[admin], tags={"managed-by": "me"}, RoutingProfileId=admin)
    )  # fmt: skip

    assert answer.status == 201
    ana = standin.users()[ANA]
    assert ana["SecurityProfileIds"] == [standin.security_profiles["Agent"]]
    assert ana["RoutingProfileId"] == standin.routing_profiles["Basic Routing Profile"]
    assert ana["Tags"] == owner_tags(f"ext-{ANA}")


# --- Routes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base_path, stage, path, status",
    [
        ("", "$default", "/hooks/okta", 201),
        ("", "prod", "/prod/hooks/okta", 201),
        ("", "prod", "/hooks/okta", 201),
        ("", "prod", "/prod/prod/hooks/okta", 404),
        ("", "prod", "/production/hooks/okta", 404),
        ("", "$default", "/prod/hooks/okta", 404),
        ("", "$default", "/%24default/hooks/okta", 404),
        ("connect/v1", "$default", "/connect/v1/hooks/okta", 201),
        ("/connect/v1/", "prod", "/prod/connect/v1/hooks/okta", 201),
        ("connect/v1", "$default", "/hooks/okta", 201),
        ("connect/v1", "$default", "/connect/hooks/okta", 404),
        ("connect/v1", "$default", "/x/connect/v1/hooks/okta", 404),
    ],
)
def test_a_stage_and_a_base_path_may_stand_before_a_route_once(
    deploy, deployment, base_path, stage, path, status
):
    here = deploy(BASE_PATH=base_path) if base_path else deployment

    answer = here.deliver(user(), path=path, stage=stage)

    assert answer.status == status
    assert here.standin.calls() == ({"CreateUser": 1} if status == 201 else {})


@pytest.mark.parametrize(
    "path",
    ["/", "", "/hooks", "/hooks/", "/hooks/nobody", "/hooks/okta/", "//hooks/okta", "/hooks//okta",
     "/x/hooks/okta", "/hooks/okta/x", "/hooks/OKTA", "/Hooks/okta", "/hooks/okt%61", "/health/",
     "/hooks/okta?x", "/hooks/../health", "/_standin", "hooks/okta"],
)  # fmt: skip
def test_there_is_nothing_at_any_other_path(deployment, path):
    answer = deployment.deliver(user(), path=path)

    assert answer.status == 404
    assert answer.headers == {"content-type": "application/scim+json"}
    assert answer.json["status"] == "404"
    assert "/hooks/{source}" in answer.json["detail"]
    assert deployment.standin.calls() == {}


def test_the_function_says_that_it_is_up_without_asking_connect(deployment):
    for method in ("GET", "HEAD"):
        answer = deployment.send(http_event("/health", method=method))
        assert answer == Answer(200, {}, "")
    refused = deployment.send(http_event("/hooks/okta", method="HEAD"))
    assert (refused.status, refused.body) == (405, "")
    assert deployment.standin.calls() == {}


@pytest.mark.parametrize(
    "path, allow, method",
    [("/hooks/okta", "POST", method) for method in "GET PUT DELETE OPTIONS post".split()]
    + [("/health", "GET, HEAD", method) for method in "POST DELETE head".split()],
)
def test_another_method_is_told_the_right_one(deployment, path, allow, method):
    answer = deployment.deliver(user(), path=path, method=method)

    assert answer.status == 405
    assert answer.headers == {"allow": allow, "content-type": "application/scim+json"}
    assert answer.json["status"] == "405"
    assert deployment.standin.calls() == {}


def test_what_is_no_http_event_is_an_error_of_the_invocation_and_spoils_nothing(deployment):
    rest = http_event("/health", method="GET") | {"version": "1.0"}
    for event in ({"Records": []}, {}, [], None, 7, "x", rest, {"version": "2.0"}):
        error = deployment.function.invoke(event)
        assert set(error) == {"errorType", "errorMessage"}, event
        assert error["errorType"] == "NotHttp", event

    assert deployment.standin.calls() == {}
    assert deployment.deliver(user()).status == 201
    assert deployment.function.log().count("INIT START") == 1, "one process answered them all"


# --- The same event again -------------------------------------------------------------------------


def test_the_same_delivery_again_is_answered_with_the_same_ids(deployment):
    event = signed(user())

    answers = [deployment.send(event) for _ in range(5)]

    assert [answer.status for answer in answers] == [201, 200, 200, 200, 200]
    assert [answer.json.pop("outcome") for answer in answers] == ["created"] + ["alreadyOurs"] * 4
    said = [{**answer.json, "outcome": None} for answer in answers]
    assert said == [said[0]] * 5
    assert list(deployment.standin.users()) == [ANA]


def test_one_event_at_three_functions_at_once_makes_one_user(deploy, function):
    first = deploy()
    settings = first.environment(first.standin)
    functions = [first.function, function(settings), function(settings)]
    for one in functions:  # the emulator starts its function at the first event
        one.invoke(http_event("/health", method="GET"))

    for round in range(5):
        event = signed(user(f"agent-{round}"))
        together = threading.Barrier(len(functions))

        def invoke(one):
            together.wait()
            return Answer.of(one.invoke(event))

        with ThreadPoolExecutor(len(functions)) as senders:
            answers = list(senders.map(invoke, functions))

        assert sorted(answer.status for answer in answers) == [200, 200, 201]
        assert len({answer.json["userId"] for answer in answers}) == 1
    assert len(first.standin.users()) == 5


def test_what_a_supervisor_changed_since_stays_changed(deployment):
    standin = deployment.standin
    created = deployment.deliver(user()).json
    standin.connect.tag_resource(resourceArn=created["userArn"], tags={"shift": "night"})
    before = standin.describe(created["userId"])

    again = deployment.deliver(user(name={"givenName": "Anna", "familyName": "R"}))

    assert (again.status, again.json["userId"]) == (200, created["userId"])
    assert standin.describe(created["userId"]) == before


def test_a_function_killed_in_the_middle_leaves_one_user_and_the_repeat_finds_it(deploy, function):
    deployment = deploy()
    standin = deployment.standin
    standin.control(slowMs=5000, faults={"CreateUser": ["slow"]})
    event = signed(user())

    with ThreadPoolExecutor(1) as sender:
        interrupted = sender.submit(deployment.function.invoke, event)
        wait_for(lambda: standin.state()["users"], "the user to be made")
        deployment.function.kill_bootstrap()
        with pytest.raises(HTTPError, match="502"):  # the platform's word: nothing is acknowledged
            interrupted.result()
    (made,) = standin.users().values()

    answer = Answer.of(function(deployment.environment(standin)).invoke(event))

    assert (answer.status, answer.json["userId"]) == (200, made["Id"])
    assert list(standin.users()) == [ANA]
    assert standin.calls()["CreateUser"] == 2
