"""What Amazon Connect does wrong and what the sender hears of it: the answer table of the design,
row by row, and how often each operation was called on the way.

A 4xx says that the sender can mend it, so our own trouble with AWS is never one; and nothing that
AWS wrote is passed on.
"""

import time

import pytest

from deployments import foreign_user
from people import owner_tags, user
from programs import free_addresses

ANA = "ana.ruiz@example.com"
ERROR = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"]}
# CreateUser is sent three times at most, and the user is looked for after each.
LOOKED_FOR = {"CreateUser": 3, "ListUsers": 3, "SearchUsers": 3}


def assert_error(answer, status, says, *, retry_after=None, scim_type=None):
    headers = {"content-type": "application/scim+json"}
    assert answer.status == status
    assert answer.headers == headers | ({"retry-after": str(retry_after)} if retry_after else {})
    expected = ERROR | {"status": str(status), "detail": answer.json["detail"]}
    assert answer.json == expected | ({"scimType": scim_type} if scim_type else {})
    assert says in answer.json["detail"]
    # Whatever AWS or the sender wrote: the stand-in's sentence, error names, the person.
    words = ("asked for by", "Exception", ANA, "Ruiz", "Rate exceeded", "already", "instance/")
    assert [word for word in words if word in answer.body] == []


def assert_one_user(deployment, answer, status, outcome):
    (ana,) = deployment.standin.users().values()
    assert (answer.status, answer.json["outcome"]) == (status, outcome)
    assert (answer.json["userId"], answer.json["userArn"]) == (ana["Id"], ana["Arn"])
    assert ana["Tags"] == owner_tags(f"ext-{ANA}")


@pytest.mark.parametrize(
    "error",
    ["AccessDeniedException", "ExpiredTokenException", "ResourceNotFoundException",
     "InvalidSignatureException", "IncompleteSignatureException", "UnrecognizedClientException",
     "MissingAuthenticationTokenException", "denied", "expired"],
)  # fmt: skip
def test_our_own_settings_and_credentials_are_the_operators_turn(deployment, error):
    deployment.fail("CreateUser", error)

    answer = deployment.deliver(user())

    assert_error(answer, 500, "configuration")
    assert deployment.standin.calls() == {"CreateUser": 1}
    assert deployment.standin.users() == {}


def test_missing_credentials_are_the_operators_turn(deploy):
    unset = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), "")
    deployment = deploy(AWS_EC2_METADATA_DISABLED="true", **unset)

    assert_error(deployment.deliver(user()), 500, "configuration")
    assert deployment.standin.calls() == {}


@pytest.mark.parametrize("error", ["InvalidParameterException", "InvalidRequestException"])
def test_a_value_that_connect_refuses_is_the_senders_turn(deployment, error):
    deployment.fail("CreateUser", error)

    assert_error(deployment.deliver(user()), 400, "refused a value", scim_type="invalidValue")
    assert deployment.standin.calls() == {"CreateUser": 1}


@pytest.mark.parametrize("error", ["SerializationException", "UnknownOperationException"])
def test_a_call_that_connect_does_not_understand_is_our_bug(deployment, error):
    deployment.fail("CreateUser", error)

    assert_error(deployment.deliver(user()), 500, "log")
    assert deployment.standin.calls() == {"CreateUser": 1}


@pytest.mark.parametrize("error", ["ThrottlingException", "TooManyRequestsException", "throttle"])
def test_throttling_is_waited_out_and_then_passed_on(deployment, error):
    deployment.fail("CreateUser", *[error] * 4)

    answer = deployment.deliver(user())

    assert_error(answer, 429, "fewer calls", retry_after=5)
    assert deployment.standin.calls() == {"CreateUser": 4}, "certain to have had no effect: no look"
    assert deployment.deliver(user()).status == 201, "the sender's repeat"


def test_a_short_throttling_is_not_noticed(deployment):
    deployment.fail("CreateUser", "throttle", "throttle")

    assert_one_user(deployment, deployment.deliver(user()), 201, "created")
    assert deployment.standin.sent("CreateUser") == [deployment.standin.sent("CreateUser")[0]] * 3


@pytest.mark.parametrize(
    "error", ["LimitExceededException", "ServiceQuotaExceededException", "limit"]
)
def test_a_full_instance_is_asked_once_and_again_in_an_hour(deployment, error):
    deployment.fail("CreateUser", error)

    answer = deployment.deliver(user())

    assert_error(answer, 503, "quota", retry_after=3600)
    assert deployment.standin.calls() == {"CreateUser": 1}, "the SDK would take it for throttling"


def test_the_instance_is_full_when_its_quota_is_used_up(deployment):
    deployment.standin.control(quota=1)
    assert deployment.deliver(user()).status == 201

    assert_error(deployment.deliver(user("kim")), 503, "quota", retry_after=3600)
    assert deployment.standin.calls()["CreateUser"] == 2
    assert list(deployment.standin.users()) == [ANA]


@pytest.mark.parametrize("error", ["500-before", "InternalServiceException", "ServiceUnavailable"])
def test_a_failing_connect_is_tried_three_times(deployment, error):
    deployment.fail("CreateUser", *[error] * 3)

    answer = deployment.deliver(user())

    assert_error(answer, 503, "repeat the event", retry_after=30)
    assert deployment.standin.calls() == LOOKED_FOR
    assert deployment.standin.users() == {}
    assert deployment.deliver(user()).status == 201, "the sender's repeat"


