"""Every text of every story, one after the other, is made a canary; none is ever heard, however
loud the libraries are told to be (RUST_LOG=trace)."""

import copy
import json
from pathlib import Path

import pytest

from deployments import SECRET, Deployment, signed
from http_events import http_event
from people import as_bytes

STORIES = sorted((Path(__file__).resolve().parents[2] / "events").glob("*.json"))
AUTHORIZATION = "what an event hook of Okta's shows"
EXTENSION = "urn:ietf:params:scim:schemas:extension:amazonconnect:2.0:User"
SETTINGS = {
    "HOOK_HOOKS_SCHEME": "okta",
    "HOOK_HOOKS_SECRET": AUTHORIZATION,
    "HOOK_HOOKS_APPS": "Amazon Connect",
    "HOOK_HOOKS_GROUPS": "Connect Agents",
    "HOOK_HOOKS_LIFECYCLE": "true",
    "ALLOWED_ROUTING_PROFILES": "Sales",
    "ALLOWED_SECURITY_PROFILES": "Agent,QualityAnalyst",
    "ALLOWED_HIERARCHY_GROUPS": "EMEA",
    "EMAIL_AS": "secondary",
    "CHANNELS": '{"AutoAcceptConfigs": [{"Channel": "VOICE", "AutoAccept": true}]}',
}
POWER = {
    "routingProfile": "Sales", "securityProfiles": ["QualityAnalyst"], "hierarchyGroup": "EMEA",
}  # fmt: skip


@pytest.fixture(scope="module")
def aviary(tmp_path_factory):
    from contextlib import closing

    from programs import Function, Standin

    log = tmp_path_factory.mktemp("aviary") / "function.log"
    with closing(Standin("--no-throttle", "--quota", "5000")) as connect:
        with closing(Function(Deployment.environment(connect, **SETTINGS), log)) as function:
            yield Deployment(connect, function)


def leaves(value, path=()):
    """Where there is a text."""
    if isinstance(value, str):
        yield path
    for key, inner in value.items() if isinstance(value, dict) else []:
        yield from leaves(inner, (*path, key))
    for place, inner in enumerate(value) if isinstance(value, list) else []:
        yield from leaves(inner, (*path, place))


def planted(value, path, canary):
    changed = copy.deepcopy(value)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = canary
    return changed


def event_of(story, body):
    """The story's event as its sender makes it."""
    is_hook = story["method"] == "GET" or "eventType" in body
    if not is_hook:
        return signed(body)
    headers = story["headers"] | {"authorization": AUTHORIZATION}
    return http_event(
        "/hooks/hooks", method=story["method"], headers=headers, body=as_bytes(body) if body else b""
    )


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_no_text_of_a_story_is_ever_heard(aviary, path):
    story = json.loads(path.read_text())
    body = story.get("body", {})
    if "userName" in body:
        body |= {EXTENSION: POWER}
    canaries, answers = [], []
    for number, leaf in enumerate(leaves(body)):
        # Letters, digits and a dot: a username, a name and, behind a +, no number at all.
        canary = f"canary.{path.stem.replace('-', '.')}.{number}"[-60:]
        canaries.append(canary)
        answers.append(aviary.send(event_of(story, planted(body, leaf, canary))))
        if isinstance(leaf[-1], str):
            renamed = planted(body, leaf, "x")
            renamed[f"{canary}.name"] = "x"
            answers.append(aviary.send(event_of(story, renamed)))
    answers.append(aviary.send(event_of(story, body)))

    heard = aviary.function.log() + "".join(f"{one.headers}{one.body}" for one in answers)
    told = [one for one in canaries if one in heard]
    assert told == []
    assert SECRET not in heard and AUTHORIZATION not in heard
    assert all(answer.status < 500 or answer.status == 501 for answer in answers)
