"""The official JavaScript client against our server: each check in js/ is a test here."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Server

SCRIPTS = Path(__file__).parent / "js"
LIST_TIMEOUT_S = 30
RUN_TIMEOUT_S = 180

Outcomes = dict[str, str | None]


def node(script: str, timeout_s: int, *args: str) -> list[str]:
    """Run a script; return the lines that it prints."""
    completed = subprocess.run(
        ["node", script, *args], cwd=SCRIPTS, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    if completed.returncode != 0:
        pytest.fail(f"{script} failed:\n{completed.stdout}\n{completed.stderr}")
    return completed.stdout.splitlines()


def outcomes(script: str, server: Server) -> Outcomes:
    """Make all checks of a script against a server; return what went wrong with each, or None."""
    lines = node(script, RUN_TIMEOUT_S, str(server.port), str(server.process_number))
    results = [json.loads(line) for line in lines]
    return {result["name"]: result["error"] for result in results}


# Of the scripts whose checks disturb nobody.
CHECKS = [
    (script, check)
    for script in ("checks.mjs", "collections.mjs", "leaderboards.mjs")
    for check in node(script, LIST_TIMEOUT_S)
]


@pytest.fixture(scope="module")
def outcomes_of(server: Server) -> Callable[[str], Outcomes]:
    """Make all checks of a script when the first of them is asked for."""
    return functools.cache(lambda script: outcomes(script, server))


@pytest.mark.parametrize(("script", "check"), CHECKS)
def test_javascript(script: str, check: str, outcomes_of: Callable[[str], Outcomes]) -> None:
    found = outcomes_of(script)
    assert check in found, "the check was not made"
    assert found[check] is None, found[check]


def test_javascript_outage(start_server: Callable[..., Server]) -> None:
    found = outcomes("outage.mjs", start_server())
    assert found == dict.fromkeys(node("outage.mjs", LIST_TIMEOUT_S))


def test_javascript_topics(start_server: Callable[..., Server]) -> None:
    found = outcomes("topics.mjs", start_server("--topic-heartbeat", "100ms"))
    assert found == dict.fromkeys(node("topics.mjs", LIST_TIMEOUT_S))
