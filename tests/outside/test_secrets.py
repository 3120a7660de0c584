"""Sources whose keys are stored: the function reads them over the wire from a Secrets Manager that
nobody here wrote. What takes minutes to pass is told in tests/it/secrets.rs."""

import hashlib
import hmac
import json
import re
import socket
import threading
import time
import urllib.parse
from base64 import b64encode
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployments import HR_SECRET, Deployment, signed
from http_events import Answer, http_event
from people import as_bytes, envelope, user
from programs import PLATFORM, Function, SecretsManager, Standin, free_addresses, wait_for
from standard_webhooks import key, now, secret, sign

STORIES = Path(__file__).resolve().parents[2] / "events"
ANA = "ana.ruiz@example.com"

FIRST = secret(b"the first key that was ever put there")
SECOND = secret(b"the second, by which it was replaced")
THIRD = secret(b"the third, and nobody knows it so far")

SOME_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:hook-AbCdEf"

# One read of a secret that is younger than KEY_OVERLAP_HOURS.
ONE_READ = ["AWSCURRENT", "AWSPREVIOUS"]


@pytest.fixture(scope="module")
def vault(tmp_path_factory):
    """A Secrets Manager for the whole module: each test has secrets of its own."""
    with closing(SecretsManager(tmp_path_factory.mktemp("vault") / "recording")) as vault:
        yield vault


@pytest.fixture
def own_vault(tmp_path):
    """A Secrets Manager that a test may kill."""
    with closing(SecretsManager(tmp_path / "recording")) as vault:
        yield vault


def stored(vault, **arns):
    """The settings of a function whose Okta has no key in the clear."""
    settings = {"HOOK_OKTA_SECRET": None, "AWS_ENDPOINT_URL_SECRETS_MANAGER": vault.endpoint}
    for source, arn in arns.items():
        settings |= {f"HOOK_{source}_SCHEME": "standard-webhooks"}
        settings |= {f"HOOK_{source}_SECRET_ARN": arn}
    return settings


@dataclass(frozen=True)
class Told:
    """What an event was answered, what the log says of it, and what is counted."""

    answer: Answer
    line: dict
    metrics: dict

    @property
    def status(self):
        return self.answer.status


def tell(deployment, document, **signing):
    """Delivers a document, in a deployment where every event is told like this."""
    return tell_event(deployment, signed(document, **signing))


def tell_event(deployment, event):
    function = deployment.function
    before = len(function.metrics())
    answer = deployment.send(event)
    wait_for(lambda: len(function.metrics()) > before, "the event's metrics")
    return Told(answer, function.lines(before + 1)[before], function.metrics()[before])


def assert_believed(told, key, hours=0):
    """A key's number and age are in the log, and there was no trouble."""
    assert told.status in (200, 201), told
    assert (told.line["key"], told.line["keyAgeHours"]) == (key, hours)
    assert "secretTrouble" not in told.line
    assert told.metrics["SecretTrouble"] == 0


def assert_refused(told):
    assert told.status == 401, told
    assert told.line["cause"] == "no key matched"
    assert not {"key", "keyAgeHours", "secretTrouble"} & set(told.line)
    assert (told.metrics["Rejected"], told.metrics["SecretTrouble"]) == (1, 0)


def assert_configuration(told, cause):
    """The operator's turn: told in the log alone what is wrong, and counted."""
    assert told.status == 500, told
    assert told.answer.headers == {"content-type": "application/scim+json"}
    assert set(told.answer.json) == {"schemas", "status", "detail"}
    assert told.answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert told.answer.json["status"] == "500"
    assert told.answer.json["detail"].startswith("configuration")
    found = (told.line["level"], told.line["outcome"], told.line["turn"], told.line["status"])
    assert found == ("ERROR", "configuration", "operator", 500)
    assert re.fullmatch(cause, told.line["cause"]), told.line
    assert "key" not in told.line
    assert (told.metrics["OperatorFaults"], told.metrics["SecretTrouble"]) == (1, 1)


