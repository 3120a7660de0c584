"""What a story would make of Amazon Connect is what the function then makes of it: the plan, next
to the call that the release function sends when it is told the same story."""

import itertools
import json
import socket
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

import okta
from deployments import HR_SECRET, SECRET, Deployment
from people import envelope, owner_tags, user
from programs import CHATTY, Function, Standin, run

ROOT = Path(__file__).resolve().parents[2]
STORIES = {story.stem: story for story in sorted((ROOT / "events").glob("*.json"))}
ANA = "ana.ruiz@example.com"
EXTENSION = "urn:ietf:params:scim:schemas:extension:amazonconnect:2.0:User"
AGENT = "9fd8de5d-99d2-4a9c-aaca-b62be3c2fdcd"
SUPPORT = "a19235be-d610-4ce5-aa1d-7ba01631b3a5"
PASSWORD = "Canary-passw0rd"
NOTE = "no settings found (HOOK_…, CONNECT_INSTANCE): planned with the demo's\n"

OKTA = {
    "HOOK_OKTA_SCHEME": "okta",
    "HOOK_OKTA_SECRET": okta.AUTHORIZATION,
    "HOOK_OKTA_APPS": okta.APP["id"],
    "HOOK_OKTA_GROUPS": okta.GROUP["displayName"],
}
MANAGED = {"IDENTITY_MANAGEMENT": "CONNECT_MANAGED"}
DIRECTORY = {"IDENTITY_MANAGEMENT": "EXISTING_DIRECTORY"}
DESK = {"PHONE_TYPE": "DESK_PHONE"}
CHANNELS = {
    "AutoAcceptConfigs": [
        {"Channel": "VOICE", "AutoAccept": False, "AgentFirstCallbackAutoAccept": True},
        {"Channel": "CHAT", "AutoAccept": True},
    ],
    "AfterContactWorkConfigs": [
        {"Channel": "TASK", "AfterContactWorkConfig": {"AfterContactWorkTimeLimit": 0}},
    ],
    "PhoneNumberConfigs": [{"Channel": "VOICE", "PhoneType": "SOFT_PHONE"}],
    "PersistentConnectionConfigs": [{"Channel": "VOICE", "PersistentConnection": False}],
    "VoiceEnhancementConfigs": [{"Channel": "VOICE", "VoiceEnhancementMode": "NONE"}],
}
DESK_CHANNELS = CHANNELS | {
    "PhoneNumberConfigs": [{"Channel": "VOICE", "PhoneType": "DESK_PHONE"}],
}


@pytest.fixture(scope="module")
def standins():
    """A stand-in for each kind of instance, started when the first asks for it."""
    with ExitStack() as running:
        started = {}

        def standin(identity="SAML"):
            if identity not in started:
                connect = Standin("--no-throttle", "--identity", identity)
                started[identity] = running.enter_context(closing(connect))
            started[identity].control(reset=True)
            return started[identity]

        yield standin


@pytest.fixture
def nobody():
    """An environment in which every way out leads to a socket where nobody may knock."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        url = f"http://127.0.0.1:{trap.getsockname()[1]}"
        yield CHATTY | {
            "AWS_ENDPOINT_URL": url,
            "AWS_ENDPOINT_URL_CONNECT": url,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": url,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": url,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/credentials",
        }
        trap.setblocking(False)
        with pytest.raises(BlockingIOError):
            trap.accept()


@pytest.fixture
def plan(nobody, tmp_path):
    """Plans a story, of a file or a document, and sees that no secret is shown."""
    numbers = itertools.count(1)

    def plan(story, *flags, **settings):
        if not isinstance(story, Path):
            file = tmp_path / f"story-{next(numbers)}.json"
            file.write_text(json.dumps(story))
            story = file
        planned = run("plan", str(story), *flags, env=settings | nobody)
        said = planned.stdout + planned.stderr
        for secret in (SECRET, HR_SECRET, okta.AUTHORIZATION, PASSWORD):
            assert secret.removeprefix("whsec_") not in said
        return planned

    return plan


@pytest.fixture
def plans(plan):
    """The plans of a story's events, as JSON."""

    def plans(story, *flags, **settings):
        planned = plan(story, "--json", *flags, **settings)
        events = json.loads(planned.stdout)["events"]
        refused = len([event for event in events if "status" in event])
        note = "" if settings else NOTE
        if refused:
            note += f"error: {refused} of {len(events)} would be refused\n"
        assert (planned.returncode, planned.stderr) == (1 if refused else 0, note), planned
        return events

    return plans


