"""What the programs are made of: the policy in `deny.toml`, held against the tree without the network,
and the bill of materials."""

import json
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
POLICY = tomllib.loads((ROOT / "deny.toml").read_text())
# The program itself, and the one that throws bytes at it.
OURS = {"connect-provisioner", "connect-provisioner-fuzz"}
LOCKS = {path: tomllib.loads((ROOT / path).read_text())["package"] for path in
         ["Cargo.lock", "fuzz/Cargo.lock"]}  # fmt: skip
FUNCTION = ["--locked", "--offline", "--no-default-features", "--features", "aws"]


def cargo(*arguments):
    command = ["cargo", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def packages():
    """Everything that is built on this machine: for the function, the command line and the tests."""
    (host,) = re.findall(r"^host: (.*)", cargo("rustc", "-q", "--version", "--verbose")) or [None]
    metadata = json.loads(cargo("metadata", "--locked", "--offline", "--format-version", "1",
                                "--all-features", "--filter-platform", host))  # fmt: skip
    return metadata["packages"]
