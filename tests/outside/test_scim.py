"""SCIM, by clients that are not ours: the conformance checks of scim2-tester and scim-sanity, against
`serve` and against the function under the emulator, on an empty store and on one with people in it."""

import json
import os
import re
import subprocess
import sys
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from deployments import Deployment
from programs import Function, Serve, Standin
from test_canaries import leaves, planted

SCIM2 = Path(sys.executable).with_name("scim2")
SANITY = Path(sys.executable).with_name("scim-sanity")
TOKEN = "a token that nobody guesses"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


class Door:
    """A port in front of a function: each request becomes the event that an HTTP API would send."""

    def __init__(self, function):
        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                url = urlsplit(self.path)
                reply = function.invoke(
                    {
                        "version": "2.0",
                        "rawPath": url.path,
                        "rawQueryString": url.query,
                        "headers": {name.lower(): value for name, value in self.headers.items()},
                        "requestContext": {"stage": "$default", "http": {"method": self.command}},
                        "body": body,
                        "isBase64Encoded": False,
                    }
                )
                self.send_response(reply["statusCode"])
                text = reply["body"].encode()
                for name, value in (reply["headers"] | {"content-length": len(text)}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def check(url):
    """Every check's result, by scim2-tester; `SUCCESS` is the only good one."""
    run = subprocess.run(
        [SCIM2, "--url", f"{url}/scim/v2", "test", "-v"],
        env=os.environ | {"SCIM_CLI_HEADERS": f"Authorization: Bearer {TOKEN}"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    results = re.findall(r"^(SUCCESS|ERROR|SKIPPED|CRITICAL|DEVIATION|ACCEPTABLE)\b.*", run.stdout, re.M)
    bad = [part for part in re.split(r"^(?=[A-Z]{5,} )", run.stdout, flags=re.M)[1:]
           if not part.startswith("SUCCESS ")]  # fmt: skip
    assert not bad, "\n".join(part[:600] for part in bad)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    return len(results)


def probe(url):
    """How many checks of scim-sanity's there were; each passes, but for resources we do not have."""
    run = subprocess.run(
        [SANITY, "probe", f"{url}/scim/v2", "--token", TOKEN, "--i-accept-side-effects", "--strict"]
        + ["--json-output", "--timeout", "60"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    results = json.loads(run.stdout)["results"]
    bad = [one for one in results if one["status"] != "pass" and "Agent" not in one["name"]]
    assert not bad, bad
    return len(results)


def user(number):
    name = f"agent{number}@example.com"
    return json.dumps(
        {
            "schemas": [USER],
            "userName": name,
            "name": {"givenName": "Ana", "familyName": f"Ruiz {number}"},
            "emails": [{"value": name, "type": "work", "primary": True}],
        }
    ).encode()


@pytest.fixture
def serve(tmp_path):
    with closing(Serve(tmp_path / "serve.log", "--no-throttle", SCIM_TOKEN=TOKEN)) as serve:
        yield serve


def test_serve_passes_every_check_on_an_empty_and_on_a_filled_store(serve):
    assert check(serve.url) > 100
    assert probe(serve.url) > 25
    headers = [("authorization", f"Bearer {TOKEN}"), ("content-type", "application/scim+json")]
    for number in range(250):
        assert serve.send("/scim/v2/Users", user(number), headers).status == 201
    assert check(serve.url) > 100
    assert probe(serve.url) > 25
    # What the checks made, they removed again; what is left is ours.
    assert len(serve.users()) == 250


def test_a_serve_that_is_strict_or_has_lists_passes_every_check_too(tmp_path):
    # One value each: scim2-tester adds a second to what it added before, and expects it alone.
    settings = {
        "SCIM_TOKEN": TOKEN, "SCIM_STRICT": "true", "ALLOWED_ROUTING_PROFILES": "Sales",
        "ALLOWED_SECURITY_PROFILES": "Agent", "ALLOWED_HIERARCHY_GROUPS": "EMEA",
    }  # fmt: skip
    with closing(Serve(tmp_path / "serve.log", "--no-throttle", **settings)) as serve:
        assert check(serve.url) > 100
        assert probe(serve.url) > 25


WHOLE = {
    "schemas": [USER],
    "userName": "ana@example.com",
    "externalId": "00u1",
    "name": {"givenName": "Ana", "familyName": "Ruiz", "formatted": "Ana Ruiz"},
    "displayName": "Ana Ruiz",
    "title": "Agent",
    "password": "never told",
    "emails": [{"value": "ana@example.com", "type": "work", "display": "Ana"}],
    "phoneNumbers": [{"value": "+34600100200", "type": "mobile"}],
    "addresses": [{"streetAddress": "1 Road", "country": "ES"}],
    "roles": [{"value": "agent"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
        "department": "Sales", "manager": {"value": "m", "displayName": "M"},
    },
    "urn:ietf:params:scim:schemas:extension:amazonconnect:2.0:User": {
        "routingProfile": "Sales", "phone": {"type": "DESK_PHONE", "deskNumber": "+34600100201"},
    },
    "nobody's": {"name": "x"},
}  # fmt: skip


def test_no_text_of_a_client_is_ever_heard_in_the_log_or_in_a_refusal(tmp_path):
    canary = "canary-7f3a"
    settings = {"SCIM_TOKEN": TOKEN, "ALLOWED_ROUTING_PROFILES": "Sales", "EMAIL_AS": "secondary"}
    headers = [("authorization", f"Bearer {TOKEN}")]
    with closing(Serve(tmp_path / "serve.log", "--no-throttle", **settings)) as serve:

        def ask(method, target, body=None):
            text = b"" if body is None else json.dumps(body).encode()
            answer = serve.send(f"/scim/v2{target}", text, headers, method)
            if answer.status >= 400:
                assert canary not in answer.body
            return answer.status

        statuses = set()
        for path in leaves(WHOLE):
            statuses.add(ask("POST", "/Users", planted(WHOLE, path, f"{canary} {path[-1]}")))
        statuses.add(ask("POST", "/Users", planted(WHOLE, ("name",), canary)))
        statuses.add(ask("POST", f"/Users?attributes={canary}", WHOLE))
        statuses.add(ask("POST", "/Groups", {"displayName": canary, "members": [{"value": canary}]}))
        statuses.add(ask("POST", "/Groups", {"displayName": canary}))
        for target in ("/Users", "/Groups", f"/{canary}", "/Schemas"):
            for query in (f"userName eq \"{canary}\"", f"{canary} xx 1", canary, f"{canary}[", "("):
                statuses.add(ask("GET", f"{target}?filter={quote(query)}"))
            statuses.add(ask("GET", f"{target}/{canary}"))
            statuses.add(ask("GET", f"{target}?count={canary}"))
        listed = serve.send("/scim/v2/Users", b"", headers, "GET")
        some = listed.json["Resources"][0]["id"]
        for operation in (
            {"op": canary, "path": "title", "value": "x"},
            {"op": "replace", "path": canary, "value": canary},
            {"op": "replace", "path": f"emails[{canary}", "value": canary},
            {"op": "replace", "path": f"{canary}:x.y[z", "value": canary},
            {"op": "replace", "path": "active", "value": canary},
            {"op": "replace", "path": "name", "value": canary},
            {"op": "remove", "path": f"emails[value eq {canary}"},
            {"op": "replace", "path": "userName", "value": canary},
        ):
            statuses.add(ask("PATCH", f"/Users/{some}", {"Operations": [operation]}))
        statuses.add(ask("PUT", f"/Users/{canary}", {"userName": canary, "name": canary}))
        statuses.add(serve.send("/scim/v2/Users", canary.encode(), headers).status)
        assert statuses == {200, 201, 400, 403, 404, 409}
        log = serve.log()
    assert canary not in log
    assert TOKEN not in log
    assert log.count("scim/v2") > 50, "there was something to be heard"
    for intent in ("createUser", "listGroups", "patchUser", "replaceUser", "discover"):
        assert f'"intent":"{intent}"' in log


def test_the_function_passes_every_check_under_the_emulator(tmp_path):
    with closing(Standin("--no-throttle")) as standin:
        settings = {"ROSTER": "memory", "SCIM_TOKEN": TOKEN, "DEACTIVATE": "delete"}
        environment = Deployment.environment(standin, AWS_SAM_LOCAL="true", **settings)
        with closing(Function(environment, tmp_path / "function.log")) as function:
            with closing(Door(function)) as door:
                assert check(door.url) > 100
                assert probe(door.url) > 25
            log = function.log()
    assert TOKEN not in log
