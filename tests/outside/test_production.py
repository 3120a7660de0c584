"""`serve` on the open network: senders that are slow, many, rude or gone, and ends of every kind."""

import itertools
import json
import os
import re
import resource
import shlex
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deployments import SECRET, Deployment
from people import as_bytes, user
from programs import CHATTY, CONNECT_PROVISIONER, PLATFORM, first_line, run, wait_for
from standard_webhooks import now, sign

EXAMPLES = Path(__file__).resolve().parents[2] / "examples/serve"
CREDENTIALS = {name: PLATFORM[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
DEMO_SECRET = "whsec_VGhpcyBrZXkgaXMga25vd24gdG8gZXZlcnlib2R5Lg=="
DEMO_TOKEN = "a-token-that-everybody-knows"
KNOWN = [("authorization", f"Bearer {DEMO_TOKEN}")]
ANA = "ana.ruiz@example.com"
MIB = 1 << 20

_ids = itertools.count(1)


@pytest.fixture
def keep(serve, standin, tmp_path):
    """A stand-in that goes on, and a server in front of it with its roster in a file."""
    connect = standin("--no-throttle")

    def start(*flags, **settings):
        settings = {"DEACTIVATE": "delete", "SCIM_TOKEN": DEMO_TOKEN[::-1]} | settings
        environment = Deployment.environment(connect, **settings) | CREDENTIALS
        file = tmp_path / "roster.redb"
        return serve("--connect", "aws", "--roster", str(file), *flags, **environment)

    return start, connect


def address(url):
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host, int(port)


def dial(serve, text=b""):
    connection = socket.create_connection(address(serve.url), timeout=20)
    connection.sendall(text)
    return connection


def rest(connection):
    """All that comes until the other side ends it."""
    text = b""
    try:
        while some := connection.recv(65536):
            text += some
    except ConnectionResetError:
        pass
    return text


def post_text(body, path="/hooks/demo", secret=DEMO_SECRET, length=None):
    proof = sign(secret, f"msg_{next(_ids)}", now(), body)
    head = [f"POST {path} HTTP/1.1", "host: localhost", f"content-length: {length or len(body)}"]
    head += [f"{name}: {value}" for name, value in proof.items()]
    return "\r\n".join([*head, "", ""]).encode() + body


def scim_text(body, token=DEMO_TOKEN, more=(), length=None):
    head = [
        "POST /scim/v2/Users HTTP/1.1", "host: localhost", f"authorization: Bearer {token}",
        f"content-length: {length or len(body)}", *more,
    ]  # fmt: skip
    return "\r\n".join([*head, "", ""]).encode() + body


def post(serve, document, secret=SECRET):
    body = as_bytes(document)
    proof = sign(secret, f"msg_{next(_ids)}", now(), body)
    return serve.send("/hooks/okta", body, proof.items())


def names(connect):
    return {held["Username"] for held in connect.state()["users"]}


def memory(serve):
    """The resident memory of a process, in MiB."""
    status = Path(f"/proc/{serve.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


def metrics(serve):
    """Every sample, by name and labels, as a strict reader of the format takes them."""
    answer = serve.ask("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = {}
    for family in text_string_to_metric_families(answer.body):
        assert family.name.startswith("connect_provisioner_")
        assert family.documentation and family.type in ("counter", "gauge")
        for sample in family.samples:
            assert (family.type == "counter") == sample.name.endswith("_total"), sample.name
            labels = ",".join(sample.labels.values())
            key = sample.name.removeprefix("connect_provisioner_"), labels
            assert key not in samples
            samples[key] = sample.value
    return samples


# --- Who is slow ----------------------------------------------------------------------------------


def test_half_a_head_and_half_a_body_have_an_end(serve):
    own = serve("--head-time", "0.4", "--body-time", "0.6", "--idle-time", "0.5")
    half = [dial(own, b"POST /hooks/demo HTTP/1.1\r\nhost: local") for _ in range(20)]
    silent = dial(own)
    body = as_bytes(user())
    late = dial(own, post_text(body)[:-1])
    begun = time.monotonic()
    assert [rest(one) for one in [*half, silent]] == [b""] * 21
    assert rest(late).startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - begun < 5

    kept = dial(own, post_text(body))
    assert rest(kept).startswith(b"HTTP/1.1 201 "), "and is closed when nothing more comes"


def test_bodies_that_nobody_asked_for_are_not_kept(serve):
    own = serve("--no-throttle")
    assert own.send("/health", method="GET").status == 200
    before = memory(own)
    size = 15 * MIB
    part = b"x" * (2 * MIB)
    chunked = (
        b"POST /scim/v2/Users HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n"
        b"authorization: Bearer nobody\r\n\r\n" + b"200000\r\n" + part
    )
    texts = [
        post_text(part, length=size),
        scim_text(part, "nobody", length=size),
        scim_text(part, length=size),
        chunked,
    ]

    def send(number):
        connection = socket.create_connection(address(own.url), timeout=20)
        try:
            connection.sendall(texts[number % len(texts)])
        except OSError:
            pass  # it was told enough
        return connection

    with ThreadPoolExecutor(40) as pool:
        connections = list(pool.map(send, range(40)))
    time.sleep(0.5)
    assert memory(own) - before < 16
    for number, status in enumerate([413, 401, 413, 401]):
        assert connections[number].recv(12) == b"HTTP/1.1 %d" % status, number
    for connection in connections:
        connection.close()
    assert own.send("/health", method="GET").status == 200


def test_the_token_comes_before_the_body(serve):
    """Who is not known hears nothing of what a body may be, and is not waited for."""
    own = serve("--no-throttle")
    for more in ((), ("expect: 100-continue",)):
        stranger = dial(own, scim_text(b"", "nobody", more, length=5 * MIB))
        assert stranger.recv(12) == b"HTTP/1.1 401"
        known = dial(own, scim_text(b"", DEMO_TOKEN, more, length=5 * MIB))
        assert known.recv(12) == b"HTTP/1.1 413"
    person = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": ANA,
              "name": {"givenName": "Ana", "familyName": "Ruiz"}}  # fmt: skip
    body = as_bytes(person)
    polite = dial(own, scim_text(b"", DEMO_TOKEN, ("expect: 100-continue",), length=len(body)))
    assert polite.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
    polite.sendall(body)
    assert polite.recv(12) == b"HTTP/1.1 201"
    outcomes = [line["outcome"] for line in own.lines()]
    assert outcomes == ["unauthenticated", "tooLarge"] * 2 + ["created"]
    assert {line["source"] for line in own.lines()} == {"scim/v2"}


# --- Who is many ----------------------------------------------------------------------------------


def test_three_hundred_who_do_nothing_keep_nobody_out(serve):
    own = serve("--no-throttle")
    with ExitStack() as idle:
        for _ in range(300):
            idle.enter_context(dial(own))
        begun = time.monotonic()
        assert own.send("/health", method="GET").status == 200
        assert time.monotonic() - begun < 2
        told = metrics(own)
        assert told["connections", ""] <= 200
        assert told["connections_evicted_total", ""] >= 100


def test_there_are_sockets_left_for_what_matters(serve, standin, tmp_path):
    """With few descriptors there are fewer connections, so that the drain can still open one."""
    connect = standin("--no-throttle")
    environment = Deployment.environment(connect, DEACTIVATE="delete") | CREDENTIALS
    command = [
        CONNECT_PROVISIONER, "serve", "--connect", "aws", "--memory", "--json",
        "--listen", "127.0.0.1:0",
    ]  # fmt: skip
    log = tmp_path / "few.log"
    with log.open("wb") as errors, subprocess.Popen(
        command, env=CHATTY | environment, stdout=subprocess.PIPE, stderr=errors, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96)),
    ) as process, ExitStack() as idle:  # fmt: skip
        try:
            host, port = address(json.loads(first_line(process))["url"])
            for _ in range(100):
                idle.enter_context(socket.create_connection((host, port), timeout=20))
            body = as_bytes(user())
            with socket.create_connection((host, port), timeout=20) as asking:
                asking.sendall(post_text(body, "/hooks/okta", SECRET))
                assert asking.recv(12) == b"HTTP/1.1 201"
        finally:
            process.kill()
    assert names(connect) == {ANA}
    (warning, _) = map(json.loads, log.read_text().splitlines())
    assert warning["level"] == "WARN"
    assert "96 files" in warning["problems"][0]["problem"]


def test_one_long_answer_keeps_no_other_waiting(serve):
    own = serve("--no-throttle")
    own.state(slowMs=1500, faults={"CreateUser": ["slow"]})
    slow = dial(own, post_text(as_bytes(user())))
    begun = time.monotonic()
    for _ in range(20):
        assert own.send("/health", method="GET").status == 200
    assert time.monotonic() - begun < 1
    assert slow.recv(12)[:10] == b"HTTP/1.1 2"


# --- Who is gone ----------------------------------------------------------------------------------


def test_who_shuts_his_side_after_asking_is_answered(serve):
    own = serve("--no-throttle")
    own.state(slowMs=300, faults={"CreateUser": ["slow"]})
    asking = dial(own, post_text(as_bytes(user())))
    asking.shutdown(socket.SHUT_WR)
    assert rest(asking).startswith(b"HTTP/1.1 2")


def test_who_hangs_up_loses_nothing_and_delays_nothing(keep):
    start, connect = keep
    own = start()
    connect.control(slowMs=300, faults={"CreateUser": ["slow"]})
    hanging = dial(own, post_text(as_bytes(user()), "/hooks/okta", SECRET))
    wait_for(lambda: connect.calls(), "the call")
    hanging.close()
    wait_for(lambda: own.lines(), "the line of the request", seconds=5)
    (line,) = own.lines()
    assert line["outcome"] in ("created", "alreadyOurs", "unchanged")
    counts = own.ask("/_roster").json["counts"]
    assert (counts["applied"], counts["pending"]) == (1, 0), "no lease has to be waited for"
    assert names(connect) == {ANA}


# --- Ends -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_who_is_being_answered_when_it_is_told_to_end_is_answered(keep, how):
    start, connect = keep
    own = start()
    connect.control(slowMs=700, faults={"CreateUser": ["slow"] * 4})
    idle = dial(own)
    people = [f"agent-{number}@example.com" for number in range(4)]
    asking = [dial(own, post_text(as_bytes(user(name)), "/hooks/okta", SECRET)) for name in people]
    wait_for(lambda: connect.calls(), "the calls")
    os.kill(own.pid, how)
    wait_for(lambda: refuses(own), "nobody to be let in any more")
    for one in asking:
        assert rest(one)[:10] == b"HTTP/1.1 2"
    assert rest(idle) == b""
    assert own.ended() == 0
    assert not Path(own.said["operator"]["file"]).exists()
    assert {line["level"] for line in own.lines()} <= {"INFO"}

    own = start()
    wait_for(lambda: names(connect) == set(people), "all of them", seconds=70)
    assert post(own, user(people[0])).json["outcome"] == "unchanged"


def refuses(serve):
    try:
        dial(serve).close()
    except ConnectionError:
        return True
    return False


def test_the_drain_leaves_nobody_behind_who_would_wait_for_a_lease(keep):
    """It ends behind the record that it is at; the next process goes on at once."""
    start, connect = keep
    own = start(CONNECT_RATE="100")
    connect.control(faults={"CreateUser": ["throttle"] * 60})
    people = {f"agent-{number}@example.com" for number in range(30)}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda name: post(own, user(name)).status, people))
    assert set(answers) <= {201, 202}
    assert own.terminate() == 0
    own = start(CONNECT_RATE="100")
    wait_for(lambda: names(connect) == people, "all of them", seconds=25)


