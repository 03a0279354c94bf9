"""What the package says: nothing unless it is asked, and then what helps."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable

import mayfly
import pytest
from support import CACHE, Caller, Server, code_of

from mayfly import logs

QUIET = """
import asyncio, sys
from datetime import timedelta
from mayfly import CacheClient, CacheClientAsync, Configurations, CredentialProvider, TopicClient, TopicConfigurations
provider = CredentialProvider.for_momento_local(port=int(sys.argv[1]))
with CacheClient(Configurations.Laptop.latest(), provider, timedelta(minutes=1)) as client:
    client.get("no-such-cache", "k"), client.get("tests", None), client.set("tests", "k", "v")
with TopicClient(TopicConfigurations.Default.latest(), provider) as topics:
    topics.subscribe("no-such-cache", "t"), topics.publish("tests", "t", None)
async def main():
    async with CacheClientAsync(Configurations.Laptop.latest(), provider, timedelta(minutes=1)) as client:
        await client.get("no-such-cache", "k")
asyncio.run(main())
"""


def test_nothing_is_printed_unless_the_program_wants_it(server: Server) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", QUIET, str(server.port)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_failure_is_a_warning_with_its_sentence(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    caller.get("no-such-cache", "k")
    caller.set(CACHE, None, "v")
    assert [(record.name, record.levelname) for record in caplog.records] == [("mayfly", "WARNING")] * 2
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("Get failed: ")
    assert "there is no cache of this name" in first
    assert "Unsupported type for key: <class 'NoneType'>" in second


def test_a_subscription_that_fails_is_a_warning(topics: Caller, caplog: pytest.LogCaptureFixture) -> None:
    topics.subscribe("no-such-cache", "t")
    assert [(record.name, record.levelname) for record in caplog.records] == [("mayfly", "WARNING")]


def test_what_works_is_not_worth_a_line(caller: Caller, key: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "mayfly"):
        caller.set(CACHE, key, "v")
        caller.get(CACHE, key)
        caller.create_cache(CACHE)
    assert caplog.records == []


def test_trace_shows_requests_and_their_ends(
    open_client: Callable[..., Caller], key: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logs.TRACE, "mayfly"):
        client = open_client()
        client.set(CACHE, key, "secret value")
        client.get("no-such-cache", key)
    lines = [record.getMessage() for record in caplog.records if record.levelno == logs.TRACE]
    assert lines == [
        f"Issuing a Set request with ('{CACHE}', '{key}')", "Received a Set response: OK",
        f"Issuing a Get request with ('no-such-cache', '{key}')", "Received a Get response: NOT_FOUND"]
    assert "secret value" not in caplog.text


def test_the_level_trace_lies_below_debug() -> None:
    assert logs.TRACE < logging.DEBUG
    assert logging.getLevelName(logs.TRACE) == "TRACE"
    assert logging.getLevelName("TRACE") == logs.TRACE
    assert logs.logger is logging.getLogger("mayfly")


def test_loggers_can_trace(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logs.TRACE):
        logging.getLogger("application").trace("a %s", "line")  # type: ignore[attr-defined]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("TRACE", "a line")]


def test_a_level_that_exists_stays_as_it_is() -> None:
    with pytest.warns(UserWarning, match="exists; it stays as it is"):
        assert not logs.add_logging_level("DEBUG", 3)
    assert logging.DEBUG == 10


def test_a_key_is_in_no_line(
    open_client: Callable[..., Caller], server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    provider = mayfly.CredentialProvider("secret-key", "127.0.0.1", "127.0.0.1", "127.0.0.1", server.port, False)
    with caplog.at_level(logs.TRACE):
        assert code_of(open_client(provider=provider).get("no-such-cache", "k")) == "NOT_FOUND_ERROR"
    assert caplog.records
    assert "secret-key" not in caplog.text