@pytest.mark.parametrize("failures", [1, 2])
def test_a_connect_that_recovers_in_time_is_not_noticed(deployment, failures):
    deployment.fail("CreateUser", *["500-before"] * failures)

    assert_one_user(deployment, deployment.deliver(user()), 201, "created")
    assert deployment.standin.calls()["CreateUser"] == failures + 1


@pytest.mark.parametrize("fault", ["500-after", "drop"])
def test_a_user_whose_creation_was_not_confirmed_is_found_again(deployment, fault):
    deployment.fail("CreateUser", fault)

    answer = deployment.deliver(user())

    calls = deployment.standin.calls()
    assert_one_user(deployment, answer, 200, "alreadyOurs")
    assert calls == {"CreateUser": 1, "SearchUsers": 1, "DescribeUser": 1}


@pytest.mark.parametrize("fault", ["500-after", "drop"])
def test_it_is_found_in_the_list_while_the_search_index_lags(deployment, fault):
    deployment.standin.control(lag=60)
    deployment.fail("CreateUser", fault)

    answer = deployment.deliver(user())

    calls = deployment.standin.calls()
    assert_one_user(deployment, answer, 200, "alreadyOurs")
    assert calls == {"CreateUser": 1, "SearchUsers": 1, "ListUsers": 1, "DescribeUser": 1}


def test_it_is_found_on_the_second_page_of_the_list(deploy):
    deployment = deploy()
    deployment.standin.control(lag=600, quota=2000)
    for number in range(1001):
        foreign_user(deployment.standin, f"agent-{number}")
    deployment.fail("CreateUser", "500-after")

    answer = deployment.deliver(user("zoe"))

    assert (answer.status, answer.json["outcome"]) == (200, "alreadyOurs")
    assert deployment.standin.describe(answer.json["userId"])["Username"] == "zoe"
    assert deployment.standin.calls() == {
        "CreateUser": 1002, "SearchUsers": 1, "ListUsers": 2, "DescribeUser": 2,
    }  # fmt: skip


def test_a_user_that_connect_lists_and_does_not_show_yet_is_not_gone(deployment):
    deployment.standin.control(notFound=1)
    deployment.fail("CreateUser", "500-after")

    assert_error(deployment.deliver(user()), 503, "repeat the event", retry_after=30)
    time.sleep(1)
    assert_one_user(deployment, deployment.deliver(user()), 200, "alreadyOurs")


@pytest.mark.parametrize(
    "operation, faults, status, retry_after",
    [
        ("SearchUsers", ["denied"], 500, None),
        ("DescribeUser", ["denied"], 500, None),
        ("SearchUsers", ["throttle"] * 4, 503, 30),
        ("DescribeUser", ["500-before"] * 4, 503, 30),
    ],
)
def test_what_fails_while_the_user_is_looked_for_is_answered_too(
    deployment, operation, faults, status, retry_after
):
    deployment.fail("CreateUser", "500-after")
    deployment.fail(operation, *faults)

    assert_error(deployment.deliver(user()), status, "", retry_after=retry_after)
    assert_one_user(deployment, deployment.deliver(user()), 200, "alreadyOurs")


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"managed-by": "connect-provisioner"},
        owner_tags("somebody else"),
        owner_tags(f"ext-{ANA}", deployment="staging"),
        owner_tags(ANA, kind="userName"),
        owner_tags(f"ext-{ANA}") | {"managed-by": "somebody"},
    ],
    ids=["no tags", "one of ours", "another person's", "another deployment's", "another kind's",
         "another program's"],
)  # fmt: skip
def test_a_user_that_is_not_ours_is_left_alone(deployment, tags):
    foreign_user(deployment.standin, ANA, tags)
    before = deployment.standin.users()

    answer = deployment.deliver(user())

    assert_error(answer, 409, "userName", scim_type="uniqueness")
    assert deployment.standin.users() == before
    assert "CreateUser" in deployment.standin.calls()
    assert set(deployment.standin.calls()) <= {
        "CreateUser", "SearchUsers", "ListUsers", "DescribeUser",
    }  # fmt: skip


def test_an_answer_comes_before_the_platform_cuts_the_function_off(deploy):
    """Three seconds are all there is, and Connect takes a minute for everything."""
    deployment = deploy(AWS_LAMBDA_FUNCTION_TIMEOUT="3")
    slow = ["slow"] * 20
    faults = {operation: slow for operation in ("CreateUser", "SearchUsers", "ListUsers")}
    deployment.standin.control(slowMs=60_000, faults=faults)
    begun = time.monotonic()

    answer = deployment.deliver(user())

    assert_error(answer, 503, "repeat the event", retry_after=30)
    assert time.monotonic() - begun < 3
    deployment.standin.control(reset=False, slowMs=0)
    assert_one_user(deployment, deployment.deliver(user()), 200, "alreadyOurs")


def test_a_connect_that_is_slow_once_is_asked_whether_it_did_it(deploy):
    deployment = deploy(AWS_LAMBDA_FUNCTION_TIMEOUT="5")
    deployment.standin.control(slowMs=60_000, faults={"CreateUser": ["slow"]})

    assert_one_user(deployment, deployment.deliver(user()), 200, "alreadyOurs")


def test_a_connect_that_nobody_listens_for_is_unavailable(deploy):
    (nobody,) = free_addresses(1)
    deployment = deploy(AWS_ENDPOINT_URL_CONNECT=f"http://{nobody}")

    assert_error(deployment.deliver(user()), 503, "repeat the event", retry_after=30)
