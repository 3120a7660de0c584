"""A client that no one here wrote proves the wire.

boto3 reads the same service model as every AWS SDK: it builds the paths and bodies, signs them, and
parses what comes back. What passes here has the shape of Amazon Connect, not only our idea of it.

The fixture `standin` (conftest.py) starts `connect-provisioner standin` with the flags it is given.
"""

import json
import time
import urllib.error
import urllib.request

import boto3
import botocore
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    HTTPClientError,
    ReadTimeoutError,
)

SOFT_PHONE = {"PhoneType": "SOFT_PHONE", "AutoAccept": True, "AfterContactWorkTimeLimit": 30}
PASSWORD = "Passw0rd!"
NUMBER = "+34911234567"
NOWHERE = "00000000-0000-4000-8000-000000000000"


def user(standin, username="maria.garcia@example.com", **members):
    """The parameters of a sound CreateUser under SAML, with these members instead of its own."""
    sound = {
        "InstanceId": standin.instance_id,
        "Username": username,
        "IdentityInfo": {"FirstName": "María", "LastName": "García"},
        "PhoneConfig": SOFT_PHONE,
        "SecurityProfileIds": [standin.security_profiles["Agent"]],
        "RoutingProfileId": standin.routing_profiles["Basic Routing Profile"],
    }
    return {name: value for name, value in (sound | members).items() if value is not None}


def create(standin, *args, **members):
    return standin.connect.create_user(**user(standin, *args, **members))


def client(standin, **config):
    """Another client of the same stand-in; without boto3's own checks, so that ours are reached."""
    return boto3.client(
        "connect",
        endpoint_url=standin.endpoint,
        region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="example",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}, **config),
    )


def refusal(call, *args, **parameters):
    """The error and status that a call is answered with, or None."""
    try:
        call(*args, **parameters)
    except ClientError as error:
        response = error.response
        assert response["Error"]["Message"]
        assert len(response["ResponseMetadata"]["RequestId"]) == 36
        return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


INVALID_PARAMETER = ("InvalidParameterException", 400)
INVALID_REQUEST = ("InvalidRequestException", 400)
NOT_FOUND = ("ResourceNotFoundException", 404)
DUPLICATE = ("DuplicateResourceException", 409)
LIMIT = ("LimitExceededException", 429)
THROTTLED = ("ThrottlingException", 429)
INTERNAL = ("InternalServiceException", 500)
DENIED = ("AccessDeniedException", 403)


# --- The life of a user ---------------------------------------------------------------------------


def test_a_user_is_created_described_listed_found_and_deleted(standin):
    standin = standin()
    tags = {"managed-by": "connect-provisioner", "empty": ""}
    group = standin.hierarchy_groups["Iberia"]

    created = create(standin, HierarchyGroupId=group, Tags=tags)
    key = {"InstanceId": standin.instance_id, "UserId": created["UserId"]}
    described = standin.connect.describe_user(**key)["User"]

    assert created["UserArn"] == f"{standin.instance_arn}/agent/{created['UserId']}"
    assert abs(described.pop("LastModifiedTime").timestamp() - time.time()) < 60
    assert described == {
        "Id": created["UserId"],
        "Arn": created["UserArn"],
        "Username": "maria.garcia@example.com",
        "IdentityInfo": {"FirstName": "María", "LastName": "García"},
        "PhoneConfig": SOFT_PHONE,
        "SecurityProfileIds": [standin.security_profiles["Agent"]],
        "RoutingProfileId": standin.routing_profiles["Basic Routing Profile"],
        "HierarchyGroupId": group,
        "Tags": tags,
        "LastModifiedRegion": "us-east-1",
    }

    (listed,) = standin.connect.list_users(InstanceId=standin.instance_id)["UserSummaryList"]
    assert (listed["Id"], listed["Username"]) == (created["UserId"], "maria.garcia@example.com")
    assert listed["Arn"] == created["UserArn"]

    found = standin.connect.search_users(InstanceId=standin.instance_id)
    assert found["ApproximateTotalCount"] == 1
    assert found["Users"] == [
        {
            "Id": created["UserId"],
            "Arn": created["UserArn"],
            "Username": "maria.garcia@example.com",
            "IdentityInfo": {"FirstName": "María", "LastName": "García"},
            "PhoneConfig": SOFT_PHONE | {"AfterContactWorkTimeLimit": 30_000},  # milliseconds here
            "SecurityProfileIds": [standin.security_profiles["Agent"]],
            "RoutingProfileId": standin.routing_profiles["Basic Routing Profile"],
            "HierarchyGroupId": group,
            "Tags": tags,
        }
    ]

    standin.connect.delete_user(**key)
    assert refusal(standin.connect.describe_user, **key) == NOT_FOUND
    assert refusal(standin.connect.delete_user, **key) == NOT_FOUND
    assert standin.connect.list_users(InstanceId=standin.instance_id)["UserSummaryList"] == []
    assert standin.connect.search_users(InstanceId=standin.instance_id)["Users"] == []
    assert create(standin)["UserId"] != created["UserId"], "the username is free, the id is new"


