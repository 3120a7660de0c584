"""Who leaves is out: in front of a crowd that joins, in real time, and if the power fails meanwhile."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException

import pytest

from deployments import SECRET, Deployment
from people import as_bytes, user
from programs import PLATFORM, wait_for
from standard_webhooks import now, sign

CREDENTIALS = {name: PLATFORM[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
ANA = "ana.ruiz@example.com"
# The calls of every farewell, in their order.
MIDDLE = ("DescribeUser", "UpdateUserSecurityProfiles", "DeleteAllEntitySessions")

_ids = itertools.count(1)


@pytest.fixture
def house(serve, standin, tmp_path):
    """Starts a stand-in, and whatever starts a server in front of it whose roster is in a file."""

    def build(*flags, **settings):
        connect = standin(*flags)
        suspended = connect.security_profiles["No Access"]
        policy = {"DEACTIVATE": "suspend", "SUSPENDED_SECURITY_PROFILE": suspended} | settings
        environment = Deployment.environment(connect, **policy) | CREDENTIALS
        file = tmp_path / f"roster-{next(_ids)}.redb"
        return connect, lambda: serve("--connect", "aws", "--roster", str(file), **environment)

    return build


def post(serve, type, name):
    body = as_bytes({"type": type, "data": user(name)})
    return serve.send("/hooks/okta", body, sign(SECRET, f"msg_{next(_ids)}", now(), body).items())


def join(serve, connect, *names):
    """Makes these people users who are signed in."""
    for name in names:
        assert post(serve, "user.created", name).status == 201
    assert len(connect.control(signIn=[*names])["sessions"]) == len(names)


def inside(connect, *names):
    """Those of them who have power or a session, by what Amazon Connect itself holds."""
    state = connect.state()
    suspended = [connect.security_profiles["No Access"]]
    return {
        held["Username"]
        for held in state["users"]
        if held["Username"] in names
        and (held["SecurityProfileIds"] != suspended or held["Id"] in state["sessions"])
    }


def counts(serve):
    return serve.ask("/_roster").json["counts"]


@pytest.mark.parametrize("throttled", [[], ["DescribeUser"], ["DeleteAllEntitySessions"]])
def test_who_leaves_does_not_wait_for_two_hundred_who_join(house, throttled):
    """At once, and by the drain where Amazon Connect does not let the first calls in."""
    connect, start = house()
    own = start()
    join(own, connect, ANA)
    crowd = [f"agent-{number}@example.com" for number in range(200)]
    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(lambda name: post(own, "user.created", name).status, crowd))
    assert answers <= {201, 202}
    connect.control(faults={operation: ["throttle"] for operation in throttled})
    before, queued = len(connect.state()["users"]), counts(own)["pending"]
    assert queued > 100, "they wait for their turn"

    began = time.monotonic()
    assert post(own, "user.deactivated", ANA).status in (200, 202)
    wait_for(lambda: not inside(connect, ANA), "her to be out", seconds=60)
    took = time.monotonic() - began
    joined = len(connect.state()["users"]) - before
    print(f"behind {queued} who wait to join, out after {took:.2f} s; {joined} joined meanwhile")
    # Two a second of them have their turn.
    assert joined < 20, "she was not behind them"
    assert counts(own)["pending"] > 80, "they wait still"


def stop_in_the_middle(connect, own, last):
    """Each person's farewell hangs in another call, whose effect is there already, when it is killed."""
    people = {f"leaver-{operation}@example.com": operation for operation in (*MIDDLE, last)}
    join(own, connect, *people)
    connect.control(slowMs=20_000)

    def leave(name):
        with suppress(OSError, HTTPException):
            post(own, "user.deactivated", name)

    with ThreadPoolExecutor(len(people)) as pool:
        for name, operation in people.items():
            before = connect.calls().get(operation, 0)
            connect.control(faults={operation: ["slow"]})
            pool.submit(leave, name)
            wait_for(lambda: connect.calls().get(operation, 0) > before, f"{operation}")
        # SIGKILL.
        own.close()
    connect.control(slowMs=0)
    return people


@pytest.mark.parametrize("deactivate, last", [("suspend", "TagResource"), ("delete", "DeleteUser")])
def test_a_kill_in_the_middle_of_a_farewell_keeps_nobody_in(house, deactivate, last):
    """What was cut off is gone on with when its lease is over, a minute later."""
    connect, start = house("--no-throttle", DEACTIVATE=deactivate)
    people = stop_in_the_middle(connect, start(), last)
    assert inside(connect, *people), "somebody was still in"
    began = time.monotonic()
    own = start()
    wait_for(lambda: not inside(connect, *people), "everybody to be out", seconds=100)
    print(f"DEACTIVATE={deactivate}: out {time.monotonic() - began:.1f} s after the start")
    wait_for(lambda: counts(own)["pending"] == 0, "the roster to know")
    state = connect.state()
    assert state["sessions"] == {}
    assert len(state["users"]) == (len(people) if deactivate == "suspend" else 0)
