"""What is deployed is what the code needs and no more: template.yaml as SAM itself reads and
resolves it, against the sources, the papers and the release binary."""

import json
import re
import secrets
import string
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from samcli.lib.providers.provider import Stack
from samcli.lib.providers.sam_base_provider import SamBaseProvider
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.local.lambdafn.env_vars import EnvironmentVariables
from samcli.yamlhelper import yaml_parse

from deployments import Deployment, signed
from http_events import Answer, http_event
from people import owner_tags, user
from programs import BOOTSTRAP, PLATFORM

# SAM calls what it has deprecated itself.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:sam(cli|translator)")

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = (ROOT / "template.yaml").read_text()

ACCOUNT = "arn:aws:connect:us-east-1:123456789012:instance"
INSTANCE = f"{ACCOUNT}/11111111-2222-4333-8444-555555555555"
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:hook-AbCdEf"
NO_VALUE = {"Ref": "AWS::NoValue"}
ENDPOINTS = {
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_CONNECT",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
}


@cache
def template():
    """As it stands there, with every intrinsic function."""
    return yaml_parse(TEMPLATE)


@cache
def resolved(**parameters):
    """As SAM resolves it, with parameters besides those that have no default, or instead."""
    return SamBaseProvider.get_template(yaml_parse(TEMPLATE), required() | parameters)


def properties(resource):
    return template()["Resources"][resource]["Properties"]


def of_type(type):
    resources = template()["Resources"].items()
    return {name: one.get("Properties") for name, one in resources if one["Type"] == type}


def source(path):
    return (ROOT / path).read_text()


def arn(kind, number, instance=INSTANCE):
    return f"{instance}/{kind}/aaaaaaaa-bbbb-4ccc-8ddd-{number:012}"


def arns(kind, count):
    return ",".join(arn(kind, number) for number in range(count))


def required(instance=INSTANCE):
    """The parameters that everybody has to give."""
    return {
        "ConnectInstanceArn": instance,
        "RoutingProfileArn": arn("routing-profile", 100, instance),
        "SecurityProfileArns": arn("security-profile", 100, instance),
    }


# Each parameter that has a pattern: what it should take, and what it should not.
GOVERNMENT = INSTANCE.replace("aws:connect:us-east-1", "aws-us-gov:connect:us-gov-west-1")
INSTANCES = (
    [INSTANCE, GOVERNMENT],
    [
        "", INSTANCE.rpartition("/")[2], f" {INSTANCE}", f"{INSTANCE},{INSTANCE}", f"{INSTANCE}/",
        arn("routing-profile", 1), INSTANCE.replace("connect", "s3"),
        INSTANCE.replace("1111-", "GGGG-"),
    ],
)  # fmt: skip


def one_of(kind, other, *, optional):
    """One ARN of a kind."""
    one = arn(kind, 1)
    wrong = ["Sales", one.rpartition("/")[2], arn(other, 1), arns(kind, 2), f"{one},"]
    return [one] + [""] * optional, wrong + [""] * (not optional)


def list_of(kind, other, *, optional):
    """Several of them."""
    one = arn(kind, 1)
    wrong = [
        "Agent", arn(other, 1), f"{one},{arn(other, 1)}", f"{one},", f",{one}", f"{one},,{one}",
        f"{one}, {one}", f"{one};{one}", one + one, f"{one}*",
    ]  # fmt: skip
    right = [one, arns(kind, 2), arns(kind, 10)]
    return right + [""] * optional, wrong + ["", arns(kind, 11)] * (not optional)