def test_what_is_left_out_of_the_phone_settings_reads_back_as_false_and_zero(standin):
    standin = standin()
    created = create(standin, PhoneConfig={"PhoneType": "SOFT_PHONE"})
    key = {"InstanceId": standin.instance_id, "UserId": created["UserId"]}

    assert standin.connect.describe_user(**key)["User"]["PhoneConfig"] == {
        "PhoneType": "SOFT_PHONE",
        "AutoAccept": False,
        "AfterContactWorkTimeLimit": 0,
    }


def test_settings_for_each_channel_read_back_as_sent(standin):
    standin = standin()
    configs = {
        "AutoAcceptConfigs": [
            {"Channel": "VOICE", "AutoAccept": True, "AgentFirstCallbackAutoAccept": False},
            {"Channel": "CHAT", "AutoAccept": False},
        ],
        "AfterContactWorkConfigs": [
            {"Channel": "EMAIL", "AfterContactWorkConfig": {"AfterContactWorkTimeLimit": 60}}
        ],
        "PhoneNumberConfigs": [
            {"Channel": "VOICE", "PhoneType": "DESK_PHONE", "PhoneNumber": NUMBER}
        ],
        "PersistentConnectionConfigs": [{"Channel": "VOICE", "PersistentConnection": True}],
        "VoiceEnhancementConfigs": [
            {"Channel": "VOICE", "VoiceEnhancementMode": "NOISE_SUPPRESSION"}
        ],
    }
    created = create(standin, PhoneConfig=None, **configs)
    key = {"InstanceId": standin.instance_id, "UserId": created["UserId"]}

    described = standin.connect.describe_user(**key)["User"]
    assert {name: described[name] for name in configs} == configs
    assert "PhoneConfig" not in described


def test_the_instance_and_what_it_was_seeded_with(standin):
    standin = standin("--identity", "CONNECT_MANAGED")
    key = {"InstanceId": standin.instance_id}

    instance = standin.connect.describe_instance(**key)["Instance"]
    assert instance["Id"] == standin.instance_id
    assert instance["Arn"] == standin.instance_arn
    assert instance["IdentityManagementType"] == "CONNECT_MANAGED"

    for operation, named, kind in [
        ("list_routing_profiles", standin.routing_profiles, "routing-profile"),
        ("list_security_profiles", standin.security_profiles, "security-profile"),
        ("list_user_hierarchy_groups", standin.hierarchy_groups, "agent-group"),
    ]:
        pages = standin.connect.get_paginator(operation).paginate(**key, MaxResults=1)
        rows = [row for page in pages for list_ in page.values() if isinstance(list_, list)
                for row in list_]
        assert {row["Name"]: row["Id"] for row in rows} == named
        assert [row["Arn"] for row in rows] == [
            f"{standin.instance_arn}/{kind}/{row['Id']}" for row in rows
        ]


# --- What becomes of a user later -----------------------------------------------------------------

CHANNELS = {
    "AutoAcceptConfigs": [{"Channel": "CHAT", "AutoAccept": True}],
    "AfterContactWorkConfigs": [
        {"Channel": "TASK", "AfterContactWorkConfig": {"AfterContactWorkTimeLimit": 60}}
    ],
    "PhoneNumberConfigs": [{"Channel": "VOICE", "PhoneType": "SOFT_PHONE"}],
    "PersistentConnectionConfigs": [{"Channel": "VOICE", "PersistentConnection": False}],
    "VoiceEnhancementConfigs": [{"Channel": "VOICE", "VoiceEnhancementMode": "VOICE_ISOLATION"}],
}


def updates(standin):
    """Each update by its method of the client, with sound parameters."""
    profiles = [standin.security_profiles[name] for name in ("No Access", "Agent")]
    identity = {"FirstName": "Ana", "LastName": "Ruiz", "SecondaryEmail": "ana@example.com"}
    desk_phone = {"PhoneType": "DESK_PHONE", "DeskPhoneNumber": NUMBER, "AutoAccept": False,
                  "AfterContactWorkTimeLimit": 5, "PersistentConnection": True}
    return {
        "update_user_identity_info": {"IdentityInfo": identity},
        "update_user_phone_config": {"PhoneConfig": desk_phone},
        "update_user_config": CHANNELS,
        "update_user_routing_profile": {"RoutingProfileId": standin.routing_profiles["Sales"]},
        "update_user_security_profiles": {"SecurityProfileIds": profiles},
        "update_user_hierarchy": {"HierarchyGroupId": standin.hierarchy_groups["EMEA"]},
    }