def test_a_source_whose_key_is_stored_creates_users(deploy, vault):
    arn = vault.keep(FIRST)
    deployment = deploy(**stored(vault, OKTA=arn))

    told = tell(deployment, user(), secret=FIRST)

    assert told.status == 201
    assert list(deployment.standin.users()) == [ANA]
    assert_believed(told, key=1)
    assert vault.reads(arn) == ONE_READ
    for _ in range(3):
        assert_believed(tell(deployment, user(), secret=FIRST), key=1)
    assert vault.reads(arn) == ONE_READ, "the keys in hand serve"
    before = deployment.standin.calls()
    assert_refused(tell(deployment, user("eve@example.com"), secret=SECOND))
    assert_refused(tell(deployment, user("eve@example.com"), secret=HR_SECRET))
    assert deployment.standin.calls() == before


def test_scims_tokens_are_stored_and_two_of_them_hold_while_they_are_changed(deploy, vault):
    old, new, other = (f"a token of SCIM's, number {number}" for number in (1, 2, 3))
    arn = vault.keep(old)
    vault.rotate(arn, new)
    both = vault.keep(json.dumps([new, other]))
    settings = {"ROSTER": "memory", "AWS_SAM_LOCAL": "true", "DEACTIVATE": "delete"}
    settings |= {"AWS_ENDPOINT_URL_SECRETS_MANAGER": vault.endpoint}
    for arn, held, wrong in ((arn, (new, old), other), (both, (new, other), old)):
        deployment = deploy(**settings, SCIM_TOKEN_SECRET_ARN=arn)

        def ask(authorization):
            headers = {"authorization": authorization}
            event = http_event("/scim/v2/Users", method="GET", headers=headers)
            return deployment.send(event)

        for token in held:
            assert ask(f"Bearer {token}").json["totalResults"] == 0
            assert ask(token).status == 200
        refused = ask(f"Bearer {wrong}")
        assert refused.status == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
        log = deployment.function.log()
        assert "SCIM_TOKEN" not in log, "there is nothing to warn of"
        assert not [token for token in (old, new, other) if token in log]


def test_nothing_is_read_before_it_is_needed_nor_for_another_source(deploy, vault):
    arns = {"OKTA": vault.keep(FIRST), "ENTRA": vault.keep(SECOND)}
    deployment = deploy(**stored(vault, **arns))
    assert deployment.deliver(user(), path="/hooks/hr", secret=HR_SECRET).status == 201
    assert deployment.send(http_event("/health", method="GET")).status == 200
    assert deployment.deliver(user(), path="/hooks/nobody", secret=FIRST).status == 404
    assert deployment.deliver(user(), method="GET", secret=FIRST).status == 405
    assert [vault.reads(arn) for arn in arns.values()] == [[], []]

    assert deployment.deliver(user(), path="/hooks/entra", secret=SECOND).status == 200

    assert [vault.reads(arn) for arn in arns.values()] == [[], ONE_READ]
    assert deployment.deliver(user(), path="/hooks/entra", secret=FIRST).status == 401
    assert deployment.deliver(user(), secret=SECOND).status == 401
    assert deployment.deliver(user(), secret=FIRST).status == 200


def test_a_key_that_is_stored_is_nothing_to_warn_of(deploy, vault):
    clear = {"HOOK_HR_SCHEME": None, "HOOK_HR_SECRET": None}
    deployment = deploy(**stored(vault, OKTA=vault.keep(FIRST)), **clear)

    tell(deployment, user(), secret=FIRST)

    assert "WARN" not in deployment.function.log()
    warned = deploy(**stored(vault, OKTA=vault.keep(FIRST)))
    tell(warned, user(), secret=FIRST)
    assert "HOOK_HR_SECRET" in warned.function.log()
    assert "HOOK_OKTA" not in warned.function.log()


def test_each_secret_is_read_in_its_own_region(deploy, vault):
    """The function's is us-east-1, and so is the instance's."""
    arn = vault.keep(FIRST, region="eu-west-2")
    assert ":eu-west-2:" in arn
    deployment = deploy(**stored(vault, OKTA=arn, HERE=vault.keep(SECOND)))

    assert_believed(tell(deployment, user(), secret=FIRST), key=1)
    assert_believed(tell(deployment, user(), path="/hooks/here", secret=SECOND), key=1)