NAMES = ["", "0oa1a2b3c4D5e6F7g0x7", "Amazon Connect,0oa1", '["Sales, EMEA"]'], [",", " ", "a\nb"]
CHANNELS = '{"AutoAcceptConfigs": [{"Channel": "VOICE", "AutoAccept": true}]}'
PATTERNS = {
    "ConnectInstanceArn": INSTANCES,
    "RoutingProfileArn": one_of("routing-profile", "security-profile", optional=False),
    "SecurityProfileArns": list_of("security-profile", "routing-profile", optional=False),
    "HierarchyGroupArn": one_of("agent-group", "agent", optional=True),
    "AllowedRoutingProfileArns": list_of("routing-profile", "security-profile", optional=True),
    "AllowedSecurityProfileArns": list_of("security-profile", "routing-profile", optional=True),
    "AllowedHierarchyGroupArns": list_of("agent-group", "agent", optional=True),
    "OktaApps": NAMES,
    "OktaGroups": NAMES,
    "AlarmEmail": (
        ["", "ops@example.com", "o.p+s@mail.example.co.uk"],
        ["ops", "ops@example", "@example.com", "a@example.com,b@example.com", "a b@example.com"],
    ),
    "UserTags": (
        ["", "team=blue", "team=blue,cost center=7", "empty=", "sum=1=2"],
        ["team", "=blue", "a=1,", "a=1,b", ",".join(f"k{number}=v" for number in range(48))],
    ),
    "AfterContactWorkSeconds": (
        ["", "0", "30", "1999999", "2000000"], ["2000001", "9999999", "-1", "1.5", "thirty"],
    ),
    "Channels": (["", CHANNELS], ["[]", "VOICE", "{}", "{\n}"]),
    "KeyOverlapHours": (
        ["0", "72", "999", "8759", "8760"], ["", "8761", "9000", "10000", "-1", "1.5"],
    ),
    "BasePath": (["", "provisioning", "/v1/people/"], ["a b", "?a", "https://example.com", "a\n"]),
}  # fmt: skip


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_takes_what_the_function_takes(name):
    """CloudFormation matches the whole value."""
    pattern = template()["Parameters"][name]["AllowedPattern"]
    right, wrong = PATTERNS[name]

    assert [value for value in right if not re.fullmatch(pattern, value)] == []
    assert [value for value in wrong if re.fullmatch(pattern, value)] == []
    for value in right:
        fitting = required(value) if name == "ConnectInstanceArn" else {}
        assert problems(**fitting | {name: value}) == [], value


def test_every_choice_is_one_of_the_functions():
    told = str(declared())
    choices = {
        name: parameter["AllowedValues"]
        for name, parameter in template()["Parameters"].items()
        if "AllowedValues" in parameter and f"'{name}'" in told
    }
    assert len(choices) > 8
    for turn in range(max(map(len, choices.values()))):
        chosen = {name: values[turn % len(values)] for name, values in choices.items()}
        assert problems(**chosen) == [], chosen
    schemes = source("src/trust/scheme.rs").partition("static SCHEMES")[2].partition("];\n")[0]
    schemes = re.findall(r'name: "([a-z-]+)"', schemes)
    assert sorted([*choices["GenericScheme"], "okta"]) == sorted(set(schemes))
    identities = re.findall(r'name: "([A-Z_]+)"', source("src/assign/identity.rs"))
    assert sorted(choices["IdentityManagement"]) == sorted(set(identities))


def test_every_parameter_is_described_checked_and_grouped():
    parameters = template()["Parameters"]
    for name, parameter in parameters.items():
        assert len(parameter["Description"]) > 20, name
        assert parameter["ConstraintDescription"].startswith("expected "), name
        assert {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter), name
    patterns = {name for name, parameter in parameters.items() if "AllowedPattern" in parameter}
    assert patterns == set(PATTERNS)
    bounds = [one for one in parameters.values() if one["Type"] == "Number" and "MinValue" in one]
    assert all(one["MinValue"] <= one["Default"] <= one["MaxValue"] for one in bounds)
    to_be_given = [name for name, parameter in parameters.items() if "Default" not in parameter]
    assert to_be_given == list(parameters)[:3] == list(required()), "they are asked for first"
    groups = template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(parameters)


def test_every_setting_is_declared_and_nothing_else():
    """The table of settings, which is written from the code's."""
    told = re.findall(r"^\| `([A-Z][A-Z_<>]+)` \|", source("docs/settings.md"), re.MULTILINE)
    settings = {name.replace("<SOURCE>", hook) for name in told for hook in ("OKTA", "GENERIC")}
    # The deployed function has no roster yet; one on a desk may have one.
    tables = "".join(source(f"src/config/{room}.rs") for room in ("policy", "groups", "scim"))
    roster = set(re.findall(r'Setting \{\s*name: "([A-Z_]+)"', tables))
    assert {"DEACTIVATE", "GROUP_PROFILES", "SCIM_TOKEN"} < roster
    assert roster < settings
    assert all(declared()[name] == NO_VALUE for name in roster | {"ROSTER"})
    assert len(settings) > 45
    assert declared().keys() - ENDPOINTS == settings - {"AWS_REGION"}, "Lambda sets the Region"
    assert ENDPOINTS <= declared().keys(), "SAM passes only what is declared"
    rust = re.findall(r'"(AWS_ENDPOINT_URL[A-Z_]*)"', source("src/lambda.rs"))
    assert ENDPOINTS == set(rust)
    assert [declared()[name] for name in ENDPOINTS] == [NO_VALUE] * 4, "AWS's own, once deployed"


