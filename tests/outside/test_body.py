"""What a trusted sender may write: one JSON document that nobody could read in two ways."""

import json

import pytest

from deployments import signed
from http_events import http_event
from people import as_bytes, envelope, user

CAP = 256 * 1024
DUPLICATES = [
    b'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ana","userName":"ana"}',
    b'{"userName":"ana","USERNAME":"ana"}',
    b'{"userName":"ana","\\u0075serName":"ana"}',
    b'{"type":"user.created","data":{},"Data":{}}',
    b'{"type":"user.created","data":{"name":{"givenName":"A","givenname":"B"}}}',
    b'{"type":"user.created","data":{"emails":[{"value":"a"},{"value":"a","Value":"b"}]}}',
]
NO_JSON = [
    b"", b" ", b"Ana Ruiz", b"{", b"{}{}", b"{} x", b"{'userName': 'ana'}", b'{"userName": }',
    b"[1,]", b"NaN", b'{"a": Infinity}', b'{"a": 1e999}', b"01", b'"\\ud800"', b'{"a": "\n"}',
    b"\0", b"\xef\xbb\xbf{}",
]  # fmt: skip
NOT_UTF8 = [
    b"\xff\xfe", b'{"userName": "\xff"}', b'{"userName": "\xc0\xaf"}', b'"\xed\xa0\x80"',
    "{}".encode("utf-16"),
]  # fmt: skip
NO_MESSAGE = [
    b"null", b"7", b'"user.created"', b"[]", b"{}", b'{"type": 7}', b'{"userName": "ana"}',
    b'{"type": "user.created"}', b'{"type": "user.created", "data": null}',
    b'{"type": "user.created", "data": [{}]}', b'{"schemas": [], "userName": "ana"}',
]  # fmt: skip


def padded(size):
    """A sound user in so many bytes."""
    return as_bytes(user()).ljust(size)


def nested(levels):
    """A sound user, so many levels deep."""
    document = as_bytes(user(x="HERE"))
    return document.replace(b'"HERE"', b"[" * (levels - 1) + b"]" * (levels - 1))


def assert_syntax_error(deployment, answer, says):
    assert answer.status == 400
    assert answer.headers == {"content-type": "application/scim+json"}
    assert set(answer.json) == {"schemas", "status", "scimType", "detail"}
    assert answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert (answer.json["status"], answer.json["scimType"]) == ("400", "invalidSyntax")
    assert says in answer.json["detail"]
    assert deployment.standin.calls() == {}


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "base64"])
@pytest.mark.parametrize("size", [CAP - 2, CAP - 1, CAP])
def test_a_body_of_256_kib_is_read(deployment, wrapped, size):
    assert deployment.deliver(padded(size), base64=wrapped).status == 201


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "base64"])
@pytest.mark.parametrize("size", [CAP + 1, CAP + 2, CAP + 3, 4 * CAP])
def test_a_larger_body_is_refused_whoever_sent_it(deployment, wrapped, size):
    """Before the signature: no stranger makes us compute over megabytes."""
    body = padded(size)

    answers = [
        deployment.deliver(body, base64=wrapped),
        deployment.send(http_event(body=body, base64=wrapped)),
    ]

    assert answers[0] == answers[1]
    assert answers[0].status == 413
    assert answers[0].headers == {"content-type": "application/scim+json"}
    assert answers[0].json["status"] == "413"
    assert "262144 bytes" in answers[0].json["detail"]
    assert deployment.standin.calls() == {}


