"""The command `mayfly` as a person uses it: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_command import COMMAND_TIMEOUT_S, FAILED, INTERRUPTED, LOCAL, MISS, OK, UNREACHABLE, USAGE, Mayfly
from conftest import REPOSITORY, Server

StartServer = Callable[..., Server]

@pytest.fixture
def mayfly(binary: Path, server: Server) -> Mayfly:
    return Mayfly(binary, server.address)


@pytest.fixture
def cache(mayfly: Mayfly) -> str:
    name = f"cli-{uuid.uuid4().hex}"
    mayfly.ok("cache", "create", name)
    return name


def test_a_value_can_be_set_read_and_deleted(mayfly: Mayfly, cache: str) -> None:
    assert mayfly.ok("set", cache, "greeting", "hello", "--ttl", "1m") == b""
    assert mayfly.ok("get", cache, "greeting") == b"hello"
    mayfly.ok("delete", cache, "greeting")
    assert "has no key greeting" in mayfly.fails(MISS, "get", cache, "greeting")
    mayfly.ok("delete", cache, "greeting")


def test_a_binary_value_goes_through_standard_input_and_output(mayfly: Mayfly, cache: str) -> None:
    value = bytes(range(256)) * 300
    mayfly.ok("set", cache, "binary", "-", stdin=value)
    assert mayfly.ok("get", cache, "binary") == value


def test_what_follows_two_dashes_is_no_option(mayfly: Mayfly, cache: str) -> None:
    mayfly.ok("set", cache, "--", "--key", "--value")
    assert mayfly.ok("get", "--", cache, "--key") == b"--value"


def test_increment_prints_the_new_number(mayfly: Mayfly, cache: str) -> None:
    assert mayfly.ok("increment", cache, "n") == b"1\n"
    assert mayfly.ok("increment", cache, "n", "41") == b"42\n"
    assert mayfly.ok("increment", cache, "n", "--", "-2") == b"40\n"
    mayfly.ok("set", cache, "text", "no number")
    assert "FAILED_PRECONDITION" in mayfly.fails(FAILED, "increment", cache, "text")


def test_caches_are_created_listed_emptied_and_deleted(mayfly: Mayfly, cache: str) -> None:
    assert cache in mayfly.ok("cache", "list").decode().split()
    assert "ALREADY_EXISTS" in mayfly.fails(FAILED, "cache", "create", cache)
    mayfly.ok("set", cache, "k", "v")
    mayfly.ok("cache", "flush", cache)
    mayfly.fails(MISS, "get", cache, "k")
    mayfly.ok("cache", "delete", cache)
    assert cache not in mayfly.ok("cache", "list").decode().split()
    assert "NOT_FOUND" in mayfly.fails(FAILED, "get", cache, "k")


def test_ping_says_how_fast_the_server_answered(mayfly: Mayfly) -> None:
    assert b"answered in" in mayfly.ok("ping")


def test_nobody_there_is_said_in_a_sentence_with_the_address(binary: Path) -> None:
    sentence = Mayfly(binary, "127.0.0.1:1").fails(UNREACHABLE, "ping", "--timeout", "100ms")
    assert "127.0.0.1:1" in sentence


@pytest.mark.parametrize("arguments", [
    ("no-such-command",),
    ("get",),
    ("get", "cache"),
    ("set", "cache", "key"),
    ("cache", "rename", "a"),
    ("cache", "create"),
    ("ping", "--no-such-option"),
    ("ping", "--timeout"),
    ("ping", "--timeout", "soon"),
    ("ping", "--endpoint", "nowhere"),
    ("increment", "cache", "key", "much"),
    ("bench", "--threads", "4", "--concurrency", "2"),
    ("bench", "--reads", "101"),
    ("bench", "--threads", "2", "--requests", "1"),
    ("bench", "--channels", "none"),
    ("bench", "--configuration", "fast"),
    ("bench", "--threads", "2", "--warmup-concurrency", "1"),
    ("serve", "--memory-limit", "1kb"),
    ("serve", "--log-level", "loud"),
    ("serve", "--listen", "somewhere"),
    ("serve", "extra"),
])
def test_wrong_usage_is_a_sentence_and_its_own_exit_code(mayfly: Mayfly, arguments: tuple[str, ...]) -> None:
    expected = LOCAL if arguments[:2] == ("serve", "--listen") else USAGE
    mayfly.fails(expected, *arguments)


def test_every_command_has_help(mayfly: Mayfly) -> None:
    overview = mayfly.ok("help").decode()
    for command in ("serve", "cache", "get", "set", "delete", "increment", "exists", "type", "ttl", "batch",
                    "dictionary", "sets", "list", "sorted-set", "leaderboard", "topic", "key", "ping", "bench",
                    "relay"):
        assert f"\n  {command} " in overview
        assert f"usage: mayfly {command}" in mayfly.ok(command, "--help").decode()


def test_help_of_a_verb_lists_its_options(mayfly: Mayfly) -> None:
    text = mayfly.ok("list", "push-front", "--help").decode()
    assert text.startswith("usage: mayfly list push-front CACHE LIST VALUE ... [options]\n")
    assert "--truncate N" in text and "--endpoint" in text and "--descending" not in text
    assert mayfly.ok("help", "list", "push-front").decode() == text
    verbs = mayfly.ok("list", "--help").decode()
    assert "list push-front CACHE LIST VALUE ...\n" in verbs and "list erase CACHE LIST INDEX[:COUNT] ...\n" in verbs


@pytest.mark.parametrize(("arguments", "words"), [
    (("list",), ["push-front", "delete"]),
    (("list", "shove"), ["shove", "push-front", "delete"]),
    (("sorted-set", "--json"), ["put", "union"]),
])
def test_an_unknown_verb_is_answered_with_those_there_are(
    mayfly: Mayfly, arguments: tuple[str, ...], words: list[str]
) -> None:
    sentence = mayfly.fails(USAGE, *arguments)
    assert all(word in sentence for word in words), sentence


def complete(mayfly: Mayfly, *words: str) -> list[str]:
    """Return what bash offers for the last of these words."""
    script = 'eval "$("$1" completion bash)"; shift; COMP_WORDS=(mayfly "$@"); COMP_CWORD=$#; _mayfly; ' \
             'printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", script, "bash", str(mayfly.binary), *words], capture_output=True, check=True,
                          text=True, timeout=COMMAND_TIMEOUT_S)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_verbs_and_options(mayfly: Mayfly) -> None:
    assert complete(mayfly, "so") == ["sorted-set"]
    assert complete(mayfly, "list") == ["list"]
    assert complete(mayfly, "list", "push-") == ["push-front", "push-back"]
    assert complete(mayfly, "list", "push-front", "c", "--tr") == ["--truncate"]
    assert complete(mayfly, "get", "c", "k", "--h") == ["--hash", "--help"]
    assert complete(mayfly, "serve", "--memory") == ["--memory-limit"]
    assert complete(mayfly, "list", "push-front", "c") == []


def test_the_settings_page_is_what_the_tables_say(mayfly: Mayfly) -> None:
    assert mayfly.ok("settings-page").decode() == (REPOSITORY / "docs/settings.md").read_text()


def test_the_manual_names_every_command_and_verb(mayfly: Mayfly) -> None:
    manual = (REPOSITORY / "docs/mayfly.1").read_text().replace("\\-", "-")
    commands = re.findall(r"^\| `mayfly ([a-z-]+(?: [a-z-]+)?)[ `]", mayfly.ok("settings-page").decode(), re.MULTILINE)
    assert "list push-front" in commands and "get" in commands
    for command in commands:
        for word in command.split():
            assert re.search(rf"(?<![a-z-]){word}(?![a-z-])", manual), command


def test_a_taken_port_is_an_error_that_says_so(mayfly: Mayfly, server: Server) -> None:
    assert "is taken" in mayfly.fails(LOCAL, "serve", "--listen", server.address)


def test_a_network_address_needs_an_explicit_word(mayfly: Mayfly) -> None:
    assert "--trusted-network" in mayfly.fails(LOCAL, "serve", "--listen", "0.0.0.0:0")


def test_settings_come_from_file_environment_and_command_line_in_that_order(
    binary: Path, start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "mayfly.conf"
    settings.write_text("# a comment\ncache = from-file\nmax-caches = 5\nthreads = 2\n")
    monkeypatch.setenv("MAYFLY_MAX_CACHES", "7")
    monkeypatch.setenv("MAYFLY_CONFIG", str(settings))
    server = start_server("--threads", "1")
    assert json.loads(server.log[0])["threads"] == 1
    assert Mayfly(binary, server.address).ok("cache", "list") == b"from-file\n"

    settings.write_text("max-caches = many\n")
    assert "mayfly.conf:1:" in Mayfly(binary, server.address).fails(USAGE, "serve")


BENCH = ("bench", "--concurrency", "20", "--duration", "500ms", "--warmup", "100ms", "--keys", "100")


def test_bench_prints_a_table_and_writes_json(mayfly: Mayfly, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    done = mayfly(*BENCH, "--json", str(path), "--channels", "2", "--threads", "2")
    assert done.returncode == OK, done
    for word in (b"throughput", b"p50", b"p90", b"p99", b"p99.9", b"max", b"errors"):
        assert word in done.stdout
    result = json.loads(path.read_text())
    latency = result["latency_us"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p999"] <= latency["max"]
    assert result["requests"] > 0 and result["errors"] == {} and result["misses"] == 0
    assert result["throughput_rps"] == pytest.approx(result["requests"] / result["seconds"], rel=0.01)
    assert result["settings"]["concurrency"] == 20 and result["settings"]["channels"] == "2"
    assert {"processor", "cores", "kernel", "mayfly"} <= result["machine"].keys()
    assert b"mayfly-bench" not in mayfly.ok("cache", "list"), "the cache that it made is gone"


def test_bench_lets_a_configuration_decide_what_is_on_the_wire(mayfly: Mayfly, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    done = mayfly("bench", "--configuration", "in-region-low-latency-v1", "--concurrency", "40", "--duration", "1s",
                  "--warmup", "300ms", "--warmup-concurrency", "1", "--interval", "200ms", "--keys", "100",
                  "--json", str(path))
    assert done.returncode == OK, done
    for word in (b"40 callers", b"in-region-low-latency-v1", b"on the wire", b"limit"):
        assert word in done.stdout
    result = json.loads(path.read_text())
    assert result["limit"] == 5 and result["is_target_unmet"] is False and result["errors"] == {}
    assert result["latency_us"]["p50"] > 2 * result["service_us"]["p50"], "the others wait their turn"
    assert len(result["course"]) >= 3
    for entry in result["course"]:
        assert entry["limit"] == 5 and entry["throughput_rps"] > 0 and entry["service_p999_us"] > 0
    at_s = [entry["at_s"] for entry in result["course"]]
    assert at_s == sorted(at_s)
    assert result["settings"]["configuration"] == "in-region-low-latency-v1"


def test_bench_can_count_requests_instead_of_seconds(mayfly: Mayfly, cache: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    done = mayfly("bench", "--cache", cache, "--requests", "1000", "--warmup", "0s", "--concurrency", "10",
                  "--json", str(path))
    assert done.returncode == OK, done
    assert json.loads(path.read_text())["requests"] == 1000
    assert cache.encode() in mayfly.ok("cache", "list"), "the cache that was there stays"


def test_bench_reports_progress_while_it_runs(mayfly: Mayfly) -> None:
    done = mayfly("bench", "--concurrency", "5", "--duration", "2200ms", "--warmup", "0s")
    assert done.stderr.count(b"requests/s") >= 2, done.stderr


def test_bench_that_is_interrupted_prints_what_it_has(binary: Path, server: Server) -> None:
    command = [str(binary), "bench", "--endpoint", server.address, "--duration", "1h", "--warmup", "0s"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert "requests/s" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=COMMAND_TIMEOUT_S)
    assert running.returncode == INTERRUPTED and "throughput" in output


def test_bench_counts_errors_by_status(mayfly: Mayfly, server: Server, tmp_path: Path) -> None:
    """Values over the server's limit fail, and the table says with what."""
    path = tmp_path / "result.json"
    done = mayfly("bench", "--reads", "0", "--value-size", "5000000", "--duration", "300ms", "--warmup", "0s",
                  "--concurrency", "2", "--json", str(path))
    assert done.returncode == OK, done
    assert json.loads(path.read_text())["errors"].keys() == {"RESOURCE_EXHAUSTED"}
    assert b"RESOURCE_EXHAUSTED" in done.stdout