def test_a_deployment_is_named_after_its_stack():
    assert declared()["DEPLOYMENT"] == {"Ref": "AWS::StackName"}


def test_the_function_starts_with_everything_that_can_be_set():
    everything = {
        "HierarchyGroupArn": arn("agent-group", 1),
        "UserTags": "team=blue",
        "EmailAs": "secondary",
        "AllowedRoutingProfileArns": arns("routing-profile", 2),
        "AllowedSecurityProfileArns": arns("security-profile", 5),
        "AllowedHierarchyGroupArns": arns("agent-group", 2),
        "PhoneType": "DESK_PHONE",
        "AutoAccept": "true",
        "AfterContactWorkSeconds": "30",
        "PersistentConnection": "true",
        "OktaApps": "0oa1a2b3c4D5e6F7g0x7",
        "OktaGroups": "00g1a2b3c4D5e6F7g0x7",
        "OktaLifecycle": "true",
        "BasePath": "provisioning",
    }
    assert problems(**everything) == []
    size = sum(len(name) + len(value) for name, value in environment(**everything).items())
    assert size < 4096 - 500, "Lambda takes 4 KB, and real names are longer"


def test_what_excludes_each_other_in_the_code_does_so_in_the_template():
    rust = source("src/config/rules.rs").partition("const SIMPLE")[2].partition(";\n")[0]
    variables = re.findall(r'"(\w+)"', rust)
    assert len(variables) == 4
    rule = template()["Rules"]["ChannelsOrTheFour"]
    (assertion,) = rule["Assertions"]
    excluded = [one["Fn::Equals"] for one in assertion["Assert"]["Fn::And"]]

    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "Channels"}, ""]}]}
    assert excluded == [[declared()[variable], ""] for variable in variables]
    for variable in variables:
        name = declared()[variable]["Ref"]
        assert template()["Parameters"][name]["Default"] == ""
    assert problems(Channels=CHANNELS, AutoAccept="true") == ["AUTO_ACCEPT"]


def test_okta_alone_has_to_be_told_who_joins():
    rule = template()["Rules"]["OktaAloneNeedsToKnowWhoJoins"]
    (assertion,) = rule["Assertions"]
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "Sources"}, "okta"]}
    told = [declared()[f"HOOK_OKTA_{name}"] for name in ("APPS", "GROUPS", "LIFECYCLE")]
    assert re.findall(r"'Ref': '(\w+)'", str(assertion["Assert"])) == [
        one["Fn::If"][1]["Ref"] for one in told
    ]


@pytest.mark.parametrize("sources", [None, "both", "okta", "generic"])
def test_a_source_that_is_left_out_is_not_there(function, sources):
    """Asked by a method that no hook has, before any key is read."""
    parameters = {"OktaApps": "0oa1", "OktaLifecycle": "true"}
    parameters |= {"Sources": sources} if sources else {}
    settings, outputs = environment(**parameters), resolved(**parameters)["Outputs"]
    running = function(settings)

    for hook in ("okta", "generic"):
        url = urlsplit(outputs[f"{hook.title()}HookUrl"]["Value"])
        answer = Answer.of(running.invoke(http_event(url.path, method="DELETE")))
        is_there = sources in (None, "both", hook)
        assert answer.status == (405 if is_there else 404)
        told = [text for name, text in settings.items() if name.startswith(f"HOOK_{hook.upper()}_")]
        assert any(told) == is_there
    health = urlsplit(outputs["HealthUrl"]["Value"])
    assert Answer.of(running.invoke(http_event(health.path, method="GET"))).status == 200