def test_any_of_several_stored_keys_will_do(deploy, vault):
    deployment = deploy(**stored(vault, OKTA=vault.keep(f'["{FIRST}",\n "{SECOND}"]\n')))

    assert_believed(tell(deployment, user(), secret=FIRST), key=1)
    assert_believed(tell(deployment, user(), secret=SECOND), key=2)
    assert_refused(tell(deployment, user(), secret=THIRD))


# --- Rotation -------------------------------------------------------------------------------------


def test_after_a_rotation_either_key_signs(deploy, vault):
    arn = vault.keep(FIRST)
    vault.rotate(arn, SECOND)
    deployment = deploy(**stored(vault, OKTA=arn))

    old = tell(deployment, user("old@example.com"), secret=FIRST)
    new = tell(deployment, user("new@example.com"), secret=SECOND)

    assert (old.status, new.status) == (201, 201)
    assert_believed(old, key=2)
    assert_believed(new, key=1)
    assert vault.reads(arn) == ONE_READ


def test_the_key_before_the_last_is_refused(deploy, vault):
    arn = vault.keep(FIRST)
    vault.rotate(arn, SECOND)
    vault.rotate(arn, THIRD)
    deployment = deploy(**stored(vault, OKTA=arn))

    assert_believed(tell(deployment, user(), secret=THIRD), key=1)
    assert_believed(tell(deployment, user(), secret=SECOND), key=2)
    assert_refused(tell(deployment, user(), secret=FIRST))


def test_without_an_overlap_the_old_key_is_refused_and_not_even_read(deploy, vault):
    arn = vault.keep(FIRST)
    vault.rotate(arn, SECOND)
    deployment = deploy(**stored(vault, OKTA=arn), KEY_OVERLAP_HOURS="0")

    assert_refused(tell(deployment, user(), secret=FIRST))
    assert_believed(tell(deployment, user(), secret=SECOND), key=1)
    assert vault.reads(arn) == ["AWSCURRENT"]


def test_the_overlap_is_counted_from_the_day_the_new_key_was_made(deploy, tmp_path):
    with closing(SecretsManager(tmp_path / "recording", hours_slow=5)) as vault:
        arn = vault.keep(FIRST)
        vault.rotate(arn, SECOND)
        shorter = deploy(**stored(vault, OKTA=arn), KEY_OVERLAP_HOURS="4")
        longer = deploy(**stored(vault, OKTA=arn), KEY_OVERLAP_HOURS="6")

        assert_refused(tell(shorter, user(), secret=FIRST))
        assert_believed(tell(shorter, user(), secret=SECOND), key=1, hours=5)
        assert vault.reads(arn) == ["AWSCURRENT"]
        assert_believed(tell(longer, user(), secret=FIRST), key=2, hours=5)
        assert_believed(tell(longer, user(), secret=SECOND), key=1, hours=5)


def test_a_key_is_believed_when_it_is_current_and_not_while_it_is_pending(deploy, vault):
    """As a rotation function goes about it."""
    arn = vault.keep(FIRST)
    (old,) = vault.secrets.describe_secret(SecretId=arn)["VersionIdsToStages"]
    new = vault.rotate(arn, SECOND, stage="AWSPENDING")
    before = deploy(**stored(vault, OKTA=arn))

    assert_refused(tell(before, user(), secret=SECOND))
    assert_believed(tell(before, user(), secret=FIRST), key=1)

    vault.secrets.update_secret_version_stage(
        SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=new, RemoveFromVersionId=old
    )
    after = deploy(**stored(vault, OKTA=arn))
    assert_believed(tell(after, user(), secret=SECOND), key=1)
    assert_believed(tell(after, user(), secret=FIRST), key=2)


def test_a_rotation_is_not_looked_for_within_a_minute_of_the_last_read(deploy, vault):
    arn = vault.keep(FIRST)
    deployment = deploy(**stored(vault, OKTA=arn))
    assert_believed(tell(deployment, user(), secret=FIRST), key=1)

    vault.rotate(arn, SECOND)

    assert_refused(tell(deployment, user(), secret=SECOND))
    assert_believed(tell(deployment, user(), secret=FIRST), key=1)
    assert vault.reads(arn) == ONE_READ


