"""The function with a roster: what it acknowledged is never lost, whatever Amazon Connect or a crash
does, and the operator sees who waits and sets them going."""

import itertools
import json
import os
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest

from deployments import SECRET, Deployment, foreign_user
from people import as_bytes, user
from programs import PLATFORM, free_addresses, run, wait_for
from standard_webhooks import now, sign

STORIES = Path(__file__).resolve().parents[2] / "events"
CREDENTIALS = {name: PLATFORM[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
ANA = "ana.ruiz@example.com"
HELD = {"MAX_REMOVALS_PER_HOUR": "0"}

_ids = itertools.count(1)


@pytest.fixture
def keep(serve, standin, tmp_path):
    """Starts a stand-in that outlives the server, and the server with its roster in a file."""
    connect = None

    def start(*flags, **settings):
        nonlocal connect
        connect = connect or standin(*flags)
        environment = Deployment.environment(
            connect,
            DEACTIVATE="suspend",
            SUSPENDED_SECURITY_PROFILE=connect.security_profiles["No Access"],
            **settings,
        )
        file = tmp_path / "roster.redb"
        own = serve("--connect", "aws", "--roster", str(file), **environment, **CREDENTIALS)
        assert own.said["roster"] == str(file)
        return own, connect, file

    return start


def post(serve, document):
    """The answer to a document, signed just now."""
    body = as_bytes(document)
    headers = sign(SECRET, f"msg_{next(_ids)}", now(), body)
    return serve.send("/hooks/okta", body, headers.items())


def undated(type, data):
    """An event that counts from when it is first heard."""
    return {"type": type, "data": data}


def said(answer):
    return answer.status, answer.json.get("outcome", answer.json.get("detail"))


def roster(serve):
    answer = serve.ask("/_roster")
    assert answer.status == 200
    return answer.json


def counts(serve):
    return {state: count for state, count in roster(serve)["counts"].items() if count}


def names(connect):
    """Who is there, without a call that would be throttled."""
    held = [user["Username"] for user in connect.state()["users"]]
    assert len(held) == len(set(held)), "nobody is there twice"
    return set(held)


def drained(serve):
    """The lines of the drain's runs."""
    return [line for line in serve.lines() if line["message"] == "drain"]


def parked(*arguments, status=0, told=""):
    """What is said: on standard output or, if the status is another than 0, on standard error."""
    done = run("parked", *arguments, env={})
    assert done.returncode == status, done
    if status:
        assert done.stdout == told
    return done.stderr if status else done.stdout


# --- A whole life ---------------------------------------------------------------------------------


def test_the_stories_of_a_life_are_followed_on_a_desk(serve):
    own = serve("--no-throttle")
    assert own.said["roster"] == "memory"
    held = []
    for name in ("okta-user-created", "user-updated", "user-renamed", "user-deactivated",
                 "user-activated", "user-deleted"):  # fmt: skip
        command = run("sign", str(STORIES / f"{name}.json"), "--as", "curl", "--url", own.url)
        told = subprocess.run(["sh"], input=command.stdout, capture_output=True, text=True)
        users = [
            (username, user["IdentityInfo"]["LastName"], "provisioner-suspended" in user["Tags"])
            for username, user in own.users().items()
        ]
        held.append((json.loads(told.stdout)["outcome"], users))

    vega = "ana.vega@example.com"
    assert held == [
        ("created", [(ANA, "Ruiz", False)]),
        ("updated", [(ANA, "Ruiz Vega", False)]),
        ("created", [(vega, "Ruiz Vega", False)]),
        ("suspended", [(vega, "Ruiz Vega", True)]),
        ("updated", [(vega, "Ruiz Vega", False)]),
        ("removed", []),
    ]
    assert counts(own) == {"removed": 1}
    assert drained(own) == [], "nothing was left to be done"


# --- Nothing acknowledged is lost -----------------------------------------------------------------


def test_a_file_is_the_same_roster_for_the_next_process(keep):
    own, connect, _ = keep("--no-throttle")
    assert said(post(own, user())) == (201, "created")
    own.close()
    own, _, _ = keep()
    calls = connect.calls()

    assert said(post(own, user())) == (200, "unchanged")
    assert connect.calls() == calls
    assert said(post(own, undated("user.deleted", user()))) == (200, "removed")
    assert names(connect) == set()


def test_what_was_acknowledged_is_there_after_a_crash(keep):
    """Killed in the middle of a burst, while Connect has made users that nobody was told of. What was
    cut off is looked after when its lease is over, a minute later."""
    own, connect, _ = keep("--no-throttle", CONNECT_RATE="100")
    connect.control(slowMs=150, faults={"CreateUser": ["slow"] * 500})
    acknowledged = []

    def send(number):
        name = f"agent-{number}@example.com"
        try:
            answer = post(own, user(name))
        except (OSError, HTTPException):
            return
        assert answer.status in (201, 202), answer
        acknowledged.append(name)

    with ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(send, number) for number in range(200)]
        wait_for(lambda: len(acknowledged) >= 40, "a part of the burst", seconds=30)
        own.close()
        for one in sent:
            one.result()
    before = names(connect)
    assert 40 <= len(acknowledged) < 200
    connect.control(slowMs=0)

    own, _, _ = keep(CONNECT_RATE="100")
    wait_for(lambda: set(counts(own)) == {"applied"}, "all to be applied", seconds=100)

    held = names(connect)
    assert held >= set(acknowledged)
    assert held >= before
    assert counts(own) == {"applied": len(held)}
    assert post(own, user(acknowledged[0])).json["outcome"] == "unchanged"
    assert "example.com" not in own.log()


def test_a_user_that_connect_made_without_saying_so_is_not_made_twice(keep):
    own, connect, _ = keep("--no-throttle")
    connect.control(faults={"CreateUser": ["500-after"]})

    assert said(post(own, user())) == (202, "pending")
    assert counts(own) == {"pending": 1}
    wait_for(lambda: counts(own) == {"applied": 1}, "the drain", seconds=45)

    assert names(connect) == {ANA}
    assert connect.calls()["CreateUser"] == 2, "it looks once what became of the first"
    wait_for(lambda: drained(own), "the run's end")
    (line,) = drained(own)
    assert (line["level"], line["applied"], line["parked"]) == ("INFO", 1, 0)
    assert line["connectCalls"] == 3


def test_a_crowd_that_connect_throttles_is_there_within_half_a_minute(keep):
    own, connect, _ = keep()
    people = {f"agent-{number}@example.com" for number in range(40)}
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda name: post(own, user(name)), people))

    assert {answer.status for answer in answers} <= {201, 202}
    wait_for(lambda: names(connect) == people, "all of them", seconds=35)
    wait_for(lambda: counts(own) == {"applied": 40}, "the roster to know", seconds=10)
    wait_for(lambda: drained(own), "the run's end", seconds=60)
    assert said(post(own, user("late@example.com")))[0] == 201, "the backlog's flag is down"