def test_at_least_one_source_is_on():
    """There is no choice that would leave out both."""
    conditions = template()["Conditions"]
    left_out = {"HasOkta": "generic", "HasGeneric": "okta"}
    for name, choice in left_out.items():
        assert conditions[name] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "Sources"}, choice]}]}
    choices = template()["Parameters"]["Sources"]["AllowedValues"]
    assert choices == ["both", *reversed(left_out.values())]


def test_no_secret_has_a_value_of_ours():
    assert set(of_type("AWS::SecretsManager::Secret")) == {"OktaSecret", "GenericSecret"}
    for name in ("Okta", "Generic"):
        secret = template()["Resources"][f"{name}Secret"]
        assert secret["Condition"] == f"Has{name}"
        assert set(secret["Properties"]) == {"Description", "GenerateSecretString"}
        assert secret["Properties"]["GenerateSecretString"] == {
            "PasswordLength": 64, "ExcludePunctuation": True, "IncludeSpace": False,
        }  # fmt: skip
        hook = f"HOOK_{name.upper()}"
        assert declared()[f"{hook}_SECRET"] == ""
        ref = {"Ref": f"{name}Secret"}
        assert declared()[f"{hook}_SECRET_ARN"] == {"Fn::If": [f"Has{name}", ref, ""]}
        show = template()["Outputs"][f"Show{name}Secret"]["Value"]["Fn::Sub"]
        assert show.startswith("aws secretsmanager get-secret-value --region ${AWS::Region} ")
        assert f"--secret-id ${{{name}Secret}} " in show
    assert "NoEcho" not in TEMPLATE


def test_a_generated_secret_is_a_key_for_every_scheme(function, standin):
    schemes = [*template()["Parameters"]["GenericScheme"]["AllowedValues"], "okta"]
    keys = {scheme: generated() for scheme in schemes}
    connect = standin("--no-throttle")
    settings = {"HOOK_OKTA_SCHEME": None, "HOOK_OKTA_SECRET": None}
    for scheme, key in keys.items():
        name = f"HOOK_{scheme.upper().replace('-', '_')}"
        settings |= {f"{name}_SCHEME": scheme, f"{name}_SECRET": key}
    deployment = Deployment(connect, function(Deployment.environment(connect, **settings)))

    sent = signed(user(), path="/hooks/standard_webhooks", secret=keys["standard-webhooks"])
    assert deployment.send(sent).status == 201


def test_the_code_may_call_what_it_calls_and_nothing_else():
    # What changes and removes users is called with a roster alone, which the function has not yet.
    files = {path for path in (ROOT / "src/connect").glob("*.rs") if path.name != "steps.rs"}
    code = "".join(path.read_text() for path in files)
    called = {"CreateUser", *re.findall(r'judge\("(\w+)"', code)}
    assert 'judge("CreateUser"' in source("src/connect/steps.rs")
    by_name = {"ListRoutingProfiles", "ListSecurityProfiles", "ListUserHierarchyGroups"}
    assert by_name | {"CreateUser", "DescribeUser"} <= called, "they are still found like this"
    keys = re.findall(r'CallError::of\("(\w+)"', source("src/keys/read.rs"))

    assert {action for statement in statements() for action in actions(statement)} == {
        *(f"connect:{name}" for name in called - by_name),
        "connect:TagResource",
        "connect:ListUserProficiencies",
        *(f"secretsmanager:{name}" for name in keys),
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }
    roles = of_type("AWS::IAM::Role")
    assert set(roles) == {"FunctionRole"} and "ManagedPolicyArns" not in roles["FunctionRole"]
    assert properties("Function")["Role"] == {"Fn::GetAtt": ["FunctionRole", "Arn"]}
    assert "Policies" not in properties("Function")