@pytest.mark.parametrize("placeholder", ["changeme", "{}", '["changeme"]', b"\0\xff", "whsec_"])
def test_what_was_no_key_before_lets_nobody_in_and_keeps_nobody_out(deploy, vault, placeholder):
    arn = vault.keep(placeholder)
    vault.rotate(arn, FIRST)
    deployment = deploy(**stored(vault, OKTA=arn))

    assert_believed(tell(deployment, user(), secret=FIRST), key=1)
    assert_refused(tell(deployment, user(), secret="whsec_"))


# --- Other schemes --------------------------------------------------------------------------------

EVENT_HOOK = {"HOOK_OKTA_SCHEME": "okta", "HOOK_OKTA_APPS": "Amazon Connect"}
ASSIGNED = as_bytes(json.loads((STORIES / "okta-hook-app-assigned.json").read_text())["body"])


def test_the_value_of_an_okta_event_hook_may_be_stored(deploy, vault):
    """A list it is not, whatever is in it."""
    value = "Bearer a value, with blanks; and more"
    deployment = deploy(**stored(vault, OKTA=vault.keep(value)) | EVENT_HOOK)

    def hook(value):
        return tell_event(deployment, http_event(headers={"authorization": value}, body=ASSIGNED))

    for wrong in ("Bearer a value", "with blanks; and more", value + " "):
        assert_refused(hook(wrong))
    told = hook(value)

    assert_believed(told, key=1)
    assert [event["outcome"] for event in told.answer.json["events"]] == ["created"]
    assert list(deployment.standin.users()) == ["bea.lindt@example.com"]


def test_githubs_key_may_be_stored(deploy, vault):
    text = "it's a secret to everybody"
    deployment = deploy(**stored(vault, OKTA=vault.keep(text)) | {"HOOK_OKTA_SCHEME": "github"})
    timestamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = as_bytes(envelope("user.created", user()) | {"timestamp": timestamp})

    def delivery(text):
        signature = hmac.new(text.encode(), body, hashlib.sha256).hexdigest()
        headers = {"x-hub-signature-256": f"sha256={signature}"}
        return tell_event(deployment, http_event(headers=headers, body=body))

    assert_refused(delivery("it's a secret to nobody"))
    told = delivery(text)

    assert told.status == 201
    assert_believed(told, key=1)
    assert list(deployment.standin.users()) == [ANA]


# --- Trouble --------------------------------------------------------------------------------------

SHORT = secret(b"canary-short")


def gone(vault):
    arn = vault.keep(FIRST)
    vault.secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    return arn


def to_be_deleted(vault):
    arn = vault.keep(FIRST)
    vault.secrets.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
    return arn


def rotated_away(vault):
    """The key before is no better for what has come after it."""
    arn = vault.keep(FIRST)
    vault.rotate(arn, SHORT)
    return arn


# What is stored, what the sender signs with, and what the log says.
TROUBLE = {
    "GONE": (gone, FIRST, "no such secret, or no current version of it"),
    "ELSEWHERE": (
        lambda vault: vault.keep(FIRST).replace("us-east-1", "eu-west-2"), FIRST, "no such secret, or no current version of it",
    ),
    "WITHOUT_VALUE": (lambda vault: vault.keep(None), "whsec_", "no such secret, or no current version of it"),
    "TO_BE_DELETED": (
        to_be_deleted, FIRST, r"GetSecretValue: InvalidRequestException, status 400, request \S+",
    ),
    "SHORT": (SHORT, SHORT, "key 1: expected at least 24 bytes, found 12"),
    "ROTATED_AWAY": (rotated_away, FIRST, "key 1: expected at least 24 bytes, found 12"),
    "SECOND_SHORT": (
        f'["{FIRST}", "{SHORT}"]', FIRST, "key 2: expected at least 24 bytes, found 12",
    ),
    "BINARY": (key(FIRST), FIRST, "expected the key as text, found a binary secret"),
    "BINARY_AND_EMPTY_KEY": (
        FIRST.encode(), "whsec_", "expected the key as text, found a binary secret",
    ),
    "OBJECT": (
        json.dumps({"secret": FIRST}), FIRST,
        "expected the key as plain text, or a JSON array of keys, found a JSON object",
    ),
    "ARRAY_OF_OBJECTS": (
        json.dumps([{"secret": FIRST}]), FIRST, "expected a JSON array of strings, found another",
    ),
    "BROKEN_ARRAY": (f'["{FIRST}"', FIRST, "expected a JSON array of strings, found another"),
    "FIVE": (json.dumps([FIRST] * 5), FIRST, "expected 1 to 4 keys, found 5"),
    "NONE_OF_ANY": ("[]", "whsec_", "expected 1 to 4 keys, found 0"),
    "QUOTED": (json.dumps(FIRST), FIRST, "key 1: expected base64 behind the prefix, found quotes around it"),
}  # fmt: skip


