"""What the loop compiles, by cargo's plan of each command: the AWS SDK takes minutes each time."""

import shlex
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from build_units import DEMO, commands, compilations, count

SDK = "aws-sdk-connect"


@cache
def listed():
    return [DEMO, *commands("test")]


def subcommands():
    return [command.split()[1] for command in listed()]


def test_the_demonstration_and_the_tests_compile_the_sdk_once_for_each_profile():
    assert {"run", "clippy", "doc", "test", "build"} == set(subcommands()), listed()
    found = compilations(*listed())
    ways = {profile: list(of.values()) for (name, profile), of in found.items() if name == SDK}
    assert count(found, SDK) == {"check": 1, "dev": 1, "release": 1}, ways


def test_the_quick_loop_and_ci_compile_nothing_of_the_sdk_that_the_tests_do_not():
    *_, ci = (ROOT / ".ci/run").read_text().splitlines()
    run, make, *targets = shlex.split(ci)
    assert (run, make, targets[-1]) == ("exec", "make", "test"), ci
    of_ci = commands(*targets)
    assert set(commands("test")) <= set(of_ci), "nothing is left out"
    assert of_ci[0] == commands("pure")[0], "what is cheap comes first"
    found = count(compilations(*listed(), *of_ci, *commands("quick")), SDK)
    assert found == count(compilations(*listed()), SDK)


def test_the_pure_rooms_are_built_without_the_sdk():
    for command in commands("pure"):
        assert not count(compilations(command), SDK), command


def test_features_of_ones_own_are_seen():
    own = "cargo clippy --locked --no-default-features --features aws"
    found = count(compilations(*listed(), own), SDK)
    assert found["check"] == 2, "the function's features alone are another SDK"
