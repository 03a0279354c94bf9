"""The official JavaScript client against our server: each check in js/ is a test here."""

from __future__ import annotations

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


@pytest.fixture(scope="module")
def check_outcomes(server: Server) -> Outcomes:
    """Make the checks that disturb nobody."""
    return outcomes("checks.mjs", server)


@pytest.mark.parametrize("check", node("checks.mjs", LIST_TIMEOUT_S))
def test_javascript(check: str, check_outcomes: Outcomes) -> None:
    assert check in check_outcomes, "the check was not made"
    assert check_outcomes[check] is None, check_outcomes[check]


def test_javascript_outage(start_server: Callable[..., Server]) -> None:
    found = outcomes("outage.mjs", start_server())
    assert found == dict.fromkeys(node("outage.mjs", LIST_TIMEOUT_S))


def test_javascript_topics(start_server: Callable[..., Server]) -> None:
    found = outcomes("topics.mjs", start_server("--topic-heartbeat", "100ms"))
    assert found == dict.fromkeys(node("topics.mjs", LIST_TIMEOUT_S))