def test_every_part_of_a_user_is_replaced_by_an_operation_of_its_own(standin):
    standin = standin("--no-throttle")
    created = create(standin, Tags={"team": "a"})
    key = {"InstanceId": standin.instance_id, "UserId": created["UserId"]}
    described = standin.describe(created["UserId"])

    for operation, parts in updates(standin).items():
        time.sleep(0.01)
        answer = getattr(standin.connect, operation)(**key, **parts)
        assert answer.keys() == {"ResponseMetadata"}
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200

        before, described = described, standin.describe(created["UserId"])
        assert described["LastModifiedTime"] > before.pop("LastModifiedTime")
        if operation == "update_user_config":
            del before["PhoneConfig"]
        modified = {"LastModifiedTime": described["LastModifiedTime"]}
        assert described == before | parts | modified
        (listed,) = standin.connect.list_users(InstanceId=standin.instance_id)["UserSummaryList"]
        assert listed["LastModifiedTime"] == described["LastModifiedTime"]

    (found,) = standin.connect.search_users(InstanceId=standin.instance_id)["Users"]
    assert found["IdentityInfo"] == {"FirstName": "Ana", "LastName": "Ruiz"}
    assert found["HierarchyGroupId"] == standin.hierarchy_groups["EMEA"]
    (shown,) = standin.state()["users"]
    modified = described.pop("LastModifiedTime").timestamp()
    assert shown["LastModifiedTime"] == pytest.approx(modified, abs=1e-5)
    assert shown.items() >= described.items()


def test_what_an_update_leaves_out(standin):
    standin = standin("--no-throttle")
    group = standin.hierarchy_groups["EMEA"]
    created = create(standin, HierarchyGroupId=group, **names(Mobile=NUMBER))
    key = {"InstanceId": standin.instance_id, "UserId": created["UserId"]}
    connect = standin.connect

    connect.update_user_identity_info(**key, **names())
    connect.update_user_hierarchy(**key)
    described = standin.describe(created["UserId"])
    assert described["IdentityInfo"] == {"FirstName": "María", "LastName": "García"}
    assert "HierarchyGroupId" not in described

    def settings():
        described = standin.describe(created["UserId"])
        return {name: value for name, value in described.items() if "Config" in name}

    connect.update_user_config(**key, **CHANNELS)
    connect.update_user_config(**key, AutoAcceptConfigs=[])
    kept = {name: rows for name, rows in CHANNELS.items() if name != "AutoAcceptConfigs"}
    assert settings() == kept
    connect.update_user_phone_config(**key, PhoneConfig={"PhoneType": "SOFT_PHONE"})
    assert settings() == {
        "PhoneConfig": {
            "PhoneType": "SOFT_PHONE", "AutoAccept": False, "AfterContactWorkTimeLimit": 0,
        },
    }  # fmt: skip


def test_who_is_not_there_is_not_updated(standin):
    standin = standin("--no-throttle")
    created = create(standin)
    connect = standin.connect
    connect.delete_user(InstanceId=standin.instance_id, UserId=created["UserId"])

    for operation, parts in updates(standin).items():
        for instance, user_id in [
            (standin.instance_id, created["UserId"]),
            (standin.instance_id, NOWHERE),
            (NOWHERE, created["UserId"]),
        ]:
            key = {"InstanceId": instance, "UserId": user_id}
            assert refusal(getattr(connect, operation), **key, **parts) == NOT_FOUND, operation


# --- What is refused ------------------------------------------------------------------------------


def names(first="María", last="García", **members):
    return {"IdentityInfo": {"FirstName": first, "LastName": last, **members}}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"Username": ["a list"]}, ("SerializationException", 400)),
        ({"PhoneConfig": {"AutoAccept": "yes"}}, ("SerializationException", 400)),
        ({"Username": None}, INVALID_PARAMETER),
        ({"Username": "x" * 65}, INVALID_PARAMETER),
        ({"Username": "maria@example"}, INVALID_PARAMETER),
        ({"Username": "maria garcia"}, INVALID_PARAMETER),
        ({"Username": "maria+1@example.com"}, INVALID_PARAMETER),
        (names("Mari\u0301a"), INVALID_PARAMETER),
        (names("x" * 256), INVALID_PARAMETER),
        (names(last="x" * 301), INVALID_PARAMETER),
        (names(SecondaryEmail="maría@example.com"), INVALID_PARAMETER),
        (names(SecondaryEmail="maria@example.com"), None),
        (names(Mobile="911"), INVALID_REQUEST),
        (names(Mobile=NUMBER), None),
        (names(Email="maria@example.com"), INVALID_REQUEST),
        ({"IdentityInfo": None}, INVALID_REQUEST),
        ({"Password": PASSWORD}, INVALID_REQUEST),
        ({"Password": "short"}, INVALID_PARAMETER),
        ({"DirectoryUserId": "d"}, INVALID_REQUEST),
        ({"SecurityProfileIds": []}, INVALID_PARAMETER),
        ({"SecurityProfileIds": ["x"] * 11}, INVALID_PARAMETER),
        ({"SecurityProfileIds": [NOWHERE]}, NOT_FOUND),
        ({"RoutingProfileId": None}, INVALID_PARAMETER),
        ({"RoutingProfileId": NOWHERE}, NOT_FOUND),
        ({"HierarchyGroupId": NOWHERE}, NOT_FOUND),
        ({"InstanceId": NOWHERE}, NOT_FOUND),
        ({"Tags": {"aws:mine": "x"}}, INVALID_PARAMETER),
        ({"Tags": {"x": "y" * 257}}, INVALID_PARAMETER),
        ({"Tags": {str(n): "" for n in range(51)}}, INVALID_PARAMETER),
        ({"PhoneConfig": {"PhoneType": "MOBILE"}}, INVALID_PARAMETER),
        ({"PhoneConfig": {"AfterContactWorkTimeLimit": 2_000_001}}, INVALID_PARAMETER),
        ({"PhoneConfig": {"PhoneType": "DESK_PHONE"}}, INVALID_REQUEST),
        ({"PhoneConfig": {"PhoneType": "DESK_PHONE", "DeskPhoneNumber": "911"}}, INVALID_REQUEST),
        ({"PhoneConfig": {"PhoneType": "DESK_PHONE", "DeskPhoneNumber": NUMBER}}, None),
        ({"AutoAcceptConfigs": [{"Channel": "CHAT", "AutoAccept": False}]}, INVALID_REQUEST),
        ({"AutoAcceptConfigs": [{"Channel": "FAX", "AutoAccept": False}]}, INVALID_PARAMETER),
        ({"VoiceEnhancementConfigs": [{"Channel": "VOICE", "VoiceEnhancementMode": "NONE"}]}, None),
    ],
)
def test_create_user_judges_what_it_is_sent(standin, members, expected):
    standin = standin()
    parameters = user(standin, **members)

    assert refusal(client(standin).create_user, **parameters) == expected
    assert len(standin.state()["users"]) == (expected is None)


