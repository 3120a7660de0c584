"""Okta's event hooks as its documentation shows them ("Event hooks", "System Log API"): nothing
that is judged here helps to judge it."""

import itertools
import uuid
from dataclasses import dataclass

import people
from http_events import http_event

# What Okta sends with every request of a hook, since it signs none.
AUTHORIZATION = "the value that Okta was told to send"
CHALLENGE = "OAvRkdhmUzlHPqHKWd3LhjcCkUqTHVFxEFPUdYHD"

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """All that an event tells of somebody."""

    login: str
    name: str
    id: str


def somebody(name="Ana Ruiz", login=None):
    """A person whom no other test has: a warm function remembers whose users it made."""
    number = next(_numbers)
    return Person(login or f"agent-{number}@example.com", name, f"00u{number:017}")


def target(type, id, name, login="unknown"):
    return {"id": id, "type": type, "alternateId": login, "displayName": name, "detailEntry": None}


def user(person):
    return target("User", person.id, person.name, person.login)


def app_user(person):
    """The same person as the application knows them, by another id."""
    return target("AppUser", person.id.replace("00u", "0ua"), person.name, person.login)


def app(id, label):
    return target("AppInstance", id, label, label)


def group(id, name):
    return target("UserGroup", id, name)


APP = app("0oa1gjh63g214q0Hq0g4", "Amazon Connect")
GROUP = group("00g1emaKYZTWRYYRRTSK", "Connect Agents")


def event(type, *targets, **members):
    """An event of the System Log; these members instead of its own."""
    place = {
        "city": "Madrid", "state": "Madrid", "country": "Spain", "postalCode": "28001",
        "geolocation": {"lat": 40.4, "lon": -3.7},
    }  # fmt: skip
    ip = {"ip": "203.0.113.7", "geographicalContext": place, "version": "V4", "source": None}
    sound = {
        "uuid": str(uuid.uuid4()),
        "published": "2026-11-20T10:15:30.917Z",
        "eventType": type,
        "version": "0",
        "displayMessage": "Add user to application membership",
        "severity": "INFO",
        "client": {
            "userAgent": {"rawUserAgent": "Mozilla/5.0", "os": "Mac OS X", "browser": "CHROME"},
            "zone": "null",
            "device": "Computer",
            "id": None,
            "ipAddress": "203.0.113.7",
            "geographicalContext": place,
            "ipChain": [ip],
        },
        "device": None,
        "actor": target("User", "00u1qw1mqitPHM8AJ0g7", "Ada Admin", "admin@example.com"),
        "outcome": {"result": "SUCCESS", "reason": None},
        "target": list(targets),
        "transaction": {"type": "WEB", "id": "Wn4f-abc", "detail": {}},
        "debugContext": {
            "debugData": {"requestId": "Wn4f-abc", "requestUri": "/api/v1/apps/0oa1/users"},
        },
        "legacyEventType": "app.generic.provision.assign_user_to_app",
        "authenticationContext": {
            "authenticationProvider": None, "credentialProvider": None, "credentialType": None,
            "issuer": None, "interface": None, "authenticationStep": 0,
            "externalSessionId": "102nZHzd6OHSfGG51vsoc22gw",
        },
        "securityContext": {
            "asNumber": None, "asOrg": None, "isp": None, "domain": None, "isProxy": None,
        },
        "insertionTimestamp": None,
    }  # fmt: skip
    return sound | members


def assigned(person, app=APP, **members):
    """Somebody was assigned to an application."""
    targets = (app_user(person), app, user(person))
    return event("application.user_membership.add", *targets, **members)


def added(person, group=GROUP, **members):
    """Somebody was added to a group."""
    return event("group.user_membership.add", user(person), group, **members)


def hook(*events, **members):
    """What one event hook delivers; these members instead of its own."""
    sound = {
        "eventType": "com.okta.event_hook",
        "eventTypeVersion": "1.0",
        "cloudEventsVersion": "0.1",
        "source": "https://example.okta.com/api/v1/eventHooks/who1a2b3c4D5e6F7g0x7",
        "eventId": str(uuid.uuid4()),
        "eventTime": "2026-11-20T10:15:31.201Z",
        "contentType": "application/json",
        "data": {"events": list(events)},
    }
    return sound | members


def delivery(document, authorization=AUTHORIZATION, headers=None, **event):
    """The POST of a hook, of a JSON document or of bytes as they are; None for no Authorization."""
    body = document if isinstance(document, bytes) else people.as_bytes(document)
    return http_event(headers=_proof(authorization) | (headers or {}), body=body, **event)


def verification(challenge=CHALLENGE, authorization=AUTHORIZATION, headers=None, **event):
    """The one GET that Okta sends, to see whether it has come to the right place."""
    asked = {} if challenge is None else {"x-okta-verification-challenge": challenge}
    headers = asked | _proof(authorization) | (headers or {})
    return http_event(headers=headers, method="GET", **event)


def _proof(authorization):
    return {} if authorization is None else {"authorization": authorization}
