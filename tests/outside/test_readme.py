"""The README's signer, run as it stands there."""

import io
import re
import urllib.request
from pathlib import Path
from types import SimpleNamespace

from deployments import SECRET
from http_events import http_event

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