@pytest.mark.parametrize(
    ("identity", "members", "expected"),
    [
        ("CONNECT_MANAGED", {}, INVALID_REQUEST),
        ("CONNECT_MANAGED", {"Password": PASSWORD}, None),
        ("CONNECT_MANAGED", {"Password": PASSWORD} | names(Email="m@example.com"), None),
        ("CONNECT_MANAGED", {"Password": PASSWORD, "IdentityInfo": None}, INVALID_REQUEST),
        ("CONNECT_MANAGED", {"Password": PASSWORD} | names(last="x" * 257), INVALID_PARAMETER),
        ("CONNECT_MANAGED", {"Password": PASSWORD, "Username": "x" * 100}, None),
        ("CONNECT_MANAGED", {"Password": PASSWORD, "Username": "x" * 101}, INVALID_PARAMETER),
        ("CONNECT_MANAGED", {"Password": PASSWORD, "DirectoryUserId": "d"}, INVALID_REQUEST),
        ("EXISTING_DIRECTORY", {}, None),
        ("EXISTING_DIRECTORY", {"IdentityInfo": None, "DirectoryUserId": "d"}, None),
        ("EXISTING_DIRECTORY", {"Password": PASSWORD}, INVALID_REQUEST),
    ],
)
def test_each_identity_type_has_its_rules(standin, identity, members, expected):
    standin = standin("--identity", identity)

    assert refusal(create, standin, **members) == expected
    assert PASSWORD not in json.dumps(standin.state()["users"])


@pytest.mark.parametrize(
    ("part", "members", "expected"),
    [
        ("identity_info", {}, INVALID_PARAMETER),
        ("identity_info", {"IdentityInfo": {"FirstName": ["a"]}}, ("SerializationException", 400)),
        ("identity_info", {"IdentityInfo": {"LastName": "García"}}, INVALID_REQUEST),
        ("identity_info", names("Mari\u0301a"), INVALID_PARAMETER),
        ("identity_info", names(last="x" * 301), INVALID_PARAMETER),
        ("identity_info", names(SecondaryEmail="maría@example.com"), INVALID_PARAMETER),
        ("identity_info", names(Mobile="911"), INVALID_REQUEST),
        ("identity_info", names(Email="maria@example.com"), INVALID_REQUEST),
        ("phone_config", {}, INVALID_PARAMETER),
        ("phone_config", {"PhoneConfig": {"PhoneType": "MOBILE"}}, INVALID_PARAMETER),
        ("phone_config", {"PhoneConfig": {"PhoneType": "DESK_PHONE"}}, INVALID_REQUEST),
        ("phone_config", {"PhoneConfig": {"AutoAccept": "x"}}, ("SerializationException", 400)),
        ("config", {}, INVALID_REQUEST),
        ("config", {"AutoAcceptConfigs": [{"Channel": "FAX", "AutoAccept": True}]},
         INVALID_PARAMETER),
        ("config", {"PhoneNumberConfigs": [{"Channel": "VOICE", "PhoneType": "DESK_PHONE"}]},
         INVALID_REQUEST),
        ("routing_profile", {}, INVALID_PARAMETER),
        ("routing_profile", {"RoutingProfileId": NOWHERE}, NOT_FOUND),
        ("security_profiles", {}, INVALID_PARAMETER),
        ("security_profiles", {"SecurityProfileIds": []}, INVALID_PARAMETER),
        ("security_profiles", {"SecurityProfileIds": ["x"] * 11}, INVALID_PARAMETER),
        ("security_profiles", {"SecurityProfileIds": [NOWHERE]}, NOT_FOUND),
        ("hierarchy", {"HierarchyGroupId": NOWHERE}, NOT_FOUND),
        ("hierarchy", {"HierarchyGroupId": ["x"]}, ("SerializationException", 400)),
    ],
)
def test_updates_judge_what_they_are_sent(standin, part, members, expected):
    standin = standin()
    key = {"InstanceId": standin.instance_id, "UserId": create(standin)["UserId"]}
    before = standin.state()["users"]

    update = getattr(client(standin), f"update_user_{part}")
    assert refusal(update, **key, **members) == expected
    assert standin.state()["users"] == before


