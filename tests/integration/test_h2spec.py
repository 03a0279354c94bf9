"""h2spec, which knows what HTTP/2 and HPACK ask of either end, case by case, against our server and our client.

go/h2spec.patch has its requests be calls of gRPC, which is all that our server answers at length.
"""

from __future__ import annotations

import random
import re
import socket
import subprocess
from pathlib import Path
from typing import Iterator
from xml.etree import ElementTree

import pytest
from conftest import Server
from peers import GO

RUN_TIMEOUT_S = 120

# A call without arguments whose reply is long enough to be cut in pieces.
METHOD = "/control_client.ScsControl/ListCaches"

# All of the suites generic, http2 and hpack, with the one case that h2spec counts as strict. None is skipped.
CASES = 146

CLIENT_CASES = 57

# The command ends when its call does, and so before the PING that shows whether the connection stands.
WITHOUT_ANSWER = {
    "1: Sends a DATA frame with 2^14 octets in length",
    "1: Sends multiple CONTINUATION frames preceded by a HEADERS frame",
}


def start(*command: object) -> subprocess.Popen[str]:
    return subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)


def free_ports(count: int) -> int:
    """Return the first of so many ports in a row that nobody has, outside of those that the system hands out."""
    while True:
        first = random.randrange(20_000, 30_000)
        listening = []
        try:
            for port in range(first, first + count):
                listening.append(socket.create_server(("127.0.0.1", port)))
            return first
        except OSError:
            pass
        finally:
            for each in listening:
                each.close()


@pytest.fixture(scope="module")
def client_run(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """Put the command to all cases, one connection each."""
    client = tmp_path_factory.mktemp("h2specd") / "client"
    client.write_text(f"""#!/bin/sh
address=${{1#http://}}
exec {binary} get cache key --timeout 300ms --endpoint "${{address%/}}"
""")
    client.chmod(0o700)
    run = start(GO / "h2specd", "--host", "127.0.0.1", "--from-port", free_ports(CLIENT_CASES), "--exec", client)
    yield run
    run.kill()
    run.wait()


@pytest.fixture(scope="module")
def server_report(
    binary: Path, client_run: subprocess.Popen[str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str | None]:
    """Put a server to all cases; return what each found, or None.

    The client's cases run meanwhile: either wait more than they work.
    """
    server = Server(binary, "--cache", "a-cache-with-a-name-of-some-length")
    path = tmp_path_factory.mktemp("h2spec") / "report.xml"
    run = start(GO / "h2spec", "--strict", "--host", "127.0.0.1", "--port", server.port, "--path", METHOD,
                "--junit-report", path)
    try:
        run.communicate(timeout=RUN_TIMEOUT_S)
    finally:
        run.kill()
        server.stop()
    report = {}
    for suite in ElementTree.parse(path).iter("testsuite"):
        for number, case in enumerate(suite.iter("testcase"), start=1):
            problems = [ElementTree.tostring(problem, "unicode") for problem in case]
            report[f"{suite.get('package')}/{number}"] = "".join(problems) or None
    return report


def test_the_server_conforms_to_http_2(server_report: dict[str, str | None]) -> None:
    assert len(server_report) == CASES
    assert {case: problem for case, problem in server_report.items() if problem is not None} == {}


def test_the_client_conforms_to_http_2(client_run: subprocess.Popen[str]) -> None:
    output, _ = client_run.communicate(timeout=RUN_TIMEOUT_S)
    failed = set(re.findall(r"\u00d7 (.*)", output))
    assert failed <= WITHOUT_ANSWER, output
    assert f"{CLIENT_CASES} tests, {CLIENT_CASES - len(failed)} passed, 0 skipped" in output, output