# --- Who waits for somebody -----------------------------------------------------------------------


def test_who_is_parked_is_seen_and_set_going_while_it_is_served(keep):
    own, connect, file = keep("--no-throttle", **HELD)
    post(own, user("bo@example.com"))
    post(own, user())
    held = post(own, undated("user.deleted", user()))
    assert (held.status, held.json["fault"]) == (202, "removalHeld")

    state = json.loads(parked("--url", own.url, "--json"))
    assert state == roster(own)
    (record,) = state["parked"]
    assert state["counts"] == {
        "applied": 1, "parked": 1, "pending": 0, "removed": 0, "forgotten": 0,
    }  # fmt: skip
    assert set(record) == {
        "id", "state", "wanted", "fault", "turn", "detail", "cause", "attempts", "since", "due",
        "asOf", "owner", "connectUserId",
    }  # fmt: skip
    (ana,) = [held for held in connect.state()["users"] if held["Username"] == ANA]
    assert record["connectUserId"] == ana["Id"]
    assert record["owner"] == ana["Tags"]["provisioner-owner"]
    assert ANA not in json.dumps(state), "who it is, is told to who asks for that"
    (named,) = json.loads(parked("list", "--names", "--url", own.url, "--json"))["parked"]
    assert named == record | {"userName": ANA}
    told = (record["wanted"], record["fault"], record["turn"], record["due"])
    assert told == ("gone", "removalHeld", "operator", None)
    id = record["id"]
    lines = parked("list", "--url", own.url).splitlines()
    assert lines[0] == "1 applied, 0 pending, 1 parked, 0 removed"
    assert lines[1].split("\t")[:3] == [id, "gone", "removalHeld"]
    assert f"id\t{id}\n" in parked("show", id, "--url", own.url)
    assert json.loads(parked("--json", "show", id, "--url", own.url)) == record

    wrong = parked("release", id, "0000", "--url", own.url, status=1)
    assert "found 0000, which nobody has; nothing was changed" in wrong
    assert roster(own) == state
    assert "is open in another process" in parked("--roster", str(file), status=1)
    assert "found one that nobody has" in parked("show", "0000", "--url", own.url, status=1)
    assert parked("check", "--url", own.url, status=1, told=f"{lines[0]}\n") == ""

    retried = parked("retry", id, "--url", own.url)
    assert retried.startswith(f"retried\t{id}\tparked\tremovalHeld\tas many users were removed")
    wait_for(lambda: drained(own), "a run of the drain")
    (line,) = drained(own)
    assert (line["level"], line["parked"], line["applied"]) == ("ERROR", 1, 0)
    (fault,) = line["faults"]
    assert (fault["id"], fault["fault"]) == (id, "removalHeld")
    assert names(connect) == {ANA, "bo@example.com"}, "under all the rules"

    unsure = parked("release", "--all", "--url", own.url, status=2)
    assert "error: 1 removals are held; to let all of them through, say --yes" in unsure
    assert counts(own) == {"applied": 1, "parked": 1}
    released = parked("release", "--all", "--yes", "--url", own.url)
    assert released.split() == ["released", id, "removed"]
    assert names(connect) == {"bo@example.com"}
    assert counts(own) == {"applied": 1, "removed": 1}
    assert parked("release", "--all", "--url", own.url) == "nobody is parked\n"
    assert "state\tremoved\n" in parked("show", id, "--url", own.url)
    assert parked("check", "--url", own.url) == "1 applied, 0 pending, 0 parked, 1 removed\n"
    not_parked = parked("retry", id, "--url", own.url, status=1)
    assert "which is not parked; nothing was changed" in not_parked