def test_bench_that_is_interrupted_while_it_sets_keys_ends_without_a_result(binary: Path, server: Server) -> None:
    command = [str(binary), "bench", "--endpoint", server.address, "--keys", "1000000000", "--concurrency", "10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert "setting keys" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=COMMAND_TIMEOUT_S)
    assert running.returncode == INTERRUPTED and output == ""


def test_output_that_cannot_be_written_is_an_error(mayfly: Mayfly, cache: str) -> None:
    mayfly.ok("set", cache, "k", "v")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([str(mayfly.binary), "get", cache, "k"], stdout=full, stderr=subprocess.PIPE,
                              env=mayfly.environment, timeout=COMMAND_TIMEOUT_S)
    assert done.returncode == LOCAL


def test_without_a_standard_output_what_prints_fails_and_the_rest_works(mayfly: Mayfly, cache: str) -> None:
    def run(redirections: str, *arguments: str) -> tuple[int, bytes]:
        done = subprocess.run(["sh", "-c", f'exec "$@" {redirections}', "sh", str(mayfly.binary), *arguments],
                              capture_output=True, env=mayfly.environment, timeout=COMMAND_TIMEOUT_S)
        return done.returncode, done.stderr

    assert run(">&- 2>&- <&-", "set", cache, "k", "v") == (OK, b"")
    code, said = run(">&-", "get", cache, "k")
    assert code == LOCAL and b"standard output cannot be written" in said
    mayfly.ok("topic", "publish", cache, "t", "v")
    code, said = run(">&-", "topic", "subscribe", cache, "t", "--json")
    assert code == LOCAL and b"standard output cannot be written" in said
    code, said = run("<&-", "set", cache, "k", "-")
    assert code == LOCAL and b"standard input cannot be read" in said
    assert run("2>&-", "get", cache, "no-such-key") == (MISS, b"")


def test_a_value_may_be_what_asks_for_help_elsewhere(mayfly: Mayfly, cache: str) -> None:
    assert mayfly.ok("set", cache, "k", "-h") == b""
    assert mayfly.ok("get", cache, "k") == b"-h"
    mayfly.ok("list", "push-back", cache, "-h", "-h")
    assert mayfly.ok("list", "pop-back", cache, "-h") == b"-h"
    for asked in (("get",), ("list",), ("list", "push-back"), ("serve",)):
        assert mayfly.ok(*asked, "-h") == mayfly.ok(*asked, "--help")


def test_a_first_cache_needs_a_name_that_clients_can_read(mayfly: Mayfly) -> None:
    assert "--cache" in mayfly.fails(LOCAL, "serve", "--listen", "127.0.0.1:0", "--cache", "a\nb")
