"""The command line, as somebody types it for the first time."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from programs import CHATTY, CONNECT_PROVISIONER, run

STORY = Path(__file__).resolve().parents[2] / "events/okta-user-created.json"
FLAGS = {
    "demo": [],
    "serve": [
        "--listen", "--connect", "--roster", "--memory", "--no-roster", "--json", "--identity",
        "--no-throttle", "--quota", "--max-connections", "--operator", "--operator-token",
    ],
    "parked": ["--roster", "--url", "--door", "--json"],
    "pause": ["--roster", "--url", "--door", "--json"],
    "resume": ["--roster", "--url", "--door", "--json"],
    "shut-out": ["--wait", "--roster", "--url", "--door", "--json"],
    "readmit": ["--wait", "--roster", "--url", "--door", "--json"],
    "sign": ["--source", "--as", "--url"],
    "plan": ["--source", "--json"],
    "doctor": ["--online", "--json"],
    "docs": ["--check"],
    "roster": [],
    "completions": [],
    "standin": ["--listen", "--identity", "--no-throttle", "--lag", "--not-found", "--quota"],
}  # fmt: skip


@pytest.mark.parametrize(
    "environment",
    [{}, CHATTY | {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_MAX_ATTEMPTS": "0", "AWS_PROFILE": "x"}],
)
def test_the_demo_shows_what_arrived_what_was_answered_and_what_connect_holds(environment):
    """Whatever the environment has in store for the SDK."""
    demo = run("demo", env=environment)

    assert (demo.returncode, demo.stderr) == (0, "")
    scenes, _, life = demo.stdout.partition("\nAnd now with a roster")
    answers = re.findall(r"^    out  (\d{3}) ", scenes, re.MULTILINE)
    assert answers == "201 200 201 200 401 401 400 400 409 200 501 200 200 200 400".split()
    asked = re.findall(r"^    in   (\w+ /hooks/\w+)  ", scenes, re.MULTILINE)
    assert asked == ["POST /hooks/demo"] * 12 + ["GET /hooks/okta"] + ["POST /hooks/okta"] * 2
    users = scenes.partition("Connect now holds 6 users:")[2].split("\n")[3:-1]
    assert [line.split()[0] for line in users] == [
        "ana.ruiz@example.com", "kim.lee@example.com", "eve.eager@example.com",
        "bo.taken@example.com", "carl.meyer@example.com", "fatima.noor@example.com",
    ]  # fmt: skip
    profiles = [re.search(r"\b(Agent|Admin)\b", line)[0] for line in users]
    expected = ["Agent", "Agent", "Agent", "Admin", "Agent", "Agent"]
    assert profiles == expected, "Eve is no Admin; Bo is not ours"

    told = re.findall(r"^    (in|out|call|then|has) +(.*)$", life, re.MULTILINE)
    assert [text for word, text in told if word == "call"] == [
        "1: CreateUser",
        "2: DescribeUser, UpdateUserIdentityInfo",
        "2: DescribeUser, UpdateUserIdentityInfo",
        "6: DescribeUser, CreateUser, DescribeUser, UpdateUserSecurityProfiles, "
        "DeleteAllEntitySessions, DeleteUser",
        "4: DescribeUser, UpdateUserSecurityProfiles, DeleteAllEntitySessions, TagResource",
        "3: DescribeUser, UntagResource, UpdateUserSecurityProfiles",
        "4: DescribeUser, UpdateUserSecurityProfiles, DeleteAllEntitySessions, DeleteUser",
    ]
    assert [text for word, text in told if word == "has"] == [
        "ana.ruiz@example.com: Ana Ruiz, Agent",
        "ana.ruiz@example.com: Ana Ruiz, Agent",
        "ana.ruiz@example.com: Ana Ruiz Vega, mobile +34600100200, Agent",
        "ana.vega@example.com: Ana Ruiz Vega, mobile +34600100200, Agent",
        "ana.vega@example.com: Ana Ruiz Vega, mobile +34600100200, No Access",
        "ana.vega@example.com: Ana Ruiz Vega, mobile +34600100200, Agent",
        "nobody",
    ]
    assert [text for word, text in told if word == "then"] == [
        "the drain: 1 applied, 0 parked, 0 pending",
    ]
    answers = [text.split()[0] for word, text in told if word == "out"]
    assert answers == "201 202 201 200 200 200".split()


def test_the_demo_is_the_same_each_time():
    assert run("demo", env={}).stdout == run("demo", env={}).stdout


def test_who_reads_no_further_gets_no_error():
    command = f"{CONNECT_PROVISIONER} demo | head -1"
    head = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert (head.returncode, head.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo"], ["sign", STORY], ["sign", STORY, "--as", "curl"], ["plan", STORY],
        ["plan", STORY, "--json"], ["doctor"], ["doctor", "--json"], ["completions", "bash"],
        ["--help"],
    ],
)  # fmt: skip
def test_who_reads_nothing_at_all_gets_none_either(arguments):
    """What a program wrote is no error of its own when the reader is gone before the first line."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as nobody:
        command = [CONNECT_PROVISIONER, *arguments]
        unread = subprocess.run(command, env={}, stdout=nobody, stderr=subprocess.PIPE, timeout=60)
    assert b"panicked" not in unread.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["help"], ["-h"]])
