"""The function behind a port of this machine, and stories signed for it: what somebody types to see
it at work on a desk, or to try it out from another program."""

import hashlib
import hmac
import itertools
import json
import re
import socket
import subprocess
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

import pytest

import okta
from deployments import HR_SECRET, SECRET, Deployment
from people import as_bytes, envelope, owner_tags, user
from programs import (
    CHATTY, CONNECT_PROVISIONER, PLATFORM, Function, SecretsManager, Serve, Standin, first_line,
    run, wait_for,
)  # fmt: skip
from standard_webhooks import now, secret, sign

ROOT = Path(__file__).resolve().parents[2]
STORIES = {story.stem: story for story in sorted((ROOT / "events").glob("*.json"))}
STORY = STORIES["okta-user-created"]
ANA = "ana.ruiz@example.com"
CHALLENGE = "x-okta-verification-challenge"

# What everybody knows, and what the function is set up with that plays the demo.
DEMO_SECRET = "whsec_VGhpcyBrZXkgaXMga25vd24gdG8gZXZlcnlib2R5Lg=="
DEMO_AUTHORIZATION = "a value that everybody knows"
DEMO = {
    "HOOK_DEMO_SCHEME": "standard-webhooks",
    "HOOK_DEMO_SECRET": DEMO_SECRET,
    "HOOK_OKTA_SCHEME": "okta",
    "HOOK_OKTA_SECRET": DEMO_AUTHORIZATION,
    "HOOK_OKTA_APPS": "Amazon Connect",
    "HOOK_OKTA_GROUPS": "Connect Agents",
    "HOOK_HR_SCHEME": None,
    "HOOK_HR_SECRET": None,
    "DEPLOYMENT": "demo",
    "TAGS": "team=support",
}
HR = {"HOOK_HR_SCHEME": "standard-webhooks", "HOOK_HR_SECRET": HR_SECRET}
CREDENTIALS = {name: PLATFORM[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}

_ids = itertools.count(1)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    log = tmp_path_factory.mktemp("desk") / "serve.log"
    with closing(Serve(log, "--no-throttle", "--no-roster")) as desk:
        yield desk


@pytest.fixture
def served(desk):
    """One server for the whole module, with an empty stand-in."""
    desk.state(reset=True)
    return desk


def post(serve, document, path="/hooks/demo", secret=DEMO_SECRET):
    """The answer to a document, or to bytes as they are, signed just now."""
    body = document if isinstance(document, bytes) else as_bytes(document)
    headers = sign(secret, f"msg_{next(_ids)}", now(), body)
    return serve.send(path, body, headers.items())


def tell_okta(serve, document, authorization=DEMO_AUTHORIZATION):
    return serve.send("/hooks/okta", as_bytes(document), [("authorization", authorization)])


def text_of(process):
    """What `serve` says to people before anything happens."""
    text = first_line(process)
    while "Ctrl-C" not in text:
        line = process.stdout.readline()
        assert line, f"it ended after {text}"
        text += line
    return text


def refused(command):
    """What a command says that did nothing, in one line and without a word on standard output."""
    assert (command.returncode, command.stdout) == (1, ""), command
    (line,) = command.stderr.splitlines()
    assert line.startswith("error: ")
    return line


# --- The door -------------------------------------------------------------------------------------


def raw(serve, request):
    """Heads and bodies of all that is answered to these very bytes."""
    host, port = serve.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request.encode())
        answers = b"".join(iter(lambda: connection.recv(65536), b""))
    return answers.decode()


def test_a_head_is_told_the_length_of_what_a_get_would_bring(serve):
    desk = serve("--no-throttle")
    close = "Host: localhost\r\nConnection: close\r\n\r\n"
    for path in ("/health", "/scim/v2/Users", "/nothing"):
        get, head = (raw(desk, f"{method} {path} HTTP/1.1\r\n{close}") for method in ("GET", "HEAD"))
        get_head, _, get_body = get.partition("\r\n\r\n")
        head_head, _, head_body = head.partition("\r\n\r\n")
        assert head_body == ""
        told = [
            sorted(
                line
                for line in lines.split("\r\n")
                if not line.startswith("date: ") and line != "content-length: 0"
            )
            for lines in (head_head, get_head)
        ]
        assert told[0] == told[1]
        assert not get_body or f"content-length: {len(get_body)}" in head_head


