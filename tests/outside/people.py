"""The people of these tests, as an identity provider states them, and what Connect should hold."""

import hashlib
import json

USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def user(username="ana.ruiz@example.com", **members):
    """A bare SCIM User; these members instead of its own, and None to leave one out."""
    sound = {
        "schemas": [USER],
        "userName": username,
        "externalId": f"ext-{username}",
        "name": {"givenName": "Ana", "familyName": "Ruiz"},
        "emails": [{"value": username, "type": "work", "primary": True}],
        "phoneNumbers": [{"value": "+34 911 234 567", "type": "work"}],
        "password": "1mz050nq",
        "active": True,
    }
    return {name: value for name, value in (sound | members).items() if value is not None}


def envelope(type, data):
    """An event about a person, in the manner of Standard Webhooks."""
    return {"type": type, "timestamp": "2026-11-02T08:15:00Z", "data": data}


def as_bytes(document):
    return json.dumps(document, ensure_ascii=False).encode()


def owner_tags(value, kind="externalId", deployment="connect-provisioner"):
    """The three tags that say whose a Connect user is."""
    owner = hashlib.sha256(f"{deployment}\0{kind}\0{value}".encode()).hexdigest()[:32]
    return {
        "managed-by": "connect-provisioner",
        "provisioner-deployment": deployment,
        "provisioner-owner": owner,
    }