class Troubled(Deployment):
    """A function with one source that is well, and every other in its own trouble."""

    def __init__(self, standin, function, arns):
        super().__init__(standin, function)
        self.arns = arns


@pytest.fixture(scope="module")
def troubled_sources(vault, tmp_path_factory):
    arns = {
        source: kept(vault) if callable(kept) else vault.keep(kept)
        for source, (kept, _, _) in TROUBLE.items()
    }
    settings = stored(vault, OKTA=vault.keep(THIRD), **arns)
    log = tmp_path_factory.mktemp("troubled") / "function.log"
    with closing(Standin("--no-throttle")) as connect:
        environment = Deployment.environment(connect, **settings)
        with closing(Function(environment, log)) as function:
            yield Troubled(connect, function, arns)


@pytest.fixture
def troubled(troubled_sources):
    troubled_sources.standin.control(reset=True)
    return troubled_sources


@pytest.mark.parametrize("source", TROUBLE)
def test_a_secret_that_gives_no_key_is_the_operators_turn_and_no_other_sources(
    troubled, vault, source
):
    _, used, cause = TROUBLE[source]
    path = f"/hooks/{source.lower()}"

    assert_configuration(tell(troubled, user(), path=path, secret=used), cause)
    assert_configuration(tell(troubled, user(), path=path, secret=used), cause)

    reads = vault.reads(troubled.arns[source])
    assert reads == ["AWSCURRENT"], "not asked for again within a minute"
    assert troubled.standin.calls() == {}
    well = tell(troubled, user(), secret=THIRD)
    assert well.status == 201
    assert_believed(well, key=1)
    assert list(troubled.standin.users()) == [ANA]


def test_a_stranger_is_told_the_same_of_a_secret_that_gives_no_key(troubled):
    """Who speaks cannot be known, so nothing more is said to anybody."""
    answers = [
        tell(troubled, user(), path="/hooks/object", secret=FIRST).answer,
        tell(troubled, user(), path="/hooks/short", secret=SHORT).answer,
        tell(troubled, b"{", path="/hooks/object", secret=SECOND).answer,
        tell_event(troubled, http_event("/hooks/gone")).answer,
    ]
    assert answers == [answers[0]] * len(answers)
    assert troubled.standin.calls() == {}


def test_an_okta_event_hook_hears_of_its_secret_like_any_other(deploy, vault):
    """Not by the 503 of an event that was read: nothing is, of nobody knows whom."""
    value = "Bearer canary"
    deployment = deploy(**stored(vault, OKTA=vault.keep(value)) | EVENT_HOOK)

    told = tell_event(deployment, http_event(headers={"authorization": value}, body=ASSIGNED))

    assert_configuration(told, "key 1: expected at least 16 bytes, found 13")
    assert deployment.standin.calls() == {}


# --- Silence --------------------------------------------------------------------------------------


def assert_not_yet(told, cause):
    """Time may mend it: nobody's settings are to blame."""
    assert told.status == 503, told
    assert int(told.answer.headers["retry-after"]) > 0
    found = (told.line["level"], told.line["outcome"], told.line["turn"], told.line["status"])
    assert found == ("WARN", "unavailable", "later", 503)
    assert re.fullmatch(cause, told.line["cause"]), told.line
    assert (told.metrics["OperatorFaults"], told.metrics["SecretTrouble"]) == (0, 1)