def test_a_query_may_have_quotation_marks_and_blanks_as_they_are(serve):
    desk = serve("--no-throttle")
    token = f"authorization: Bearer {desk.said['scim']['token']}"
    document = as_bytes({"userName": "a+b@example.com", "externalId": "x+y"}).decode()
    made = f"POST /scim/v2/Users HTTP/1.1\r\nHost: localhost\r\n{token}\r\nContent-Length: {len(document)}\r\n\r\n{document}"
    for query in ('filter=externalId eq "x+y"', 'filter=externalId%20eq%20"x+y"', 'filter=externalId+eq+"x%2By"'):
        asked = f"GET /scim/v2/Users?{query} HTTP/1.1\r\nHost: localhost\r\n{token}\r\nConnection: close\r\n\r\n"
        answers = raw(desk, made + asked)
        assert '"totalResults":1}' in answers, answers
        made = ""


def test_it_says_in_one_line_where_it_listens_and_what_each_sender_shows(desk):
    url = desk.url
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*", url)
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*", desk.said["standin"])
    assert desk.said == {
        "url": url,
        "standin": desk.said["standin"],
        "roster": None,
        "scim": None,
        "operator": {"url": desk.door, "file": desk.said["operator"]["file"]},
        "sources": [
            {
                "name": "demo", "scheme": "standard-webhooks", "url": f"{url}/hooks/demo",
                "secret": DEMO_SECRET,
            },
            {
                "name": "okta", "scheme": "okta", "url": f"{url}/hooks/okta",
                "secret": DEMO_AUTHORIZATION,
            },
        ],
    }  # fmt: skip


def test_a_signed_user_becomes_a_user_of_the_stand_in(served):
    answer = post(served, user())

    (ana,) = served.users().values()
    tags = owner_tags(f"ext-{ANA}", deployment="demo")
    assert answer.status == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "outcome": "created",
        "userId": ana["Id"],
        "userArn": ana["Arn"],
        "owner": tags["provisioner-owner"],
    }
    assert (ana["Username"], ana["Tags"]) == (ANA, tags | {"team": "support"})
    assert post(served, user()).json == answer.json | {"outcome": "alreadyOurs"}


def test_oktas_event_hook_is_confirmed_and_heard(served):
    proof = ("authorization", DEMO_AUTHORIZATION)
    asked = served.send("/hooks/okta", headers=[proof, (CHALLENGE, okta.CHALLENGE)], method="GET")
    people = [okta.somebody(), okta.somebody()]
    told = tell_okta(served, okta.hook(okta.assigned(people[0]), okta.added(people[1])))

    assert (asked.status, asked.json) == (200, {"verification": okta.CHALLENGE})
    assert (told.status, [event["outcome"] for event in told.json["events"]]) == (
        200, ["created", "created"],
    )  # fmt: skip
    assert sorted(served.users()) == sorted(person.login for person in people)


def test_whoever_asks_is_told_that_it_is_up(served):
    """Again and again over one connection, and without asking Connect."""
    with closing(HTTPConnection(served.url.removeprefix("http://"), timeout=20)) as connection:
        for path in ("/health", "/health?for=you", "/health"):
            connection.request("GET", path)
            response = connection.getresponse()
            assert (response.status, response.read()) == (200, b"")
    assert served.state()["calls"] == {}


@pytest.mark.parametrize(
    "method, path, status, allow",
    [
        ("POST", "/", 404, None),
        ("POST", "/hooks", 404, None),
        ("POST", "/hooks/nobody", 404, None),
        ("POST", "/hooks/demo/", 404, None),
        ("POST", "/prod/hooks/demo", 404, None),
        ("GET", "/hooks/demo", 405, "POST"),
        ("PUT", "/hooks/okta", 405, "GET, HEAD, POST"),
        ("POST", "/health", 405, "GET, HEAD"),
        ("BREW", "/health", 405, "GET, HEAD"),
    ],
)
def test_a_wrong_way_is_told_from_a_wrong_place(served, method, path, status, allow):
    answer = served.send(path, b"{}", method=method)

    assert (answer.status, answer.headers.get("allow")) == (status, allow)
    assert answer.headers["content-type"] == "application/scim+json"
    assert answer.json["status"] == str(status)


