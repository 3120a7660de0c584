#!/usr/bin/env python3
"""Signs a JSON document by Standard Webhooks and posts it. Needs Python 3.9 or later, no packages.

    WEBHOOK_SECRET=whsec_... sign.py URL [FILE]

Without FILE, or with -, the document is read from standard input. Prints the answer's status,
then its body. Exits with 0 if the status is 2xx, 1 if it is another or nobody answered, 2 if
nothing was sent.
"""

import base64
import hmac
import http.client
import os
import sys
import time
import urllib.error
import urllib.request
import uuid


def fail(problem, code=2):
    print(f"sign.py: {problem}", file=sys.stderr)
    sys.exit(code)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would become a GET without the document, and its 200 look like success."""

    def redirect_request(self, *_):
        return None


def post(request):
    try:
        return urllib.request.build_opener(NoRedirect).open(request, timeout=30)
    except urllib.error.HTTPError as answer:
        return answer


if len(sys.argv) not in (2, 3):
    fail("usage: WEBHOOK_SECRET=whsec_... sign.py URL [FILE]")
url, file = (*sys.argv[1:], "-")[:2]

secret = os.environ.get("WEBHOOK_SECRET") or fail("WEBHOOK_SECRET is not set")
# The key is the bytes behind the prefix.
try:
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
except ValueError:
    key = b""
if not key:
    fail("WEBHOOK_SECRET is not base64, with or without whsec_")

# What is signed must be what is sent, byte for byte.
try:
    with open(0 if file == "-" else file, "rb") as opened:
        document = opened.read()
except OSError as error:
    fail(f"cannot read {file}: {error.strerror}")

id, timestamp = f"msg_{uuid.uuid4().hex}", str(int(time.time()))
mac = hmac.digest(key, f"{id}.{timestamp}.".encode() + document, "sha256")
headers = {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": "v1," + base64.b64encode(mac).decode(),
}
try:
    with post(urllib.request.Request(url, document, headers, method="POST")) as answer:
        status, body = answer.status, answer.read()
except (OSError, ValueError, http.client.HTTPException) as error:
    fail(f"no answer from {url}: {error}", 1)
sys.stdout.buffer.write(b"%d\n%s\n" % (status, body))
sys.exit(0 if 200 <= status < 300 else 1)
