"""The roster's file on a real disk: what was answered is there after a kill, and a disk without room is got
over without a restart."""

import json
import resource
import stat
import threading
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from deployments import SECRET
from programs import run, wait_for

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-of-ones-own-for-this"
AUTHORIZATION = ("authorization", f"Bearer {TOKEN}")
# What everybody knows opens no roster in a file.
OWN = {"SCIM_TOKEN": TOKEN, "HOOK_DEMO_SECRET": SECRET, "HOOK_OKTA_SECRET": SECRET}
LEAVE = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "value": {"active": False}}],
}
HEADERS = [AUTHORIZATION, ("content-type", "application/scim+json")]


@pytest.fixture
def serve(serve):
    return lambda *flags: serve(*flags, **OWN)


def user(name, **members):
    name = f"{name}@example.com"
    return json.dumps(
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": name,
            "name": {"givenName": "Ana", "familyName": "Ruiz"},
            "emails": [{"value": name, "type": "work", "primary": True}],
        }
        | members
    ).encode()


def make(serve, name, **members):
    return serve.send("/scim/v2/Users", user(name, **members), HEADERS)


def read(serve, id):
    return serve.send(f"/scim/v2/Users/{id}", b"", HEADERS, "GET")


def health(serve):
    return serve.send("/health", method="GET").status


def told(serve):
    """What was said of the roster, by level."""
    lines = [json.loads(line) for line in serve.log().splitlines() if line.startswith("{")]
    return [line["level"] for line in lines if line.get("message") == "roster"]


def limit(serve, bytes):
    """No file of this process may become longer."""
    _, hard = resource.prlimit(serve.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(serve.pid, resource.RLIMIT_FSIZE, (bytes, hard))


def fill(serve, round):
    """Makes users until one is refused; the ids of the others, and the refusal."""
    made = []
    for number in range(2000):
        answer = make(serve, f"large{round}-{number}", title="x" * 4000)
        if answer.status != 201:
            return made, answer
        made.append(json.loads(answer.body)["id"])
    raise AssertionError("the file never became too long")


def test_a_full_disk_is_told_once_and_got_over_without_a_restart(serve, tmp_path):
    file = tmp_path / "roster.redb"
    flags = ("--no-throttle", "--quota", "100000", "--roster", str(file))
    own = serve(*flags)
    ana = json.loads(make(own, "ana").body)["id"]
    answered = [ana]
    for round in range(2):
        assert health(own) == 200
        limit(own, file.stat().st_size)
        made, refusal = fill(own, round)
        answered += made
        assert refusal.status == 503 and "retry-after" in refusal.headers
        assert health(own) == 503
        assert read(own, ana).status == 200, "what is on the disk is read as before"
        leave = json.dumps(LEAVE).encode()
        assert own.send(f"/scim/v2/Users/{ana}", leave, HEADERS, "PATCH").status == 503
        threading.Event().wait(2)
        assert told(own) == ["ERROR", "INFO"] * round + ["ERROR"], "once a spell"

        limit(own, resource.RLIM_INFINITY)
        wait_for(lambda: health(own) == 200, "the file to be written again")
        wait_for(lambda: told(own) == ["ERROR", "INFO"] * (round + 1), "the line")
    assert own.send(f"/scim/v2/Users/{ana}", leave, HEADERS, "PATCH").status == 200
    shut_out = own.users()["ana@example.com"]["SecurityProfileIds"]
    active = own.users()["large0-0@example.com"]["SecurityProfileIds"]
    assert shut_out != active, "who leaves is followed at once"
    later = make(own, "bea")
    assert later.status == 201
    answered.append(json.loads(later.body)["id"])

    own.close()
    again = serve(*flags)
    assert [read(again, id).status for id in answered] == [200] * len(answered)
    assert json.loads(read(again, ana).body)["active"] is False


def load(serve, name, made):
    """Makes users on one connection until it breaks, and notes those that were answered."""
    with suppress(HTTPException, OSError):
        with closing(HTTPConnection(serve.url.removeprefix("http://"), timeout=20)) as connection:
            for number in range(100_000):
                body = user(f"{name}-{number}")
                connection.request("POST", "/scim/v2/Users", body, dict(HEADERS))
                answer = connection.getresponse()
                resource = json.loads(answer.read())
                if answer.status == 201:
                    made.append((resource["id"], resource["userName"]))


def test_a_kill_in_the_middle_of_a_load_loses_nothing_that_was_answered(serve, tmp_path):
    file, made = tmp_path / "roster.redb", []
    flags = ("--no-throttle", "--quota", "100000", "--roster", str(file))
    for round in range(3):
        own = serve(*flags)
        before = len(made)
        senders = [
            threading.Thread(target=load, args=(own, f"p{round}-{sender}", made))
            for sender in range(12)
        ]
        for sender in senders:
            sender.start()
        wait_for(lambda: len(made) > before + 40 * (round + 1), "a load", seconds=60)
        # SIGKILL.
        own.close()
        for sender in senders:
            sender.join()
    again = serve(*flags)
    for id, name in made:
        answer = read(again, id)
        assert (answer.status, json.loads(answer.body).get("userName")) == (200, name)


def test_a_file_that_others_may_read_is_told_and_a_new_one_is_its_owners_alone(serve, tmp_path):
    file = tmp_path / "roster.redb"
    own = serve("--roster", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and told(own) == []
    own.close()
    file.chmod(0o640)
    own = serve("--roster", str(file))
    wait_for(lambda: told(own) == ["WARN"], "the line")
    assert "640" in own.log() and stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_file_of_a_build_before_is_carried_over_and_that_is_told_once(tmp_path):
    before = (ROOT / "tests/it/roster/form-1-b.redb").read_bytes()
    file = tmp_path / "roster.redb"
    file.write_bytes(before)
    first, second = (run("parked", "--roster", str(file)) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    (line,) = map(json.loads, first.stderr.splitlines())
    assert (line["level"], line["message"]) == ("INFO", "roster")
    assert "carried over" in line["detail"] and f"{file}.v1" in line["detail"]
    assert second.stderr == "" and (tmp_path / "roster.redb.v1").read_bytes() == before


def test_a_serve_that_has_nothing_to_do_writes_nothing(serve, tmp_path):
    file = tmp_path / "roster.redb"
    own = serve("--no-throttle", "--roster", str(file))
    assert make(own, "ana").status == 201
    threading.Event().wait(2)
    before = file.stat().st_mtime_ns
    threading.Event().wait(3)
    assert health(own) == 200 and file.stat().st_mtime_ns == before