def test_who_cannot_prove_it_is_nobody(served):
    body = as_bytes(user())
    proof = sign(DEMO_SECRET, "msg_true", now(), body)
    stale = sign(DEMO_SECRET, "msg_stale", now(-400), body)
    attempts = [
        served.send("/hooks/demo", body),
        served.send("/hooks/demo", body + b" ", proof.items()),
        served.send("/hooks/demo", body, stale.items()),
        served.send("/hooks/okta", body, proof.items()),
        post(served, user(), secret=SECRET),
        tell_okta(served, okta.hook(), "a value that nobody knows"),
    ]

    assert {attempt.status for attempt in attempts} == {401}
    assert served.state()["calls"] == {}
    assert served.send("/hooks/demo?who=cares", body, proof.items()).status == 201


def test_a_proof_that_is_there_twice_is_none(served):
    """As behind an HTTP API, which joins what has one name; any other header may be repeated."""
    body = as_bytes(user())
    proof = list(sign(DEMO_SECRET, "msg_twice", now(), body).items())

    for header in proof:
        assert served.send("/hooks/demo", body, [*proof, header]).status == 401
    twice = [("authorization", DEMO_AUTHORIZATION)] * 2
    assert served.send("/hooks/okta", as_bytes(okta.hook()), twice).status == 401
    assert served.state()["calls"] == {}

    others = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "192.0.2.2")]
    assert served.send("/hooks/demo", body, [*others, *proof]).status == 201


def test_a_body_may_be_large_and_not_too_large(served):
    body = as_bytes(user())
    largest = body + b" " * (262_144 - len(body))

    assert post(served, largest).status == 201
    refused = post(served, largest + b" ")

    assert (refused.status, refused.json["status"]) == (413, "413")
    assert served.state()["calls"] == {"CreateUser": 1}


def test_one_event_that_takes_long_holds_up_no_other(served):
    served.state(slowMs=3000, faults={"CreateUser": ["slow"]})
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(post, served, user("slow@example.com"))
        wait_for(lambda: served.state()["calls"], "the slow call")

        assert served.send("/health", method="GET").status == 200
        assert post(served, user()).status == 201
        assert not slow.done()

        assert slow.result().status in (200, 201), "found again, if the SDK did not wait for it"


@pytest.mark.parametrize("flags, again", [(["--no-roster"], "alreadyOurs"), ([], "unchanged")])
def test_each_event_has_its_line_and_nobody_is_named_in_any(serve, flags, again):
    own = serve("--no-throttle", *flags, **HR)
    eve = okta.somebody("Eve Unheard")
    post(own, user())
    post(own, user(), path="/hooks/hr", secret=HR_SECRET)
    post(own, user(name={"givenName": "Ana"}))
    post(own, user(), path=f"/hooks/{ANA}")
    post(own, user(), secret=SECRET)
    tell_okta(own, okta.hook(okta.assigned(eve), okta.event("user.session.start", okta.user(eve))))

    told = [(line["level"], line["outcome"], line["status"]) for line in own.lines()]
    assert told == [
        ("INFO", "created", 201),
        ("INFO", again, 200),
        ("WARN", "invalidValue", 400),
        ("WARN", "unknownRoute", 404),
        ("WARN", "unauthenticated", 401),
        ("INFO", "created", 200),
        ("INFO", "ignored", 200),
    ]
    assert [line.get("source") for line in own.lines()] == [
        "demo", "hr", "demo", None, "demo", "okta", "okta",
    ]  # fmt: skip
    secrets = [DEMO_SECRET, HR_SECRET, SECRET, DEMO_AUTHORIZATION]
    people = ["ana", "ruiz", "example.com", "911 234", "1mz050nq", eve.login, eve.id, "Unheard"]
    words = people + [text.removeprefix("whsec_") for text in secrets]
    assert [word for word in words if word.lower() in own.log().lower()] == []
    assert not own.has_said_more()


