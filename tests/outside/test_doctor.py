"""Whoever sets the function up is told what is wrong with it, by the variable's name and with what
to do about it: from the settings alone, or with AWS being asked too."""

import json
import os
import pty
import re
import subprocess
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deployments import HR_SECRET, SECRET, Deployment
from programs import (
    CHATTY, CONNECT_PROVISIONER, PLATFORM, SecretsManager, Standin, free_addresses, run,
)  # fmt: skip
from standard_webhooks import key, secret

STORED = secret(b"a key that is kept out of everyone's sight")
SHORT = secret(b"canary-short")
NOWHERE = "99999999-2222-4333-8444-555555555555"
ELSEWHERE = f"arn:aws:connect:us-east-1:123456789012:instance/{NOWHERE}"
ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:hook-AbCdEf"
AWS = {
    name: PLATFORM[name] for name in ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
} | {"AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture(scope="module")
def clinic():
    with closing(Standin("--no-throttle")) as connect:
        yield connect


@pytest.fixture
def connect(clinic):
    clinic.control(reset=True)
    return clinic


@pytest.fixture(scope="module")
def vault(tmp_path_factory):
    with closing(SecretsManager(tmp_path_factory.mktemp("vault") / "recording")) as vault:
        yield vault


@pytest.fixture
def sound(connect):
    """Settings with which all is well; these instead of its own, and None to leave one out."""

    def sound(**settings):
        settings = {"DEPLOYMENT": "prod"} | AWS | settings
        return CHATTY | Deployment.environment(connect, **settings)

    return sound


def examine(environment, *flags):
    """What is found, as JSON, and seen to be the same as a table."""
    told = run("doctor", "--json", *flags, env=environment)
    (line,) = told.stdout.splitlines()
    findings = json.loads(line)
    for secret in (SECRET, HR_SECRET, STORED, SHORT):
        for guise in (secret.removeprefix("whsec_"), key(secret).decode()):
            assert guise not in told.stdout + told.stderr
    for finding in findings:
        assert set(finding) == {"state", "subject", "found", "advice"}
        assert finding["subject"] and finding["found"]
        assert (finding["state"] == "ok") == (finding["advice"] == ""), "who is ill is advised"
    count = len(those("problem", findings))
    assert told.returncode == (1 if count else 0)
    plural = "" if count == 1 else "s"
    assert told.stderr == (f"error: {count} problem{plural} found\n" if count else "")
    return findings


def those(state, findings):
    return [finding for finding in findings if finding["state"] == state]


def only_problem(findings):
    (problem,) = those("problem", findings)
    return problem["subject"], problem["found"], problem["advice"]


def text_of(finding):
    return "; ".join(filter(None, [finding["found"], finding["advice"]]))


# --- From the settings alone ----------------------------------------------------------------------


DIRECT = "direct, without a roster: users are created, leavers are ignored, and /scim/v2 is 404"


def test_a_sound_set_up_is_told_what_it_is(sound, connect):
    findings = examine(sound(HOOK_OKTA_SCHEME="svix"))

    assert [(one["state"], one["subject"], one["found"]) for one in findings] == [
        ("ok", "mode", DIRECT),
        ("ok", "CONNECT_INSTANCE", f"instance {connect.instance_id} in us-east-1"),
        ("ok", "IDENTITY_MANAGEMENT", "SAML"),
        ("ok", "DEPLOYMENT", "prod"),
        ("ok", "HOOK_HR_SCHEME", "/hooks/hr by standard-webhooks, 1 key in the clear"),
        ("ok", "HOOK_OKTA_SCHEME", "/hooks/okta by svix, 1 key in the clear"),
    ]
    assert connect.state()["calls"] == {}, "nobody was asked"


def test_what_works_and_should_be_looked_at_is_no_problem(sound):
    okta, hr = {"HOOK_OKTA_SCHEME": "okta"}, {"HOOK_HR_SECRET": None, "HOOK_HR_SECRET_ARN": ARN}
    findings = examine(sound(DEPLOYMENT=None, **okta, **hr))

    warnings = {one["subject"]: text_of(one) for one in those("warning", findings)}
    assert list(warnings) == ["DEPLOYMENT", "HOOK_OKTA_APPS"]
    assert "give each a lasting name of its own" in warnings["DEPLOYMENT"]
    assert "nobody joins by this source's event hooks; set it" in warnings["HOOK_OKTA_APPS"]
    found = {one["subject"]: one["found"] for one in findings}
    assert found["HOOK_HR_SCHEME"].endswith("its key in Secrets Manager")


BROKEN = {
    "a typo": ({"HOOK_OKTA_SERCET": "x"}, "HOOK_OKTA_SERCET", "found another name", "docs/settings.md"),
    "a source in lower case": (
        {"HOOK_okta_APPS": "x"}, "HOOK_okta_APPS", "a source of A-Z 0-9 _", "docs/settings.md",
    ),
    "no scheme": ({"HOOK_HR_SCHEME": None}, "HOOK_HR_SCHEME", "found none", "table of schemes"),
    "a scheme that is none": (
        {"HOOK_HR_SCHEME": "hmac"}, "HOOK_HR_SCHEME", "one of standard-webhooks, svix",
        "table of schemes",
    ),
    "no secret": ({"HOOK_HR_SECRET": None}, "HOOK_HR_SECRET", "found none", "sender's settings"),
    "a short secret": (
        {"HOOK_HR_SECRET": SHORT}, "HOOK_HR_SECRET", "at least 24 bytes, found 12", "sender's",
    ),
    "a secret in both places": (
        {"HOOK_HR_SECRET_ARN": ARN}, "HOOK_HR_SECRET_ARN", "HOOK_HR_SECRET, found both", "unset",
    ),
    "a secret's name for its ARN": (
        {"HOOK_HR_SECRET": None, "HOOK_HR_SECRET_ARN": "hook"}, "HOOK_HR_SECRET_ARN",
        "a Secrets Manager secret's ARN", "Secret details",
    ),
    "no instance": ({"CONNECT_INSTANCE": ""}, "CONNECT_INSTANCE", "found none", "Account overview"),
    "an instance by its alias": (
        {"CONNECT_INSTANCE": "standin"}, "CONNECT_INSTANCE", "(a UUID) or ARN", "Account overview",
    ),
    "no Region": (
        {"CONNECT_INSTANCE": NOWHERE, "AWS_REGION": None}, "AWS_REGION", "found none", "Region of",
    ),
    "another instance's profile": (
        {"ROUTING_PROFILE": f"{ELSEWHERE}/routing-profile/{NOWHERE}"}, "ROUTING_PROFILE",
        "found one of another instance", "list-routing-profiles",
    ),
    "a profile of another kind": (
        {"ALLOWED_SECURITY_PROFILES": f"{ELSEWHERE}/agent-group/{NOWHERE}"},
        "ALLOWED_SECURITY_PROFILES", "found that of another kind", "SECURITY_PROFILES",
    ),
    "too many profiles": (
        {"SECURITY_PROFILES": ",".join("abcdefghijk")}, "SECURITY_PROFILES", "found 11",
        "list-security-profiles",
    ),
    "another kind of instance": (
        {"IDENTITY_MANAGEMENT": "OIDC"}, "IDENTITY_MANAGEMENT", "one of SAML, CONNECT_MANAGED",
        "describe-instance",
    ),
    "channels and a phone": (
        {"CHANNELS": '{"AutoAcceptConfigs": [{"Channel": "CHAT", "AutoAccept": true}]}',
         "AUTO_ACCEPT": "false"},
        "AUTO_ACCEPT", "expected it or CHANNELS, found both", "unset it",
    ),
    "channels that are none": (
        {"CHANNELS": '{"AutoAccept": true}'}, "CHANNELS", "at line 1", "UpdateUserConfig",
    ),
    "tags of ours": (
        {"TAGS": "managed-by=me"}, "TAGS", "expected keys of your own", "key=value",
    ),
    "no number": (
        {"AFTER_CONTACT_WORK_SECONDS": "1m"}, "AFTER_CONTACT_WORK_SECONDS", "whole number", "0",
    ),
    "an overlap of years": (
        {"KEY_OVERLAP_HOURS": "9000"}, "KEY_OVERLAP_HOURS", "0 to 8760", "your own choice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("settings, variable, problem, advice", BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_is_told_by_its_variable_and_what_to_do(
    sound, connect, settings, variable, problem, advice
):
    subject, found, advised = only_problem(examine(sound(**settings), "--online"))

    assert subject == variable
    assert problem in found
    assert advice in advised
    assert connect.state()["calls"] == {}, "there is nothing to ask AWS for yet"


def test_everything_that_is_missing_is_told_at_once():
    findings = examine({})
    assert [one["subject"] for one in those("problem", findings)] == [
        "HOOK_<SOURCE>_SCHEME", "CONNECT_INSTANCE", "ROUTING_PROFILE", "SECURITY_PROFILES",
    ]  # fmt: skip


def test_an_endpoint_with_which_the_function_would_not_start_is_a_problem(sound):
    settings = sound(AWS_ENDPOINT_URL_CONNECT="localhost:8080")
    subject, found, advice = only_problem(examine(settings))
    assert subject == "AWS_ENDPOINT_URL_CONNECT"
    assert "expected a URL with http or https" in found
    assert "unset it" in advice


def test_where_the_functions_roster_is_is_looked_at(sound):
    assert examine(sound(ROSTER="none"))[0]["found"].startswith("direct")
    roster = {"DEACTIVATE": "delete", "SUSPENDED_SECURITY_PROFILE": "No Access"}
    assert only_problem(examine(sound(ROSTER="dynamodb", **roster)))[0] == "ROSTER_TABLE"
    assert only_problem(examine(sound(ROSTER="dynamo", **roster)))[0] == "ROSTER"
    told = examine(sound(ROSTER="dynamodb", ROSTER_TABLE="people", **roster))
    assert those("problem", told) == []
    assert told[0]["found"].startswith("with a roster")


def test_a_roster_and_scim_are_looked_at_where_one_of_their_settings_is(sound):
    groups = '{"A": {"routingProfile": "Sales"}}'
    roster = {"DEACTIVATE": "delete", "SCIM_TOKEN": SECRET, "GROUP_PROFILES": groups}
    findings = examine(sound(**roster))
    assert findings[0]["found"].startswith("with a roster: Connect is made to follow it")
    assert [(one["state"], one["subject"], one["found"]) for one in findings[6:]] == [
        ("ok", "DEACTIVATE", "who leaves is removed"),
        ("warning", "SUSPENDED_SECURITY_PROFILE", "none, though DEACTIVATE is delete"),
        ("ok", "SCIM_TOKEN", "/scim/v2, 1 token in the clear"),
        ("ok", "GROUP_PROFILES", "1 group to give something to its members"),
        ("warning", "GROUP_PROFILES", "1 group by name alone"),
    ]
    by_id = '{"A": {"externalId": "7f3c", "routingProfile": "Sales"}}'
    sound_in_all = roster | {"GROUP_PROFILES": by_id, "SUSPENDED_SECURITY_PROFILE": "No Access"}
    assert those("warning", examine(sound(**sound_in_all))) == []
    assert only_problem(examine(sound(SCIM_TOKEN=SECRET)))[0] == "DEACTIVATE"
    problem = only_problem(examine(sound(**roster | {"GROUP_PROFILES": '{"A": {}}'})))
    assert (problem[0], problem[1].split(":")[0]) == ("GROUP_PROFILES", 'group 1, "A"')
    without = examine(sound(**roster | {"SCIM_TOKEN": None, "GROUP_PROFILES": None}))
    told = {one["subject"]: one["found"] for one in without}
    assert told["GROUP_PROFILES"] == "none"
    expected = "none, so /scim/v2 is 404; set it or SCIM_TOKEN_SECRET_ARN to have SCIM"
    assert told["SCIM_TOKEN"] == expected


def test_what_groups_give_may_stand_in_a_file_and_is_not_lost_in_bash(sound, tmp_path):
    """Bash has a variable GROUPS of its own, and drops what it is given."""
    grants = '{"A": {"routingProfile": "Sales"}}'
    (tmp_path / "groups.json").write_text(grants)
    own = sound(DEACTIVATE="delete")
    for value in (grants, "@groups.json"):
        script = f"export GROUP_PROFILES='{value}'; exec '{CONNECT_PROVISIONER}' doctor"
        told = subprocess.run(
            ["bash", "-c", script], env=own, cwd=tmp_path, capture_output=True, text=True, timeout=20
        )
        assert "ok\tGROUP_PROFILES\t1 group to give something to its members" in told.stdout
        assert told.returncode == 0
    missing = examine(own | {"GROUP_PROFILES": "@nowhere.json"})
    _, found, _ = only_problem(missing)
    assert found.startswith("nowhere.json: expected a file to read, found none: No such file")


@pytest.mark.parametrize(
    "typo, meant",
    [("DEACTIVTE", "DEACTIVATE"), ("AUTO_ACEPT", "AUTO_ACCEPT"),
     ("MAX_REMOVAL_PER_HOUR", "MAX_REMOVALS_PER_HOUR"), ("HOKO_HR_SECRET", "HOOK_HR_SECRET")],
)  # fmt: skip
def test_a_misspelt_setting_is_a_warning(sound, typo, meant):
    roster = {"DEACTIVATE": "delete", "SUSPENDED_SECURITY_PROFILE": "No Access"}
    for settings in ({}, roster, {"ROUTING_PROFILE": None}):
        (warning,) = those("warning", examine(sound(**settings | {typo: "0"})))
        assert warning["subject"] == typo
        assert warning["found"] == f"expected the name of a setting, found one near {meant}"


def test_a_group_that_nobody_pushed_is_named(sound, serve, tmp_path):
    file = tmp_path / "roster.redb"
    secrets = {"HOOK_DEMO_SECRET": SECRET, "HOOK_OKTA_SECRET": SECRET, "SCIM_TOKEN": SECRET}
    own = serve("--no-throttle", "--roster", str(file), **secrets)
    headers = {"authorization": f"Bearer {SECRET}"}.items()
    pushed = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Connect Sales"}
    assert own.send("/scim/v2/Groups", json.dumps(pushed).encode(), headers).status == 201
    own.close()
    grant = {"routingProfile": "Sales"}
    groups = {"connect sales": grant, "Connect Slaes": grant, "Leads": grant | {"externalId": "7f3c"}}
    roster = {"DEACTIVATE": "delete", "SUSPENDED_SECURITY_PROFILE": "No Access"}

    findings = examine(sound(**roster, GROUP_PROFILES=json.dumps(groups)), "--roster", str(file))

    by_name, warning, by_id = those("warning", findings)
    assert by_name["found"] == "2 groups by name alone"
    assert by_id["found"] == 'no pushed group has the externalId "7f3c" of "Leads"'
    assert warning["subject"] == "GROUP_PROFILES"
    assert warning["found"] == 'no pushed group is called "Connect Slaes"'
    assert warning["advice"] == "push it, or name one of Connect Sales"
    nowhere = run("doctor", "--roster", "nowhere.redb", env=sound(DEACTIVATE="delete"), cwd=tmp_path)
    assert nowhere.returncode == 1 and "expected the file of a roster, found none" in nowhere.stderr
    assert not (tmp_path / "nowhere.redb").exists()


# --- With AWS being asked -------------------------------------------------------------------------


def test_whether_connect_ends_sessions_is_asked_and_why_it_does_not_is_told(sound, connect):
    roster = {"DEACTIVATE": "delete", "SUSPENDED_SECURITY_PROFILE": "No Access"}
    told = {one["subject"]: one for one in examine(sound(**roster), "--online")}
    assert told["END_SESSIONS"]["found"] == "Amazon Connect ends the sessions of whoever leaves"
    connect.control(always={"DeleteAllEntitySessions": "denied"})
    (warning,) = those("warning", examine(sound(**roster), "--online"))
    assert warning["subject"] == "END_SESSIONS"
    assert "AccessDeniedException" in warning["found"]
    assert "connect:DeleteAllEntitySessions" in warning["advice"]
    assert "END_SESSIONS" not in {
        one["subject"] for one in examine(sound(**roster, END_SESSIONS="false"), "--online")
    }


def test_whatever_is_meant_is_found_and_shown_with_its_arn(sound, connect, vault):
    """Whether it is set by name, by id or by ARN."""
    arn, sales = connect.instance_arn, connect.routing_profiles["Sales"]
    agent, analyst = (connect.security_profiles[name] for name in ("Agent", "QualityAnalyst"))
    emea, iberia = (connect.hierarchy_groups[name] for name in ("EMEA", "Iberia"))
    kept, rotated = vault.keep(STORED), vault.keep(STORED, region="eu-west-2")
    vault.secrets_in("eu-west-2").put_secret_value(SecretId=rotated, SecretString=f'["{STORED}"]')

    findings = examine(
        sound(
            ROUTING_PROFILE="Sales",
            SECURITY_PROFILES=f"Agent,{analyst.upper()}",
            HIERARCHY_GROUP=f"{arn}/agent-group/{iberia}",
            ALLOWED_ROUTING_PROFILES=sales,
            ALLOWED_HIERARCHY_GROUPS="EMEA",
            HOOK_HR_SECRET=None,
            HOOK_HR_SECRET_ARN=kept,
            HOOK_OKTA_SECRET=None,
            HOOK_OKTA_SECRET_ARN=rotated,
            AWS_ENDPOINT_URL_SECRETS_MANAGER=vault.endpoint,
        ),
        "--online",
    )

    assert {one["state"] for one in findings} == {"ok"}
    assert [(one["subject"], one["found"]) for one in findings[6:]] == [
        ("CONNECT_INSTANCE", "standin, ACTIVE"),
        ("IDENTITY_MANAGEMENT", "SAML, as the instance has it"),
        ("ROUTING_PROFILE", f"routing profile Sales, {arn}/routing-profile/{sales}"),
        ("ALLOWED_ROUTING_PROFILES", f"routing profile Sales, {arn}/routing-profile/{sales}"),
        ("SECURITY_PROFILES", f"security profile Agent, {arn}/security-profile/{agent}"),
        ("SECURITY_PROFILES", f"security profile QualityAnalyst, {arn}/security-profile/{analyst}"),
        ("HIERARCHY_GROUP", f"hierarchy group Iberia, {arn}/agent-group/{iberia}"),
        ("ALLOWED_HIERARCHY_GROUPS", f"hierarchy group EMEA, {arn}/agent-group/{emea}"),
        ("HOOK_HR_SECRET_ARN", "1 key, 0 replaced and still believed"),
        ("HOOK_OKTA_SECRET_ARN", "1 key, 1 replaced and still believed"),
    ]
    assert all(call.startswith(("Describe", "List")) for call in connect.calls())


def test_what_groups_give_and_who_is_shut_out_gets_is_looked_for_too(sound, connect, vault):
    kept = vault.keep(STORED)
    grants = {"securityProfiles": ["QualityAnalyst"], "hierarchyGroup": "EMEA"}
    roster = {
        "DEACTIVATE": "suspend",
        "SUSPENDED_SECURITY_PROFILE": "No Access",
        "SCIM_TOKEN_SECRET_ARN": kept,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": vault.endpoint,
    }
    groups = {"Leads": grants, "Sales": {"routingProfile": "Nobody's"}}
    findings = examine(sound(**roster, GROUP_PROFILES=json.dumps(groups)), "--online")
    subject, found, advice = only_problem(findings)
    assert subject == 'GROUP_PROFILES["Sales"].routingProfile'
    assert found == f'"Nobody\'s", a routing profile {MISSING}'
    assert "Sales" in advice
    told = [(one["subject"], one["found"].split(",")[0]) for one in findings if one["state"] == "ok"]
    for subject, found in [
        ("SUSPENDED_SECURITY_PROFILE", "security profile No Access"),
        ('GROUP_PROFILES["Leads"].securityProfiles', "security profile QualityAnalyst"),
        ('GROUP_PROFILES["Leads"].hierarchyGroup', "hierarchy group EMEA"),
        ("SCIM_TOKEN_SECRET_ARN", "1 key"),
    ]:
        assert (subject, found) in told


MISSING = "that the instance does not have"


@pytest.mark.parametrize(
    "setting, value, noun, advice",
    [
        ("ROUTING_PROFILE", NOWHERE, "routing profile", "Basic Routing Profile, Sales, Support"),
        ("ROUTING_PROFILE", "sales", "routing profile", "Basic Routing Profile, Sales, Support"),
        ("SECURITY_PROFILES", "Agent,Agnet", "security profile", "Admin, Agent, CallCenterManager"),
        ("HIERARCHY_GROUP", "APAC", "hierarchy group", "EMEA, Iberia"),
        ("ALLOWED_ROUTING_PROFILES", f"Sales,{NOWHERE}", "routing profile", "Sales, Support"),
        ("ALLOWED_SECURITY_PROFILES", "Agents", "security profile", "Admin, Agent,"),
        ("ALLOWED_HIERARCHY_GROUPS", "EMEA,emea", "hierarchy group", "EMEA, Iberia"),
    ],
)
def test_what_the_instance_does_not_have_is_told_with_what_it_has(
    sound, setting, value, noun, advice
):
    subject, found, advised = only_problem(examine(sound(**{setting: value}), "--online"))
    word = value.rpartition(",")[2]
    assert (subject, found) == (setting, f'"{word}", a {noun} {MISSING}')
    told = advised.removeprefix("choose one of ").split(", ")
    assert set(advice.rstrip(",").split(", ")) <= set(told)
    nearest = {"sales": "Sales", "Agnet": "Agent", "Agents": "Agent", "emea": "EMEA"}
    assert told[0] == nearest.get(word, told[0]), "the nearest comes first"


@pytest.fixture
def twins():
    """An instance that is still being made, and has two groups of one name."""
    groups = [{"Id": f"{number}", "Arn": f"arn:{number}", "Name": "EMEA"} for number in (1, 2)]
    profile = {"Id": NOWHERE, "Arn": "arn:0", "Name": "Agent"}
    answers = {
        "instance": {
            "Instance": {
                "IdentityManagementType": "SAML", "InstanceStatus": "CREATION_IN_PROGRESS",
            },
        },
        "routing-profiles-summary": {"RoutingProfileSummaryList": [profile]},
        "security-profiles-summary": {"SecurityProfileSummaryList": [profile]},
        "user-hierarchy-groups-summary": {"UserHierarchyGroupSummaryList": groups},
    }  # fmt: skip

    class Connect(BaseHTTPRequestHandler):
        def do_GET(self):
            answer = json.dumps(answers[self.path.split("/")[1]]).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Connect)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_name_that_two_have_is_told_with_their_arns(sound, twins):
    profiles = {"ROUTING_PROFILE": NOWHERE, "SECURITY_PROFILES": "Agent"}
    settings = sound(HIERARCHY_GROUP="EMEA", AWS_ENDPOINT_URL_CONNECT=twins, **profiles)

    findings = examine(settings, "--online")

    subject, found, advice = only_problem(findings)
    assert (subject, found) == (
        "HIERARCHY_GROUP", '"EMEA", a hierarchy group whose name others have too',
    )
    assert advice == "name it by ARN, one of arn:1, arn:2"
    (warning,) = those("warning", findings)
    assert warning["found"] == "without an alias, CREATION_IN_PROGRESS"
    assert warning["advice"] == "wait until it is ACTIVE"


def test_an_instance_of_another_kind_is_told_with_its_kind(sound, standin):
    managed = standin("--no-throttle", "--identity", "CONNECT_MANAGED")
    settings = sound(AWS_ENDPOINT_URL_CONNECT=managed.endpoint)

    subject, found, advice = only_problem(examine(settings, "--online"))

    assert subject == "IDENTITY_MANAGEMENT"
    assert found == "SAML, but the instance has CONNECT_MANAGED"
    assert "set it to CONNECT_MANAGED" in advice
    examine(settings | {"IDENTITY_MANAGEMENT": "CONNECT_MANAGED"}, "--online")


def test_an_instance_that_is_not_there_is_told(sound):
    findings = examine(sound(CONNECT_INSTANCE=NOWHERE), "--online")

    first = those("problem", findings)[0]
    assert first["subject"] == "CONNECT_INSTANCE"
    assert re.fullmatch(
        r"DescribeInstance: ResourceNotFoundException, status 404, request \S+", first["found"]
    )
    assert "check the instance's id and Region" in first["advice"]


@pytest.mark.parametrize(
    "operation, variable",
    [
        ("DescribeInstance", "CONNECT_INSTANCE"),
        ("ListRoutingProfiles", "ROUTING_PROFILE"),
        ("ListSecurityProfiles", "SECURITY_PROFILES"),
        ("ListUserHierarchyGroups", "ALLOWED_HIERARCHY_GROUPS"),
    ],
)
def test_a_permission_that_lacks_is_told_by_its_operation(sound, connect, operation, variable):
    connect.control(faults={operation: ["denied"]})

    findings = examine(sound(ALLOWED_HIERARCHY_GROUPS="EMEA"), "--online")

    subject, found, advice = only_problem(findings)
    assert subject == variable
    assert found.startswith(f"{operation}: AccessDeniedException, status 403, request ")
    assert "permission for this operation" in advice
    assert len(findings) >= 8, "the rest was looked at all the same"


def test_secrets_that_cannot_be_used_are_told_each_by_its_variable(sound, vault):
    gone = vault.keep(STORED)
    vault.secrets.delete_secret(SecretId=gone, ForceDeleteWithoutRecovery=True)
    kept = {
        "GONE": (gone, "no such secret"),
        "EMPTY": (vault.keep(None), "no such secret"),
        "SHORT": (vault.keep(SHORT), "key 1: expected at least 24 bytes, found 12"),
        "OBJECT": (vault.keep(json.dumps({"key": STORED})), "found a JSON object"),
        "BINARY": (vault.keep(key(STORED)), "found a binary secret"),
        "FIVE": (vault.keep(json.dumps([STORED] * 5)), "expected 1 to 4 keys, found 5"),
        "WELL": (vault.keep(STORED), "1 key"),
    }
    settings = {f"HOOK_{source}_SECRET_ARN": arn for source, (arn, _) in kept.items()}
    settings |= {f"HOOK_{source}_SCHEME": "standard-webhooks" for source in kept}
    settings |= {"AWS_ENDPOINT_URL_SECRETS_MANAGER": vault.endpoint}

    findings = examine(sound(**settings), "--online")

    told = {one["subject"]: one for one in findings if one["subject"].endswith("_ARN")}
    assert told.keys() == {f"HOOK_{source}_SECRET_ARN" for source in kept}
    for source, (_, expected) in kept.items():
        one = told[f"HOOK_{source}_SECRET_ARN"]
        assert expected in one["found"]
        assert one["state"] == ("ok" if source == "WELL" else "problem")
        assert one["state"] == "ok" or "secretsmanager:GetSecretValue" in one["advice"]


def test_credentials_that_lack_are_told(sound):
    settings = sound(
        AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None,
        HOOK_HR_SECRET=None, HOOK_HR_SECRET_ARN=ARN,
    )  # fmt: skip

    told = those("problem", examine(settings, "--online"))

    assert [(one["subject"], one["found"]) for one in told] == [
        (variable, f"{operation}: no usable credentials, status 0, request unknown")
        for variable, operation in [
            ("CONNECT_INSTANCE", "DescribeInstance"),
            ("ROUTING_PROFILE", "ListRoutingProfiles"),
            ("SECURITY_PROFILES", "ListSecurityProfiles"),
            ("HOOK_HR_SECRET_ARN", "GetSecretValue"),
        ]
    ]
    assert "your credentials (aws sts get-caller-identity)" in told[0]["advice"]


def test_a_door_that_nobody_opens_is_told(sound):
    (nobody,) = free_addresses(1)

    told = those("problem", examine(sound(AWS_ENDPOINT_URL_CONNECT=f"http://{nobody}"), "--online"))

    assert told[0]["subject"] == "CONNECT_INSTANCE"
    assert told[0]["found"].startswith("DescribeInstance: the connection failed")
    assert told[0]["advice"]


# --- For people and for programs ------------------------------------------------------------------


def test_a_program_gets_tabs_and_no_colours(sound):
    settings = sound(DEPLOYMENT=None)
    told = run("doctor", env=settings)
    assert (told.returncode, told.stderr) == (0, "")
    assert [line.split("\t") for line in told.stdout.splitlines()] == [
        [one["state"], one["subject"], text_of(one)] for one in examine(settings)
    ]
    assert "\x1b" not in told.stdout


def on_a_terminal(environment):
    """What a terminal is sent, and the exit status."""
    ours, theirs = pty.openpty()
    with closing(os.fdopen(ours, "rb", buffering=0)) as terminal:
        process = subprocess.Popen(
            [CONNECT_PROVISIONER, "doctor"],
            env=environment, stdout=theirs, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs)
        shown = b""
        try:
            while some := terminal.read(4096):
                shown += some
        except OSError:
            pass  # so Linux tells that nobody writes any more
        return shown.decode().splitlines(), process.wait(timeout=10)


GREEN, YELLOW, RED = "\x1b[32m", "\x1b[33m", "\x1b[31m"


def aligned(findings):
    """The rows as wide as the widest cell of each column asks for."""
    states, subjects = (max(len(one[cell]) for one in findings) for cell in ("state", "subject"))
    return [
        f"{one['state']:{states}}  {one['subject']:{subjects}}  {text_of(one)}" for one in findings
    ]


def test_on_a_terminal_it_is_aligned_and_coloured(sound):
    well, ill = sound(DEPLOYMENT=None), sound(ROUTING_PROFILE=None, TAGS="x")
    colours = {"ok": GREEN, "warning": YELLOW, "problem": RED}
    for settings, status in ((well, 0), (ill, 1)):
        findings = examine(settings)
        lines, returned = on_a_terminal(settings)

        assert [re.sub(r"\x1b\[\d+m", "", line) for line in lines] == aligned(findings)
        for line, one in zip(lines, findings, strict=True):
            assert re.match(re.escape(colours[one["state"]]) + r"\w+ *\x1b\[0m", line)
            assert line.count("\x1b") == 2
        assert returned == status


def test_who_wants_no_colours_gets_none(sound):
    settings = sound(DEPLOYMENT=None)
    assert on_a_terminal(settings | {"NO_COLOR": "1"}) == (aligned(examine(settings)), 0)


def test_who_wants_nothing_gets_colours(sound):
    """NO_COLOR counts when it is not empty (no-color.org)."""
    lines, _ = on_a_terminal(sound(NO_COLOR=""))
    assert all(line.startswith(GREEN) for line in lines)
