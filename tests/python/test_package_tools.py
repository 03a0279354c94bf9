"""What comes with the package: the maker of the blocking clients, and the benchmark."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import REPOSITORY, Server

TOOL = REPOSITORY / "python/tools/make_blocking.py"
PERCENTILES = ["p50", "p90", "p99", "p999", "max"]


def run(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=240, **more)


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmark."""
    return run("-m", "mayfly.bench", *arguments)


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


def test_a_result_that_cannot_be_written_ends_with_1_and_one_sentence(server: Server, tmp_path: Path) -> None:
    done = bench("--endpoint", f"127.0.0.1:{server.port}", "--requests", "2", "--warmup", "0", "--json",
                 str(tmp_path / "no/such/folder.json"))
    assert done.returncode == 1
    assert "No such file or directory" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_benchmark_helps() -> None:
    done = bench("--help")
    assert done.returncode == 0
    assert "--max-in-flight" in done.stdout


def test_the_result_names_no_machine(server: Server, tmp_path: Path) -> None:
    bench("--endpoint", f"127.0.0.1:{server.port}", "--requests", "2", "--warmup", "0", "--json",
          str(tmp_path / "result.json"))
    assert os.uname().nodename not in (tmp_path / "result.json").read_text().split('"')