# --- What it says ---------------------------------------------------------------------------------


def test_people_are_told_what_to_type_next_and_that_works(tmp_path):
    (tmp_path / "connect-provisioner").symlink_to(CONNECT_PROVISIONER)
    environment = CHATTY | {"PATH": f"{tmp_path}:/usr/bin:/bin"}

    def type(line):
        command = ["sh", "-c", line]
        return subprocess.check_output(
            command, cwd=ROOT, env=environment, timeout=20, stderr=subprocess.DEVNULL
        )

    with subprocess.Popen(
        ["connect-provisioner", "serve", "--listen", "127.0.0.1:0"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        executable=CONNECT_PROVISIONER,
    ) as process:  # fmt: skip
        try:
            text = text_of(process)
            url, standin = re.match(r"Serving (\S+), in front of .* at (\S+)\n", text).groups()
            typed = re.findall(r"^  ((?:connect-provisioner|curl) .*)$", text, re.MULTILINE)
            send, look, wait = typed
            answer, state = json.loads(type(send)), json.loads(type(look))
            waiting = type(wait)
        finally:
            process.terminate()

    assert url in send and standin in look
    assert answer["outcome"] == "created"
    assert [user["Id"] for user in state["users"]] == [answer["userId"]]
    assert waiting == b"1 applied, 0 pending, 0 parked, 0 removed\n"
    assert re.search(rf"/hooks/demo +standard-webhooks +secret: {DEMO_SECRET}\n", text)
    assert re.search(rf"/hooks/okta +okta +secret: {DEMO_AUTHORIZATION}\n", text)


def test_a_secret_of_ones_own_is_shown_to_nobody(serve):
    own = serve(**HR, HOOK_DEMO_SECRET=SECRET)

    shown = {source["name"]: source["secret"] for source in own.said["sources"]}

    assert shown == {"demo": None, "hr": None, "okta": DEMO_AUTHORIZATION}


def test_nor_is_it_to_people():
    command = [CONNECT_PROVISIONER, "serve", "--listen", "127.0.0.1:0"]
    long = "HOOK_A_RATHER_LONG_NAME"
    settings = HR | {f"{long}_SCHEME": "okta", f"{long}_SECRET": SECRET}
    with subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, text=True) as process:
        try:
            text = text_of(process)
        finally:
            process.kill()

    assert re.search(r"/hooks/hr +standard-webhooks +secret: \(yours\)\n", text)
    assert re.search(r"/hooks/a_rather_long_name +okta +secret: \(yours\)\n", text)
    assert HR_SECRET not in text and SECRET not in text


def test_another_instance_than_the_stand_ins_is_not_served_by_it():
    said = refused(run("serve", "--listen", "127.0.0.1:0", env={"CONNECT_INSTANCE": "mine"}))
    assert "CONNECT_INSTANCE is set" in said
    assert "unset it, or say --connect aws" in said


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert f"cannot listen on {address}" in refused(run("serve", "--listen", address, env={}))


# --- Settings -------------------------------------------------------------------------------------


def test_ones_own_settings_come_on_top_of_the_demos(serve):
    own = serve(
        "--no-throttle", **HR, HOOK_DEMO_SECRET=SECRET, HOOK_OKTA_APPS="Payroll",
        DEPLOYMENT="desk", TAGS="team=blue", ROUTING_PROFILE="Sales", AUTO_ACCEPT="true",
        LOG_LEVEL="ERROR",
    )  # fmt: skip

    assert post(own, user()).status == 401
    assert post(own, user(), secret=SECRET).status == 201
    assert post(own, user(), path="/hooks/hr", secret=HR_SECRET).json["outcome"] == "unchanged"
    told = tell_okta(own, okta.hook(okta.assigned(okta.somebody())))

    assert [event["outcome"] for event in told.json["events"]] == ["ignored"]
    (ana,) = own.users().values()
    assert ana["Tags"] == owner_tags(f"ext-{ANA}", deployment="desk") | {"team": "blue"}
    assert ana["PhoneConfig"]["AutoAccept"] is True
    assert own.state()["calls"]["ListRoutingProfiles"] == 1
    assert own.log() == ""