def test_an_operator_shuts_somebody_out_and_is_told_what_was_done(keep):
    own, connect, _ = keep("--no-throttle", **HELD)
    post(own, user())
    connect.control(signIn=[ANA])

    def said_of(*arguments):
        done = run(*arguments, "--url", own.url, env={})
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    out = said_of("shut-out", ANA)
    assert out.split("\t")[::2] == ["shut out", "applied", "has no power, and no session\n"]
    (held,) = connect.state()["users"]
    assert held["SecurityProfileIds"] == [connect.security_profiles["No Access"]]
    assert connect.state()["sessions"] == {}
    assert said_of("readmit", ANA).split("\t")[::2][:2] == ["readmitted", "applied"]
    (held,) = connect.state()["users"]
    assert held["SecurityProfileIds"] == [connect.security_profiles["Agent"]]
    nobody = run("shut-out", "nobody@example.com", "--url", own.url, env={})
    assert nobody.returncode == 1 and "found one that nobody here has" in nobody.stderr


def test_everything_but_farewells_is_paused_until_an_operator_says_so(keep):
    own, connect, _ = keep("--no-throttle", MAX_REMOVALS_PER_HOUR="9")
    post(own, user())

    def said_of(*arguments):
        done = run(*arguments, "--url", own.url, env={})
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert said_of("pause").startswith("paused since 20")
    assert "paused since 20" in said_of("parked")
    assert roster(own)["pausedSince"]
    assert said(post(own, user("bo@example.com"))) == (202, "pending")
    assert said(post(own, undated("user.deleted", user()))) == (202, "pending")
    (held,) = connect.state()["users"]
    assert held["SecurityProfileIds"] == [connect.security_profiles["No Access"]]
    assert said_of("resume") == "not paused: what waited is followed now\n"
    assert "pausedSince" not in roster(own)
    wait_for(lambda: names(connect) == {"bo@example.com"}, "what waited", seconds=90)


