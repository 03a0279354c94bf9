"""`mayfly tune`, `mayfly experiment` and `mayfly report`: on services whose figures are known, and with bad input."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_command import COMMAND_TIMEOUT_S, INTERRUPTED, LOCAL, OK, UNMET, UNREACHABLE, USAGE, Mayfly
from conftest import REPOSITORY, Server

StartServer = Callable[..., Server]
Document = dict[str, Any]

# Four workers of 5 ms: 800 calls a second at most, from four in flight on.
SERVICE = "workers=4&time=const:5ms"
TUNE = ("tune", "--keys", "100", "--run-time", "100ms", "--max-channels", "1")
SLOW_COMMAND_TIMEOUT_S = 180


def points_of(document: Document) -> list[Document]:
    points: list[Document] = document["sections"][0]["series"][0]["points"]
    return points


@pytest.fixture
def mayfly(binary: Path, server: Server) -> Mayfly:
    return Mayfly(binary, server.address)


@pytest.fixture
def simulated(start_server: StartServer, binary: Path) -> Mayfly:
    server = start_server("--test-faults", "--test-faults-listen", "127.0.0.1:0")
    port = next(record["port"] for record in map(json.loads, server.log) if record["event"] == "test faults are on")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/simulate?{SERVICE}", timeout=COMMAND_TIMEOUT_S) as answer:
        answer.read()
    return Mayfly(binary, server.address)


# --- tune ---


def test_the_tuner_finds_a_setting_that_a_known_service_allows(simulated: Mayfly, tmp_path: Path) -> None:
    """Four in flight are served at once, so eight wait 10 ms: 60 ms are allowed at p99.9."""
    path, page = tmp_path / "tune.json", tmp_path / "tune.html"
    done = simulated(*TUNE, "--p999", "60ms", "--max-concurrency", "8", "--json", str(path), "--report", str(page))
    assert done.returncode == OK, done
    document = json.loads(path.read_text())
    choice = document["choice"]
    assert 1 <= choice["concurrency"] <= 8 and choice["p999_us"] <= 60_000
    assert document["format"] == "mayfly-report-1" and document["is_partial"] is False
    chosen = points_of(document)[document["sections"][0]["series"][0]["choice"]]
    assert chosen["x"] == choice["concurrency"] and chosen["met"] == choice["met"]
    assert [point["x"] for point in points_of(document)] == sorted(point["x"] for point in points_of(document))
    for word in (b"the best setting", b"limited by", b"max_in_flight = ", b"with_transport_strategy", b'{"concurrency": '):
        assert word in done.stdout
    assert b"to go" in done.stderr, "progress has an estimate"
    assert "<html" in page.read_text()


def test_what_the_tuner_prints_for_python_is_python(simulated: Mayfly, tmp_path: Path) -> None:
    done = simulated(*TUNE, "--p999", "100ms", "--max-concurrency", "2")
    assert done.returncode == OK, done
    lines = done.stdout.decode().split("Python:\n")[1].split("\n\n")[0]
    program = "\n".join(line.strip() for line in lines.splitlines())
    program = "from mayfly import Configurations\n" + program + \
        "\nprint(configuration.get_transport_strategy().get_max_concurrent_requests())"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S,
                             env={"PYTHONPATH": str(simulated.binary.resolve().parent / "python"), **preload()})
    assert printed.returncode == 0, printed.stderr
    assert 1 <= int(printed.stdout) <= 2
    assert b"--max-concurrency" in done.stdout, "it says what stopped it"


def preload() -> dict[str, str]:
    """What Python needs to load an extension that is built with a sanitizer."""
    if "debug" not in os.environ.get("MAYFLY_BINARY", ""):
        return {}
    library = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True).stdout
    return {"LD_PRELOAD": library.strip(), "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0",
            "PYTHONMALLOC": "malloc"}


def test_a_target_that_nothing_meets_is_told_with_the_closest(simulated: Mayfly, tmp_path: Path) -> None:
    path = tmp_path / "tune.json"
    done = simulated(*TUNE, "--p999", "1ms", "--json", str(path))
    assert done.returncode == UNMET, done
    assert b"the closest: " in done.stdout and b"misses it by" in done.stderr and b"1 ms" in done.stderr
    assert len(points_of(json.loads(path.read_text()))) >= 1


def test_a_configuration_is_checked_against_its_own_target(simulated: Mayfly, tmp_path: Path) -> None:
    done = simulated(*TUNE, "--check", "lambda-v1", "--p999", "1ms", "--runs", "1")
    assert done.returncode == UNMET and b"does not keep to its target" in done.stderr
    done = simulated(*TUNE, "--check", "laptop-v1", "--runs", "1")
    assert done.returncode == OK and b"it has no target" in done.stdout


def test_a_choice_that_was_written_can_be_checked(simulated: Mayfly, tmp_path: Path) -> None:
    path = tmp_path / "tune.json"
    assert simulated(*TUNE, "--p999", "500ms", "--max-concurrency", "4", "--json", str(path)).returncode == OK
    done = simulated(*TUNE, "--p999", "500ms", "--check", str(path), "--runs", "2")
    assert done.returncode == OK and b"met in 2 of 2 runs" in done.stdout


def interrupt(command: list[str], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run a command until it has told of its first measurement, and interrupt it then."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        told = ""
        while "p99.9" not in told:
            told = running.stderr.readline()
            assert told, "it ended before it was interrupted"
        running.send_signal(signal.SIGINT)
        output, errors = running.communicate(timeout=COMMAND_TIMEOUT_S)
    return subprocess.CompletedProcess(command, running.returncode, output, errors)


def test_a_search_that_is_interrupted_keeps_what_it_has(simulated: Mayfly, tmp_path: Path) -> None:
    path = tmp_path / "tune.json"
    command = [str(simulated.binary), *TUNE, "--endpoint", simulated.environment["MAYFLY_ENDPOINT"], "--p999", "60ms", "--json",
               str(path)]
    done = interrupt(command, tmp_path)
    assert done.returncode == INTERRUPTED and "interrupted" in done.stderr
    document = json.loads(path.read_text())
    assert document["is_partial"] is True and len(points_of(document)) >= 1


@pytest.mark.parametrize(("arguments", "told"), [
    ((), "--p999"),
    (("--p999", "soon"), "p999"),
    (("--configuration", "fastest"), "laptop"),
    (("--p999", "5ms", "--check", "/nowhere/tune.json"), "--check"),
    (("--p999", "5ms", "extra"), "extra"),
    (("--p999", "5ms", "--value-size", "huge"), "--value-size"),
])
def test_what_the_tuner_cannot_do_is_told(mayfly: Mayfly, arguments: tuple[str, ...], told: str) -> None:
    assert told in mayfly.fails(USAGE, "tune", *arguments)


def test_a_tuner_without_a_server_or_a_place_to_write_says_so(binary: Path, mayfly: Mayfly) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert str(port) in Mayfly(binary, f"127.0.0.1:{port}").fails(UNREACHABLE, "tune", "--p999", "5ms")
    for option in ("--json", "--report"):
        assert "cannot be written" in mayfly.fails(LOCAL, "tune", "--p999", "5ms", option, "/nowhere/file")


# --- experiment ---

EXPERIMENT = ("experiment", "in-region", "--client", "libmayfly", "--run-time", "100ms", "--keys", "100")


def run_alone(binary: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Without an endpoint in the environment, so that it starts a server of its own."""
    return subprocess.run([str(binary), *arguments], capture_output=True, text=True, timeout=SLOW_COMMAND_TIMEOUT_S)