def test_what_is_wrong_with_ones_own_settings_is_told():
    wrong = {"HOOK_HR_SCHEME": "telepathy", "HOOK_HR_SECRET": HR_SECRET, "AUTO_ACCEPT": "maybe"}
    said = refused(run("serve", "--listen", "127.0.0.1:0", env=wrong))
    assert "HOOK_HR_SCHEME: expected one of standard-webhooks" in said
    assert "AUTO_ACCEPT: expected one of true, false" in said
    assert HR_SECRET not in said


@pytest.mark.parametrize(
    "flags, settings, roster",
    [(["--no-roster"], {}, None), (["--memory"], {"DEACTIVATE": "delete"}, "memory")],
)
def test_amazon_connect_itself_may_be_behind(serve, standin, flags, settings, roster):
    """Somebody else's stand-in plays it; the settings are one's own and nobody else's."""
    connect = standin("--no-throttle")
    environment = Deployment.environment(connect, **settings)
    own = serve("--connect", "aws", *flags, **environment, **CREDENTIALS)

    assert (own.said["standin"], own.said["roster"]) == (None, roster)
    sources = [(source["name"], source["secret"]) for source in own.said["sources"]]
    assert sources == [("hr", None), ("okta", None)]
    assert post(own, user(), secret=SECRET).status == 404
    assert post(own, user(), path="/hooks/okta", secret=SECRET).status == 201
    assert list(connect.users()) == [ANA]


@pytest.mark.parametrize("flags", [["--memory"], ["--no-roster"]])
def test_amazon_connect_itself_wants_all_its_settings(flags):
    """What becomes of those who leave is asked only where they are known."""
    said = refused(run("serve", "--connect", "aws", "--listen", "127.0.0.1:0", *flags, env=HR))
    assert "HOOK_HR" not in said
    for missing in ("CONNECT_INSTANCE", "ROUTING_PROFILE", "SECURITY_PROFILES"):
        assert f"{missing}: expected a value, found none" in said
    assert ("DEACTIVATE: expected a value, found none" in said) == ("--memory" in flags)


@pytest.mark.parametrize("choice", ["suspend", "leave"])
def test_who_leaves_needs_a_choice_that_can_be_carried_out(choice):
    settings = HR | {"DEACTIVATE": choice}
    command = ("serve", "--connect", "aws", "--memory", "--listen", "127.0.0.1:0")
    said = refused(run(*command, env=settings))
    missing = "SUSPENDED_SECURITY_PROFILE: expected a value, found none"
    assert (missing if choice == "suspend" else "DEACTIVATE: expected one of") in said


# --- The stand-in's ways --------------------------------------------------------------------------


def test_a_full_instance_takes_nobody(serve):
    answer = post(serve("--quota", "0", "--no-roster"), user())
    assert (answer.status, answer.headers["retry-after"]) == (503, "3600")
    answer = post(serve("--quota", "0"), user())
    assert (answer.status, answer.json["outcome"]) == (202, "parked")
    assert answer.json["fault"] == "quotaFull"


def test_a_user_who_is_not_found_yet_is_asked_for_later(serve):
    slow = serve("--no-throttle", "--not-found", "60", "--no-roster")
    assert post(slow, user()).status == 201
    again = post(slow, user())
    assert (again.status, again.headers["retry-after"]) == (503, "30")

    known = serve("--no-throttle", "--not-found", "60")
    assert post(known, user()).status == 201
    assert post(known, user()).json["outcome"] == "unchanged"
    changed = post(known, user(name={"givenName": "Ana", "familyName": "Vega"}))
    assert (changed.status, changed.json["outcome"]) == (202, "pending")