def test_a_file_that_nobody_has_open_is_read_and_changed(keep):
    own, connect, file = keep("--no-throttle", **HELD)
    for name in ("bo@example.com", ANA):
        post(own, user(name))
        assert said(post(own, undated("user.deleted", user(name)))) == (202, "parked")
    state = roster(own)
    own.close()

    assert json.loads(parked("--roster", str(file), "--json")) == state
    first, second = [record["id"] for record in state["parked"]]
    named = json.loads(parked("list", "--names", "--roster", str(file), "--json"))["parked"]
    shown = [record["userName"] for record in named]
    assert sorted(shown) == [ANA, "bo@example.com"]
    changed = json.loads(parked("release", first, "--roster", str(file), "--json"))
    (outcome,) = changed.pop("outcomes")
    assert changed == {"released": [first], "retried": []}
    assert (outcome["id"], outcome["state"]) == (first, "pending")
    assert "which is not parked" in parked("release", first, "--roster", str(file), status=1)
    retried = parked("retry", "--all", "--roster", str(file))
    assert retried.splitlines() == [
        f"retried\t{second}\tpending\t\t", "the next serve with this file tries them again",
    ]  # fmt: skip
    counted = parked("--roster", str(file)).splitlines()
    assert counted == ["0 applied, 2 pending, 0 parked, 0 removed"]
    waiting = parked("list", "--pending", "--names", "--roster", str(file)).splitlines()[1:]
    assert sorted(line.split("\t")[:4] for line in waiting) == sorted(
        [id, name, "gone", "pending"] for id, name in zip([first, second], shown, strict=True)
    )

    own, _, _ = keep(**HELD)
    wait_for(lambda: counts(own) == {"parked": 1, "removed": 1}, "the drain at the start")
    assert [record["id"] for record in roster(own)["parked"]] == [second]
    assert len(names(connect)) == 1


def test_a_user_who_was_in_the_way_may_be_moved_out_of_it(keep):
    """Okta cannot mend what it said, so it waits for the operator."""
    own, connect, _ = keep(
        "--no-throttle", HOOK_HOOKS_SCHEME="okta", HOOK_HOOKS_SECRET="a value that Okta shows",
        HOOK_HOOKS_APPS="Amazon Connect",
    )  # fmt: skip
    foreign_user(connect, "bea.lindt@example.com")
    story = json.loads((STORIES / "okta-hook-app-assigned.json").read_text())
    proof = [("authorization", "a value that Okta shows")]
    told = own.send("/hooks/hooks", as_bytes(story["body"]), proof)
    (event,) = told.json["events"]
    assert (told.status, event["outcome"], event["fault"]) == (200, "parked", "uniqueness")

    (foreign,) = connect.users().values()
    connect.connect.delete_user(InstanceId=connect.instance_id, UserId=foreign["Id"])
    assert parked("retry", "--all", "--url", own.url).startswith("retried\t")
    wait_for(lambda: counts(own) == {"applied": 1}, "the drain")
    (made,) = connect.users().values()
    assert made["Tags"]["managed-by"] == "connect-provisioner"


@pytest.mark.parametrize(
    "method, path, body, status, told",
    [
        ("PUT", "/_roster", b"retry", 400, "expected"),
        ("PUT", "/_roster", b'{"retri": "all"}', 400, "unknown field"),
        ("PUT", "/_roster", b'{"retry": "some"}', 400, "expected a list of ids, or"),
        ("PUT", "/_roster", b'{"retry": ["x"]}', 404, "found x, which nobody has"),
        ("PUT", "/_roster", b'{"retry": "all", "release": []}', 200, None),
        ("PUT", "/_roster", b" " * (1 << 20) + b"{}", 400, "expected less"),
        ("DELETE", "/_roster", b"", 405, "expected GET or PUT"),
        ("GET", "/_roster/x", b"", 404, "found x, which nobody has"),
        ("PUT", "/_roster/x", b"", 405, "expected GET"),
        ("POST", "/metrics", b"", 405, "expected GET"),
        ("GET", "/", b"", 404, "expected /_roster or /metrics"),
        ("GET", "/health", b"", 404, "expected /_roster or /metrics"),
    ],
)
def test_the_operators_door_says_what_it_expects(serve, method, path, body, status, told):
    answer = serve().ask(path, body, method=method)
    assert answer.status == status
    assert answer.json == {"retried": [], "released": []} if told is None else told in answer.body


