"""A function that cannot start says why, all at once, to whoever looks: in its log, to Lambda, and
in its exit status. It quotes a wrong value, but never one of a secret's.
"""

import json
import subprocess
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from deployments import SECRET, Deployment
from programs import BOOTSTRAP, CHATTY, PLATFORM, wait_for

INSTANCE = "11111111-2222-4333-8444-555555555555"
OTHER = "99999999-2222-4333-8444-555555555555"
PROFILE = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
ARN = "arn:aws:connect:us-east-1:123456789012:instance"
CONNECT = SimpleNamespace(
    endpoint="http://127.0.0.1:9",
    instance_arn=f"{ARN}/{INSTANCE}",
    routing_profiles={"Basic Routing Profile": PROFILE},
    security_profiles={"Agent": PROFILE},
)
SOUND = Deployment.environment(CONNECT)
SOURCES = {name: None for name in SOUND if name.startswith("HOOK_")}
NONE = "expected a value, found none"


@pytest.fixture
def runtime_api():
    """What Lambda gives a function to talk to; it notes what it is told."""

    class RuntimeApi(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            server.told.append((self.path, dict(self.headers.items()), json.loads(body)))
            self.send_response(202)
            self.end_headers()

        def do_GET(self):
            server.told.append((self.path, "it has started", None))
            self.close_connection = True  # without an answer, which ends the function

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
    server.told = []
    server.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def start(environment):
    return subprocess.run([BOOTSTRAP], env=environment, capture_output=True, text=True, timeout=20)


def line_of(run):
    """The one line on stderr."""
    assert (run.returncode, run.stdout) == (1, ""), run.stderr
    (line,) = run.stderr.splitlines()
    line = json.loads(line)
    assert set(line) == {"level", "message", "problems"}
    assert (line["level"], line["message"]) == ("ERROR", "configuration")
    for problem in line["problems"]:
        assert set(problem) == {"variable", "problem", "find"}
        assert all(problem.values()), "nothing is left unsaid"
    return line["problems"]


def problems_of(run):
    """What that line complains of: variable and problem."""
    return [(problem["variable"], problem["problem"]) for problem in line_of(run)]


CASES = {
    "no source": (SOURCES, {"HOOK_<SOURCE>_SCHEME": "at least one source"}),
    "sources that are empty": (
        dict.fromkeys(SOURCES, " "), {"HOOK_<SOURCE>_SCHEME": "at least one source"},
    ),
    "an unknown setting": ({"HOOK_OKTA_SERCET": SECRET}, {"HOOK_OKTA_SERCET": "another name"}),
    "a setting without a source": ({"HOOK_SECRET": SECRET}, {"HOOK_SECRET": "another name"}),
    "a source in lower case": (
        {"HOOK_okta_SECRET": SECRET}, {"HOOK_okta_SECRET": "with a source of A-Z 0-9 _"},
    ),
    "an unknown scheme": (
        {"HOOK_OKTA_SCHEME": "shared-secret-9"},
        {"HOOK_OKTA_SCHEME": "expected one of standard-webhooks"},
    ),
    "no scheme": ({"HOOK_OKTA_SCHEME": None}, {"HOOK_OKTA_SCHEME": NONE}),
    "no secret": ({"HOOK_OKTA_SECRET": None}, {"HOOK_OKTA_SECRET": NONE}),
    "an empty secret": ({"HOOK_OKTA_SECRET": ""}, {"HOOK_OKTA_SECRET": NONE}),
    "a source without anything": (
        {"HOOK_NEW_SCHEME": "", "HOOK_NEW_SECRET": SECRET}, {"HOOK_NEW_SCHEME": NONE},
    ),
    "a prefix without a key": (
        {"HOOK_OKTA_SECRET": "whsec_"}, {"HOOK_OKTA_SECRET": "at least 24 bytes, found 0"},
    ),
    "a short secret": (
        {"HOOK_OKTA_SECRET": "whsec_" + b64encode(b"x" * 23).decode()},
        {"HOOK_OKTA_SECRET": "key 1: expected at least 24 bytes, found 23"},
    ),
    "a second secret that is short": (
        {"HOOK_OKTA_SECRET": SECRET + "," + b64encode(b"canary").decode()},
        {"HOOK_OKTA_SECRET": "key 2: expected at least 24 bytes, found 6"},
    ),
    "a list without secrets": (
        {"HOOK_OKTA_SECRET": "[]"}, {"HOOK_OKTA_SECRET": "expected 1 to 4 keys, found 0"},
    ),
    "a list of commas": (
        {"HOOK_OKTA_SECRET": ",, ,"}, {"HOOK_OKTA_SECRET": "expected 1 to 4 keys, found 0"},
    ),
    "five secrets": (
        {"HOOK_OKTA_SECRET": ",".join([SECRET] * 5)},
        {"HOOK_OKTA_SECRET": "expected 1 to 4 keys, found 5"},
    ),
    "a secret that is not base64": (
        {"HOOK_OKTA_SECRET": "whsec_correct horse battery staple"},
        {"HOOK_OKTA_SECRET": "expected base64 behind the prefix"},
    ),
    "a secret of another prefix": (
        {"HOOK_OKTA_SECRET": "whpk_" + SECRET.removeprefix("whsec_")},
        {"HOOK_OKTA_SECRET": "expected base64 behind the prefix"},
    ),
    "a broken list of secrets": (
        {"HOOK_OKTA_SECRET": f'["{SECRET}"'}, {"HOOK_OKTA_SECRET": "expected a JSON array"},
    ),
    "no instance": ({"CONNECT_INSTANCE": None}, {"CONNECT_INSTANCE": NONE}),
    "an instance's alias": (
        {"CONNECT_INSTANCE": "acme-support"},
        {"CONNECT_INSTANCE": "an instance's id (a UUID) or ARN"},
    ),
    "the ARN of something in an instance": (
        {"CONNECT_INSTANCE": f"{ARN}/{INSTANCE}/agent/{PROFILE}"},
        {"CONNECT_INSTANCE": "an instance's id (a UUID) or ARN"},
    ),
    "an instance's id without a Region": (
        {"CONNECT_INSTANCE": INSTANCE, "AWS_REGION": ""}, {"AWS_REGION": NONE},
    ),
    "no routing profile": ({"ROUTING_PROFILE": None}, {"ROUTING_PROFILE": NONE}),
    "a routing profile's name that is too long": (
        {"ROUTING_PROFILE": "canary!!" * 16}, {"ROUTING_PROFILE": "name of 1 to 127 characters"},
    ),
    "another instance's routing profile": (
        {"ROUTING_PROFILE": f"{ARN}/{OTHER}/routing-profile/{PROFILE}"},
        {"ROUTING_PROFILE": "found one of another instance"},
    ),
    "a security profile for a routing profile": (
        {"ROUTING_PROFILE": f"{ARN}/{INSTANCE}/security-profile/{PROFILE}"},
        {"ROUTING_PROFILE": "found that of another kind"},
    ),
    "no security profiles": ({"SECURITY_PROFILES": None}, {"SECURITY_PROFILES": NONE}),
    "a list without security profiles": (
        {"SECURITY_PROFILES": "[ ]"},
        {"SECURITY_PROFILES": "expected 1 to 10 security profiles, found 0"},
    ),
    "eleven security profiles": (
        {"SECURITY_PROFILES": ",".join(f"canary {number}" for number in range(11))},
        {"SECURITY_PROFILES": "expected 1 to 10 security profiles, found 11"},
    ),
    "a policy for a security profile": (
        {"SECURITY_PROFILES": f"{PROFILE},arn:aws:iam::aws:policy/canary"},
        {"SECURITY_PROFILES": "id (a UUID), ARN or name"},
    ),
    "another instance's hierarchy group": (
        {"HIERARCHY_GROUP": f"{ARN}/{OTHER}/agent-group/{PROFILE}"},
        {"HIERARCHY_GROUP": "found one of another instance"},
    ),
    "a tag without a value": ({"TAGS": "canary-tag"}, {"TAGS": "an entry without ="}),
    "a tag twice": ({"TAGS": "canary=1,canary=2"}, {"TAGS": "each key once"}),
    "a tag of AWS's": ({"TAGS": "aws:canary=1"}, {"TAGS": "aws:"}),
    "a tag of ours": ({"TAGS": "provisioner-owner=canary"}, {"TAGS": "provisioner-owner"}),
    "a tag with odd characters": ({"TAGS": "canary!=1"}, {"TAGS": "expected keys of"}),
    "a tag with an odd value": ({"TAGS": "team=<canary>"}, {"TAGS": "expected values of"}),
    "a tag too long": ({"TAGS": "c" * 129 + "=1"}, {"TAGS": "expected keys of"}),
    "48 tags": (
        {"TAGS": ",".join(f"canary{n}=1" for n in range(48))}, {"TAGS": "at most 46 tags"},
    ),
    "a deployment with odd characters": (
        {"DEPLOYMENT": "prod canary"}, {"DEPLOYMENT": "at most 128 characters"},
    ),
    "a phone type": ({"PHONE_TYPE": "CANARY"}, {"PHONE_TYPE": "SOFT_PHONE, DESK_PHONE"}),
    "neither true nor false": ({"AUTO_ACCEPT": "canary"}, {"AUTO_ACCEPT": "true, false"}),
    "1 for true": ({"PERSISTENT_CONNECTION": "1"}, {"PERSISTENT_CONNECTION": "true, false"}),
    "seconds with a unit": (
        {"AFTER_CONTACT_WORK_SECONDS": "30s"}, {"AFTER_CONTACT_WORK_SECONDS": "0 to 2000000"},
    ),
    "seconds below": (
        {"AFTER_CONTACT_WORK_SECONDS": "-1"}, {"AFTER_CONTACT_WORK_SECONDS": "0 to 2000000"},
    ),
    "seconds beyond": (
        {"AFTER_CONTACT_WORK_SECONDS": "2000001"}, {"AFTER_CONTACT_WORK_SECONDS": "0 to 2000000"},
    ),
    "an e-mail's place": ({"EMAIL_AS": "canary"}, {"EMAIL_AS": 'omit, secondary, email, found "canary"'}),
    "everything at once": (
        dict.fromkeys(SOUND, "") | {
            "HOOK_SECRET": "canary-1", "HOOK_OKTA_SCHEME": "canary-2", "TAGS": "canary-3",
            "EMAIL_AS": "canary-4", "PHONE_TYPE": "canary-5", "AUTO_ACCEPT": "canary-6",
            "AFTER_CONTACT_WORK_SECONDS": "canary-7", "PERSISTENT_CONNECTION": "canary-8",
            "HIERARCHY_GROUP": "arn:canary-9", "DEPLOYMENT": "canary 10",
        },
        {
            "HOOK_SECRET": "another name", "HOOK_OKTA_SCHEME": "expected one of",
            "HOOK_OKTA_SECRET": NONE, "CONNECT_INSTANCE": NONE, "ROUTING_PROFILE": NONE,
            "SECURITY_PROFILES": NONE, "HIERARCHY_GROUP": "expected", "TAGS": "expected",
            "DEPLOYMENT": "expected", "EMAIL_AS": "expected",
            "PHONE_TYPE": "expected", "AUTO_ACCEPT": "expected",
            "AFTER_CONTACT_WORK_SECONDS": "expected", "PERSISTENT_CONNECTION": "expected",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("changes, expected", CASES.values(), ids=CASES)
def test_what_is_wrong_with_the_settings_is_told_at_once(runtime_api, changes, expected):
    settings = {name: text for name, text in (SOUND | changes).items() if text is not None}
    lambda_sets = PLATFORM | CHATTY | {"AWS_LAMBDA_RUNTIME_API": runtime_api.address}

    run = start(lambda_sets | settings)

    problems = problems_of(run)
    assert sorted(name for name, _ in problems) == sorted(expected)
    for name, problem in problems:
        assert expected[name] in problem

    ((path, headers, posted),) = runtime_api.told
    assert path == "/2018-06-01/runtime/init/error"
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["lambda-runtime-function-error-type"] == "Runtime.Configuration"
    assert posted == {
        "errorType": "Runtime.Configuration",
        "errorMessage": "; ".join(
            "{variable}: {problem} ({find})".format(**problem) for problem in line_of(run)
        ),
    }

    # What is shorter cannot be told from the explanation.
    said = run.stderr + json.dumps(posted)
    secrets = [name for name in changes if "SECRET" in name]
    values = [settings.get(name, "") for name in secrets]
    values = [value for value in values if len(value) > 8]
    for value in [*values, SECRET.removeprefix("whsec_"), PLATFORM["AWS_SECRET_ACCESS_KEY"]]:
        assert value not in said


def test_an_empty_environment_is_told_of_everything_that_is_missing():
    """Started by hand: there is no Lambda to tell, and what Lambda sets is missing too. Whether
    AWS_REGION is, depends on how the instance will be named."""
    problems = dict(problems_of(start({})))

    assert sorted(problems) == [
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_RUNTIME_API", "CONNECT_INSTANCE",
        "HOOK_<SOURCE>_SCHEME", "ROUTING_PROFILE", "SECURITY_PROFILES",
    ]  # fmt: skip
    assert problems["AWS_LAMBDA_RUNTIME_API"] == "expected what Lambda sets, found none of it"


def test_a_runtime_api_that_is_gone_does_not_keep_the_reason_back(runtime_api):
    run = start(PLATFORM | {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9"})

    assert "CONNECT_INSTANCE" in dict(problems_of(run))


def test_a_sound_environment_asks_for_its_first_event(runtime_api):
    """Else every refusal above could be one for another reason."""
    lambda_sets = PLATFORM | {"AWS_LAMBDA_RUNTIME_API": runtime_api.address}

    run = start(lambda_sets | SOUND)

    assert {path for path, _, _ in runtime_api.told} == {"/2018-06-01/runtime/invocation/next"}
    warning, end = [json.loads(line) for line in run.stderr.splitlines()]
    assert (warning["level"], warning["message"]) == ("WARN", "configuration")
    warned = {problem["variable"] for problem in warning["problems"]}
    assert warned == {"HOOK_OKTA_SECRET", "HOOK_HR_SECRET"}, "keys in the clear"
    assert end == {"level": "ERROR", "message": "the Lambda Runtime API is gone"}
    assert SECRET.removeprefix("whsec_") not in run.stderr


# --- Serve ----------------------------------------------------------------------------------------

CORE = "urn:ietf:params:scim:schemas:core:2.0"
WRONG = (
    'GROUP_PROFILES["Connect Sales"].routingProfile "Salez": expected a routing profile of this '
    "name, found none; have: Sales, Support, Basic Routing Profile"
)


def test_serve_says_at_its_start_and_of_whoever_is_parked_which_word_is_wrong(serve):
    token = "a token that this test alone knows"
    groups = {"Connect Sales": {"routingProfile": "Salez"}}
    own = serve(
        "--no-throttle", SCIM_TOKEN=token, AUTO_ACEPT="true", CONNECT_RATE="100",
        GROUP_PROFILES=json.dumps(groups),
    )  # fmt: skip
    wait_for(lambda: len(own.lines()) == 2, "both warnings")
    assert [(line["level"], line["message"]) for line in own.lines()] == [
        ("WARN", "configuration"), ("WARN", "configuration"),
    ]  # fmt: skip
    (typo,), (word,) = [line["problems"] for line in own.lines()]
    assert typo["variable"] == "AUTO_ACEPT" and typo["problem"].endswith("near AUTO_ACCEPT")
    assert word["problem"] == WRONG

    def post(path, document):
        headers = {"authorization": f"Bearer {token}"}.items()
        answer = own.send(f"/scim/v2/{path}", json.dumps(document).encode(), headers)
        assert answer.status == 201
        return answer

    def parked():
        return own.ask("/_roster").json["parked"]

    name = {"givenName": "Ana", "familyName": "Ruiz"}
    user = {"schemas": [f"{CORE}:User"], "userName": "ana@example.com", "name": name, "active": True}
    id = post("Users", user).json["id"]
    group = {"schemas": [f"{CORE}:Group"], "displayName": "Connect Sales"}
    post("Groups", group | {"members": [{"value": id}]})
    wait_for(parked, "the member to be parked")

    (record,) = parked()
    assert (record["fault"], record["cause"]) == ("configuration", WRONG)
    assert "Salez" not in record["detail"]
    shown = own.send(
        f"/scim/v2/Users/{id}", headers={"authorization": f"Bearer {token}"}.items(), method="GET"
    )
    assert shown.status == 200
    assert "Salez" not in shown.body and "Support" not in shown.body, "the words are the operator's"