def test_the_kind_of_the_instance_is_chosen(serve):
    """By whoever serves: what the function believes of it is another matter."""
    mistaken = serve("--identity", "CONNECT_MANAGED")
    assert post(mistaken, user()).status == 400
    assert mistaken.state()["calls"] == {"CreateUser": 1}

    told = serve(
        "--identity", "CONNECT_MANAGED",
        IDENTITY_MANAGEMENT="CONNECT_MANAGED", GENERATE_PASSWORD="true",
    )  # fmt: skip
    assert post(told, user()).status == 201
    assert told.users()[ANA]["IdentityInfo"]["Email"] == ANA


def test_calls_are_throttled_unless_that_is_switched_off(serve, served):
    assert serve().state()["throttle"] is True
    assert served.state()["throttle"] is False
    statuses = [post(served, user(f"agent-{number}@example.com")).status for number in range(12)]
    assert statuses == [201] * 12
    assert served.state()["calls"] == {"CreateUser": 12}


# --- Signing --------------------------------------------------------------------------------------

NOTE = "no settings found (HOOK_…): signed with the demo's, which everybody knows\n"
SHAPES = ["apigw-v2", "apigw-v1", "alb"]


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The release function, set up like the demo."""
    log = tmp_path_factory.mktemp("released") / "function.log"
    with closing(Standin("--no-throttle")) as connect:
        with closing(Function(Deployment.environment(connect, **DEMO), log)) as function:
            yield Deployment(connect, function)


@pytest.fixture(scope="module")
def vault(tmp_path_factory):
    with closing(SecretsManager(tmp_path_factory.mktemp("vault") / "recording")) as vault:
        yield vault


def sign_story(story, *flags, **settings):
    """What is printed, and nothing else is said."""
    signing = run("sign", str(story), *flags, env=CHATTY | settings)
    has_hooks = any(name.startswith("HOOK_") for name in settings)
    assert (signing.returncode, signing.stderr) == (0, "" if has_hooks else NOTE), signing
    return signing.stdout


def sign_event(story, *flags, **settings):
    return json.loads(sign_story(story, *flags, **settings))


def shell(command, tmp_path):
    """The status and the body that a curl command gets when it is typed into a shell."""
    head, options = command.rstrip().split("\n", 1)
    assert head.endswith("-K - <<'END'"), "headers and body are no arguments of curl's"
    command = f"{head} -w '\\n%{{http_code}}'\n{options}\n"
    shell = subprocess.run(
        ["sh"], input=command, capture_output=True, text=True, timeout=20, cwd=tmp_path
    )
    assert (shell.returncode, shell.stderr) == (0, "")
    body, _, status = shell.stdout.rpartition("\n")
    return int(status), body


@pytest.mark.parametrize("name", STORIES)
def test_every_story_is_told_alike_in_every_shape(served, released, tmp_path, name):
    statuses = {}
    for shape in SHAPES:
        released.standin.control(reset=True)
        event = sign_event(STORIES[name], "--as", shape)
        statuses[shape] = released.function.invoke(event)["statusCode"]
    command = sign_story(STORIES[name], "--as", "curl", "--url", served.url)
    statuses["curl"], _ = shell(command, tmp_path)

    assert len(set(statuses.values())) == 1, statuses
    assert statuses["curl"] in (200, 201, 400, 501), "believed, whatever came of it"
    if name.startswith(("entra-user", "okta-user")):
        assert statuses["curl"] == 201


ODD = r"""' "'" '' \' $(touch you) `touch me` $HOME ; & | \n !! # ñ %s"""


def test_a_shell_takes_every_character_as_it_stands(served, tmp_path):
    name = {"givenName": "Pat", "familyName": "O'Brien"}
    body = user("o.brien@example.com", name=name, title=ODD)
    headers = {"content-type": "application/json", "x-odd": "it's $(touch you)"}
    story = tmp_path / "o'brien.json"
    members = {"about": ODD, "method": "POST", "path": "/hooks/{source}"}
    story.write_text(json.dumps(members | {"headers": headers, "body": body}))

    status, _ = shell(sign_story(story, "--as", "curl", "--url", f"{served.url}/"), tmp_path)

    assert status == 201, "each byte is signed"
    held = served.users()["o.brien@example.com"]["IdentityInfo"]
    assert held == {"FirstName": "Pat", "LastName": "O'Brien"}
    assert [file.name for file in tmp_path.iterdir()] == ["o'brien.json"]