@pytest.mark.parametrize(
    ("identity", "members", "expected"),
    [
        ("CONNECT_MANAGED", names(Email="m@example.com"), None),
        ("CONNECT_MANAGED", names(last="x" * 257), INVALID_PARAMETER),
        ("CONNECT_MANAGED", {"IdentityInfo": {"FirstName": "María"}}, INVALID_REQUEST),
        ("EXISTING_DIRECTORY", names(), INVALID_REQUEST),
        ("EXISTING_DIRECTORY", {"IdentityInfo": {"Email": "m@example.com"}}, INVALID_REQUEST),
        ("EXISTING_DIRECTORY", {"IdentityInfo": {"Mobile": NUMBER}}, None),
    ],
)
def test_each_identity_type_has_its_rules_for_updates(standin, identity, members, expected):
    standin = standin("--identity", identity)
    password = {"Password": PASSWORD} if identity == "CONNECT_MANAGED" else {}
    created = create(standin, **password)
    key = {"InstanceId": standin.instance_id, "UserId": created["UserId"]}

    assert refusal(standin.connect.update_user_identity_info, **key, **members) == expected
    kept = names()["IdentityInfo"] | (members["IdentityInfo"] if expected is None else {})
    assert standin.describe(created["UserId"])["IdentityInfo"] == kept


def test_a_username_is_taken_byte_for_byte(standin):
    standin = standin()
    create(standin, "maria")

    with pytest.raises(standin.connect.exceptions.DuplicateResourceException) as taken:
        create(standin, "maria")
    message = taken.value.response["Error"]["Message"]
    assert "maria" in message and standin.instance_id in message
    assert refusal(create, standin, "Maria") is None


def test_the_quota_is_a_limit_and_comes_last(standin):
    standin = standin("--quota", "1")
    create(standin, "maria")

    assert refusal(create, standin, "jose") == LIMIT
    assert refusal(create, standin, "maria") == DUPLICATE
    assert refusal(create, standin, "jose", RoutingProfileId=NOWHERE) == NOT_FOUND
    standin.control(quota=2)
    assert refusal(create, standin, "jose") is None


def test_another_instance_is_not_found_nor_is_this_one_by_its_arn(standin):
    standin = standin()
    connect = client(standin)
    for instance in (NOWHERE, standin.instance_arn):
        for call, more in [
            (connect.describe_instance, {}),
            (connect.list_users, {}),
            (connect.list_routing_profiles, {}),
            (connect.search_users, {}),
            (connect.describe_user, {"UserId": NOWHERE}),
        ]:
            assert refusal(call, InstanceId=instance, **more) == NOT_FOUND


def test_an_operation_that_the_stand_in_lacks(standin):
    standin = standin()
    call = standin.connect.list_queues
    assert refusal(call, InstanceId=standin.instance_id) == ("UnknownOperationException", 404)


# --- Signatures -----------------------------------------------------------------------------------


def test_an_unsigned_request_is_refused(standin):
    standin = standin()
    unsigned = client(standin, signature_version=botocore.UNSIGNED)

    assert refusal(unsigned.list_users, InstanceId=standin.instance_id) == (
        "MissingAuthenticationTokenException",
        403,
    )
    assert standin.state()["calls"] == {}


@pytest.mark.parametrize(
    ("header", "part", "instead", "expected"),
    [
        ("Authorization", "/connect/", "/s3/", "InvalidSignatureException"),
        ("Authorization", "AWS4-HMAC-SHA256", "Bearer", "IncompleteSignatureException"),
        ("Authorization", ", Signature=", ", Signature=x", "IncompleteSignatureException"),
        ("X-Amz-Date", "T", " ", "IncompleteSignatureException"),
    ],
)
def test_a_spoiled_signature_is_refused(standin, header, part, instead, expected):
    standin = standin()
    connect = client(standin)

    def spoil(request, **_):
        value = request.headers[header]
        value = value if isinstance(value, str) else value.decode()
        del request.headers[header]
        request.headers[header] = value.replace(part, instead)

    connect.meta.events.register("before-send.connect.ListUsers", spoil)
    assert refusal(connect.list_users, InstanceId=standin.instance_id) == (expected, 403)


# --- Lists and searches ---------------------------------------------------------------------------


def test_pages_show_everyone_once_in_order(standin):
    standin = standin("--no-throttle")
    everyone = [f"agent-{n:02}" for n in range(25)]
    for username in everyone:
        create(standin, username)
    key = {"InstanceId": standin.instance_id}

    def paged(operation, list_, **more):
        pages = standin.connect.get_paginator(operation).paginate(**key, MaxResults=10, **more)
        return [[row["Username"] for row in page[list_]] for page in pages]

    assert paged("list_users", "UserSummaryList") == [everyone[:10], everyone[10:20], everyone[20:]]
    search = standin.connect.search_users(**key, MaxResults=10)
    assert (len(search["Users"]), search["ApproximateTotalCount"]) == (10, 25)
    rest = standin.connect.search_users(**key, MaxResults=500, NextToken=search["NextToken"])
    assert [row["Username"] for row in rest["Users"]] == everyone[10:]
    assert "NextToken" not in rest


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("list_users", {"MaxResults": 0}),
        ("list_users", {"MaxResults": 1001}),
        ("list_users", {"NextToken": "nonsense"}),
        ("list_security_profiles", {"NextToken": "nonsense"}),
        ("search_users", {"MaxResults": 501}),
        ("search_users", {"NextToken": "nonsense"}),
    ],
)
def test_a_page_that_cannot_be_is_refused(standin, operation, more):
    standin = standin()
    call = getattr(client(standin), operation)
    assert refusal(call, InstanceId=standin.instance_id, **more) == INVALID_PARAMETER