def test_the_operators_door_is_for_this_machine_alone(serve):
    """Whoever comes through a tunnel, or by a name that was bound to this address, or by a proxy, is
    sent away, whatever they show."""
    own = serve()
    port = own.door.rpartition(":")[2]
    for host, status in [
        (f"127.0.0.1:{port}", 200), ("localhost", 200), (f"[::1]:{port}", 200), ("127.0.0.2", 200),
        ("example.com", 403), (f"127.0.0.1.example.com:{port}", 403), ("192.0.2.1", 403), ("", 403),
    ]:  # fmt: skip
        for path in ("/_roster", "/metrics"):
            assert own.ask(path, headers=[("Host", host)]).status == status, host
    for name in ("Forwarded", "Via", "X-Forwarded-For", "x-forwarded-proto", "X-Real-IP"):
        for path in ("/_roster", "/metrics"):
            assert own.ask(path, headers=[(name, "192.0.2.1")]).status == 403, name


def test_the_operators_door_opens_to_its_token_alone(serve):
    own = serve()
    for token in ("", "wrong", own.token[:-1], own.token + "0", own.token.upper()):
        for path in ("/_roster", "/metrics", "/"):
            answer = own.ask(path, token=token)
            assert (answer.status, answer.headers["www-authenticate"]) == (
                401, 'Bearer realm="operator"',
            )  # fmt: skip
    assert own.token not in own.log() and own.token not in json.dumps(own.said)
    others = serve()
    assert own.ask("/_roster", token=others.token).status == 401, "each start has its own"


def test_what_faces_the_senders_has_no_door_for_the_operator(serve):
    own = serve()
    proof = [("authorization", f"Bearer {own.token}")]
    for path in ("/_roster", "/_roster/x", "/metrics"):
        for method in ("GET", "PUT"):
            assert own.send(path, b"{}", proof, method).status == 404, path


def test_the_token_is_in_a_file_for_one_user(serve, tmp_path):
    runtime = tmp_path / "run"
    runtime.mkdir()
    own = serve(XDG_RUNTIME_DIR=str(runtime))
    file = Path(own.said["operator"]["file"])
    port = own.url.rpartition(":")[2]
    assert file == runtime / f"connect-provisioner-{os.getuid()}" / f"{port}.json"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]
    assert [left.name for left in file.parent.iterdir()] == [file.name]
    assert own.said["operator"]["url"] == own.door
    assert parked("--door", str(file)) == "0 applied, 0 pending, 0 parked, 0 removed\n"
    assert "is serve running there?" in parked("--url", own.url, status=1), "not that user's"

    assert own.terminate() == 0
    assert not file.exists()
    own = serve(XDG_RUNTIME_DIR=str(runtime))
    file = Path(own.said["operator"]["file"])
    own.close()
    assert "is serve running there?" in parked("--door", str(file), status=1), "left behind"


@pytest.mark.parametrize("how", ["open", "link", "file"])
def test_a_directory_that_others_may_write_to_keeps_no_token(tmp_path, how):
    directory = tmp_path / f"connect-provisioner-{os.getuid()}"
    if how == "link":
        (tmp_path / "elsewhere").mkdir(0o700)
        directory.symlink_to(tmp_path / "elsewhere")
    elif how == "file":
        directory.write_text("")
    else:
        directory.mkdir()
        directory.chmod(0o770)
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    refused = run("serve", "--listen", "127.0.0.1:0", env=environment)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"{directory}: " in refused.stderr and "set XDG_RUNTIME_DIR" in refused.stderr
    left = list(tmp_path.glob("**/*.json")) + list(tmp_path.glob("**/*.tmp"))
    assert left == []


