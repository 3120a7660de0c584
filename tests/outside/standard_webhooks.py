"""Standard Webhooks from its specification, with Python's hmac: nothing that is judged here helps
to judge it."""

import base64
import hashlib
import hmac
import time


def now(offset=0):
    """The time as the timestamp header writes it, `offset` seconds from now."""
    return str(int(time.time()) + offset)


def key(secret):
    """The key's bytes in a secret as the sender shows it."""
    return base64.b64decode(secret.removeprefix("whsec_"))


def secret(key):
    """A key as the sender shows it."""
    return "whsec_" + base64.b64encode(key).decode()


def mac(key, id, timestamp, body, digest=hashlib.sha256):
    """The bare signature, in bytes."""
    return hmac.digest(key, f"{id}.{timestamp}.".encode() + body, digest)


def v1(mac):
    """A signature as its header writes it."""
    return "v1," + base64.b64encode(mac).decode()


def sign(secret, id, timestamp, body):
    """The three headers that go with a body."""
    return {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": v1(mac(key(secret), id, timestamp, body)),
    }