def test_a_crash_loses_nothing_that_was_answered(keep):
    start, connect = keep
    own = start()
    acknowledged = []

    def send(number):
        name = f"agent-{number}@example.com"
        try:
            answer = post(own, user(name))
        except OSError:
            return
        if answer.status in (201, 202):
            acknowledged.append(name)

    with ThreadPoolExecutor(4) as pool:
        for number in range(40):
            pool.submit(send, number)
        wait_for(lambda: len(acknowledged) >= 10, "some answers", seconds=30)
        own.close()
    own = start()
    for name in acknowledged:
        answer = post(own, user(name))
        assert answer.json["outcome"] in ("unchanged", "pending", "alreadyOurs"), answer.json
    assert own.terminate() == 0


# --- What everybody knows -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flags, why",
    [
        (["--listen", "0.0.0.0:0"], "others than this machine can reach it"),
        (["--listen", "127.0.0.1:0", "--roster", "roster.redb"], "a roster in a file"),
    ],
)
def test_what_everybody_knows_opens_nothing_that_matters(tmp_path, flags, why):
    refused = run("serve", *flags, env={}, cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert why in refused.stderr
    for variable in ("HOOK_DEMO_SECRET", "HOOK_OKTA_SECRET", "SCIM_TOKEN"):
        assert variable in refused.stderr
    assert list(tmp_path.iterdir()) == [], "not even a file is made"


def test_nor_does_it_where_amazon_connect_is_real(standin):
    connect = standin("--no-throttle")
    known = {"SCIM_TOKEN": f"a-token-of-my-own-for-this,{DEMO_TOKEN}"}
    environment = Deployment.environment(connect, DEACTIVATE="keep", **known) | CREDENTIALS
    command = ("serve", "--connect", "aws", "--memory", "--listen", "127.0.0.1:0")
    refused = run(*command, env=environment)
    assert refused.returncode == 1
    assert "set SCIM_TOKEN to secrets of your own" in refused.stderr
    assert DEMO_TOKEN not in refused.stderr


def test_with_secrets_of_ones_own_others_may_reach_it_and_one_is_warned(serve, tmp_path):
    own = {"HOOK_DEMO_SECRET": SECRET, "HOOK_OKTA_SECRET": SECRET, "SCIM_TOKEN": SECRET}
    command = [CONNECT_PROVISIONER, "serve", "--listen", "0.0.0.0:0"]
    log = tmp_path / "open.log"
    with log.open("wb") as errors, subprocess.Popen(
        command, env=own, stdout=subprocess.PIPE, stderr=errors, text=True
    ) as process:
        try:
            said = "".join(iter(process.stdout.readline, "\n"))
        finally:
            process.kill()
    assert "it speaks plain HTTP" in said
    (warning,) = map(json.loads, log.read_text().splitlines())
    assert (warning["level"], warning["problems"][0]["variable"]) == ("WARN", "--listen")


def test_a_page_that_binds_a_name_to_this_machine_finds_nothing(serve):
    """What everybody knows is shown by pages in a browser too."""
    own = serve("--no-throttle")
    standin = own.said["standin"]
    for host, status in [("localhost", 200), ("127.0.0.1:1", 200), ("evil.example", 403)]:
        name = [("Host", host)]
        assert own.send("/scim/v2/Users", b"", [*KNOWN, *name], "GET").status == status
        assert own.send("/health", b"", name, "GET").status == 200, "a load balancer asks so"
        text = f"GET /_standin HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
        with socket.create_connection(address(standin), timeout=20) as asking:
            asking.sendall(text.encode())
            assert rest(asking)[9:12] == b"%d" % status
        body = as_bytes(user(f"{status}@example.com"))
        proof = sign(DEMO_SECRET, f"msg_{next(_ids)}", now(), body)
        told = own.send("/hooks/demo", body, [*proof.items(), *name]).status
        assert told in ((201, 200) if status == 200 else (403,))
    strict = serve("--no-throttle", SCIM_TOKEN="a-token-of-ones-own")
    proof = [("authorization", "Bearer a-token-of-ones-own"), ("Host", "tunnel.example")]
    assert strict.send("/scim/v2/Users", b"", proof, "GET").status == 200


# --- What is told ---------------------------------------------------------------------------------


def test_each_line_begins_with_its_time(keep):
    start, connect = keep
    own = start()
    connect.control(faults={"CreateUser": ["throttle"] * 12})
    post(own, user())
    wait_for(lambda: len(own.lines()) > 1, "a line of the drain", seconds=30)
    for line in own.log().splitlines():
        assert re.match(r'\{"time":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"', line)
    assert {line["message"] for line in own.lines()} == {"event", "drain"}
    times = [line["time"] for line in own.lines()]
    assert times == sorted(times)


def test_a_monitor_reads_how_it_stands(keep):
    start, connect = keep
    own = start(MAX_REMOVALS_PER_HOUR="0")
    idle = metrics(own)
    assert idle["build_info", "0.1.0"] == 1
    assert idle["roster_up", ""] == 1
    assert [idle["events_total", ""], idle["log_lines_total", "error"]] == [0, 0]
    assert idle["roster_oldest_pending_seconds", ""] == 0
    assert abs(idle["start_time_seconds", ""] - time.time()) < 60

    post(own, user())
    post(own, user("bo@example.com"))
    held = post(own, {"type": "user.deleted", "data": user("bo@example.com")})
    assert held.json["fault"] == "removalHeld"
    connect.control(faults={"CreateUser": ["throttle"] * 500})
    assert post(own, user("cy@example.com")).json["outcome"] == "pending"
    assert post(own, user(), secret=DEMO_SECRET).status == 401
    wait_for(lambda: metrics(own)["roster_records", "applied"] == 1, "a newer count")

    told = metrics(own)
    assert told["roster_records", "parked"] == told["roster_removals_held", ""] == 1
    assert told["roster_records", "pending"] == 1
    assert 0 < told["roster_oldest_pending_seconds", ""] < 60
    assert [told[name, ""] for name in ("events_total", "created_total", "rejected_total")] == [
        5, 2, 1,
    ]  # fmt: skip
    assert told["removals_held_total", ""] == told["parked_total", ""] == 1
    assert told["answers_total", "201"] == 2 and told["answers_total", "401"] == 1
    assert told["log_lines_total", "error"] == 1
    assert told["connect_latency_seconds_total", ""] > 0
    assert told["connections", ""] >= 0
    text = own.ask("/metrics").body
    assert [word for word in ("example", "ana", "Ruiz", "ext-") if word in text] == []


def test_people_are_told_what_is_off_and_what_groups_get(standin):
    connect = standin("--no-throttle")
    last = "Stop it with Ctrl-C. Each event has its line here:\n"

    def told(*flags, **settings):
        command = [CONNECT_PROVISIONER, "serve", "--listen", "127.0.0.1:0", *flags]
        with subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, text=True) as process:
            try:
                return "".join(iter(process.stdout.readline, last))
            finally:
                process.kill()

    amazon = Deployment.environment(connect, DEACTIVATE="keep") | CREDENTIALS
    off = told("--connect", "aws", "--memory", **amazon)
    assert re.search(r"^  /scim/v2 .* off: set SCIM_TOKEN or SCIM_TOKEN_SECRET_ARN$", off, re.M)
    assert re.search(r"^  GROUP(S|_PROFILES): none$", told(), re.MULTILINE)
    assert "GROUP" not in told("--no-roster")