def assert_only_the_key_in_the_clear_works(deployment, cause):
    begun = time.monotonic()
    told = tell(deployment, user(), secret=FIRST)
    assert time.monotonic() - begun < 10
    assert_not_yet(told, cause)
    assert re.fullmatch(cause, told.line["secretTrouble"])
    assert deployment.standin.calls() == {}

    clear = tell(deployment, user(), path="/hooks/hr", secret=HR_SECRET)
    assert (clear.status, clear.metrics["SecretTrouble"]) == (201, 0)
    assert clear.line["key"] == 1 and "keyAgeHours" not in clear.line, "nobody knows its date"


def test_a_secrets_manager_that_nobody_listens_for_stops_none_but_its_own_sources(deploy):
    (nobody,) = free_addresses(1)
    vault = SimpleNamespace(endpoint=f"http://{nobody}")

    assert_only_the_key_in_the_clear_works(
        deploy(**stored(vault, OKTA=SOME_ARN)),
        "GetSecretValue: the connection failed, status 0, request unknown",
    )


def test_a_secrets_manager_that_is_silent_is_not_waited_for_long(deploy):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        vault = SimpleNamespace(endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")

        assert_only_the_key_in_the_clear_works(
            deploy(**stored(vault, OKTA=SOME_ARN)),
            "GetSecretValue: no answer in time.*",
        )


def test_keys_in_hand_go_on_working_when_secrets_manager_dies(deploy, own_vault):
    arns = {"OKTA": own_vault.keep(FIRST), "ENTRA": own_vault.keep(THIRD)}
    own_vault.rotate(arns["OKTA"], SECOND)
    deployment = deploy(**stored(own_vault, **arns))
    assert_believed(tell(deployment, user("before@example.com"), secret=SECOND), key=1)

    own_vault.close()

    told = tell(deployment, user("new@example.com"), secret=SECOND)
    assert told.status == 201
    assert_believed(told, key=1)
    told = tell(deployment, user("old@example.com"), secret=FIRST)
    assert told.status == 201
    assert_believed(told, key=2)
    assert_refused(tell(deployment, user("eve@example.com"), secret=THIRD))
    too_late = tell(deployment, user("late@example.com"), path="/hooks/entra", secret=THIRD)
    assert_not_yet(too_late, "GetSecretValue: the connection failed, .*")
    users = ["before@example.com", "new@example.com", "old@example.com"]
    assert sorted(deployment.standin.users()) == users


class SlowVault:
    """A Secrets Manager whose answers take their time, and who counts them."""

    def __init__(self, seconds):
        self.asked = asked = []

        class GetSecretValue(BaseHTTPRequestHandler):
            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                asked.append(request["VersionStage"])
                time.sleep(seconds)
                kept = {"ARN": request["SecretId"], "SecretString": FIRST, "CreatedDate": 1.5e9}
                body = json.dumps(kept).encode()
                self.send_response(200)
                self.send_header("content-type", "application/x-amz-json-1.1")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), GetSecretValue)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def test_senders_that_hang_up_close_no_source_for_the_next(serve, standin):
    connect = standin("--no-throttle")
    with closing(SlowVault(1.0)) as vault:
        settings = Deployment.environment(connect, **stored(vault, OKTA=SOME_ARN))
        credentials = ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        settings |= {name: PLATFORM[name] for name in credentials}
        own = serve("--connect", "aws", "--no-roster", **settings)
        host, _, port = own.url.removeprefix("http://").partition(":")
        for _ in range(3):
            with socket.create_connection((host, int(port))) as hasty:
                hasty.sendall(b"POST /hooks/okta HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")
                wait_for(lambda: vault.asked, "the read to begin")
        body = as_bytes(user())
        headers = sign(FIRST, "msg_1", now(), body).items()

        assert own.send("/hooks/okta", body, headers).status == 201

        assert vault.asked == ["AWSCURRENT"], "one read served them all"
        assert list(connect.users()) == [ANA]


# --- Forgeries ------------------------------------------------------------------------------------