def test_a_link_in_the_place_of_the_file_leads_nowhere(serve, tmp_path):
    """A file that was left behind, or put there, is replaced and not written into."""
    precious = tmp_path / "precious"
    precious.write_text("mine")
    directory = tmp_path / f"connect-provisioner-{os.getuid()}"
    directory.mkdir(0o700)
    (address,) = free_addresses(1)
    file = directory / f"{address.rpartition(':')[2]}.json"
    file.symlink_to(precious)
    own = serve("--listen", address, XDG_RUNTIME_DIR=str(tmp_path))
    assert (file.is_symlink(), precious.read_text()) == (False, "mine")
    assert own.ask("/_roster").status == 200


def test_a_token_of_ones_own_opens_a_door_of_ones_own(serve, tmp_path):
    """For a monitor, which is told both once."""
    (address,) = free_addresses(1)
    token = tmp_path / "token"
    token.write_text("a-token-for-the-monitor\n")
    own = serve("--operator", address, "--operator-token", str(token))
    assert own.door == f"http://{address}"
    assert own.ask("/metrics", token="a-token-for-the-monitor").status == 200

    token.write_text("short")
    for flags, told in [
        (["--operator-token", str(token)], "--operator-token: "),
        (["--operator", "0.0.0.0:0"], "--operator: expected an address of this machine alone"),
    ]:
        refused = run("serve", "--listen", "127.0.0.1:0", *flags, env={})
        assert refused.returncode == 1 and told in refused.stderr


def test_a_monitor_is_told_by_the_exit_status_who_waits(keep):
    own, connect, _ = keep("--no-throttle")
    post(own, user())
    assert parked("check", "--url", own.url) == "1 applied, 0 pending, 0 parked, 0 removed\n"
    foreign_user(connect, "bo@example.com")
    assert post(own, undated("user.deactivated", user("bo@example.com"))).status == 200
    told = parked("check", "--url", own.url)
    assert told == "1 applied, 0 pending, 0 parked, 0 removed, 1 forgotten\n"
    own.close()
    for where in (["--url", own.url], ["--roster", "nowhere.redb"], ["--door", "nowhere.json"]):
        assert "error: " in parked("check", *where, status=2)


def test_who_is_pending_is_shown_with_what_for(keep):
    own, connect, _ = keep("--no-throttle")
    connect.control(faults={"CreateUser": ["throttle"] * 500})
    assert said(post(own, user())) == (202, "pending")
    (record,) = roster(own)["pending"]
    assert (record["state"], record["fault"]) == ("pending", None)
    assert record["detail"].endswith("it is tried again by itself")
    assert record["since"] == roster(own)["oldestPending"]
    line = parked("list", "--pending", "--url", own.url).splitlines()[1]
    assert line.split("\t")[:3] == [record["id"], "active", "pending"]
    assert "by itself" in parked("show", record["id"], "--url", own.url)
    assert len(parked("list", "--url", own.url).splitlines()) == 1
    assert parked("check", "--url", own.url), "not for an hour yet"


def test_without_a_roster_there_is_nobody_to_show(serve):
    own = serve("--no-roster")
    assert own.ask("/_roster").status == 404
    assert own.ask("/metrics").status == 200
    assert "expected a serve with a roster" in parked("--url", own.url, status=1)


# --- Files that are none --------------------------------------------------------------------------


def test_one_process_at_a_time_has_a_file(keep):
    own, connect, file = keep("--no-throttle")
    environment = Deployment.environment(connect, DEACTIVATE="keep") | CREDENTIALS
    command = ("serve", "--connect", "aws", "--listen", "127.0.0.1:0", "--roster", str(file))
    second = run(*command, env=environment)
    assert (second.returncode, second.stdout) == (1, "")
    assert f"error: cannot open the roster: {file} is open in another process" in second.stderr
    assert said(post(own, user())) == (201, "created")


def test_a_file_that_is_no_roster_is_left_as_it_is(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("not a roster\n" * 100)
    own = {"HOOK_DEMO_SECRET": SECRET, "HOOK_OKTA_SECRET": SECRET, "SCIM_TOKEN": SECRET}
    for command in (("serve", "--listen", "127.0.0.1:0"), ("parked",)):
        refused = run(*command, "--roster", str(file), env=own)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith("error: cannot open the roster: ")
    assert file.read_text() == "not a roster\n" * 100
    missing = tmp_path / "nowhere.redb"
    assert "there is no such file" in parked("--roster", str(missing), status=1)
    assert not missing.exists()
