"""Who is signed in at the stand-in is signed out by the newer boto3, which knows the operation."""

import json
import subprocess
from pathlib import Path

import pytest

from test_standin import NOWHERE, create

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "target/venv-boto3/bin/python"

ENDED = (200, None)
INVALID = (400, "InvalidParameterException")
MISSING = (404, "ResourceNotFoundException")


@pytest.fixture(scope="module", autouse=True)
def newer_boto3():
    if not PYTHON.is_file():
        pytest.fail("a boto3 is missing: make target/venv-boto3/ready", pytrace=False)


def ends(standin, *entities, **members):
    """Status and error for each of these users, whose sessions are to end, in one go."""
    sound = {"InstanceId": standin.instance_id, "EntityType": "USER"}
    wanted = [sound | {"EntityId": entity} | members for entity in entities]
    wanted = [{name: value for name, value in one.items() if value is not None} for one in wanted]
    calls = [("delete_all_entity_sessions", parameters) for parameters in wanted]
    told = subprocess.run(
        [PYTHON, ROOT / "tests/outside/by_boto3.py"],
        input=json.dumps({"endpoint": standin.endpoint, "calls": calls}),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    outcomes = json.loads(told.stdout)
    for one in outcomes:
        assert len(one["request"]) == 36
        # An answer is empty; errors that are in the model have a member of their own besides.
        assert set(one["members"]) - {"Message"} == (set() if one["error"] is None else {"Error"})
    return [(one["status"], one["error"]) for one in outcomes]


def test_the_tests_own_boto3_does_not_know_the_operation(standin):
    """When it does, the newer one has no purpose."""
    assert not hasattr(standin().connect, "delete_all_entity_sessions")


def test_who_is_signed_in_is_signed_out_by_id_and_by_arn(standin):
    standin = standin()
    maria, jose = create(standin, "maria"), create(standin, "jose")
    names = ["maria", "maria", "jose", maria["UserId"]]
    signed_in = standin.control(signIn=names)["sessions"]
    assert signed_in == {maria["UserId"]: 3, jose["UserId"]: 1}

    assert ends(standin, maria["UserId"]) == [ENDED]
    assert standin.state()["sessions"] == {jose["UserId"]: 1}
    assert ends(standin, jose["UserArn"], jose["UserArn"], maria["UserId"]) == [ENDED] * 3
    assert standin.state()["sessions"] == {}
    assert standin.calls()["DeleteAllEntitySessions"] == 4
    assert standin.sent("DeleteAllEntitySessions")[0] == {
        "InstanceId": standin.instance_id, "EntityId": maria["UserId"], "EntityType": "USER",
    }  # fmt: skip
    request = standin.state()["requests"][-1]
    route = "/auth/sessions/delete-all-entity-sessions"
    assert (request["method"], request["path"], request["query"]) == ("POST", route, None)


def test_what_the_model_does_not_allow_is_refused(standin):
    standin = standin("--no-throttle")
    maria = create(standin, "maria")["UserId"]
    standin.control(signIn=["maria"])

    for members, expected in [
        ({"EntityType": None}, INVALID),
        ({"EntityType": "CUSTOMER_PROFILE"}, INVALID),
        ({"EntityType": 1}, (400, "SerializationException")),
        ({"InstanceId": None}, INVALID),
        ({"InstanceId": NOWHERE}, MISSING),
    ]:
        assert ends(standin, maria, **members) == [expected], members
    assert ends(standin, None, "", "x" * 257) == [INVALID] * 3
    assert ends(standin, NOWHERE, "maria", f"{standin.instance_arn}/agent/x") == [MISSING] * 3
    assert standin.state()["sessions"] == {maria: 1}


def test_who_is_deleted_is_signed_in_for_good(standin):
    """Nobody knows what Connect does: this is the worst that it could."""
    standin = standin()
    maria = create(standin, "maria")["UserId"]
    standin.control(signIn=["maria"])
    standin.connect.delete_user(InstanceId=standin.instance_id, UserId=maria)

    assert ends(standin, maria) == [MISSING]
    state = standin.state()
    assert (state["users"], state["sessions"]) == ([], {maria: 1})


def test_it_is_throttled_and_disturbed_by_its_own_name(standin):
    standin = standin()
    maria = create(standin, "maria")["UserId"]
    standin.control(signIn=["maria"])
    throttled = (429, "ThrottlingException")

    burst = ends(standin, *[maria] * 12)
    assert burst[:5] == [ENDED] * 5 and throttled in burst
    standin.control(throttle=False, signIn=["maria"])
    name = "DeleteAllEntitySessions"
    standin.control(faults={name: ["throttle", "500-before", "500-after"]})
    failed = (500, "InternalServiceException")
    assert ends(standin, *[maria] * 2) == [throttled, failed]
    assert standin.state()["sessions"] == {maria: 1}
    assert ends(standin, maria) == [failed]
    assert standin.state()["sessions"] == {}

    for fault, expected in [
        ("denied", (403, "AccessDeniedException")),
        ("UnknownOperationException", (404, "UnknownOperationException")),
    ]:
        assert standin.control(always={name: fault})["always"] == {name: fault}
        assert ends(standin, *[maria] * 3) == [expected] * 3
    assert standin.control(always={name: None})["always"] == {}
    assert ends(standin, maria) == [ENDED]
