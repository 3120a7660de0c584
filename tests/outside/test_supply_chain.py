"""What the programs are made of: the policy in `deny.toml`, held against the tree without the
network, and the bill of materials."""

import json
import re
import subprocess
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
POLICY = tomllib.loads((ROOT / "deny.toml").read_text())
ALLOWED = POLICY["licenses"]["allow"]
EXCEPTIONS = {one["crate"]: one["allow"] for one in POLICY["licenses"]["exceptions"]}
# The program itself, the one that throws bytes at it, and the engine of its tests.
OURS = {"connect-provisioner", "connect-provisioner-engine", "connect-provisioner-fuzz"}
ARCHITECTURES = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"]
BILL = ROOT / "target/sbom.json"


def locked(path="Cargo.lock"):
    """Every package that could be built, on whatever platform."""
    return tomllib.loads((ROOT / path).read_text())["package"]


@cache
def tree(*flags):
    """Name and version of each package that is built, and its licence."""
    command = ["cargo", "tree", "--locked", "--offline", "--prefix", "none", *flags]
    format = ["--format", "{p}\t{l}"]
    done = subprocess.run([*command, *format], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    parts = [line.partition("\t") for line in done.stdout.splitlines() if line]
    return {tuple(part.split()[:2]): license.removesuffix(" (*)") for part, _, license in parts}


def function(architecture):
    flags = ["--edges", "normal", "--no-default-features", "--features", "aws"]
    return tree(*flags, "--target", architecture)


# --- The policy -----------------------------------------------------------------------------------


def permits(license, allowed=ALLOWED):
    """Whether an SPDX expression can be met. A slash is the OR of older crates."""
    tokens = re.findall(r"[()]|[^\s()/]+(?: WITH \S+)?|/", license)
    words = {"OR": "or", "/": "or", "AND": "and", "(": "(", ")": ")"}
    return eval(" ".join(words.get(token, str(token in allowed)) for token in tokens) or "False")


def bans(name, version, dependents=()):
    """Why there may be no such crate."""
    numbers = [int(number) for number in re.findall(r"\d+", version)[:3]]
    for ban in POLICY["bans"]["deny"]:
        crate, _, below = ban["crate"].partition(":<")
        excused = dependents and set(dependents) <= set(ban.get("wrappers", []))
        too_old = not below or numbers < [int(part) for part in below.split(".")]
        if name == crate and too_old and not excused:
            yield ban["reason"]


def dependents(crate):
    """The packages that name it."""
    for package in locked():
        if crate in {need.split()[0] for need in package.get("dependencies", [])}:
            yield package["name"]


def is_published(package):
    """In crates.io as it is known by name, with a checksum."""
    source, checksum = package.get("source", ""), package.get("checksum", "")
    return bool(re.fullmatch(r"registry\+.*/crates\.io-index \w{64}", f"{source} {checksum}"))


def test_every_licence_is_on_the_list():
    everything = tree("--edges", "normal,build,dev", "--all-features")
    assert len(everything) > 150, "they are still found like this"
    refused = {
        part: license
        for part, license in everything.items()
        if not permits(license, ALLOWED + EXCEPTIONS.get(part[0], []))
    }
    assert refused == {}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_function_has_no_exception(architecture):
    crates = {name for name, _ in function(architecture)}
    wrappers = {ban["crate"] for ban in POLICY["bans"]["deny"] if "wrappers" in ban}
    assert crates & (EXCEPTIONS.keys() | wrappers) == set()
    everything = tree("--edges", "normal,build,dev", "--all-features")
    assert {name for name, _ in everything} >= EXCEPTIONS.keys() | wrappers, "each is still needed"


def test_no_licence_is_on_the_list_for_nothing():
    licenses = tree("--edges", "normal,build,dev", "--all-features").values()
    for one in ALLOWED:
        others = set(ALLOWED) - {one}
        assert not all(permits(license, others) for license in licenses), one


def test_no_crate_is_there_that_is_banned():
    """Nor could be on another platform."""
    crates = [(package["name"], package["version"]) for package in locked()]
    refused = [(*crate, why) for crate in crates for why in bans(*crate, set(dependents(crate[0])))]
    assert refused == []


@pytest.mark.parametrize("lock", ["Cargo.lock", "fuzz/Cargo.lock", "tests/engine/Cargo.lock"])
def test_every_crate_is_published(lock):
    assert {package["name"] for package in locked(lock) if not is_published(package)} <= OURS


@pytest.mark.parametrize(
    "license, permitted",
    [
        ("MIT", True), ("GPL-3.0", False), ("", False), ("MIT OR GPL-3.0", True),
        ("MIT AND GPL-3.0", False), ("GPL-2.0/MIT", True), ("GPL-2.0 / AGPL-3.0", False),
        ("(MIT OR GPL-3.0) AND ISC", True), ("(GPL-2.0 OR GPL-3.0) AND ISC", False),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("Apache-2.0 WITH LLVM-exception OR MIT", True), ("mit", False), ("MIT-0", False),
    ],
)  # fmt: skip
def test_the_list_would_refuse_another_licence(license, permitted):
    assert permits(license) is permitted


@pytest.mark.parametrize(
    "crate, banned",
    [
        ("hyper 0.14.32", True), ("hyper 1.12.0", False), ("h2 0.3.27", True), ("h2 0.4.20", False),
        ("rustls 0.21.12", True), ("rustls 0.23.46", False), ("openssl-sys 0.9.1", True),
        ("native-tls 0.2.1", True), ("regex 1.12.0", True), ("regex-lite 0.1.9", False),
        ("regex-automata 0.4.19", True), ("regex-automata 0.4.19 lalrpop-util", False),
        ("regex-automata 0.4.19 lalrpop-util regex", True),
    ],
)  # fmt: skip
def test_the_list_would_refuse_what_came_back(crate, banned):
    name, version, *needed_by = crate.split()
    assert bool(list(bans(name, version, needed_by))) is banned


@pytest.mark.parametrize(
    "package",
    [
        {},
        {"source": "git+ssh://example.com/rust-lang/crates.io-index", "checksum": "0" * 64},
        {"source": "registry+ssh://example.com/another-index", "checksum": "0" * 64},
        {**next(package for package in locked() if "source" in package), "checksum": ""},
    ],
)
def test_the_list_would_refuse_another_source(package):
    assert not is_published(package)


# --- The bill of materials ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bill():
    """What `make sbom` writes, the same each time."""
    bills = []
    for _ in range(2):
        BILL.unlink(missing_ok=True)
        subprocess.run(["make", "--silent", "sbom"], cwd=ROOT, check=True, timeout=60)
        bills.append(BILL.read_bytes())
    assert bills[0] == bills[1]
    return json.loads(bills[0])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_bill_names_every_crate_of_the_function_and_no_other(bill, architecture):
    parts = [bill["metadata"]["component"], *bill["components"]]
    named = Counter((part["name"], f"v{part['version']}") for part in parts)

    assert named == Counter(function(architecture).keys())
    assert ("clap", "v4") not in {(name, version[:2]) for name, version in named}


def test_the_bill_says_what_each_crate_is(bill):
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == "connect-provisioner"
    checksums = {(part["name"], part["version"]): part.get("checksum") for part in locked()}
    for part in bill["components"]:
        name, version = part["name"], part["version"]
        assert part["purl"] == part["bom-ref"] == f"pkg:cargo/{name}@{version}"
        assert part["hashes"] == [{"alg": "SHA-256", "content": checksums[name, version]}]
        (license,) = part["licenses"]
        assert "/" not in license["expression"] and permits(license["expression"])


def test_the_bill_says_what_each_crate_needs(bill):
    """As the lock file does, among the crates that are there."""
    itself = bill["metadata"]["component"]["bom-ref"]
    there = {part["bom-ref"] for part in bill["components"]} | {itself}
    versions = {}
    for package in locked():
        versions.setdefault(package["name"], []).append(package["version"])
    may_need = {}
    for package in locked():
        needs = [need.split() for need in package.get("dependencies", [])]
        may_need[f"pkg:cargo/{package['name']}@{package['version']}"] = {
            f"pkg:cargo/{name}@{(version or versions[name])[0]}" for name, *version in needs
        }

    needs = {entry["ref"]: set(entry["dependsOn"]) for entry in bill["dependencies"]}
    assert needs.keys() == there
    for ref in there:
        assert needs[ref] <= may_need[ref] & there
    reached, ahead = set(), [itself]
    while ahead:
        ref = ahead.pop()
        if ref not in reached:
            reached.add(ref)
            ahead += needs[ref]
    assert reached == there
