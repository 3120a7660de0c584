"""The README's signer and its SCIM requests, run as they stand there."""

import io
import json
import re
import subprocess
import urllib.request
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

from deployments import SECRET
from http_events import http_event
from programs import Serve

# The stand-in's profile of this name.
NO_ACCESS = "47d97145-a79e-4ada-a755-dcb1e6e9dd5a"
README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_signer_in_the_readme_is_believed(deployment):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
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


def test_the_scim_requests_in_the_readme_take_a_user_through_connect(tmp_path):
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    script = "".join(block for block in blocks if "$users" in block or "scim()" in block)
    steps = [step for step in re.split(r"^# ", script, flags=re.MULTILINE) if step]
    assert len(steps) == 4, "what they need, create, filter, deactivate"
    with closing(Serve(tmp_path / "serve.log")) as serve:
        script = script.replace("http://127.0.0.1:8787", serve.url)
        run = subprocess.run(
            ["bash", "-euc", script], capture_output=True, text=True, timeout=60, check=True
        )
        told, rest = [], run.stdout
        while rest:
            answer, end = json.JSONDecoder().raw_decode(rest)
            told.append(answer)
            rest = rest[end:].lstrip()
        profiles = serve.users()["nora.lind@example.com"]["SecurityProfileIds"]
    created, found, deactivated = told
    assert found["totalResults"] == 1 and found["Resources"] == [created]
    assert (created["active"], deactivated["active"]) == (True, False)
    assert profiles == [NO_ACCESS]