def test_no_permission_is_wider_than_it_must_be():
    for statement in statements():
        assert statement["Effect"] == "Allow" and not {"NotAction", "NotResource"} & set(statement)
        assert not any("*" in action for action in actions(statement))
    users = f"{INSTANCE}/agent/*"
    assert permitted("connect:SearchUsers") == permitted("connect:ListUsers") == [INSTANCE]
    assert permitted("connect:DescribeUser") == [INSTANCE, users]
    assert permitted("connect:ListUserProficiencies") == [INSTANCE, users]
    assert permitted("connect:DeleteAllEntitySessions") == [INSTANCE, users]
    assert permitted("connect:TagResource") == [users]
    (keys,) = [one for one in statements() if "secretsmanager:GetSecretValue" in actions(one)]
    assert keys["Resource"] == [
        {"Fn::If": [f"Has{name}", {"Ref": f"{name}Secret"}, NO_VALUE]}
        for name in ("Okta", "Generic")
    ]
    policy = properties("FunctionRole")["Policies"][0]["PolicyDocument"]["Statement"]
    (log,) = [one for one in policy if "logs:PutLogEvents" in actions(one)]
    assert log["Resource"] == {"Fn::GetAtt": ["FunctionLogGroup", "Arn"]}


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"HierarchyGroupArn": arn("agent-group", 1)},
        {"AllowedRoutingProfileArns": arns("routing-profile", 3)},
        {"AllowedSecurityProfileArns": arn("security-profile", 1)},
        {
            "SecurityProfileArns": arns("security-profile", 10),
            "AllowedHierarchyGroupArns": arns("agent-group", 2),
        },
        {
            "HierarchyGroupArn": arn("agent-group", 1),
            "AllowedRoutingProfileArns": arns("routing-profile", 3),
            "AllowedSecurityProfileArns": arns("security-profile", 3),
            "AllowedHierarchyGroupArns": arns("agent-group", 3),
        },
    ],
    ids=["no more", "a group", "routing profiles", "a security profile", "groups", "everything"],
)
def test_users_are_given_what_is_listed_and_nothing_else(parameters):
    given = required() | parameters
    listed = [name for name in given if name.endswith(("ProfileArn", "Arns", "GroupArn"))]
    expected = [arn for name in listed for arn in given[name].split(",")]
    allowed = permitted("connect:CreateUser", **parameters)

    assert sorted(allowed) == sorted([f"{INSTANCE}/agent/*", *expected])


def test_users_can_only_be_made_with_our_tags_in_our_instance():
    """The tags that the code writes; whose the user is, only the code can know."""
    ours = owner_tags("anybody", deployment="local")
    assert ours.pop("provisioner-owner")
    tags = {f"aws:RequestTag/{key}": value for key, value in ours.items()}
    owner = {"aws:RequestTag/provisioner-owner": "false"}
    instance = {"connect:InstanceId": INSTANCE.rpartition("/")[2]}
    connect = [one for one in statements() if actions(one)[0].startswith("connect:")]

    assert {one["Sid"]: one.get("Condition") for one in connect} == {
        "CreateUsersThatBearOurTags": {"StringEquals": tags | instance, "Null": owner},
        "GiveThemWhatIsListed": {"StringEquals": instance},
        # The service authorization reference has no connect:InstanceId for it.
        "TagThem": {"StringEquals": tags, "Null": owner},
        "FindUsers": {"StringEquals": instance},
        "SeeUsers": {"StringEquals": instance},
        # Which keys a request of it has, nothing says.
        "EndSessions": None,
    }


def test_the_answer_is_ours_and_not_the_gateways():
    """An HTTP API gives up after 30 seconds."""
    function = properties("Function")
    assert 10 <= function["Timeout"] < 30
    assert function["MemorySize"] == 256
    assert (function["Handler"], function["Runtime"]) == ("bootstrap", "provided.al2023")
    assert template()["Resources"]["Function"]["Metadata"] == {
        "BuildMethod": "rust-cargolambda", "BuildProperties": {"Binary": "bootstrap"},
    }  # fmt: skip
    (event,) = function["Events"].values()
    assert event == {"Type": "HttpApi", "Properties": {"ApiId": {"Ref": "Api"}}}, "$default alone"
    throttling = {name: {"Ref": name} for name in ("ThrottlingBurstLimit", "ThrottlingRateLimit")}
    assert properties("Api")["DefaultRouteSettings"] == throttling


def test_no_metric_is_filtered_away():
    """A line without a level counts as INFO, and the metrics' lines have none."""
    logging = properties("Function")["LoggingConfig"]
    assert (logging["LogFormat"], logging["ApplicationLogLevel"]) == ("JSON", "INFO")
    assert logging["LogGroup"] == {"Ref": "FunctionLogGroup"}
    groups = of_type("AWS::Logs::LogGroup")
    assert set(groups) == {"FunctionLogGroup", "AccessLogGroup"}
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())


