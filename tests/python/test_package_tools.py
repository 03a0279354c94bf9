"""What comes with the package: the maker of the blocking clients, and the benchmark."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import REPOSITORY, Server, poll

from mayfly.bench.histogram import Histogram, distribution_s, percentiles_s
from mayfly.bench.load import Result, Second
from mayfly.bench.processes import _Seconds
from mayfly.bench.report import verdict

TOOL = REPOSITORY / "python/tools/make_blocking.py"
PERCENTILES = ["p50", "p90", "p99", "p999", "max"]


def run(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=240, **more)


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmark."""
    return run("-m", "mayfly.bench", *arguments)


class Measurement:
    """A benchmark under way, in a group of processes of its own as a shell with a terminal gives it."""

    def __init__(self, server: Server, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mayfly.bench", "--endpoint", f"127.0.0.1:{server.port}", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def __enter__(self) -> Measurement:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        with self._process:  # reaps it
            pass

    def await_a_second(self) -> None:
        """Wait until it tells what a second of the measurement counted."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if "requests/s   p99.9" in line:
                return
        raise AssertionError("it ended before it had measured for a second")

    def interrupt(self, number: int, is_from_terminal: bool = False) -> subprocess.CompletedProcess[str]:
        """Send the signal to it, or to all its processes as a terminal does, and wait for its end."""
        if is_from_terminal:
            os.killpg(self._process.pid, number)
        else:
            self._process.send_signal(number)
        output, errors = self._process.communicate(timeout=240)
        return subprocess.CompletedProcess([], self._process.returncode, output, errors)


def connections(server: Server) -> int:
    """How many that server has, as the system sees them from its side."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    established = "01"
    return sum(row[1].endswith(f":{server.port:04X}") and row[3] == established for row in rows)


@pytest.fixture
def own_server(binary: Path) -> Iterator[Server]:
    """Run a server that only the test uses."""
    running = Server(binary)
    yield running
    running.stop()


@pytest.fixture
def free_port() -> Iterator[int]:
    """Return a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


# --- The blocking clients ---


def test_the_blocking_clients_are_what_the_tool_makes_of_the_others() -> None:
    done = run(str(TOOL), "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_tool_tells_of_a_client_that_is_stale_and_makes_it_anew(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "python/tools", tmp_path / "tools")
    shutil.copytree(REPOSITORY / "python/src/mayfly", tmp_path / "src/mayfly")
    client = tmp_path / "src/mayfly/cache_client.py"
    before = client.read_text()
    client.write_text(before + "\n# by hand\n")
    stale = run(str(tmp_path / "tools/make_blocking.py"), "--check")
    assert stale.returncode == 1
    assert stale.stderr.startswith("cache_client.py is not what")
    assert run(str(tmp_path / "tools/make_blocking.py")).returncode == 0
    assert client.read_text() == before


# --- The benchmark ---


@pytest.mark.parametrize("more", [
    (), ("--max-in-flight", "2"), ("--processes", "2"), ("--configuration", "laptop", "--configuration-version", "v1"),
    ("--value-size", "5000", "--keys", "3"),
], ids=["plain", "waiting", "processes", "preset", "values"])
def test_the_benchmark_measures_so_many_requests(server: Server, tmp_path: Path, more: tuple[str, ...]) -> None:
    done = bench("--endpoint", f"127.0.0.1:{server.port}", "--requests", "200", "--warmup", "0.01", "--concurrency",
                 "4", "--json", str(tmp_path / "result.json"), *more)
    assert done.returncode == 0, done.stderr
    assert "requests/s" in done.stdout
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["requests"] == (400 if "--processes" in more else 200)
    assert result["errors"] == 0
    assert result["first_error"] == ""
    assert list(result["latency_ms"]) == PERCENTILES
    latencies = [result["latency_ms"][name] for name in PERCENTILES]
    assert latencies == sorted(latencies)
    assert latencies[0] > 0
    assert result["throughput_rps"] > 0
    assert result["settings"]["requests"] == 200
    assert result["is_partial"] is False
    assert result["verdict"] in done.stdout
    assert {name: us / 1e3 for name, us in result["latency_us"].items()} == result["latency_ms"]
    assert result["distribution_us"][-1] == [result["latency_us"]["max"], 1.0]
    assert len(result["course"]) == 1, "so few requests take less than a second"


def test_the_benchmark_measures_for_a_time(server: Server) -> None:
    done = bench("--endpoint", f"127.0.0.1:{server.port}", "--duration", "0.05", "--warmup", "0")
    assert done.returncode == 0, done.stderr
    assert "latency, ms:   p50 " in done.stdout


@pytest.mark.parametrize(("option", "value", "sentence"), [
    ("--client", "other", "invalid choice"),
    ("--loop", "other", "invalid choice"),
    ("--endpoint", "nowhere", "'nowhere' is not HOST:PORT, as in 127.0.0.1:8080"),
    ("--endpoint", "host:0", "'host:0' is not HOST:PORT"),
    ("--endpoint", "host:65536", "'host:65536' is not HOST:PORT"),
    ("--endpoint", ":80", "':80' is not HOST:PORT"),
    ("--cache", "", "a cache's name is not empty"),
    ("--concurrency", "0", "'0' is not a whole number from 1 to 1000000"),
    ("--concurrency", "many", "'many' is not a whole number"),
    ("--channels", "1025", "'1025' is not a whole number from 0 to 1024"),
    ("--max-in-flight", "-1", "is not a whole number from 0 to 1000000"),
    ("--configuration", "other", "invalid choice"),
    ("--configuration-version", "v9", "invalid choice"),
    ("--value-size", "0", "'0' is not a whole number from 1 to 5000000"),
    ("--keys", "0", "'0' is not a whole number from 1 to 10000000"),
    ("--duration", "0", "'0' is not a number of seconds from 0.01 to 86400"),
    ("--duration", "nan", "'nan' is not a number of seconds"),
    ("--warmup", "-1", "is not a number of seconds from 0 to 3600"),
    ("--requests", "1.5", "'1.5' is not a whole number"),
    ("--processes", "0", "'0' is not a whole number from 1 to 1024"),
    ("--no-such-option", "1", "unrecognized arguments: --no-such-option"),
])
def test_an_option_that_makes_no_sense_ends_with_2_and_one_sentence(option: str, value: str, sentence: str) -> None:
    done = bench(f"{option}={value}")
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("python -m mayfly.bench: ")


@pytest.mark.parametrize("client", ["redis", "valkey-glide"])
def test_channels_are_refused_for_clients_that_have_no_such_setting(client: str) -> None:
    done = bench("--client", client, "--channels", "2")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"python -m mayfly.bench: argument --channels: {client} has ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("client", ["mayfly", "momento", "grpcio"])
def test_a_client_has_as_many_connections_as_it_is_given_channels(
    own_server: Server, tmp_path: Path, client: str, channels: int
) -> None:
    if client != "mayfly":
        pytest.importorskip({"grpcio": "grpc"}.get(client, client))
    path = tmp_path / "result.json"
    with Measurement(own_server, "--client", client, "--channels", str(channels), "--json", str(path)) as measurement:
        measurement.await_a_second()
        assert connections(own_server) == channels
        done = measurement.interrupt(signal.SIGINT)
    result = json.loads(path.read_text())
    assert (result["settings"]["channels"], result["errors"]) == (channels, 0)
    assert f", channels {channels}" in done.stdout


# What it tells


def recorded(latencies_s: list[float]) -> Counter[int]:
    histogram = Histogram()
    for latency_s in latencies_s:
        histogram.record(latency_s)
    return histogram.take()


def test_the_distribution_has_every_latency_where_there_are_few() -> None:
    distribution = distribution_s(recorded([0.001, 0.001, 0.002, 0.004]))
    assert [fraction for _, fraction in distribution] == [0.5, 0.75, 1.0]
    assert [latency_s for latency_s, _ in distribution] == pytest.approx([0.001, 0.002, 0.004], rel=0.004)
    assert distribution_s(Counter()) == []


def test_the_distribution_is_thinned_to_as_many_points_a_nine_and_agrees_with_the_percentiles() -> None:
    source = random.Random(1)
    counts = recorded([1e-4 * source.lognormvariate(0, 1.5) for _ in range(100_000)])
    whole, thinned = distribution_s(counts, len(counts)), distribution_s(counts)
    assert len(thinned) <= 250 < len(whole) == len(counts)
    assert (thinned[0], thinned[-1]) == (whole[0], whole[-1])
    assert thinned == sorted(thinned) and set(thinned) <= set(whole)
    assert [point for point in thinned if point[1] > 0.9999] == [point for point in whole if point[1] > 0.9999]
    for least, most in [(0.0, 0.9), (0.9, 0.99), (0.99, 0.999)]:
        assert sum(least <= fraction < most for _, fraction in thinned) > 20
    for fraction, latency_s in zip([0.5, 0.99, 1.0], percentiles_s(counts, [0.5, 0.99, 1.0])):
        assert latency_s == next(latency for latency, reached in whole if reached >= fraction)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_the_course_has_an_entry_for_each_whole_second(server: Server, tmp_path: Path, processes: str) -> None:
    done = bench("--endpoint", f"127.0.0.1:{server.port}", "--duration", "2.5", "--warmup", "0", "--processes",
                 processes, "--json", str(tmp_path / "result.json"))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    course = result["course"]
    assert [int(entry["at_s"]) for entry in course] == [1, 2]
    assert done.stderr.count("requests/s   p99.9") == 2
    for entry in course:
        assert list(entry) == ["at_s", "throughput_rps", "p50_us", "p99_us", "p999_us", "errors"]
        assert 0 < entry["p50_us"] <= entry["p99_us"] <= entry["p999_us"] <= result["latency_us"]["max"]
        assert entry["throughput_rps"] > 0 and entry["errors"] == 0
    first, second = course
    counted = first["throughput_rps"] * first["at_s"] + second["throughput_rps"] * (second["at_s"] - first["at_s"])
    assert counted < 1.01 * result["requests"], "no request is counted in both"


def test_the_course_goes_on_when_one_of_several_processes_has_ended() -> None:
    passed_on: list[tuple[int, int, int]] = []
    seconds = _Seconds(2, lambda second: passed_on.append((second.number, second.counts.total(), second.errors)))
    seconds.take(0, Second(0, 1.0, 1.0, recorded([0.1]), 1))
    assert passed_on == []
    seconds.take(1, Second(0, 1.1, 1.1, recorded([0.1, 0.2]), 2))
    assert passed_on == [(0, 3, 3)]
    seconds.take(0, Second(1, 1.5, 0.5, recorded([0.1]), 0))
    seconds.take(1, Second(2, 3.0, 1.0, recorded([0.1]), 0))
    seconds.end(0)
    assert passed_on[1:] == [(1, 1, 0), (2, 1, 0)]


def test_the_course_of_less_than_a_second_is_one_entry(server: Server, tmp_path: Path) -> None:
    bench("--endpoint", f"127.0.0.1:{server.port}", "--duration", "0.2", "--warmup", "0", "--json",
          str(tmp_path / "result.json"))
    result = json.loads((tmp_path / "result.json").read_text())
    assert len(result["course"]) == 1
    assert result["course"][0]["at_s"] == pytest.approx(result["seconds"], abs=0.001)
    assert result["course"][0]["throughput_rps"] == pytest.approx(result["throughput_rps"], rel=0.001)


def test_the_verdict_names_a_client_that_kept_its_process_busy() -> None:
    assert verdict(Result(from_s=5, until_s=15, user_cpu_s=9, system_cpu_s=0.4), 1) == "ok"
    assert verdict(Result(from_s=5, until_s=15, user_cpu_s=9, system_cpu_s=0.7), 1).startswith(
        "client-limited: its process was busy 97 % of the time")
    assert verdict(Result(from_s=5, until_s=15, user_cpu_s=9, system_cpu_s=3), 1).startswith(
        "client-limited: its process was busy 100 % of the time")
    assert verdict(Result(from_s=5, until_s=15, user_cpu_s=18, system_cpu_s=0.9), 2) == "ok"
    assert verdict(Result(from_s=5, until_s=15, user_cpu_s=18, system_cpu_s=1.6), 2).startswith(
        "client-limited: its processes were busy 98 % of the time")


# Interruptions


@pytest.mark.parametrize("is_from_terminal", [False, True], ids=["one", "group"])
@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_measurement_tells_what_it_has(
    server: Server, tmp_path: Path, number: signal.Signals, processes: str, is_from_terminal: bool
) -> None:
    path = tmp_path / "result.json"
    with Measurement(server, "--warmup", "0", "--duration", "1000", "--processes", processes, "--json",
                     str(path)) as measurement:
        measurement.await_a_second()
        done = measurement.interrupt(number, is_from_terminal)
    assert done.returncode == 128 + number
    assert "Traceback" not in done.stderr
    assert "requests/s: " in done.stdout and "interrupted: " in done.stdout
    result = json.loads(path.read_text())
    assert result["is_partial"] is True
    assert result["seconds"] >= 1 and len(result["course"]) >= 1
    assert result["requests"] >= result["course"][0]["throughput_rps"] * 0.99
    assert result["errors"] == 0


def test_an_interruption_ends_a_measurement_of_so_many_requests_too(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    with Measurement(server, "--requests", str(10**9), "--json", str(path)) as measurement:
        measurement.await_a_second()
        assert measurement.interrupt(signal.SIGTERM).returncode == 143
    result = json.loads(path.read_text())
    assert result["is_partial"] is True and 0 < result["requests"] < 10**9


@pytest.mark.parametrize("client", ["mayfly", "momento", "grpcio"])
def test_an_interruption_does_not_wait_for_answers_that_never_come(
    own_server: Server, tmp_path: Path, client: str
) -> None:
    if client != "mayfly":
        pytest.importorskip({"grpcio": "grpc"}.get(client, client))
    path = tmp_path / "result.json"
    with Measurement(own_server, "--client", client, "--duration", "1000", "--json", str(path)) as measurement:
        measurement.await_a_second()
        own_server.pause()
        done = measurement.interrupt(signal.SIGINT)
        own_server.go_on()
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    result = json.loads(path.read_text())
    assert result["is_partial"] is True and result["requests"] > 0
    assert result["seconds"] < 60, "that is how long a request may wait"


@pytest.mark.parametrize(("number", "processes", "is_answering"), [
    (signal.SIGINT, "1", True), (signal.SIGTERM, "1", True), (signal.SIGINT, "2", True), (signal.SIGTERM, "2", True),
    (signal.SIGINT, "1", False), (signal.SIGTERM, "2", False),
])
def test_an_interruption_before_anything_is_measured_is_one_sentence(
    own_server: Server, tmp_path: Path, number: signal.Signals, processes: str, is_answering: bool
) -> None:
    path = tmp_path / "result.json"
    path.write_text("older")
    if not is_answering:
        own_server.pause()
    with Measurement(own_server, "--warmup", "1000", "--processes", processes, "--json", str(path)) as measurement:
        poll(lambda: connections(own_server) > 0)
        done = measurement.interrupt(number)
    own_server.go_on()
    assert (done.returncode, done.stdout) == (128 + number, "")
    assert done.stderr == "python -m mayfly.bench: interrupted before anything was measured\n"
    assert path.read_text() == "older"


# Where it tells it


def test_a_result_that_could_not_be_written_ends_with_1_and_one_sentence_before_anything_is_measured(
    free_port: int, tmp_path: Path
) -> None:
    for path, sentence in [(tmp_path / "no/such/folder.json", "No such file or directory"), (tmp_path, "Is a directory")]:
        done = bench("--endpoint", f"127.0.0.1:{free_port}", "--json", str(path))
        assert (done.returncode, done.stdout) == (1, "")
        assert sentence in done.stderr and str(path) in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_measurement_that_fails_leaves_the_file_of_an_older_one_alone_and_makes_no_new_one(
    server: Server, tmp_path: Path
) -> None:
    older, newer = tmp_path / "older.json", tmp_path / "newer.json"
    older.write_text("older")
    for path in older, newer:
        done = bench("--endpoint", f"127.0.0.1:{server.port}", "--cache", "a name " * 100, "--json", str(path))
        assert done.returncode == 1
        assert "could not be created" in done.stderr
    assert older.read_text() == "older"
    assert not newer.exists()


def test_the_benchmark_helps() -> None:
    done = bench("--help")
    assert done.returncode == 0
    assert "--max-in-flight" in done.stdout


def test_the_result_names_no_machine(server: Server, tmp_path: Path) -> None:
    bench("--endpoint", f"127.0.0.1:{server.port}", "--requests", "2", "--warmup", "0", "--json",
          str(tmp_path / "result.json"))
    assert os.uname().nodename not in (tmp_path / "result.json").read_text().split('"')