def test_an_experiment_starts_its_own_server_and_says_whether_the_finding_holds(binary: Path, tmp_path: Path) -> None:
    path, page = tmp_path / "result.json", tmp_path / "result.html"
    done = run_alone(binary, *EXPERIMENT, "--json", str(path), "--report", str(page))
    assert done.returncode == OK, done
    assert "the post: " in done.stdout and "libmayfly: " in done.stdout and "hold" in done.stdout
    document = json.loads(path.read_text())
    section = document["sections"][0]
    assert section["network"] == "in-region" and section["brief"]
    assert [point["x"] for point in points_of(document)] == [1, 5, 10, 50, 100, 500, 1000, 5000]
    assert section["findings"][0]["client"] == "libmayfly" and isinstance(section["findings"][0]["holds"], bool)
    assert section["series"][0]["choice"] is not None and "<html" in page.read_text()


def test_the_official_client_is_measured_beside_ours_and_one_that_is_missing_is_left_out(
        binary: Path, tmp_path: Path) -> None:
    """The Python of the tests has momento; ours it has where PYTHONPATH says so, as in the build's own tests."""
    path = tmp_path / "result.json"
    python = tmp_path / "python"
    package = binary.resolve().parent / "python"
    settings = "".join(f"export {name}='{value}'\n" for name, value in preload().items())
    python.write_text(f"#!/bin/sh\n{settings}export PYTHONPATH='{package}'\nexec '{sys.executable}' \"$@\"\n")
    python.chmod(0o755)
    done = run_alone(binary, "experiment", "processes", "--python", str(python), "--run-time", "200ms", "--rounds", "1",
                     "--keys", "100", "--json", str(path))
    assert done.returncode == OK, done
    document = json.loads(path.read_text())
    assert [series["name"] for series in document["sections"][0]["series"]] == ["mayfly", "momento"]
    for series in document["sections"][0]["series"]:
        assert [point["label"] for point in series["points"]] == ["1 process", "2 processes"]
        assert all(point["throughput_rps"] > 0 and point["distribution_us"] for point in series["points"])

    done = run_alone(binary, "experiment", "processes", "--python", "/usr/bin/false")
    assert done.returncode == LOCAL and "momento was left out" in done.stderr and "--client libmayfly" in done.stderr