def string(field, comparison, value):
    return {"StringCondition": {"FieldName": field, "ComparisonType": comparison, "Value": value}}


def tag(key, value):
    return {"TagKey": key, "TagValue": value}


MARIA = string("Username", "EXACT", "maria")
NESTED = {"AndConditions": [{"AndConditions": [{"AndConditions": [{"AndConditions": [
    {"AndConditions": [MARIA]}]}]}]}]}


@pytest.mark.parametrize(
    ("criteria", "filter_", "expected"),
    [
        ({}, {}, ["maria", "Maria", "jose"]),
        (MARIA, {}, ["maria", "Maria"]),  # the caller compares bytes
        (string("Username", "STARTS_WITH", "mar"), {}, ["maria", "Maria"]),
        (string("FirstName", "CONTAINS", "osé"), {}, ["jose"]),
        (string("LastName", "EXACT", "García"), {}, ["maria", "Maria"]),
        ({"OrConditions": [MARIA, string("Username", "EXACT", "jose")]}, {},
         ["maria", "Maria", "jose"]),
        ({"AndConditions": [MARIA, string("FirstName", "EXACT", "nobody")]}, {}, []),
        ({}, {"TagFilter": {"TagCondition": tag("team", "a")}}, ["maria"]),
        (MARIA, {"TagFilter": {"TagCondition": tag("team", "b")}}, []),
        ({}, {"TagFilter": {"AndConditions": [tag("team", "b"), tag("shift", "1")]}}, ["jose"]),
        ({}, {"TagFilter": {"OrConditions": [[tag("team", "a")], [tag("team", "b")]]}},
         ["maria", "jose"]),
        (NESTED, {}, INVALID_PARAMETER),
        (string("Email", "EXACT", "x"), {}, INVALID_PARAMETER),
        (string("Username", "LIKE", "x"), {}, INVALID_PARAMETER),
        ({"HierarchyGroupCondition": {"Value": "x"}}, {}, ("SerializationException", 400)),
        ({}, {"UserAttributeFilter": {}}, INVALID_PARAMETER),
        ({}, {"TagFilter": {}, "UserAttributeFilter": {}}, DENIED),
    ],
)
def test_searches(standin, criteria, filter_, expected):
    standin = standin("--no-throttle")
    create(standin, "maria", Tags={"team": "a"})
    create(standin, "Maria", Tags={"team": "A"})
    create(standin, "jose", Tags={"team": "b", "shift": "1"}, **names("José", "Ruiz"))
    wanted = {
        "InstanceId": standin.instance_id,
        "SearchCriteria": criteria,
        "SearchFilter": filter_,
    }

    if isinstance(expected, tuple):
        assert refusal(client(standin).search_users, **wanted) == expected
    else:
        found = standin.connect.search_users(**wanted)
        assert [row["Username"] for row in found["Users"]] == expected
        assert found["ApproximateTotalCount"] == len(expected)


# --- Tags -----------------------------------------------------------------------------------------


def test_tags_are_added_overwritten_and_taken_away_by_arn(standin):
    standin = standin()
    arn = create(standin, Tags={"a": "1", "b + c": "2"})["UserArn"]
    connect = standin.connect

    connect.tag_resource(resourceArn=arn, tags={"a": "3", "d/é": ""})
    tags = connect.list_tags_for_resource(resourceArn=arn)["tags"]
    connect.untag_resource(resourceArn=arn, tagKeys=["b + c", "d/é", "not there"])

    assert tags == {"a": "3", "b + c": "2", "d/é": ""}
    assert connect.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "3"}
    assert standin.state()["requests"][1]["path"] == (
        "/tags/" + arn.replace(":", "%3A").replace("/", "%2F")
    )


def test_tags_are_refused(standin):
    standin = standin("--no-throttle")
    arn = create(standin, Tags={str(n): "" for n in range(49)})["UserArn"]
    connect = client(standin)
    nobody = f"{standin.instance_arn}/agent/{NOWHERE}"

    def tagged(arn, **tags):
        return refusal(connect.tag_resource, resourceArn=arn, tags=tags)

    assert tagged(arn, fiftieth="") is None
    assert tagged(arn, fiftieth="again") is None
    assert tagged(arn, one_too_many="") == INVALID_PARAMETER
    assert tagged(arn, **{"aws:x": ""}) == INVALID_PARAMETER
    assert tagged(arn) == INVALID_PARAMETER
    assert tagged(nobody, x="") == NOT_FOUND
    assert tagged("no arn", x="") == INVALID_PARAMETER
    assert refusal(connect.list_tags_for_resource, resourceArn=nobody) == NOT_FOUND
    assert refusal(connect.untag_resource, resourceArn=nobody, tagKeys=["x"]) == NOT_FOUND
    assert refusal(connect.untag_resource, resourceArn=arn, tagKeys=[]) == INVALID_PARAMETER


