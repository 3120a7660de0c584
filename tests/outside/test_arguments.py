"""A secret is never an argument of a program: whoever lists the processes of a machine could see it."""

import itertools
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from programs import NODE_OF_TESTS, descendants, run
from standard_webhooks import key, secret

ROOT = Path(__file__).resolve().parents[2]
SIGNERS = ROOT / "examples/signers"
SECRET = secret(b"a key that no argument may show")
FIXED = "canary: what Okta shows at each event"
SETTINGS = {
    "HOOK_HR_SCHEME": "standard-webhooks",
    "HOOK_HR_SECRET": SECRET,
    "HOOK_OKTA_SCHEME": "okta",
    "HOOK_OKTA_SECRET": FIXED,
    "HOOK_OKTA_APPS": "Amazon Connect",
}


def guises(text):
    """A secret in every form in which an argument might have it."""
    bare = text.removeprefix("whsec_")
    yield bare
    if bare != text:
        yield from (key(text).hex(), key(text).decode())


def arguments_while(command, **options):
    """The arguments of every process that a command starts, itself included, and its output."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
    )
    seen = set()
    for turn in itertools.count():
        try:
            for pid in [process.pid, *descendants(process.pid)]:
                arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
                seen.add(arguments.replace(b"\0", b" ").decode())
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has just ended
        yield turn, process, seen
        if process.poll() is not None:
            return
        time.sleep(0.001)


def listed(command, given="", **options):
    seen = set()
    for turn, process, seen in arguments_while(command, **options):
        if turn == 0:
            process.stdin.write(given)
            process.stdin.close()
    output = process.stdout.read()
    process.stdout.close()
    return "\n".join(seen), process.returncode, output


def assert_shows_none(arguments, *secrets):
    shown = [guise for text in secrets for guise in guises(text) if guise in arguments]
    assert shown == [], arguments


@pytest.fixture
def slow(serve):
    """A function whose Amazon Connect takes its time, so that there is something to see."""
    own = serve("--no-roster", "--no-throttle", **SETTINGS)
    own.state(slowMs=700, faults={"CreateUser": ["slow"]})
    return own


@pytest.mark.parametrize("story", ["okta-user-created", "okta-hook-app-assigned"])
def test_the_curl_command_of_a_story_shows_none(slow, story):
    signed = run(
        "sign", str(ROOT / f"events/{story}.json"), "--as", "curl", "--url", slow.url, env=SETTINGS
    )
    assert "-K -" in signed.stdout.splitlines()[0]
    assert_shows_none(signed.stdout.splitlines()[0], SECRET, FIXED)

    arguments, status, output = listed(["sh"], signed.stdout)

    assert status == 0
    assert json.loads(output)["outcome" if story == "okta-user-created" else "events"]
    assert "curl -sS -X POST" in arguments, "curl was seen at work"
    assert_shows_none(arguments, SECRET, FIXED)
    assert "authorization" not in arguments.lower() and "webhook-signature" not in arguments
    assert "example.com" not in arguments, "nor whom it is about"


@pytest.mark.parametrize("signer", ["sh", "py", "mjs"])
def test_the_signers_show_none(slow, signer):
    program = {"sh": "sh", "py": sys.executable, "mjs": NODE_OF_TESTS}[signer]
    command = [program, SIGNERS / f"sign.{signer}", f"{slow.url}/hooks/hr", SIGNERS / "user.json"]

    arguments, status, output = listed(
        command, env={"WEBHOOK_SECRET": SECRET, "PATH": "/usr/bin:/bin"}
    )

    assert (status, output.splitlines()[0]) == (0, "201")
    assert f"sign.{signer}" in arguments
    assert_shows_none(arguments, SECRET)


def test_no_snippet_of_the_papers_gives_curl_a_secret():
    papers = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("events/*.md")]
    assert len(papers) > 5
    for paper in papers:
        for line in paper.read_text().splitlines():
            if "curl" in line or line.lstrip().startswith(("-H", "--header")):
                lower = line.lower()
                assert "authorization:" not in lower and "bearer " not in lower, (paper, line)
