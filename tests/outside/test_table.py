"""The function on a table of DynamoDB: what a sender sees, whoever answers, and what is left to the drain."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import quote

import boto3
import pytest

import people
from deployments import Deployment, signed
from http_events import Answer, http_event
from programs import PLATFORM, Function, Serve, Standin, first_line, run, wait_for

ENGINE = Path(__file__).resolve().parents[2] / "target/engine/debug/engine"
TOKEN = "a-token-that-nothing-else-has-in-it"
TABLE = "people"
DRAIN = {"connect-provisioner": "drain"}
HEADERS = {"authorization": f"Bearer {TOKEN}", "content-type": "application/scim+json"}


class Table:
    """An engine, with a roster's table that the command line has made."""

    def __init__(self):
        self._process = subprocess.Popen(
            [ENGINE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.endpoint = f"http://{first_line(self._process).strip()}"
        self.environment = PLATFORM | {"AWS_ENDPOINT_URL_DYNAMODB": self.endpoint}
        made = run("roster", "init", f"dynamodb:{TABLE}", env=self.environment)
        assert (made.returncode, made.stderr) == (0, ""), made
        self.client = boto3.client(
            "dynamodb",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="AKID",
            aws_secret_access_key="secret",
        )

    def items(self):
        return self.client.scan(TableName=TABLE)["Items"]

    def close(self):
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@pytest.fixture
def table():
    with closing(Table()) as table:
        yield table


@pytest.fixture
def house(table, tmp_path):
    """Starts functions on the table, before one Amazon Connect."""
    with ExitStack() as running:
        standin = running.enter_context(closing(Standin("--no-throttle")))

        def settings(**more):
            own = {
                "SCIM_TOKEN": TOKEN,
                "DEACTIVATE": "suspend",
                "SUSPENDED_SECURITY_PROFILE": standin.security_profiles["No Access"],
                "AWS_ENDPOINT_URL_DYNAMODB": table.endpoint,
            }
            return Deployment.environment(standin, **own | more)

        def start(**more):
            environment = settings(**{"ROSTER": "dynamodb", "ROSTER_TABLE": TABLE} | more)
            log = tmp_path / f"function-{len(list(tmp_path.iterdir()))}.log"
            return running.enter_context(closing(Function(environment, log)))

        start.standin, start.settings = standin, settings
        yield start


def scim(function, method, path, document=None):
    body = b"" if document is None else json.dumps(document).encode()
    path, _, query = path.partition("?")
    event = http_event(
        f"/scim/v2{path}", method=method, headers=HEADERS, body=body, query=quote(query, "=&")
    )
    answer = Answer.of(function.invoke(event))
    return answer.status, json.loads(answer.body) if answer.body else None


def user(name, **more):
    schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"]
    own = {"userName": name, "name": {"givenName": "Ana", "familyName": "Ruiz"}, "active": True}
    return {"schemas": schemas, "externalId": f"id-{name}"} | own | more


def test_a_life_told_to_two_functions_by_scim(house, table):
    one, other = house(), house()
    status, made = scim(one, "POST", "/Users", user("ana@example.com"))
    assert status == 201, made
    assert [*house.standin.users()] == ["ana@example.com"]
    status, again = scim(other, "POST", "/Users", user("ana@example.com"))
    assert (status, again["scimType"]) == (409, "uniqueness")
    status, found = scim(other, "GET", '/Users?filter=userName eq "ana@example.com"')
    assert (status, found["totalResults"], found["Resources"]) == (200, 1, [made])
    path = f"/Users/{made['id']}"
    leave = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
    assert scim(other, "PATCH", path, leave)[0] == 200
    shut = [house.standin.security_profiles["No Access"]]
    assert house.standin.users()["ana@example.com"]["SecurityProfileIds"] == shut
    status, shown = scim(one, "GET", path)
    assert (status, shown["active"]) == (200, False), "no function keeps what another has changed"
    assert scim(one, "DELETE", path)[0] == 204
    assert scim(other, "GET", path)[0] == 404
    state = json.dumps(house.standin.users())
    assert house.standin.security_profiles["Agent"] not in state


def test_signed_events_and_a_group_give_what_they_give_anywhere(house):
    grants = {"Leads": {"securityProfiles": ["CallCenterManager"]}}
    function = house(GROUP_PROFILES=json.dumps(grants))
    status, made = scim(function, "POST", "/Users", user("bea@example.com"))
    assert status == 201, made
    group = {"displayName": "Leads", "members": [{"value": made["id"]}]}
    status, leads = scim(function, "POST", "/Groups", group)
    assert status == 201, leads
    function.invoke(DRAIN)
    lead = house.standin.security_profiles["CallCenterManager"]
    assert house.standin.users()["bea@example.com"]["SecurityProfileIds"] == [lead]
    assert scim(function, "DELETE", f"/Groups/{leads['id']}")[0] == 204
    function.invoke(DRAIN)
    agent = house.standin.security_profiles["Agent"]
    assert house.standin.users()["bea@example.com"]["SecurityProfileIds"] == [agent]
    joins = Answer.of(function.invoke(signed(people.envelope("user.created", people.user("carl@example.com")))))
    assert joins.status == 201, joins


def test_what_connect_did_not_take_is_left_to_the_drain(house):
    inlet, drain = house(), house()
    house.standin.control(faults={"CreateUser": ["throttle"] * 9})
    names = [f"agent{number}@example.com" for number in range(4)]
    told = [scim(inlet, "POST", "/Users", user(name)) for name in names]
    assert {status for status, _ in told} <= {201, 202}, told
    assert house.standin.users() == {}, "all of it is left to the drain"
    house.standin.control(faults={"CreateUser": []})
    assert drain.invoke(DRAIN) == {}
    assert sorted(house.standin.users()) == names
    line = next(line for line in drain.metrics() if "DrainRuns" in line)
    assert (line["DrainRuns"], line["DrainFailed"], line["OldestPendingSeconds"]) == (1, 0, 0)
    status, listed = scim(inlet, "GET", "/Users?count=2")
    assert (status, listed["totalResults"], len(listed["Resources"])) == (200, 4, 2)


def test_a_function_that_is_killed_in_the_middle_leaves_nothing_undone(house):
    function = house()
    house.standin.control(slowMs=3000, faults={"CreateUser": ["slow"]})
    with ThreadPoolExecutor(1) as pool:
        cut = pool.submit(scim, function, "POST", "/Users", user("dora@example.com"))
        wait_for(lambda: house.standin.calls().get("CreateUser"), "the call")
        function.kill_bootstrap()
        with pytest.raises(Exception):
            cut.result()
    status, found = scim(house(), "GET", '/Users?filter=userName eq "dora@example.com"')
    assert (status, found["totalResults"]) == (200, 1), "it was written before Connect was called"


def test_serve_and_parked_stand_on_the_same_table(house, table, tmp_path):
    status, made = scim(house(), "POST", "/Users", user("eva@example.com"))
    assert status == 201, made
    flags = ["--roster", f"dynamodb:{TABLE}"]
    settings = table.environment | house.settings()
    with closing(Serve(tmp_path / "serve.log", *flags, "--connect", "aws", **settings)) as serve:
        answer = serve.send(f"/scim/v2/Users/{made['id']}", b"", [*HEADERS.items()], "GET")
        assert json.loads(answer.body)["userName"] == "eva@example.com"
    listed = run("parked", *flags, "--json", env=table.environment)
    assert json.loads(listed.stdout)["counts"]["applied"] == 1, listed


def test_a_table_that_is_not_there_is_told(house, table):
    function = house(ROSTER_TABLE="nobody-made-it")
    status, answer = scim(function, "POST", "/Users", user("fay@example.com"))
    assert status == 503, answer
    told = run("parked", "--roster", "dynamodb:nobody-made-it", env=table.environment)
    assert told.returncode != 0 and "cannot open the roster" in told.stderr, told
    again = run("roster", "init", f"dynamodb:{TABLE}", env=table.environment)
    assert "there is a table of this name already" in again.stderr, again


def test_a_person_is_found_in_the_table_under_no_key_of_theirs(house, table):
    scim(house(), "POST", "/Users", user("gil@example.com"))
    keys = json.dumps([[item["pk"], item["sk"]] for item in table.items()])
    assert "gil" not in keys and "example.com" not in keys
