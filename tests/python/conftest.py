"""A server for the session, and clients of both kinds on it. Warnings are errors here: clients must be closed."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import ASYNCIO, HOUR, KINDS, REPOSITORY, Caller, Server, called

import mayfly
from mayfly.config import Configuration, TopicConfiguration

HERE = Path(__file__).resolve().parent
HANG_S = 300  # a test that takes longer waits for what never comes
LAST = "test_every_method.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Warnings are errors, and what looks back at the others comes last."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("error"))
    items.sort(key=lambda item: item.path.name == LAST)


@pytest.fixture(autouse=True)
def no_hanging() -> Iterator[None]:
    """Have a test that hangs end with the stacks of its threads."""
    faulthandler.dump_traceback_later(HANG_S, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def binary() -> Path:
    """Return the path of the server under test."""
    path = REPOSITORY / os.environ.get("MAYFLY_BINARY", "build/release/mayfly")
    assert path.exists(), f"{path} is not built"
    return path


@pytest.fixture(scope="session")
def server(binary: Path) -> Iterator[Server]:
    """Run one server for all tests."""
    running = Server(binary)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def credentials(server: Server) -> mayfly.CredentialProvider:
    """Return what finds that server."""
    return mayfly.CredentialProvider.for_momento_local(port=server.port)


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Return the event loop on which all asyncio clients of these tests run."""
    made = asyncio.new_event_loop()
    yield made
    made.run_until_complete(made.shutdown_asyncgens())
    made.run_until_complete(made.shutdown_default_executor())
    made.close()


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Have a test run with the blocking clients and with those of asyncio."""
    return str(request.param)


def _class(name: str, kind: str) -> Any:
    return getattr(mayfly, name + "Async" if kind == ASYNCIO else name)


@pytest.fixture
def open_client(
    kind: str, credentials: mayfly.CredentialProvider, loop: asyncio.AbstractEventLoop
) -> Iterator[Callable[..., Caller]]:
    """Open cache clients with settings of the test's own, which are closed after it."""
    opened: list[Caller] = []

    def open_one(
        configuration: Configuration | None = None,
        default_ttl: timedelta = HOUR,
        provider: mayfly.CredentialProvider = credentials,
    ) -> Caller:
        settings = configuration or mayfly.Configurations.Laptop.latest()
        opened.append(Caller(_class("CacheClient", kind)(settings, provider, default_ttl), loop))
        return opened[-1]

    yield open_one
    for client in opened:
        client.close()


@pytest.fixture
def create_client(
    kind: str, credentials: mayfly.CredentialProvider, loop: asyncio.AbstractEventLoop
) -> Iterator[Callable[..., Caller]]:
    """Do the same by `create`, which connects."""
    opened: list[Caller] = []

    def create_one(*args: Any, provider: mayfly.CredentialProvider = credentials) -> Caller:
        made = _class("CacheClient", kind)
        called.add((made.__name__, "create"))
        settings = mayfly.Configurations.Laptop.latest()
        client = made.create(settings, provider, HOUR, *args)
        opened.append(Caller(loop.run_until_complete(client) if kind == ASYNCIO else client, loop))
        return opened[-1]

    yield create_one
    for client in opened:
        client.close()


@pytest.fixture(scope="session")
def caller(
    kind: str, credentials: mayfly.CredentialProvider, loop: asyncio.AbstractEventLoop
) -> Iterator[Caller]:
    """Return a cache client with nothing but defaults, and a default TTL of an hour."""
    configuration = mayfly.Configurations.Laptop.latest()
    client = Caller(_class("CacheClient", kind)(configuration, credentials, HOUR), loop)
    yield client
    client.close()


@pytest.fixture(scope="session")
def leaderboards(
    kind: str, credentials: mayfly.CredentialProvider, loop: asyncio.AbstractEventLoop
) -> Iterator[Caller]:
    """Return a client of leaderboards."""
    configuration = mayfly.Configurations.Laptop.latest()
    client = Caller(_class("LeaderboardClient", kind)(configuration, credentials), loop)
    yield client
    client.close()


@pytest.fixture
def open_topics(
    kind: str, credentials: mayfly.CredentialProvider, loop: asyncio.AbstractEventLoop
) -> Iterator[Callable[..., Caller]]:
    """Open clients of topics, which are closed after the test."""
    opened: list[Caller] = []

    def open_one(configuration: TopicConfiguration | None = None) -> Caller:
        settings = configuration or mayfly.TopicConfigurations.Default.latest()
        opened.append(Caller(_class("TopicClient", kind)(settings, credentials), loop))
        return opened[-1]

    yield open_one
    for client in opened:
        client.close()


@pytest.fixture
def topics(open_topics: Callable[..., Caller]) -> Caller:
    """Return a client of topics."""
    return open_topics()


@pytest.fixture
def key() -> str:
    """Return the name of something that is not there."""
    return f"key-{uuid.uuid4()}"


@pytest.fixture
def other_cache(caller: Caller) -> Iterator[str]:
    """Make a cache of the test's own and return its name."""
    name = f"cache-{uuid.uuid4()}"
    caller.create_cache(name)
    yield name
    caller.delete_cache(name)