def tell(function, story, environment):
    """What the function answers to a story that is signed just now."""
    document = story.read_text() if isinstance(story, Path) else json.dumps(story)
    signing = run("sign", "-", env=environment, input=document)
    return function.invoke(json.loads(signing.stdout))


def origins(planned):
    """Member to what it comes from."""
    rows = [(row["member"], row["from"]) for row in planned["from"]]
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def members(request):
    """The members of a request, by the paths that a plan knows them by."""
    for name, value in request.items():
        yield from [f"{name}.{inner}" for inner in value] if isinstance(value, dict) else [name]


def settled(planned, sent, connect):
    """A planned request with the ids of its names, and the password that was not shown."""
    ids = {
        f"id of {name}": id
        for named in (connect.routing_profiles, connect.security_profiles, connect.hierarchy_groups)
        for name, id in named.items()
    }
    settled = planned["request"] | {
        name: ids.get(planned["request"][name], planned["request"][name])
        for name in ("RoutingProfileId", "HierarchyGroupId")
        if name in planned["request"]
    }
    profiles = settled["SecurityProfileIds"]
    settled["SecurityProfileIds"] = [ids.get(profile, profile) for profile in profiles]
    if "Password" in settled:
        assert settled["Password"] == "(not shown)"
        settled["Password"] = sent["Password"]
    return settled


# --- What is planned is what is sent --------------------------------------------------------------