def test_what_is_no_story_is_the_body_of_a_post(served, released, tmp_path):
    file = tmp_path / "user.json"
    file.write_text(json.dumps(user(name={"givenName": "Nuño", "familyName": "Ruiz"})))

    event = sign_event(file)

    assert (event["rawPath"], event["requestContext"]["http"]["method"]) == ("/hooks/demo", "POST")
    assert event["headers"]["content-type"] == "application/json"
    assert json.loads(b64decode(event["body"])) == json.loads(file.read_text())
    released.standin.control(reset=True)
    assert released.send(event).status == 201
    assert released.standin.users()[ANA]["IdentityInfo"]["FirstName"] == "Nuño"


def test_a_story_may_come_down_a_pipe(served, tmp_path):
    signing = run(
        "sign", "-", "--as", "curl", "--url", served.url, env={}, input=json.dumps(user())
    )
    assert (signing.returncode, signing.stderr) == (0, NOTE)
    assert shell(signing.stdout, tmp_path)[0] == 201
    assert list(served.users()) == [ANA]


def test_an_event_hook_of_oktas_is_sent_by_its_own_source_and_the_rest_by_another():
    for name in STORIES:
        headers = sign_event(STORIES[name])["headers"]
        by_okta = headers.get("authorization") == DEMO_AUTHORIZATION
        assert by_okta == name.startswith("okta-hook"), name
        assert ("webhook-signature" in headers) != by_okta


def test_the_source_may_be_chosen(served, tmp_path):
    """Whoever chooses the wrong one sees what comes of it."""
    for source in ("okta", "OKTA"):
        event = sign_event(STORY, "--source", source)
        assert event["rawPath"] == "/hooks/okta"
        assert event["headers"]["authorization"] == DEMO_AUTHORIZATION
    hook = STORIES["okta-hook-verification"]
    command = sign_story(hook, "--source", "demo", "--as", "curl", "--url", served.url)
    assert shell(command, tmp_path)[0] == 405


def proof_of(event):
    """The headers that its sender adds to a story, and the body that they go with."""
    headers = {name: value for name, value in event["headers"].items() if name != "content-type"}
    return headers, b64decode(event["body"])


def test_ones_own_key_signs_as_the_specification_says():
    settings = HR | {"HOOK_HR_SECRET": f"{HR_SECRET},{SECRET}"}

    headers, body = proof_of(sign_event(STORY, **settings))

    id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    assert headers == sign(HR_SECRET, id, timestamp, body)
    assert abs(int(timestamp) - int(now())) < 60
    assert json.loads(body) == json.loads(STORY.read_text())["body"]
    again, _ = proof_of(sign_event(STORY, **settings))
    assert again["webhook-id"] != id, "another message"


def test_each_scheme_signs_in_its_own_way(serve, tmp_path):
    text = "it's a secret, for everybody"
    shown = {"svix": HR_SECRET, "github": json.dumps([text]), "okta": json.dumps([text])}
    settings = {f"HOOK_{scheme.upper()}_SCHEME": scheme for scheme in shown}
    settings |= {f"HOOK_{scheme.upper()}_SECRET": secret for scheme, secret in shown.items()}
    file = tmp_path / "user.json"
    timestamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    file.write_text(json.dumps(envelope("user.created", user()) | {"timestamp": timestamp}))

    def proof(source):
        return proof_of(sign_event(file, "--source", source, **settings))

    headers, body = proof("svix")
    expected = sign(HR_SECRET, headers["svix-id"], headers["svix-timestamp"], body)
    assert headers == {name.replace("webhook", "svix"): text for name, text in expected.items()}
    headers, body = proof("github")
    digest = hmac.new(text.encode(), body, hashlib.sha256).hexdigest()
    assert headers == {"x-hub-signature-256": f"sha256={digest}"}
    assert proof("okta")[0] == {"authorization": text}

    own = serve("--no-throttle", **settings)
    for source, status in (("svix", 201), ("github", 200), ("okta", 200)):
        command = sign_story(
            file, "--source", source, "--as", "curl", "--url", own.url, **settings
        )
        assert shell(command, tmp_path)[0] == status