def forgeries(count):
    """Events that nobody signed, or somebody with another key, and some in other ways wrong."""
    unsigned = http_event(body=as_bytes(user()))
    for number in range(count // 5):
        yield unsigned
        yield signed(user(), secret=secret(f"a guess of 24 bytes: {number:04}".encode()))
        yield signed(user(), secret="whsec_")
        yield signed(user(), secret=SECOND, timestamp=now(-400))
        yield signed({"type": f"forged.{number}"}, secret=HR_SECRET)


def test_hundreds_of_forgeries_cause_one_read(deploy, vault):
    arn, gone_arn = vault.keep(FIRST), gone(vault)
    deployment = deploy(**stored(vault, OKTA=arn, GONE=gone_arn))

    assert {deployment.send(forged).status for forged in forgeries(300)} == {401}
    statuses = {
        deployment.send(forged | {"rawPath": "/hooks/gone"}).status for forged in forgeries(100)
    }

    assert statuses == {500}
    assert vault.reads(arn) == ONE_READ
    assert vault.reads(gone_arn) == ["AWSCURRENT"]
    assert deployment.standin.calls() == {}
    assert deployment.deliver(user(), secret=FIRST).status == 201
    assert vault.reads(arn) == ONE_READ, "nor did they keep the sender out"


# --- Canaries -------------------------------------------------------------------------------------


def guises(text):
    """A secret in every form in which something logged might have it."""
    bare = text.removeprefix("whsec_")
    yield from (text, bare, urllib.parse.quote_plus(bare))
    for bytes in {text.encode(), key(text) if bare != text else b""} - {b""}:
        yield from (bytes.decode(errors="replace"), bytes.hex(), str(list(bytes)))
        for shift in range(3):  # wherever it may stand in something longer
            encoded = b64encode(b"\0" * shift + bytes).decode()
            yield encoded[4 if shift else 0 : -4]


def test_no_secret_and_no_word_of_secrets_manager_is_ever_logged_or_answered(deploy, vault):
    """However loud the libraries are told to be (RUST_LOG=trace)."""
    bearer = "Bearer canary-of-okta's"
    rotated = vault.keep(FIRST)
    vault.rotate(rotated, SECOND)
    sources = {
        "OKTA": rotated,
        "LIST": vault.keep(json.dumps([FIRST, THIRD])),
        "SHORT": vault.keep(SHORT),
        "BINARY": vault.keep(THIRD.encode()),
        "OBJECT": vault.keep(json.dumps({"secret": THIRD})),
        "OBJECTS": vault.keep(json.dumps([{"secret": THIRD}])),
        "QUOTED": vault.keep(json.dumps(THIRD)),
        "BROKEN": vault.keep(f'["{THIRD}'),
        "GONE": gone(vault),
        "DELETED": to_be_deleted(vault),
        "EMPTY": vault.keep(None),
        "HOOK": vault.keep(bearer),
    }
    deployment = deploy(**stored(vault, **sources) | {"HOOK_HOOK_SCHEME": "okta"})
    answers = []

    def send(source, event):
        answers.append(deployment.send(event | {"rawPath": f"/hooks/{source.lower()}"}))

    for source in sources:
        for signer in (FIRST, SECOND, THIRD, SHORT, HR_SECRET):
            send(source, signed(user(), secret=signer))
            send(source, signed(b"{", secret=signer))
        send(source, http_event(headers={"authorization": bearer}, body=as_bytes(user())))
        send(source, http_event(headers={"authorization": "Bearer canary"}, body=b"{"))

    statuses = {answer.status for answer in answers}
    assert statuses == {200, 201, 400, 401, 500}, "nothing was left out"
    deployment.function.lines(len(answers))
    texts = [FIRST, SECOND, THIRD, SHORT, HR_SECRET, bearer]
    forbidden = {guise for text in texts for guise in guises(text)} | {"canary", "Bearer"}
    forbidden |= {"can't find", "specified secret", "marked deleted", "tried to perform"}
    forbidden |= {"SecretString", "VersionStage", "x-amz", "AWS4-HMAC", "TRACE", "aws_smithy"}
    said = deployment.function.log() + "".join(answer.body for answer in answers)
    assert [word for word in forbidden if word.lower() in said.lower()] == []