# --- Time -----------------------------------------------------------------------------------------


def test_a_burst_of_more_than_five_calls_is_throttled(standin):
    standin = standin()

    def burst(call):
        return [refusal(call, InstanceId=standin.instance_id) for _ in range(12)]

    listed = burst(standin.connect.list_users)
    assert listed[:5] == [None] * 5
    assert THROTTLED in listed
    assert standin.state()["calls"] == {"ListUsers": 12}
    assert burst(standin.connect.list_routing_profiles)[:5] == [None] * 5, "a bucket of its own"

    time.sleep(0.6)
    assert burst(standin.connect.list_users)[0] is None, "two a second come back"
    standin.control(throttle=False)
    assert burst(standin.connect.list_users) == [None] * 12


def test_the_index_lags_behind_creation_and_deletion(standin):
    standin = standin("--no-throttle", "--lag", "0.8")
    key = {"InstanceId": standin.instance_id}

    def found():
        return len(standin.connect.search_users(**key)["Users"])

    created = create(standin)
    assert found() == 0
    assert len(standin.connect.list_users(**key)["UserSummaryList"]) == 1
    time.sleep(0.9)
    assert found() == 1

    standin.connect.delete_user(**key, UserId=created["UserId"])
    assert found() == 1
    assert standin.connect.list_users(**key)["UserSummaryList"] == []
    time.sleep(0.9)
    assert found() == 0


def test_a_new_user_is_not_found_for_a_while(standin):
    standin = standin("--not-found", "0.8")
    created = create(standin)
    key = {"InstanceId": standin.instance_id, "UserId": created["UserId"]}
    arn = {"resourceArn": created["UserArn"]}
    connect = standin.connect
    calls = [
        (connect.describe_user, key),
        (connect.list_tags_for_resource, arn),
        (connect.tag_resource, arn | {"tags": {"a": "b"}}),
        (connect.untag_resource, arn | {"tagKeys": ["a"]}),
        *[(getattr(connect, name), key | parts) for name, parts in updates(standin).items()],
        (connect.delete_user, key),
    ]

    assert [refusal(call, **to) for call, to in calls] == [NOT_FOUND] * 11
    assert refusal(create, standin) == DUPLICATE, "the username is taken at once"
    assert len(connect.list_users(InstanceId=standin.instance_id)["UserSummaryList"]) == 1
    time.sleep(0.9)
    assert [refusal(call, **to) for call, to in calls] == [None] * 11


# --- Faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "expected", "has_effect"),
    [
        ("500-before", INTERNAL, False),
        ("500-after", INTERNAL, True),
        ("throttle", THROTTLED, False),
        ("limit", LIMIT, False),
        ("denied", DENIED, False),
        ("expired", ("ExpiredTokenException", 403), False),
        ("InvalidParameterException", INVALID_PARAMETER, False),
        ("InvalidRequestException", INVALID_REQUEST, False),
        ("ResourceNotFoundException", NOT_FOUND, False),
        ("DuplicateResourceException", DUPLICATE, False),
        ("LimitExceededException", LIMIT, False),
        ("ThrottlingException", THROTTLED, False),
        ("TooManyRequestsException", ("TooManyRequestsException", 429), False),
        ("InternalServiceException", INTERNAL, False),
        ("AccessDeniedException", DENIED, False),
        ("ExpiredTokenException", ("ExpiredTokenException", 403), False),
        ("UnrecognizedClientException", ("UnrecognizedClientException", 403), False),
        ("InvalidSignatureException", ("InvalidSignatureException", 403), False),
        ("IncompleteSignatureException", ("IncompleteSignatureException", 403), False),
        (
            "MissingAuthenticationTokenException",
            ("MissingAuthenticationTokenException", 403),
            False,
        ),
        (
            "ConditionalOperationFailedException",
            ("ConditionalOperationFailedException", 409),
            False,
        ),
        ("ResourceConflictException", ("ResourceConflictException", 409), False),
        ("SerializationException", ("SerializationException", 400), False),
        ("ServiceQuotaExceededException", ("ServiceQuotaExceededException", 402), False),
        ("ServiceUnavailable", ("ServiceUnavailable", 503), False),
        ("UnknownOperationException", ("UnknownOperationException", 404), False),
    ],
)
def test_a_fault_befalls_one_call(standin, fault, expected, has_effect):
    standin = standin()
    standin.control(faults={"CreateUser": [fault]})
    assert len(standin.state()["faults"]["CreateUser"]) == 1

    assert refusal(create, standin) == expected
    assert len(standin.state()["users"]) == has_effect
    assert refusal(create, standin) == (DUPLICATE if has_effect else None)
    assert standin.state()["faults"] == {}
    assert standin.state()["calls"] == {"CreateUser": 2}


