"""How often the project's commands compile each dear package, by cargo's own plan of what it would do:
nothing is compiled. `python3 scripts/build_units.py [make's target ...]`; without one it is `make test`
after `cargo run -- demo`.

Two commands share what they compile only where it is the same to the last feature of the last
dependency. A plan (`cargo --unit-graph`) names all of that; what differs in it is compiled again.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = "cargo run -- demo"
DEAR = [
    "aws-sdk-connect", "aws-sdk-secretsmanager", "aws-sdk-sts", "aws-config", "aws-runtime", "aws-sigv4",
    "aws-smithy-http-client", "aws-smithy-runtime", "aws-smithy-runtime-api", "aws-smithy-types",
    "lambda_runtime", "hyper", "hyper-util", "rustls", "ring", "tokio", "redb", "clap_builder", "regex-automata",
    "proptest", "icu_properties",
]  # fmt: skip
# What cargo does with each package it was told to. clippy checks what `check` does; so does `doc`, but for
# the packages that are documented.
PLANNED = {
    "bench": "bench", "build": "build", "check": "check", "clippy": "check", "doc": "doc", "run": "build",
    "test": "test",
}  # fmt: skip


def commands(*targets):
    """What make would run of cargo's commands that compile."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    made = subprocess.run(
        ["make", "--dry-run", "--always-make", "--no-print-directory", "CARGO=cargo", *targets],
        cwd=ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    if made.returncode:
        raise RuntimeError(made.stderr)
    lines = made.stdout.replace("\\\n", " ").splitlines()
    named = re.compile(rf"\s*cargo ({'|'.join(PLANNED)})\b")
    return [line.strip() for line in lines if named.match(line)]


def arguments(command):
    """The arguments by which cargo prints its plan for a command, and does nothing."""
    _, subcommand, *rest = shlex.split(command)
    # After these come the arguments of another program.
    end = min((rest.index(mark) for mark in ("--", "|", "&&", ";") if mark in rest), default=len(rest))
    rest = rest[:end]
    if subcommand == "run" and not {"--bin", "--example"} & set(rest):
        manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
        rest += ["--bin", manifest["package"]["default-run"]]
    # Never `run`: it takes the flag, and compiles and runs all the same.
    return [PLANNED[subcommand], *rest, "--unit-graph", "-Z", "unstable-options"]


@cache
def plan(command):
    """The units of a command: each package in each way in which it is compiled."""
    # The plan is for cargo's own developers and may change: a stable cargo prints it only so.
    environment = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    done = subprocess.run(
        ["cargo", *arguments(command)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr}")
    graph = json.loads(done.stdout)
    if graph["version"] != 1:
        raise RuntimeError(f"a plan of version {graph['version']} is not one that we can read")
    return graph["units"]


def directory(profile):
    """Where what is compiled lies: tests lie where `dev` does, benchmarks where `release` does."""
    return "release" if profile["name"] in ("release", "bench") else "dev"


def identities(units):
    """What tells each unit of a plan from all others, what it is built upon included."""
    known = {}

    def identity(index):
        if index not in known:
            unit = units[index]
            # The name of a profile is no part of it, what it says is: `test` is `dev`.
            profile = {key: value for key, value in unit["profile"].items() if key != "name"}
            upon = sorted([it["extern_crate_name"], identity(it["index"])] for it in unit["dependencies"])
            own = [unit[key] for key in ("pkg_id", "target", "platform", "mode", "features")]
            text = json.dumps([own, profile, directory(unit["profile"]), upon], sort_keys=True)
            known[index] = sha256(text.encode()).hexdigest()
        return known[index]

    return [identity(index) for index in range(len(units))]


def name(unit):
    """A package's name, of `…/aws-types-1.7.0#1.7.0` or of `…#aws-types@1.7.0`."""
    path, _, version = unit["pkg_id"].rpartition("#")
    return version.partition("@")[0] if "@" in version else path.rpartition("/")[2]


def compilations(*listed):
    """Of each package and profile the ways in which it is compiled, each with the commands that want it."""
    found = {}
    for command in listed:
        units = plan(command)
        for unit, identity in zip(units, identities(units), strict=True):
            if "custom-build" in unit["target"]["kind"]:
                continue
            profile = "check" if unit["mode"] == "check" else directory(unit["profile"])
            ways = found.setdefault((name(unit), profile), {})
            ways.setdefault(identity, []).append(command)
    return found


def count(found, package):
    """How often a package is compiled for each profile."""
    return Counter({profile: len(ways) for (of, profile), ways in found.items() if of == package})


def main(targets):
    listed = commands(*targets) if targets else [DEMO, *commands("test")]
    found = compilations(*listed)
    print(*listed, "", f"{'':24}check  dev  release", sep="\n")
    for package in DEAR:
        of = count(found, package)
        print(f"{package:24}{of['check']:5}{of['dev']:5}{of['release']:9}")
    for profile in ("check", "dev", "release"):
        ways = found.get(("aws-sdk-connect", profile), {})
        for number, wanted in enumerate(ways.values(), 1):
            print("", f"aws-sdk-connect, {profile}, {number}:", *wanted, sep="\n  ")


if __name__ == "__main__":
    main(sys.argv[1:])
