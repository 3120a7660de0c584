"""What the papers show is run as it stands there: the signer, the stories and the SCIM requests."""

import io
import json
import re
import subprocess
import urllib.request
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployments import SECRET
from http_events import http_event
from programs import CONNECT_PROVISIONER, Serve

# The stand-in's profile of this name.
NO_ACCESS = "47d97145-a79e-4ada-a755-dcb1e6e9dd5a"
ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def desk(tmp_path):
    with closing(Serve(tmp_path / "serve.log")) as serve:
        yield serve


def played(script, serve):
    """What a script prints, with our program in place of cargo, and `serve` where it is."""
    script = script.replace("cargo run -q --", str(CONNECT_PROVISIONER))
    script = script.replace("http://127.0.0.1:8787", serve.url)
    run = subprocess.run(
        ["bash", "-euc", script], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    return run.stdout


def test_the_signer_in_the_papers_is_believed(deployment):
    (code,) = blocks((ROOT / "docs/sign.md").read_text(), "python")
    signer = {}
    exec(code, signer)

    def gateway(request):
        headers = {name.lower(): value for name, value in request.header_items()}
        path = request.full_url.removeprefix("https://example.com")
        event = http_event(path, method=request.method, headers=headers, body=request.data)
        answer = deployment.send(event)
        return io.BytesIO(f"{answer.status}".encode())

    local = SimpleNamespace(Request=urllib.request.Request, urlopen=gateway)
    signer["urllib"] = SimpleNamespace(request=local)
    user = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "ana.ruiz@example.com",
        "name": {"givenName": "Ana", "familyName": "Ruiz"},
    }
    answer = signer["send"]("https://example.com/hooks/okta", SECRET, user)
    assert answer.read() == b"201"
    assert list(deployment.standin.users()) == ["ana.ruiz@example.com"]


def test_the_stories_in_the_readme_end_as_it_says(desk):
    (setup,) = [block for block in blocks(README, "sh") if "send()" in block]
    (stories,) = [block for block in blocks(README, "sh") if block.startswith("send ")]
    told = [re.search(r"# (\w+)", line)[1] for line in stories.splitlines() if "send " in line]
    assert len(told) == 6

    printed = played(setup + stories, desk)
    answers = [json.loads(line) for line in printed.splitlines() if line.startswith('{"')]
    assert [answer["outcome"] for answer in answers] == told
    assert "0 pending, 0 parked" in printed
    assert "CreateUser {" in printed


def test_the_scim_requests_in_the_readme_take_a_user_through_connect(desk):
    shown = [block for block in blocks(README, "sh") if "$users" in block or "scim()" in block]
    script = "".join(shown)
    steps = [step for step in re.split(r"^# ", script, flags=re.MULTILINE) if step]
    assert len(steps) == 4, "what they need, create, filter, deactivate"
    printed = played("url=http://127.0.0.1:8787\n" + script, desk)
    created, found, deactivated = map(json.loads, printed.splitlines())
    assert found["totalResults"] == 1 and found["Resources"] == [created]
    assert (created["active"], deactivated["active"]) == (True, False)
    profiles = desk.users()["nora.lind@example.com"]["SecurityProfileIds"]
    assert profiles == [NO_ACCESS]


def test_the_weekly_filter_finds_who_is_not_as_was_asked(desk):
    (setup,) = [block for block in blocks(README, "sh") if "scim()" in block]
    (weekly,) = [
        block for block in blocks((ROOT / "docs/scim.md").read_text(), "sh") if "detail pr" in block
    ]
    user = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "lea.voss@example.com",
        "name": {"givenName": "Lea", "familyName": "Voss"},
        "phoneNumbers": [{"type": "mobile", "value": "none of your business"}],
    }
    create = f"scim \"$users\" -d '{json.dumps(user)}' > /dev/null\n"
    found = json.loads(played("url=http://127.0.0.1:8787\n" + setup + create + weekly, desk))
    assert [one["userName"] for one in found["Resources"]] == ["lea.voss@example.com"]


def test_the_stand_in_fails_as_the_papers_say(desk):
    text = (ROOT / "docs/command-line.md").read_text()
    (line,) = [block for block in blocks(text, "sh") if "PUT" in block]
    shown = json.loads(played(line.replace("http://127.0.0.1:PORT", desk.said["standin"]), desk))
    assert shown["faults"] == {"CreateUser": ["500-after", "drop"]}

    source = (ROOT / "src/standin.rs").read_text() + (ROOT / "src/standin/control.rs").read_text()
    told = text.partition("| member |")[2].partition("<!-- table:faults -->")[0]
    members = re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE)
    assert {"reset", "lag", "slowMs"} <= set(members)
    assert all(f'"{name}"' in source or f"`{name}`" in source for name in members)
