"""`mayfly bench` as an open loop and with mixed loads: what it says is compared with what is known before it runs."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_command import COMMAND_TIMEOUT_S, FAILED, INTERRUPTED, LOCAL, OK, UNMET, UNREACHABLE, USAGE, Mayfly
from conftest import Server
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

StartServer = Callable[..., Server]

QUICK = ("--keys", "200", "--warmup", "100ms")


def run(mayfly: Mayfly, path: Path, *arguments: str, code: int = OK) -> dict[str, Any]:
    done = mayfly("bench", *QUICK, *arguments, "--json", str(path))
    assert done.returncode == code, done
    result: dict[str, Any] = json.loads(path.read_text())
    return result


@pytest.fixture
def mayfly(binary: Path, server: Server) -> Mayfly:
    return Mayfly(binary, server.address)


@pytest.fixture
def result_path(tmp_path: Path) -> Path:
    return tmp_path / "result.json"


@pytest.fixture
def simulated(start_server: StartServer, binary: Path) -> Iterator[tuple[Mayfly, Callable[[str], None]]]:
    """A server whose service can be simulated, and the function that asks for it."""
    server = start_server("--test-faults", "--test-faults-listen", "127.0.0.1:0")
    port = next(record["port"] for record in map(json.loads, server.log) if record["event"] == "test faults are on")

    def simulate(query: str) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/simulate?{query}", timeout=COMMAND_TIMEOUT_S) as answer:
            answer.read()

    yield Mayfly(binary, server.address), simulate


# --- Open loop ---


@pytest.mark.parametrize("arrivals", ["uniform", "poisson"])
def test_an_open_loop_sends_what_is_due_and_no_more(mayfly: Mayfly, result_path: Path, arrivals: str) -> None:
    result = run(mayfly, result_path, "--rate", "500", "--arrivals", arrivals, "--duration", "2s", "--threads", "2")
    spread = 2 if arrivals == "uniform" else 160  # five standard deviations
    assert result["wanted"] == pytest.approx(1000, abs=spread)
    assert 0.99 * result["wanted"] <= result["sent"] <= result["wanted"] and result["sent"] == result["requests"]
    assert result["settings"]["loop"] == "open" and result["settings"]["arrivals"] == arrivals
    assert set(result["lateness_us"]) == {"p50", "p90", "p99", "p999", "max"}


def test_a_stalled_server_cannot_hide_in_an_open_loop(
        simulated: tuple[Mayfly, Callable[[str], None]], result_path: Path) -> None:
    """One worker that takes 20 ms can do 50 a second. Of 100 a second for two seconds the last is served after four, on
    any machine, so it waits for two, and half of them for one; however little a request takes on the wire."""
    mayfly, simulate = simulated
    simulate("workers=1&time=const:20ms")
    mayfly.ok("cache", "create", "stalled")
    result = run(mayfly, result_path, "--filled", "--cache", "stalled", "--rate", "100", "--duration", "2s", "--warmup", "0s",
                 "--concurrency", "1")
    assert result["sent"] >= 198
    assert result["latency_us"]["max"] > 1_900_000 and result["latency_us"]["p50"] > 950_000
    assert result["service_us"]["p50"] < 0.2 * result["latency_us"]["p50"], "on the wire there is one at a time"


def test_a_closed_loop_says_no_more_than_the_server_did(
        simulated: tuple[Mayfly, Callable[[str], None]], result_path: Path) -> None:
    """One worker that takes 10 ms can do 100 a second, however many are in flight when the time is over. Those wait for a
    second each, which counts."""
    mayfly, simulate = simulated
    simulate("workers=1&time=const:10ms")
    mayfly.ok("cache", "create", "busy")
    result = run(mayfly, result_path, "--filled", "--cache", "busy", "--concurrency", "100", "--duration", "1s", "--warmup", "0s")
    assert 0 < result["requests"] <= 100 * result["seconds"] + 2
    assert result["latency_us"]["max"] > 900_000


def test_a_closed_loop_says_that_it_is_closed(mayfly: Mayfly) -> None:
    done = mayfly("bench", *QUICK, "--duration", "200ms")
    assert done.stdout.startswith(b"closed loop, 50 in flight")


def test_an_open_loop_shows_service_and_response_time_side_by_side(mayfly: Mayfly) -> None:
    done = mayfly("bench", *QUICK, "--duration", "200ms", "--rate", "200")
    assert done.stdout.startswith(b"open loop, 200 requests/s, uniform arrivals")
    assert b"response     on the wire" in done.stdout and b"sent late by" in done.stdout and b"verdict" in done.stdout


def test_a_rate_that_was_not_sent_is_no_success(simulated: tuple[Mayfly, Callable[[str], None]], result_path: Path) -> None:
    mayfly, simulate = simulated
    simulate("workers=1&time=const:100ms")
    mayfly.ok("cache", "create", "slow")
    result = run(mayfly, result_path, "--filled", "--cache", "slow", "--rate", "200", "--duration", "1s", "--warmup", "0s", "--max-outstanding",
                 "20", code=UNMET)
    assert result["sent"] < 0.5 * result["wanted"] and result["wanted"] == 200
    assert result["held_back"] > 0 and "--max-outstanding" in result["verdict"]


def test_a_generator_that_has_no_time_left_says_so(mayfly: Mayfly, result_path: Path) -> None:
    """No thread can send ten million requests a second."""
    result = run(mayfly, result_path, "--rate", "10000000", "--duration", "300ms", "--max-outstanding", "1000000",
                 code=UNMET)
    assert result["verdict"].startswith("generator-limited") and result["sent"] < result["wanted"]


# --- What is asked for ---


def test_a_mix_asks_for_all_its_kinds(mayfly: Mayfly, cache: str, result_path: Path) -> None:
    result = run(mayfly, result_path, "--cache", cache, "--workload", "items=6,dictionary=2,list=1,set=1,sorted-set=1",
                 "--duration", "300ms", "--reads", "50", "--hit-ratio", "100")
    assert result["errors"] == {} and result["requests"] > 0
    assert mayfly.ok("type", cache, "key:000000000000") == b"scalar\n"


def test_the_hit_ratio_is_what_was_asked_for(mayfly: Mayfly, result_path: Path) -> None:
    result = run(mayfly, result_path, "--reads", "100", "--hit-ratio", "70", "--requests", "20000", "--popularity", "zipf")
    assert result["misses"] == pytest.approx(6000, abs=330)  # five standard deviations


def test_values_have_the_sizes_of_their_distribution(mayfly: Mayfly, cache: str, result_path: Path) -> None:
    run(mayfly, result_path, "--cache", cache, "--value-size", "p0:10,p100:1010", "--duration", "200ms")
    sizes = [len(mayfly.ok("get", cache, f"key:{number:012}")) for number in range(200)]
    assert min(sizes) < 110 and max(sizes) > 910 and 400 < sum(sizes) / len(sizes) < 620


def test_several_caches_share_the_keys_and_are_gone_afterwards(mayfly: Mayfly, result_path: Path) -> None:
    result = run(mayfly, result_path, "--cache", "several", "--caches", "3", "--duration", "200ms", "--reads", "100")
    assert result["misses"] == 0 and result["errors"] == {}
    assert b"several" not in mayfly.ok("cache", "list")


def test_a_network_in_between_is_felt(mayfly: Mayfly, result_path: Path) -> None:
    result = run(mayfly, result_path, "--network", "laptop", "--concurrency", "20", "--duration", "1s")
    assert result["latency_us"]["p50"] > 20_000
    assert result["settings"]["network"] == "laptop"


def test_a_trace_is_replayed_in_its_own_time(mayfly: Mayfly, cache: str, result_path: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    rows = ["timestamp,operation,key,size"]
    rows += [f"{100 + number / 100:.2f},set,recorded:{number},{number}" for number in range(100)]
    rows += ["101.0,get,recorded:42,0", "101.2,get,never,0", "101.4,delete,recorded:1,0"]
    trace.write_text("\n".join(rows) + "\n")
    result = run(mayfly, result_path, "--cache", cache, "--trace", str(trace), "--trace-speed", "2", "--threads", "2")
    assert result["requests"] == result["sent"] == 103 and result["misses"] == 1 and result["errors"] == {}
    assert result["seconds"] > 0.65
    assert len(mayfly.ok("get", cache, "recorded:42")) == 42
    assert mayfly("exists", cache, "recorded:1").returncode != OK


# --- What is written ---


def test_the_hdr_log_is_read_by_its_own_tools(mayfly: Mayfly, result_path: Path, tmp_path: Path) -> None:
    log = tmp_path / "latency.hlog"
    result = run(mayfly, result_path, "--rate", "2000", "--duration", "2200ms", "--interval", "500ms", "--hdr", str(log))
    lowest, highest, digits = 1, 2**38, 3
    totals = {}
    for tag in (None, "service"):
        total = HdrHistogram(lowest, highest, digits)
        reader = HistogramLogReader(str(log), HdrHistogram(lowest, highest, digits))
        while (interval := reader.get_next_interval_histogram()) is not None:
            if interval.tag == tag:
                total.add(interval)
        reader.close()
        totals[tag] = total
    for tag, name in ((None, "latency_us"), ("service", "service_us")):
        assert totals[tag].get_total_count() == result["requests"]
        for key, percentile in (("p50", 50), ("p99", 99), ("max", 100)):
            assert totals[tag].get_value_at_percentile(percentile) / 1000 == pytest.approx(result[name][key], rel=0.012)


def test_the_course_has_an_entry_an_interval(mayfly: Mayfly, result_path: Path) -> None:
    result = run(mayfly, result_path, "--duration", "1050ms", "--interval", "250ms", "--warmup", "300ms")
    measured = [entry for entry in result["course"] if not entry["is_warmup"]]
    assert len(measured) >= 4
    for entry in measured:
        assert 0 < entry["p50_us"] <= entry["p99_us"] <= entry["p999_us"] and entry["throughput_rps"] > 0


def test_the_distribution_ends_with_all_and_rises(mayfly: Mayfly, result_path: Path) -> None:
    result = run(mayfly, result_path, "--duration", "300ms")
    values, fractions = zip(*result["distribution_us"])
    assert list(values) == sorted(values) and list(fractions) == sorted(fractions) and fractions[-1] == 1
    assert values[-1] == pytest.approx(result["latency_us"]["max"], rel=0.01)


def test_a_terminal_sees_a_live_view(binary: Path, server: Server) -> None:
    ours, theirs = pty.openpty()
    command = [str(binary), "bench", "--endpoint", server.address, "--duration", "2200ms", *QUICK]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs) as running:
        os.close(theirs)
        seen = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other end has closed
                break
            seen += piece
        assert running.wait(COMMAND_TIMEOUT_S) == OK
    os.close(ours)
    for word in ("requests/s", "p99.9", "in flight", "limit", "errors", "\u2588", "\x1b["):
        assert word in seen.decode(), word


def test_what_was_measured_before_an_interruption_is_kept(binary: Path, server: Server, tmp_path: Path) -> None:
    paths = {name: tmp_path / f"result.{name}" for name in ("json", "hdr", "report")}
    command = [str(binary), "bench", "--endpoint", server.address, "--rate", "500", "--duration", "1h", "--warmup", "0s",
               *(word for name, path in paths.items() for word in (f"--{name}", str(path)))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert "requests/s" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        output, errors = running.communicate(timeout=COMMAND_TIMEOUT_S)
    assert running.returncode == INTERRUPTED and "throughput" in output and "interrupted" in errors
    result = json.loads(paths["json"].read_text())
    assert result["is_partial"] and result["requests"] > 100 and result["sent"] == result["wanted"]
    assert paths["hdr"].stat().st_size > 0 and "<html" in paths["report"].read_text()


# --- Bad input ---


@pytest.mark.parametrize(("arguments", "told"), [
    (("--rate", "10", "--trace", "x"), "--rate"),
    (("--trace", "/nowhere/trace.csv"), "No such file"),
    (("--trace-speed", "fast"), "--trace-speed"),
    (("--workload", "items=50,queue=50"), "queue"),
    (("--workload", "items="), "number"),
    (("--value-size", "large"), "--value-size"),
    (("--value-size", "5000001"), "--value-size"),
    (("--popularity", "zipf:0"), "--popularity"),
    (("--rate", "10", "--warmup-concurrency", "5"), "closed loop"),
    (("--rate", "3", "--threads", "4", "--concurrency", "10"), "--threads"),
    (("--network", "moon"), "laptop"),
])
def test_what_makes_no_sense_is_told_before_the_run(mayfly: Mayfly, arguments: tuple[str, ...], told: str) -> None:
    assert told in mayfly.fails(USAGE, "bench", *arguments)


@pytest.mark.parametrize("option", ["--json", "--hdr", "--report"])
def test_a_file_that_cannot_be_written_is_told_before_the_run(mayfly: Mayfly, option: str) -> None:
    assert "cannot be written" in mayfly.fails(LOCAL, "bench", option, "/nowhere/file", "--duration", "1h")


def test_a_bad_line_of_a_trace_is_named(mayfly: Mayfly, tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("0,get,a,0\n1,fetch,b,0\n")
    assert "line 2" in mayfly.fails(USAGE, "bench", "--trace", str(trace))


def test_nobody_there_is_told_at_once(binary: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert str(port) in Mayfly(binary, f"127.0.0.1:{port}").fails(UNREACHABLE, "bench", "--rate", "10")


def test_a_cache_that_is_not_there_cannot_be_filled_already(mayfly: Mayfly) -> None:
    assert "no cache" in mayfly.fails(FAILED, "bench", "--filled", "--cache", "never-made")
    assert b"never-made" not in mayfly.ok("cache", "list")