def test_faults_befall_updates_by_their_names(standin):
    standin = standin()
    key = {"InstanceId": standin.instance_id, "UserId": create(standin)["UserId"]}

    for operation, parts in updates(standin).items():
        name = "".join(word.capitalize() for word in operation.split("_"))
        standin.control(faults={name: ["500-before", "500-after"]})
        before = standin.state()["users"]
        update = getattr(standin.connect, operation)

        assert refusal(update, **key, **parts) == INTERNAL
        assert standin.state()["users"] == before
        assert refusal(update, **key, **parts) == INTERNAL
        (after,) = standin.state()["users"]
        assert after.items() >= parts.items(), "it came to pass all the same"
        assert refusal(update, **key, **parts) is None
        assert standin.calls()[name] == 3


def test_faults_wait_in_a_queue_and_come_before_validation(standin):
    standin = standin()
    standin.control(faults={"CreateUser": ["throttle"]})
    standin.control(faults={"CreateUser": ["500-before", "500-after"], "ListUsers": ["denied"]})

    assert refusal(create, standin, "in valid") == THROTTLED
    assert refusal(create, standin, "in valid") == INTERNAL
    assert refusal(create, standin, "in valid") == INTERNAL
    assert refusal(create, standin, "in valid") == INVALID_PARAMETER
    assert refusal(standin.connect.list_users, InstanceId=standin.instance_id) == DENIED


def test_a_dropped_reply_leaves_its_effect(standin):
    standin = standin()
    standin.control(faults={"CreateUser": ["drop"]})

    with pytest.raises(ConnectionClosedError):
        create(standin)
    assert refusal(create, standin) == DUPLICATE


def test_a_slow_reply_leaves_its_effect_at_once(standin):
    standin = standin()
    standin.control(faults={"CreateUser": ["slow", "slow"]}, slowMs=1000)
    impatient = client(standin, read_timeout=0.2)

    with pytest.raises(ReadTimeoutError):
        impatient.create_user(**user(standin, "maria"))
    assert [row["Username"] for row in standin.state()["users"]] == ["maria"]

    started = time.monotonic()
    assert create(standin, "jose")["UserId"]
    assert time.monotonic() - started >= 1


def test_a_body_over_the_cap_ends_the_connection(standin):
    standin = standin()
    with pytest.raises(HTTPClientError):
        client(standin).create_user(**user(standin, "x" * (17 << 20)))
    assert standin.state()["calls"] == {}


# --- /_standin ------------------------------------------------------------------------------------


def test_the_state_shows_users_calls_and_requests(standin):
    standin = standin("--no-throttle", "--lag", "1.5", "--quota", "7")
    created = create(standin)
    state = standin.state()

    assert [row["Id"] for row in state.pop("users")] == [created["UserId"]]
    (request,) = state.pop("requests")
    assert request.pop("body")["Username"] == "maria.garcia@example.com"
    assert request == {
        "operation": "CreateUser",
        "method": "PUT",
        "path": f"/users/{standin.instance_id}",
        "query": None,
    }
    assert state == {
        "calls": {"CreateUser": 1},
        "identity": "SAML",
        "lag": 1.5,
        "notFound": 0,
        "quota": 7,
        "throttle": False,
        "slowMs": 3000,
        "faults": {},
        "always": {},
        "sessions": {},
    }

    for _ in range(120):
        standin.connect.list_users(InstanceId=standin.instance_id)
    assert len(standin.state()["requests"]) == 100


def test_a_reset_forgets_what_happened_and_keeps_the_settings(standin):
    standin = standin("--quota", "7")
    for n in range(5):
        create(standin, f"agent-{n}")
    always = {"DeleteUser": "denied"}
    standin.control(faults={"CreateUser": ["drop"]}, always=always, signIn=["agent-0"])
    standin.control(reset=True, lag=0.5)
    state = standin.state()

    members = ("users", "sessions", "calls", "requests", "faults", "always")
    assert [state[member] for member in members] == [[], {}, {}, [], {}, {}]
    assert (state["quota"], state["lag"]) == (7, 0.5)
    assert [refusal(create, standin, f"agent-{n}") for n in range(5)] == [None] * 5


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"lagg": 1, "quota": 1}', ["lagg", "lag", "notFound", "faults"]),
        ('{"quota": 1, "faults": {"MakeUser": ["drop"]}}', ["MakeUser", "CreateUser"]),
        ('{"quota": 1, "faults": {"CreateUser": ["drop", "boom"]}}', ["boom", "500-after", "slow"]),
        ('{"quota": 1, "lag": -1}', ["lag"]),
        ('{"quota": 1, "always": {"CreateUser": "boom"}}', ["boom", "500-after", "slow"]),
        ('{"quota": 1, "signIn": ["nobody"]}', ["signIn", "nobody"]),
        ("{", ["EOF"]),
    ],
)
def test_a_change_that_is_not_understood_changes_nothing(standin, body, expected):
    standin = standin()
    before = standin.state()
    request = urllib.request.Request(f"{standin.endpoint}/_standin", body.encode(), method="PUT")

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    message = json.load(refused.value)["Message"]

    assert refused.value.code == 400
    assert all(word in message for word in expected), message
    assert standin.state() == before