WORK = 'phoneNumbers[type eq "work"]'
CASES = {
    "nothing but what must be": (
        {}, user(),
        {
            "Username": "userName",
            "IdentityInfo.FirstName": "name.givenName",
            "IdentityInfo.LastName": "name.familyName",
            "PhoneConfig.PhoneType": "PHONE_TYPE (default)",
            "PhoneConfig.AutoAccept": "AUTO_ACCEPT (default)",
            "PhoneConfig.AfterContactWorkTimeLimit": "AFTER_CONTACT_WORK_SECONDS (default)",
            "RoutingProfileId": "ROUTING_PROFILE",
            "SecurityProfileIds": "SECURITY_PROFILES",
            "Tags.managed-by": "this program",
            "Tags.provisioner-deployment": "DEPLOYMENT (default)",
            "Tags.provisioner-owner": "DEPLOYMENT and externalId, else userName",
        },
    ),
    "a phone": (
        {
            "PHONE_TYPE": "SOFT_PHONE", "AUTO_ACCEPT": "true", "AFTER_CONTACT_WORK_SECONDS": "30",
            "PERSISTENT_CONNECTION": "false",
        },
        user(),
        {
            "PhoneConfig.PhoneType": "PHONE_TYPE",
            "PhoneConfig.AutoAccept": "AUTO_ACCEPT",
            "PhoneConfig.AfterContactWorkTimeLimit": "AFTER_CONTACT_WORK_SECONDS",
            "PhoneConfig.PersistentConnection": "PERSISTENT_CONNECTION",
        },
    ),
    "a desk phone": (
        DESK, user(),
        {"PhoneConfig.PhoneType": "PHONE_TYPE", "PhoneConfig.DeskPhoneNumber": WORK},
    ),
    "channels": (
        {"CHANNELS": json.dumps(CHANNELS)}, user(),
        dict.fromkeys(CHANNELS.keys() - {"PhoneNumberConfigs"}, "CHANNELS"),
    ),
    "channels and a desk phone": (
        {"CHANNELS": json.dumps(DESK_CHANNELS)}, user(),
        {"PhoneNumberConfigs": f"CHANNELS, and {WORK}", "AutoAcceptConfigs": "CHANNELS"},
    ),
    "a password of one's own": (
        MANAGED, user(password=PASSWORD),
        {
            "Password": "password, else GENERATE_PASSWORD",
            "IdentityInfo.Email": "emails, because of EMAIL_AS",
        },
    ),
    "a password of nobody's": (
        MANAGED | {"GENERATE_PASSWORD": "true", "EMAIL_AS": "omit"}, user(password=None),
        {"Password": "password, else GENERATE_PASSWORD"},
    ),
    "a directory": (
        DIRECTORY | {"EMAIL_AS": "email"},
        user(name=None, **{EXTENSION: {"directoryUserId": "d-1"}}),
        {
            "DirectoryUserId": "the extension's directoryUserId",
            "IdentityInfo.Email": "emails, because of EMAIL_AS",
        },
    ),
    "a directory that knows best": (DIRECTORY, user(), {"Username": "userName"}),
    "a second address": (
        {"EMAIL_AS": "secondary"}, user(),
        {"IdentityInfo.SecondaryEmail": "emails, because of EMAIL_AS"},
    ),
    "a mobile number": (
        {}, user(phoneNumbers=[{"value": "+34 600 111 222", "type": "mobile"}]),
        {"IdentityInfo.Mobile": 'phoneNumbers[type eq "mobile"]'},
    ),
    "a mobile number that is none": (
        {}, user(phoneNumbers=[{"value": "ask at the desk", "type": "mobile"}]), {},
    ),
    "names": (
        {
            "ROUTING_PROFILE": "Sales", "SECURITY_PROFILES": "Agent,QualityAnalyst",
            "HIERARCHY_GROUP": "Iberia",
        },
        user(),
        {
            "RoutingProfileId": "ROUTING_PROFILE", "SecurityProfileIds": "SECURITY_PROFILES",
            "HierarchyGroupId": "HIERARCHY_GROUP",
        },
    ),
    "what the operator allows": (
        {
            "HIERARCHY_GROUP": "Iberia",
            "ALLOWED_ROUTING_PROFILES": f"Sales,{SUPPORT}",
            "ALLOWED_SECURITY_PROFILES": "QualityAnalyst,Agent",
            "ALLOWED_HIERARCHY_GROUPS": "EMEA",
        },
        user(**{
            EXTENSION: {
                "routingProfile": SUPPORT.upper(), "hierarchyGroup": "EMEA",
                "securityProfiles": ["Agent", "QualityAnalyst", "Agent"],
            },
        }),
        {
            "RoutingProfileId":
                "the extension's routingProfile, by leave of ALLOWED_ROUTING_PROFILES",
            "SecurityProfileIds":
                "the extension's securityProfiles, by leave of ALLOWED_SECURITY_PROFILES",
            "HierarchyGroupId":
                "the extension's hierarchyGroup, by leave of ALLOWED_HIERARCHY_GROUPS",
        },
    ),
    "one profile twice": ({"SECURITY_PROFILES": f"{AGENT},{AGENT.upper()}"}, user(), {}),
    "one name twice": ({"SECURITY_PROFILES": "Agent,Admin,Agent"}, user(), {}),
    "tags": (
        {"TAGS": "team=blue,cost center=7,empty=", "DEPLOYMENT": "prod"}, user(),
        {
            "Tags.team": "TAGS", "Tags.cost center": "TAGS", "Tags.empty": "TAGS",
            "Tags.provisioner-deployment": "DEPLOYMENT",
        },
    ),
    "tags that are called like members": (
        {"TAGS": "Username=x,PhoneConfig.PhoneType=y"}, user(),
        {"Tags.Username": "TAGS", "Tags.PhoneConfig.PhoneType": "TAGS", "Username": "userName"},
    ),
    "names in other letters": (
        {}, user(externalId=None, name={"givenName": "Nun\u0303o", "familyName": "O'Brien 李"}),
        {"Tags.provisioner-owner": "DEPLOYMENT and externalId, else userName"},
    ),
    "Entra ID's envelope": (
        {}, STORIES["entra-user-created"], {"IdentityInfo.FirstName": "name.givenName"},
    ),
    "somebody who names Admin everywhere": (
        {}, STORIES["user-privileged"], {"SecurityProfileIds": "SECURITY_PROFILES"},
    ),
    "Okta's event hook": (
        OKTA, okta.hook(okta.assigned(okta.somebody("Ruiz, Ana")), okta.added(okta.somebody())),
        {
            "Username": "the User target's alternateId",
            "IdentityInfo.FirstName": "the User target's displayName",
            "IdentityInfo.LastName": "the User target's displayName",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("settings, story, known", CASES.values(), ids=CASES)
def test_what_is_planned_is_what_is_sent(plans, standins, function, settings, story, known):
    connect = standins(settings.get("IDENTITY_MANAGEMENT", "SAML"))
    environment = Deployment.environment(connect, **settings)

    planned = plans(story, **environment)
    answer = tell(function(environment), story, environment)

    assert answer["statusCode"] in (200, 201), answer
    assert {one["outcome"] for one in planned} == {"createUser"}
    sent = connect.sent("CreateUser")
    assert [settled(*pair, connect) for pair in zip(planned, sent, strict=True)] == sent
    for one in planned:
        assert set(one) == {"outcome", "request", "from"}
        assert list(origins(one)) == list(members(one["request"])), "each has an origin"
        assert known.items() <= origins(one).items()


def test_a_name_is_shown_as_such(plans, standins):
    names = {
        "ROUTING_PROFILE": "Nobody's Profile",
        "SECURITY_PROFILES": "Agent,Nobody",
        "HIERARCHY_GROUP": "Nowhere",
    }
    (planned,) = plans(user(), **Deployment.environment(standins(), **names))
    assert planned["request"]["RoutingProfileId"] == "id of Nobody's Profile"
    assert planned["request"]["SecurityProfileIds"] == ["id of Agent", "id of Nobody"]
    assert planned["request"]["HierarchyGroupId"] == "id of Nowhere"


@pytest.mark.parametrize("password", [PASSWORD, None])
def test_a_password_is_never_shown(plan, standins, password):
    settings = Deployment.environment(standins(), **MANAGED, GENERATE_PASSWORD="true")
    for flags in ([], ["--json"]):
        shown = plan(user(password=password), *flags, **settings).stdout
        assert "(not shown)" in shown
        assert "aA0" not in shown, "as one begins that nobody chose"


def test_a_key_that_is_stored_is_not_asked_for(plans, standins):
    stored = {
        "HOOK_OKTA_SECRET": None,
        "HOOK_OKTA_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:hook-AbCdEf",
    }
    (planned,) = plans(user(), "--source", "okta", **Deployment.environment(standins(), **stored))
    assert planned["outcome"] == "createUser"


# --- What is not sent -----------------------------------------------------------------------------

UNSENT = {
    "somebody who is switched off": (STORIES["user-inactive"], "ignored", "is not active"),
    "somebody who is a group": (STORIES["group-created"], "ignored", "events of this type"),
    "somebody who leaves": (STORIES["user-deactivated"], "needsRoster", "has a roster"),
    "somebody without a last name": (
        STORIES["user-name-missing"], "invalidValue", "name.familyName: expected",
    ),
    "somebody with an odd login": (STORIES["user-name-refused"], "invalidValue", "userName: "),
    "somebody who asks for too much": (
        user(**{EXTENSION: {"securityProfiles": ["Admin"]}}), "invalidValue",
        "ALLOWED_SECURITY_PROFILES",
    ),
    "somebody in no directory": (
        user(**{EXTENSION: {"directoryUserId": "d-1"}}), "invalidValue", "has no directory",
    ),
    "nobody": ({"userName": ANA}, "invalidSyntax", "expected"),
    "nothing we know": (envelope("order.paid", {}), "ignored", "events of this type"),
}  # fmt: skip


@pytest.fixture(scope="module")
def released(standins, tmp_path_factory):
    """A function that is told what comes to nothing, by either kind of sender."""
    environment = Deployment.environment(standins(), **OKTA)
    log = tmp_path_factory.mktemp("released") / "function.log"
    with closing(Function(environment, log)) as function:
        yield function, environment


@pytest.mark.parametrize("story, outcome, why", UNSENT.values(), ids=UNSENT)
def test_where_nothing_is_sent_the_plan_says_why_as_the_function_does(
    plan, plans, released, story, outcome, why
):
    function, environment = released

    (planned,) = plans(story, **environment)
    answer = tell(function, story, environment)

    told = json.loads(answer["body"])
    assert planned["outcome"] == outcome
    assert why in planned.get("reason", planned.get("detail", ""))
    if outcome == "ignored":
        assert planned == told
    else:
        assert planned == {
            "outcome": outcome, "status": answer["statusCode"], "detail": told["detail"],
        }  # fmt: skip
    shown = plan(story, **environment).stdout
    assert shown.startswith(f"nothing to send, {outcome}: ")
    assert why in shown


def test_each_event_of_a_batch_has_its_plan(plans, released):
    function, environment = released
    environment = environment | {"HOOK_OKTA_APPS": "Amazon Connect"}
    story = okta.hook(
        okta.assigned(okta.somebody()),
        okta.assigned(okta.somebody(), okta.app("0oa2", "Payroll")),
        okta.assigned(okta.somebody("Cher")),
        okta.event("user.lifecycle.deactivate", okta.user(okta.somebody())),
        okta.event("user.session.start", okta.user(okta.somebody())),
        okta.added(okta.somebody(), outcome={"result": "FAILURE", "reason": None}),
    )

    planned = plans(story, **environment)
    told = json.loads(tell(function, story, environment)["body"])["events"]

    assert [one["outcome"] for one in planned] == [
        "createUser", "ignored", "invalidValue", "leaverIgnored", "ignored", "ignored",
    ]  # fmt: skip
    for one, answer in list(zip(planned, told, strict=True))[1:]:
        said = one.get("reason", one.get("detail"))
        assert said and said == answer.get("reason", answer.get("detail"))


def test_what_a_desk_phone_or_a_password_lacks_is_told(plans, standins):
    lacking = [
        (DESK, user(phoneNumbers=None), "because the phone type is DESK_PHONE"),
        (DESK, user(phoneNumbers=[{"value": "12", "type": "work"}]), WORK),
        (MANAGED, user(), "GENERATE_PASSWORD"),
        ({"EMAIL_AS": "secondary"}, user(emails=[{"value": "ana"}]), "emails: "),
    ]
    for settings, person, why in lacking:
        (planned,) = plans(person, **Deployment.environment(standins(), **settings))
        assert (planned["outcome"], planned["status"]) == ("invalidValue", 400)
        assert why in planned["detail"]


@pytest.mark.parametrize(
    "method, path", [("DELETE", "/hooks/{source}"), ("POST", "/hooks"), ("POST", "/nowhere")]
)
def test_a_story_that_goes_nowhere_makes_nothing(plans, released, method, path):
    function, environment = released
    story = {"about": "", "method": method, "path": path, "headers": {}, "body": user()}

    (planned,) = plans(story, **environment)

    assert planned["outcome"] in ("wrongMethod", "unknownRoute")
    assert planned["status"] == tell(function, story, environment)["statusCode"]


def test_oktas_question_is_answered_by_oktas_source_alone(plans, standins):
    asked = STORIES["okta-hook-verification"]
    environment = Deployment.environment(standins(), **OKTA)
    assert [one["outcome"] for one in plans(asked, **environment)] == ["confirmed"]
    (refused,) = plans(asked, "--source", "hr", **environment)
    assert (refused["outcome"], refused["status"]) == ("wrongMethod", 405)


# --- What it is told ------------------------------------------------------------------------------


def test_without_settings_the_demos_are_used_and_said_to_be(plan, plans):
    (planned,) = plans(STORIES["okta-user-created"])
    assert planned["request"]["Tags"]["provisioner-deployment"] == "demo"
    assert planned["request"]["Tags"]["team"] == "support"
    for story in STORIES.values():
        refused = [event for event in plans(story) if "status" in event]
        assert plan(story).returncode == (1 if refused else 0)


LIVES = {
    "user-updated": ("change", "what is different is changed at their user"),
    "user-deactivated": ("leave", "their user gets SUSPENDED_SECURITY_PROFILE alone, by DEACTIVATE"),
    "user-activated": ("return", "their user is let in again"),
    "user-deleted": ("remove", "their user is removed"),
}


def test_with_a_rosters_settings_it_says_what_the_roster_makes_of_it(plan, plans, standins):
    roster = {"DEACTIVATE": "suspend", "SUSPENDED_SECURITY_PROFILE": "No Access"}
    direct = Deployment.environment(standins())
    environment = direct | roster
    for story, (intent, detail) in LIVES.items():
        (planned,) = plans(STORIES[story], **environment)
        assert planned == {"outcome": "roster", "intent": intent, "detail": detail}
        shown = plan(STORIES[story], **environment)
        assert (shown.returncode, shown.stdout) == (0, f"by the roster, {intent}: {detail}\n\n")
        assert "creates users only" not in shown.stdout
    (joins,) = plans(STORIES["okta-user-created"], **environment)
    (created,) = plans(STORIES["okta-user-created"], **direct)
    assert joins == created
    (leaves,) = plans(STORIES["user-deactivated"], **direct | {"DEACTIVATE": "keep"})
    assert leaves["detail"] == "their user stays as it is, by DEACTIVATE"
    (refused,) = plans(STORIES["user-name-missing"], **environment)
    assert refused["status"] == 400


def test_people_read_the_request_and_below_it_where_each_member_comes_from(plan, plans, standins):
    environment = Deployment.environment(standins(), TAGS="team=blue")
    story = STORIES["user-privileged"]

    shown = plan(story, **environment).stdout

    (planned,) = plans(story, **environment)
    assert shown.startswith("CreateUser {\n")
    request, _, rows = shown.removeprefix("CreateUser ").partition("\n\n")
    assert json.loads(request) == planned["request"]
    assert [row.split("\t") for row in rows.rstrip("\n").split("\n")] == [
        [row["member"], row["from"]] for row in planned["from"]
    ]
    assert "\x1b" not in shown


@pytest.mark.parametrize("endpoint", ["", "localhost:8080", "http://[::1"])
def test_wherever_connect_is_said_to_be_the_plan_is_the_same(endpoint):
    """No endpoint is needed, so none can be wrong."""
    story = str(STORIES["okta-user-created"])
    settings = {"AWS_ENDPOINT_URL_CONNECT": endpoint, "AWS_USE_FIPS_ENDPOINT": "true"}

    planned, plain = (run("plan", story, "--json", env=env) for env in (settings, {}))

    assert (planned.returncode, planned.stderr) == (0, plain.stderr)
    assert json.loads(planned.stdout) == json.loads(plain.stdout)
    assert "Username" in planned.stdout


def test_a_story_may_come_down_a_pipe(nobody, plans):
    document = STORIES["okta-user-created"].read_text()
    planned = run("plan", "-", "--json", env=nobody, input=document)
    assert json.loads(planned.stdout)["events"] == plans(STORIES["okta-user-created"])


def test_the_source_may_be_chosen_among_those_that_are_set_up(plan, plans, standins):
    environment = Deployment.environment(standins(), **OKTA)
    hook = okta.hook(okta.assigned(okta.somebody()))

    (chosen,) = plans(hook, "--source", "OKTA", **environment)
    (other,) = plans(hook, "--source", "hr", **environment)
    refused = plan(hook, "--source", "demo", **environment)

    assert chosen["outcome"] == "createUser"
    assert "HOOK_<SOURCE>_APPS is not set" in other["reason"]
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "error: expected --source to be one of hr, okta, found another\n"


def test_settings_that_the_function_would_not_start_with_plan_nothing(plan, standins, tmp_path):
    sound = Deployment.environment(standins())
    for settings, told in [
        ({"CONNECT_INSTANCE": sound["CONNECT_INSTANCE"]}, "ROUTING_PROFILE: expected a value"),
        (sound | {"HOOK_OKTA_SERCET": "x"}, "HOOK_OKTA_SERCET: expected HOOK_<SOURCE>_<SETTING>"),
        (sound | {"CHANNELS": "{}"}, "CHANNELS: expected a JSON object"),
    ]:
        refused = plan(user(), **settings)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert told in refused.stderr
    nothing = plan(tmp_path / "nowhere.json", **sound)
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert "cannot read" in nothing.stderr


def test_the_owner_is_the_one_that_the_function_finds_again(plans, standins):
    (planned,) = plans(user(), **Deployment.environment(standins(), DEPLOYMENT="prod"))
    assert planned["request"]["Tags"] == owner_tags(f"ext-{ANA}", deployment="prod")