def test_the_access_log_has_neither_query_string_nor_header():
    settings = properties("Api")["AccessLogSettings"]
    assert settings["DestinationArn"] == {"Fn::GetAtt": ["AccessLogGroup", "Arn"]}
    assert "\n" not in settings["Format"]
    assert set(json.loads(settings["Format"]).values()) == {
        f"$context.{name}"
        for name in (
            "requestId", "integration.requestId", "requestTime", "identity.sourceIp", "httpMethod",
            "path", "protocol", "status", "responseLength", "responseLatency",
            "integration.latency", "integration.integrationStatus", "integrationErrorMessage",
            "error.responseType",
        )
    }  # fmt: skip


def metric_names():
    """As src/log.rs writes them."""
    rust = source("src/log.rs").partition("#[cfg(test)]")[0]
    named = re.findall(r'(?:name: |count\()"([A-Z][A-Za-z]+)"|\("([A-Z][A-Za-z]+)", (?:\||[A-Z])', rust)
    names = {one or other for one, other in named}
    assert {"Events", "SecretTrouble", "ConnectLatency"} <= names, "they are still found like this"
    return names


def test_alarms_watch_metrics_that_are_written():
    (namespace,) = re.findall(r'NAMESPACE: &str = "(\w+)"', source("src/log.rs"))
    alarms = of_type("AWS::CloudWatch::Alarm").values()
    ours = [alarm for alarm in alarms if alarm["Namespace"] == namespace]

    watched = {alarm["MetricName"] for alarm in ours}
    assert watched == {"Rejected", "OperatorFaults", "SecretTrouble", "LeaverIgnored", "Bugs"}
    assert watched <= metric_names()
    for alarm in ours:
        assert alarm["Dimensions"] == [{"Name": "Deployment", "Value": {"Ref": "AWS::StackName"}}]
        assert alarm["Statistic"] == "Sum"
    others = {alarm["MetricName"]: alarm["Namespace"] for alarm in alarms if alarm not in ours}
    assert others == {"Errors": "AWS/Lambda", "Throttles": "AWS/Lambda", "5xx": "AWS/ApiGateway"}
    for alarm in alarms:
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
        assert alarm["TreatMissingData"] == "notBreaching", "nobody sends at night"
        assert 100 < len(alarm["AlarmDescription"]) < 1024


def test_the_dashboard_shows_every_metric_and_alarm():
    body = json.loads(properties("Dashboard")["DashboardBody"]["Fn::Sub"])
    widgets = {kind: [] for kind in ("alarm", "metric", "log")}
    for widget in body["widgets"]:
        widgets[widget["type"]].append(widget["properties"])
    metrics = [metric for widget in widgets["metric"] for metric in widget["metrics"]]
    ours = [metric for metric in metrics if metric[0] == "ConnectProvisioner"]

    assert {metric[1] for metric in ours} == metric_names()
    assert all(metric[2:4] == ["Deployment", "${AWS::StackName}"] for metric in ours)
    (alarms,) = widgets["alarm"]
    assert alarms["alarms"] == [f"${{{name}.Arn}}" for name in of_type("AWS::CloudWatch::Alarm")]
    (log,) = widgets["log"]
    fields = log["query"].partition("fields @timestamp,")[2].partition("|")[0]
    rust = re.findall(r"^    (?:pub )?(\w+): ", source("src/log.rs"), re.MULTILINE)
    written = {re.sub("_(.)", lambda match: match[1].upper(), name) for name in rust}
    assert set(re.findall(r"\w+", fields)) <= written


def test_a_mail_is_sent_only_to_who_is_named():
    subscription = template()["Resources"]["AlarmSubscription"]
    assert subscription["Condition"] == "HasAlarmEmail"
    assert subscription["Properties"]["Endpoint"] == {"Ref": "AlarmEmail"}
    assert len(of_type("AWS::SNS::Topic")) == 1


def test_what_is_pasted_into_the_identity_provider_is_printed():
    outputs = template()["Outputs"]
    assert set(outputs) == {
        "OktaHookUrl", "OktaSecretArn", "ShowOktaSecret", "GenericHookUrl", "GenericSecretArn",
        "ShowGenericSecret", "HealthUrl", "FunctionLogGroup", "AccessLogGroup", "DashboardUrl",
        "AlarmTopicArn",
    }  # fmt: skip
    for name, output in outputs.items():
        conditions = [f"Has{source}" for source in ("Okta", "Generic") if source in name]
        assert [output[key] for key in output if key == "Condition"] == conditions
        assert output["Description"]