def test_help_is_there_for_who_asks(arguments):
    help = run(*arguments)
    assert (help.returncode, help.stderr) == (0, "")
    assert "Usage: connect-provisioner <COMMAND>" in help.stdout
    listed = re.findall(r"^  ([a-z-]+) +[A-Z]", help.stdout, re.MULTILINE)
    assert sorted(listed) == sorted([*FLAGS, "help"])


@pytest.mark.parametrize("command", FLAGS)
def test_each_command_has_its_own_help(command):
    for arguments in (["help", command], [command, "--help"]):
        help = run(*arguments)
        assert (help.returncode, help.stderr) == (0, "")
        assert f"Usage: connect-provisioner {command}" in help.stdout
        for flag in FLAGS[command]:
            assert f" {flag} " in help.stdout or f" {flag}\n" in help.stdout


def test_a_table_that_was_changed_is_told_and_written_anew(tmp_path):
    pages = shutil.copytree(STORY.parents[1] / "docs", tmp_path / "docs")
    answers = (pages / "answers.md").read_text()
    (pages / "answers.md").write_text(answers.replace("| 201 | `created` |", "| 200 | `created` |"))

    checked = run("docs", "--check", pages)
    assert (checked.returncode, checked.stdout) == (1, "")
    assert "answers.md: the table answers is not the program's\n" in checked.stderr
    assert f"`connect-provisioner docs {pages}` writes them" in checked.stderr
    assert (pages / "answers.md").read_text() != answers
    written = run("docs", pages)
    assert (written.returncode, written.stderr) == (0, "")
    assert written.stdout == f"{pages}/answers.md: wrote answers\n"
    assert (pages / "answers.md").read_text() == answers
    assert run("docs", "--check", pages).returncode == 0


def completed(script, *words):
    """What bash offers for the last of these words."""
    ask = """
        source "$1"; shift
        COMP_WORDS=(connect-provisioner "$@")
        COMP_CWORD=$#
        function=$(complete -p connect-provisioner | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        "$function" connect-provisioner "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        echo "${COMPREPLY[@]}"
    """
    command = ["bash", "--norc", "-c", ask, "bash", script, *words]
    bash = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (bash.returncode, bash.stderr) == (0, "")
    return bash.stdout.split()


def test_bash_completes_commands_and_their_flags(tmp_path):
    script = tmp_path / "connect-provisioner.bash"
    script.write_text(run("completions", "bash").stdout)
    subprocess.run(["bash", "-n", script], check=True)

    assert set(completed(script, "parked", "")) >= {"list", "check", "show", "retry", "release"}
    assert completed(script, "d") == ["demo", "doctor", "docs"]
    assert set(completed(script, "")) >= FLAGS.keys()
    for command, flags in FLAGS.items():
        assert set(completed(script, command, "--")) >= set(flags)
    assert completed(script, "sign", "--as", "") == ["apigw-v2", "apigw-v1", "alb", "curl"]


@pytest.mark.parametrize(
    "shell, head",
    [("zsh", "#compdef connect-provisioner\n"), ("fish", "complete -c connect-provisioner ")],
)
def test_other_shells_have_their_scripts(shell, head):
    """They are not everywhere to be asked; each script is of its kind, and nothing is left out."""
    script = run("completions", shell)
    assert (script.returncode, script.stderr) == (0, "")
    assert head in script.stdout
    for command, flags in FLAGS.items():
        assert command in script.stdout
        for flag in flags:
            assert (flag if shell == "zsh" else f"-l {flag[2:]}") in script.stdout


@pytest.mark.parametrize(
    "arguments, hint",
    [
        ([], "Usage: connect-provisioner"),
        (["dmeo"], "similar subcommand exists: 'demo'"),
        (["docter"], "similar subcommands exist: 'docs', 'roster', 'doctor'"),
        (["serve", "--connect", "azure"], "possible values: standin, aws"),
        (["serve", "--listen", "8787"], "invalid socket address"),
        (["serve", "--quota", "many"], "invalid digit"),
        (["serve", "--roster", "x", "--no-roster"], "cannot be used with '--no-roster'"),
        (["serve", "--connect", "aws"], "--roster FILE"),
        (["serve", "--memory", "--no-roster"], "cannot be used with"),
        (["parked", "lits"], "similar subcommand exists: 'list'"),
        (["parked", "show"], "<ID>"),
        (["parked", "retry"], "<ID>"),
        (["parked", "release", "x", "--all"], "cannot be used with '--all'"),
        (["parked", "--url", "http://x", "--roster", "x"], "cannot be used with"),
        (["parked", "--url", "127.0.0.1:1"], "expected a URL such as http://127.0.0.1:8787"),
        (["parked", "--url", "https://127.0.0.1:1"], "expected a URL such as http://127.0.0.1:8787"),
        (["parked", "--url", "http://127.0.0.1:1"], "is serve running there?"),
        (["sign"], "<STORY>"),
        (["sign", "-", "--as", "xml"], "possible values: apigw-v2, apigw-v1, alb, curl"),
        (["plan"], "<STORY>"),
        (["plan", "-", "--jsno"], "similar argument exists: '--json'"),
        (["doctor", "--offline"], "similar argument exists: '--online'"),
        (["docs", "--chekc"], "similar argument exists: '--check'"),
        (["docs", "nowhere"], "nowhere: No such file or directory"),
        (["completions"], "<SHELL>"),
        (["completions", "tcsh"], "possible values: bash, elvish, fish, powershell, zsh"),
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