def test_an_experiment_that_is_interrupted_keeps_what_it_has(binary: Path, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    done = interrupt([str(binary), *EXPERIMENT, "--json", str(path)], tmp_path)
    assert done.returncode == INTERRUPTED and "interrupted" in done.stderr
    document = json.loads(path.read_text())
    assert document["is_partial"] is True and len(points_of(document)) >= 1


def test_an_experiment_that_is_not_there_is_told(mayfly: Mayfly) -> None:
    for arguments in ((), ("gravity",), ("channels", "loops")):
        assert "channels, concurrency, in-region" in mayfly.fails(USAGE, "experiment", *arguments)


# --- report ---


@pytest.fixture
def results(mayfly: Mayfly, tmp_path: Path) -> tuple[Path, Path]:
    """Two runs of the same load, of which the second is made worse by a network in between."""
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    load = ("bench", "--keys", "100", "--duration", "300ms", "--warmup", "100ms")
    assert mayfly(*load, "--json", str(before)).returncode == OK
    assert mayfly(*load, "--network", "laptop", "--json", str(after)).returncode == OK
    return before, after


def test_runs_are_compared_and_what_is_worse_than_allowed_fails(mayfly: Mayfly, results: tuple[Path, Path]) -> None:
    before, after = map(str, results)
    done = mayfly("report", before, after)
    assert done.returncode == OK and done.stdout.count(b"%") == 4 and b"throughput" in done.stdout
    for option in ("--max-throughput-loss", "--max-p50-growth", "--max-p99-growth", "--max-p999-growth"):
        done = mayfly("report", before, after, option, "50")
        assert done.returncode == UNMET and b"WORSE THAN ALLOWED" in done.stdout and b"worse than allowed" in done.stderr
        assert mayfly("report", before, before, option, "0%").returncode == OK
        assert mayfly("report", after, before, option, "0").returncode == OK, "better is not worse"


def test_runs_are_laid_over_one_another_in_a_page(mayfly: Mayfly, results: tuple[Path, Path], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert mayfly("report", *map(str, results), "--report", str(page)).returncode == OK
    text = page.read_text()
    document = json.loads(text.split('id="document">')[1].split("</script>")[0])
    assert [series["name"] for series in document["sections"][0]["series"]] == ["before.json", "after.json"]


def test_what_is_no_result_is_told(mayfly: Mayfly, results: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    for text, told in (("{", "other.json"), ("{}", "no result"), ('{"format": "mayfly-report-1"}', "missing"),
                       ('{"format": "mayfly-report-1", "sections": [{"name": "x"}]}', "missing")):
        other.write_text(text)
        assert told in mayfly.fails(LOCAL, "report", str(results[0]), str(other))
    assert "/nowhere/a.json" in mayfly.fails(LOCAL, "report", "/nowhere/a.json", str(results[0]))
    assert "one file" in mayfly.fails(USAGE, "report", str(results[0]))
    assert "files" in mayfly.fails(USAGE, "report")
    assert "percent" in mayfly.fails(USAGE, "report", *map(str, results), "--max-p99-growth", "much")
    assert "cannot be written" in mayfly.fails(LOCAL, "report", *map(str, results), "--report", "/nowhere/page.html")


def test_runs_with_nothing_in_common_fail_where_a_limit_is_to_be_held(mayfly: Mayfly, results: tuple[Path, Path],
                                                                      tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    document = {"format": "mayfly-report-1", "sections": [{"name": "other", "series": [{"name": "x", "points": []}]}]}
    other.write_text(json.dumps(document))
    assert mayfly("report", str(results[0]), str(other)).returncode == OK
    assert mayfly("report", str(results[0]), str(other), "--max-p99-growth", "10").returncode == UNMET


def test_the_repository_names_every_experiment() -> None:
    text = (REPOSITORY / "docs/tuning.md").read_text()
    for name in ("channels", "concurrency", "in-region", "loops", "targets", "processes"):
        assert f"experiment {name}" in text or f"`{name}`" in text