FULL = ["okta-hook-batch", "okta-hook-verification"]


def test_every_ready_event_is_told_here():
    assert sorted(path.stem for path in (ROOT / "events/full").iterdir()) == FULL


@pytest.mark.parametrize("name", FULL)
def test_a_ready_event_is_what_its_story_says(name):
    story, event = json.loads(source(f"events/{name}.json")), full(name)
    path = story["path"].replace("{source}", "okta")

    assert set(event) - {"body"} == set(http_event()) - {"cookies"}, "as a gateway writes it"
    http = event["requestContext"]["http"]
    assert (http["method"], http["path"], event["rawPath"]) == (story["method"], path, path)
    assert json.loads(event.get("body", "null")) == story.get("body")
    added = {
        "authorization": known("AUTHORIZATION"), "host": event["requestContext"]["domainName"],
    }  # fmt: skip
    assert event["headers"] == story["headers"] | added


def test_ready_events_are_accepted_by_a_function_set_up_as_sam_does_it(function, standin):
    connect = standin()
    endpoints = dict.fromkeys(ENDPOINTS, connect.endpoint)
    running = function(as_sam_passes_it() | endpoints)

    verification = Answer.of(running.invoke(full("okta-hook-verification")))
    challenge = full("okta-hook-verification")["headers"]["x-okta-verification-challenge"]
    assert (verification.status, verification.json) == (200, {"verification": challenge})
    for outcome in ("created", "alreadyOurs"):
        batch = Answer.of(running.invoke(full("okta-hook-batch")))
        outcomes = [event["outcome"] for event in batch.json["events"]]
        assert (batch.status, outcomes.count(outcome)) == (200, 2)
    assert sorted(connect.users()) == ["carl.meyer@example.com", "fatima.noor@example.com"]
    tags = [user["Tags"]["provisioner-deployment"] for user in connect.users().values()]
    assert tags == ["local", "local"]
    sent = signed(user(), path="/hooks/generic", secret=known("SECRET"))
    assert Answer.of(running.invoke(sent)).status == 201


def test_sams_local_api_speaks_scim(function, standin):
    connect = standin("--no-throttle")
    endpoints = dict.fromkeys(ENDPOINTS, connect.endpoint)
    settings = as_sam_passes_it("local_start_api") | endpoints | {"AWS_SAM_LOCAL": "true"}
    running = function(settings)

    def ask(method, path, body=b""):
        headers = {"authorization": f"Bearer {known('SCIM_TOKEN')}"}
        event = http_event(f"/scim/v2/{path}", method=method, headers=headers, body=body)
        return Answer.of(running.invoke(event))

    made = ask("POST", "Users", json.dumps(user("ana@example.com")).encode())
    assert made.status == 201
    assert list(connect.users()) == ["ana@example.com"]
    leaves = {"Operations": [{"op": "replace", "value": {"active": False}}]}
    assert ask("PATCH", f"Users/{made.json['id']}", json.dumps(leaves).encode()).status == 200
    (held,) = connect.users().values()
    assert held["SecurityProfileIds"] == [connect.security_profiles["No Access"]]
    assert ask("GET", "Users").json["Resources"][0]["active"] is False


@pytest.mark.parametrize("command", ["local_invoke", "local_start_api"])
def test_the_local_settings_are_the_standins_own(standin, command):
    connect = standin()
    local = overrides(command)

    assert local["CONNECT_INSTANCE"] == connect.instance_arn
    routing = connect.routing_profiles["Basic Routing Profile"]
    assert local["ROUTING_PROFILE"] == f"{connect.instance_arn}/routing-profile/{routing}"
    security = connect.security_profiles["Agent"]
    assert local["SECURITY_PROFILES"] == f"{connect.instance_arn}/security-profile/{security}"
    assert local["HOOK_OKTA_SECRET"] == known("AUTHORIZATION")
    assert local["HOOK_GENERIC_SECRET"] == known("SECRET")
    assert local["HOOK_OKTA_SECRET_ARN"] == local["HOOK_GENERIC_SECRET_ARN"] == ""
    assert set(local) <= set(declared()), "SAM drops what the template does not declare"
    (endpoint,) = {local[name] for name in ENDPOINTS - {"AWS_ENDPOINT_URL_DYNAMODB"}}
    assert re.fullmatch(r"http://host\.docker\.internal:\d+", endpoint), "seen from a container"