# --- The examples ---------------------------------------------------------------------------------


def test_the_examples_settings_start_it(standin, tmp_path):
    """As the unit starts it, with what is yours filled in."""
    connect = standin("--no-throttle")
    settings = {}
    for line in (EXAMPLES / "serve.env").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            settings[name] = "".join(shlex.split(value))
    assert {name for name, value in settings.items() if not value} == {
        "SCIM_TOKEN", "HOOK_HR_SECRET",
    }  # fmt: skip
    settings |= CREDENTIALS | {
        "SCIM_TOKEN": SECRET, "HOOK_HR_SECRET": SECRET, "CONNECT_INSTANCE": connect.instance_arn,
        "AWS_ENDPOINT_URL_CONNECT": connect.endpoint,
    }  # fmt: skip
    unit = (EXAMPLES / "connect-provisioner.service").read_text()
    command = re.search(r"^ExecStart=(\S+) (.*?)[^\\]$", unit, re.MULTILINE | re.DOTALL)[0]
    words = shlex.split(command.partition(" ")[2].replace("\\\n", " "))
    (tmp_path / "operator").write_text(SECRET)
    words = [word.replace("%S/connect-provisioner", str(tmp_path)).replace("%d", str(tmp_path))
             .replace(":8787", ":0").replace(":8788", ":0") for word in words]  # fmt: skip
    with subprocess.Popen(
        [CONNECT_PROVISIONER, *words], env=settings | {"XDG_RUNTIME_DIR": str(tmp_path)},
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            said = json.loads(first_line(process))
            assert said["roster"] == str(tmp_path / "roster.redb")
            assert [source["name"] for source in said["sources"]] == ["hr"]
        finally:
            process.terminate()
        assert process.wait(20) == 0


def test_every_metric_that_the_rules_ask_for_is_there(serve):
    told = {name for name, _ in metrics(serve())}
    rules = (EXAMPLES / "connect-provisioner-rules.yml").read_text()
    asked = set(re.findall(r"\bconnect_provisioner_(\w+)", rules))
    assert asked and asked <= told


@pytest.mark.parametrize("example", ["nginx.conf", "Caddyfile"])
def test_the_proxies_pass_on_what_senders_need_and_nothing_else(example):
    text = (EXAMPLES / example).read_text()
    assert "8788" not in text and "/_" not in text and "metrics" not in text
    assert re.search(r"404", text)
    assert "/hooks/" in text and "/scim/v2" in text
