"""The house from outside: the release binaries, started anew, and everything they speak to."""

from contextlib import ExitStack, closing

import pytest

from deployments import Deployment
from programs import BOOTSTRAP, CONNECT_PROVISIONER, Function, Serve, Standin, emulator

# However a test left the stand-in, the next finds it calm.
CALM = {"reset": True, "lag": 0, "notFound": 0, "quota": 500, "slowMs": 3000, "throttle": False}


@pytest.fixture(scope="session", autouse=True)
def programs():
    """What is missing fails the tests; a test that is skipped proves nothing."""
    for program in (BOOTSTRAP, CONNECT_PROVISIONER, emulator()):
        if not program.is_file():
            pytest.fail(f"{program} is missing: cargo build --release --bins", pytrace=False)


@pytest.fixture
def standin():
    """Starts a stand-in with the flags it is given."""
    with ExitStack() as running:
        yield lambda *flags: running.enter_context(closing(Standin(*flags)))


@pytest.fixture
def serve(tmp_path):
    """Starts `serve` with the flags and settings it is given."""
    with ExitStack() as running:

        def start(*flags, **settings):
            log = tmp_path / f"serve-{len(list(tmp_path.iterdir()))}.log"
            return running.enter_context(closing(Serve(log, *flags, **settings)))

        yield start


@pytest.fixture
def function(tmp_path):
    """Starts a function with the environment it is given."""
    with ExitStack() as running:

        def start(environment):
            log = tmp_path / f"function-{len(list(tmp_path.iterdir()))}.log"
            return running.enter_context(closing(Function(environment, log)))

        yield start


@pytest.fixture
def deploy(standin, function):
    """Starts a stand-in, and a function that speaks to it with these settings changed."""

    def start(**settings):
        connect = standin("--no-throttle")
        return Deployment(connect, function(Deployment.environment(connect, **settings)))

    return start


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One deployment for a whole module."""
    log = tmp_path_factory.mktemp("shared") / "function.log"
    with closing(Standin("--no-throttle")) as connect:
        with closing(Function(Deployment.environment(connect), log)) as function:
            yield Deployment(connect, function)


@pytest.fixture
def deployment(shared):
    """The module's deployment, with an empty and calm Amazon Connect."""
    shared.standin.control(**CALM)
    return shared