def test_sam_is_told_what_the_papers_leave_out():
    config = tomllib.loads(source("samconfig.toml"))
    assert config == {
        "version": 0.1,
        "default": {
            "build": {"parameters": {"cached": True, "parallel": True}},
            "validate": {"parameters": {"lint": True}},
            "deploy": {
                "parameters": {
                    "capabilities": "CAPABILITY_IAM",
                    "confirm_changeset": True,
                    "resolve_s3": True,
                    "fail_on_empty_changeset": False,
                }
            },
            "local_invoke": {"parameters": {"env_vars": "events/local/env.json"}},
            "local_start_api": {
                "parameters": {"env_vars": "events/local/scim.json", "warm_containers": "EAGER"}
            },
        },
    }


def test_the_line_that_deploys_is_one_that_the_template_takes():
    """That of docs/deploy.md, with a value that each parameter's pattern has."""
    text = source("docs/deploy.md").replace("\\\n", " ")
    (line,) = re.findall(r"^sam deploy .*--parameter-overrides (.*)$", text, re.MULTILINE)
    given = dict(word.split("=", 1) for word in line.split())

    parameters = template()["Parameters"]
    assert given.keys() >= required().keys()
    for name, value in given.items():
        assert re.search(parameters[name]["AllowedPattern"], value), name
    assert problems(**given) == []


def declared():
    return properties("Function")["Environment"]["Variables"]


def environment(**parameters):
    """What a deployed function finds, with the ARN of a secret for each that SAM cannot know."""
    function = resolved(**parameters)["Resources"]["Function"]["Properties"]
    return {
        name: SECRET_ARN if text in ("OktaSecret", "GenericSecret") else text
        for name, text in function["Environment"]["Variables"].items()
        if declared()[name] != NO_VALUE
    }


def problems(**parameters):
    """The variables that a function deployed with these parameters would not start with."""
    lambda_sets = PLATFORM | {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9"}
    settings = lambda_sets | environment(**parameters)
    run = subprocess.run([BOOTSTRAP], env=settings, capture_output=True, text=True, timeout=20)
    (line,) = [json.loads(line) for line in run.stderr.splitlines()]
    if line["message"] == "the Lambda Runtime API is gone":
        return []
    assert line["message"] == "configuration"
    return [problem["variable"] for problem in line["problems"]]


def statements(**parameters):
    role = resolved(**parameters)["Resources"]["FunctionRole"]["Properties"]
    (policy,) = role["Policies"]
    return policy["PolicyDocument"]["Statement"]


def actions(statement):
    action = statement["Action"]
    return action if isinstance(action, list) else [action]


def permitted(action, **parameters):
    """Every resource that an action is allowed on."""
    resources = [one["Resource"] for one in statements(**parameters) if action in actions(one)]
    return [arn for one in resources for arn in (one if isinstance(one, list) else [one])]


def generated():
    """A secret as Secrets Manager generates it."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(64))


def known(name):
    """A key that everybody knows, as the demo has it."""
    code = "".join(path.read_text() for path in (ROOT / "src/cli").glob("*.rs"))
    (text,) = re.findall(rf'DEMO_{name}: &str = "(.*)";', code)
    return text


def full(name):
    return json.loads(source(f"events/full/{name}.json"))


def overrides(command="local_invoke"):
    config = tomllib.loads(source("samconfig.toml"))["default"][command]["parameters"]
    return json.loads(source(config["env_vars"]))["Function"]


def as_sam_passes_it(command="local_invoke"):
    """The variables of `sam local invoke` or another, without any parameter given."""
    provider = SamFunctionProvider([Stack("", "", "template.yaml", {}, yaml_parse(TEMPLATE))])
    sam = provider.get("Function")
    variables = EnvironmentVariables(
        sam.name, sam.memory, sam.timeout, sam.handler,
        variables=sam.environment["Variables"], override_values=overrides(command),
    ).resolve()  # fmt: skip
    return {name: variables[name] for name in declared()}