# --- Signing with a stored secret -----------------------------------------------------------------

FIRST = secret(b"the first key that was ever put there")
SECOND = secret(b"the second, by which it was replaced")


def stored(vault, arn):
    return CREDENTIALS | {
        "HOOK_HR_SCHEME": "standard-webhooks",
        "HOOK_HR_SECRET_ARN": arn,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": vault.endpoint,
    }


def assert_signed_with(secret, event):
    headers, body = proof_of(event)
    assert headers == sign(secret, headers["webhook-id"], headers["webhook-timestamp"], body)


def test_a_stored_key_is_read_and_the_newest_one_signs(vault):
    arn = vault.keep(FIRST, region="eu-west-2")
    assert_signed_with(FIRST, sign_event(STORY, **stored(vault, arn)))

    vault.secrets_in("eu-west-2").put_secret_value(SecretId=arn, SecretString=SECOND)
    assert_signed_with(SECOND, sign_event(STORY, **stored(vault, arn)))


@pytest.mark.parametrize(
    "kept, told",
    [
        (None, "no such secret"),
        (secret(b"canary-short"), "expected at least 24 bytes, found 12"),
        (json.dumps({"key": FIRST}), "found a JSON object"),
    ],
)
def test_a_stored_key_that_cannot_be_used_is_named_with_the_reason(vault, kept, told):
    said = refused(run("sign", str(STORY), env=stored(vault, vault.keep(kept))))
    assert said.startswith("error: HOOK_HR_SECRET_ARN: ")
    assert told in said
    assert kept is None or kept not in said


def test_a_stored_key_is_not_had_without_credentials(vault):
    settings = stored(vault, vault.keep(FIRST)) | {"AWS_EC2_METADATA_DISABLED": "true"}
    for name in CREDENTIALS:
        del settings[name]
    said = refused(run("sign", str(STORY), env=settings))
    assert said.startswith("error: HOOK_HR_SECRET_ARN: GetSecretValue: no usable credentials")


# --- What cannot be signed ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", "not JSON", '{"userName": "ana"', "[]", "7", "null", '"a text"', "{} {}"]
)
def test_what_is_no_json_object_cannot_be_signed(tmp_path, text):
    file = tmp_path / "story.json"
    file.write_text(text)
    assert f"{file}: expected a JSON object" in refused(run("sign", str(file), env=HR))
    assert "expected a JSON object" in refused(run("sign", "-", env=HR, input=text))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    for file in (tmp_path / "nowhere.json", tmp_path):
        assert f"cannot read {file}: " in refused(run("sign", str(file), env=HR))
    (tmp_path / "latin.json").write_bytes(b'{"userName": "\xf1"}')
    assert "cannot read" in refused(run("sign", str(tmp_path / "latin.json"), env=HR))


def test_a_source_that_is_not_set_up_is_told_with_those_that_are():
    settings = HR | {"HOOK_OKTA_SCHEME": "okta", "HOOK_OKTA_SECRET": "Bearer 0123456789"}
    for source in ("demo", "h", "hr2", ""):
        said = refused(run("sign", str(STORY), "--source", source, env=settings))
        assert "expected --source to be one of hr, okta" in said


def test_settings_that_are_wrong_sign_nothing():
    broken = [
        ({"HOOK_HR_SCHEME": "standard-webhooks"}, "HOOK_HR_SECRET: expected a value, found none"),
        (HR | {"HOOK_HR_SERCET": "x"}, "HOOK_HR_SERCET: expected HOOK_<SOURCE>_<SETTING>"),
        ({"CONNECT_INSTANCE": "mine"}, "HOOK_<SOURCE>_SCHEME: expected at least one source"),
    ]
    for settings, told in broken:
        assert told in refused(run("sign", str(STORY), env=settings))