def test_the_cap_counts_bytes_and_not_characters(deployment):
    assert deployment.deliver("é".encode() * (CAP // 2 + 1)).status == 413
    assert deployment.deliver("é".encode() * (CAP // 2)).status == 400


@pytest.mark.parametrize(
    "text", ["!", "e30", "e31=", "e30=\n", "e3 0=", "e_0=", "=", "e30==", "é"]
)
def test_base64_is_what_the_gateway_says_or_refused(deployment, text):
    event = signed(b"{}", base64=True) | {"body": text}

    assert_syntax_error(deployment, deployment.send(event), "body: expected base64")


@pytest.mark.parametrize("body", NO_JSON + NOT_UTF8)
def test_what_is_no_json_is_told_so_and_not_repeated(deployment, body):
    answer = deployment.deliver(body, base64=True)

    assert_syntax_error(deployment, answer, "body: expected a JSON document, found ")
    assert "Ana" not in answer.body and "userName" not in answer.body


@pytest.mark.parametrize("body", DUPLICATES)
def test_a_member_named_twice_is_refused(deployment, body):
    answer = deployment.deliver(body)

    assert_syntax_error(deployment, answer, "expected each member once, found one twice")


def test_nesting_ends_at_32_levels(deployment):
    for levels in (33, 128, 100_000):
        answer = deployment.deliver(nested(levels))
        assert_syntax_error(deployment, answer, "expected at most 32 levels of nesting, found more")

    assert deployment.deliver(nested(32)).status == 201


@pytest.mark.parametrize("body", NO_MESSAGE)
def test_json_that_is_neither_a_user_nor_an_envelope_is_told_so(deployment, body):
    assert_syntax_error(deployment, deployment.deliver(body), "expected a SCIM User")


@pytest.mark.parametrize(
    "type", ["user.updated", "user.deactivated", "user.activated", "user.deleted"]
)
def test_what_needs_the_roster_is_not_implemented_here(deployment, type):
    answer = deployment.deliver(envelope(type, user()))

    assert answer.status == 501
    assert set(answer.json) == {"schemas", "status", "detail"}
    assert answer.json["status"] == "501"
    assert "user.deactivated" in answer.json["detail"] and "roster" in answer.json["detail"]
    assert deployment.standin.calls() == {}


@pytest.mark.parametrize(
    "document",
    [
        envelope("group.created", {"displayName": "Agents"}),
        envelope("user.created.v2", user()),
        envelope("", None),
        {"type": "ping"},
        user(active=False),
        user(active="False"),
        envelope("user.created", user(active=False)),
    ],
    ids=lambda document: json.dumps(document)[:40],
)
def test_what_asks_nothing_of_connect_is_acknowledged(deployment, document):
    answer = deployment.deliver(document)

    assert answer.status == 200
    assert answer.headers == {"content-type": "application/json"}
    assert set(answer.json) == {"outcome", "reason"}
    assert answer.json["outcome"] == "ignored"
    assert deployment.standin.calls() == {}


@pytest.mark.parametrize(
    "attribute, members",
    [
        ("userName", {"userName": None}),
        ("userName", {"userName": ""}),
        ("userName", {"userName": ["ana"]}),
        ("userName", {"userName": "a"}),
        ("userName", {"userName": "a" * 65}),
        ("userName", {"userName": "ana+x@example.com"}),
        ("userName", {"userName": "ana@example"}),
        ("userName", {"userName": " ana"}),
        ("userName", {"userName": "аna"}),
        ("userName", {"userName": "ana\u202e"}),
        ("userName", {"userName": "ana\0"}),
        ("name", {"name": "Ana Ruiz"}),
        ("name.givenName", {"name": None}),
        ("name.givenName", {"name": {"familyName": "Ruiz"}}),
        ("name.givenName", {"name": {"givenName": "x" * 256, "familyName": "Ruiz"}}),
        ("name.givenName", {"name": {"givenName": "A\nB", "familyName": "Ruiz"}}),
        ("name.familyName", {"name": {"givenName": "Ana"}}),
        ("name.familyName", {"name": {"givenName": "Ana", "familyName": " "}}),
        ("name.familyName", {"name": {"givenName": "Ana", "familyName": "x" * 301}}),
        ("externalId", {"externalId": 4711}),
        ("active", {"active": "perhaps"}),
    ],
)
def test_the_attribute_that_connect_would_refuse_is_named_and_connect_not_asked(
    deployment, attribute, members
):
    answer = deployment.deliver(user() | members)

    assert answer.status == 400
    assert answer.json["scimType"] == "invalidValue"
    assert answer.json["detail"].startswith(f"{attribute}: expected ")
    assert ", found " in answer.json["detail"]
    assert deployment.standin.calls() == {}
