"""The command line, as somebody types it for the first time."""

import re
import subprocess

import pytest

from programs import CONNECT_PROVISIONER, CHATTY


def run(*arguments, **options):
    return subprocess.run(
        [CONNECT_PROVISIONER, *arguments], capture_output=True, text=True, timeout=60, **options
    )


@pytest.mark.parametrize(
    "environment",
    [{}, CHATTY | {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_MAX_ATTEMPTS": "0", "AWS_PROFILE": "x"}],
)
def test_the_demo_shows_what_arrived_what_was_answered_and_what_connect_holds(environment):
    """Whatever the environment has in store for the SDK."""
    demo = run("demo", env=environment)

    assert (demo.returncode, demo.stderr) == (0, "")
    answers = re.findall(r"^    out  (\d{3}) ", demo.stdout, re.MULTILINE)
    assert answers == "201 200 201 200 401 401 400 400 409 200 501 200 200 200 400".split()
    asked = re.findall(r"^    in   (\w+ /hooks/\w+)  ", demo.stdout, re.MULTILINE)
    assert asked == ["POST /hooks/demo"] * 12 + ["GET /hooks/okta"] + ["POST /hooks/okta"] * 2
    users = demo.stdout.partition("Connect now holds 6 users:")[2].split("\n")[3:-1]
    assert [line.split()[0] for line in users] == [
        "ana.ruiz@example.com", "kim.lee@example.com", "eve.eager@example.com",
        "bo.taken@example.com", "carl.meyer@example.com", "fatima.noor@example.com",
    ]  # fmt: skip
    profiles = [re.search(r"\b(Agent|Admin)\b", line)[0] for line in users]
    expected = ["Agent", "Agent", "Agent", "Admin", "Agent", "Agent"]
    assert profiles == expected, "Eve is no Admin; Bo is not ours"


def test_who_reads_no_further_gets_no_error():
    command = f"{CONNECT_PROVISIONER} demo | head -1"
    head = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert (head.returncode, head.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["--help"], ["help", "demo"], ["standin", "--help"]])
def test_help_is_there_for_who_asks(arguments):
    help = run(*arguments)
    assert help.returncode == 0
    assert "Usage: connect-provisioner" in help.stdout


@pytest.mark.parametrize(
    "arguments, hint",
    [
        ([], "Usage: connect-provisioner"),
        (["dmeo"], "similar subcommand exists: 'demo'"),
        (["standin", "--identity", "KERBEROS"], "expected SAML, CONNECT_MANAGED, EXISTING_DIRECTORY"),
        (["standin", "--lag", "soon"], "expected a number of seconds"),
        (["standin", "--lag", "-1"], "unexpected argument"),
        (["standin", "--listen", "everywhere"], "invalid socket address"),
        (["standin", "--listen", "192.0.2.1:1"], "cannot listen on 192.0.2.1:1"),
    ],
)
def test_a_wrong_word_is_told_with_what_would_be_right(arguments, hint):
    refused = run(*arguments)
    assert refused.returncode != 0
    assert hint in refused.stderr
