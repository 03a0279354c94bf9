"""API keys: the server that wants them, the command that makes them, and the official SDKs that bring them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from cli_command import COMMAND_TIMEOUT_S, FAILED, LOCAL, USAGE, Mayfly
from conftest import CALL_TIMEOUT_S, Authority, Certificate, Server
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from momento import CredentialProvider
from momento_wire_types import cacheclient_pb2 as messages
from momento_wire_types import cacheclient_pb2_grpc as stubs
from momento_wire_types import cachepubsub_pb2 as topic_messages
from momento_wire_types import cachepubsub_pb2_grpc as topic_stubs
from tunnel import Tunnel

StartServer = Callable[..., Server]

FOLDER = Path(__file__).parent
CACHE = "keys"
POLL_S = 0.01
SDK_TIMEOUT_S = 60
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
DOMAIN = "mayfly.test"  # RFC 6761: a name that no name server has


def digest(key: str) -> str:
    """Return what a server's file says of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


@contextmanager
def connect(server: Server) -> Iterator[grpc.Channel]:
    """Open a connection that no other channel shares."""
    with grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield channel


def get(channel: grpc.Channel, key: str | None) -> grpc.StatusCode:
    """Make a call with this key, and return how it ended."""
    metadata = [("cache", CACHE)] + ([] if key is None else [("authorization", key)])
    try:
        stubs.ScsStub(channel).Get(messages._GetRequest(cache_key=b"k"), metadata=metadata, timeout=CALL_TIMEOUT_S)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def reload(server: Server) -> dict[str, Any]:
    """Have the server read its files again; return what it says of its keys."""
    before = len(server.log)
    os.kill(server.process_number, signal.SIGHUP)
    deadline = time.monotonic() + CALL_TIMEOUT_S
    while time.monotonic() < deadline:
        for record in map(json.loads, server.log[before:]):
            if record["event"].startswith("API keys "):
                return record
        time.sleep(POLL_S)
    raise AssertionError("the server said nothing of its keys")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Return a server's file with one key, `first`."""
    path = tmp_path / "keys"
    path.write_text(f"# people and machines\n\n{digest('first')} the first\n")
    return path


# The server


def test_a_call_needs_a_key_whose_digest_is_in_the_file(start_server: StartServer, keys: Path) -> None:
    with connect(start_server("--cache", CACHE, "--api-keys", str(keys))) as channel:
        for key in (None, "", "second", "firs", "first-", digest("first")):
            assert get(channel, key) == UNAUTHENTICATED, key
        for key in ("first", "first", "second", "first"):
            assert get(channel, key) == (grpc.StatusCode.OK if key == "first" else UNAUTHENTICATED)


def test_a_server_without_the_option_asks_for_no_key(start_server: StartServer) -> None:
    with connect(start_server("--cache", CACHE)) as channel:
        assert get(channel, None) == get(channel, "any") == grpc.StatusCode.OK


def test_a_message_without_a_key_is_not_taken_in_and_the_connection_lives_on(
    start_server: StartServer, keys: Path
) -> None:
    large = messages._SetRequest(cache_key=b"k", cache_body=b"v" * 4_000_000, ttl_milliseconds=60_000)
    with connect(start_server("--cache", CACHE, "--api-keys", str(keys))) as channel:
        for _ in range(20):
            with pytest.raises(grpc.RpcError) as caught:
                stubs.ScsStub(channel).Set(large, metadata=[("cache", CACHE)], timeout=CALL_TIMEOUT_S)
            assert caught.value.code() == UNAUTHENTICATED and "API key" in caught.value.details()
        assert get(channel, "first") == grpc.StatusCode.OK


def test_topics_and_reflection_need_a_key_and_health_does_not(start_server: StartServer, keys: Path) -> None:
    with connect(start_server("--cache", CACHE, "--api-keys", str(keys))) as channel:
        subscription = topic_stubs.PubsubStub(channel).Subscribe(
            topic_messages._SubscriptionRequest(cache_name=CACHE, topic="t"), timeout=CALL_TIMEOUT_S)
        with pytest.raises(grpc.RpcError) as caught:
            next(subscription)
        assert caught.value.code() == UNAUTHENTICATED
        with pytest.raises(grpc.RpcError) as caught:
            ProtoReflectionDescriptorDatabase(channel).get_services()
        assert caught.value.code() == UNAUTHENTICATED
        health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=CALL_TIMEOUT_S)
        assert health.status == health_pb2.HealthCheckResponse.SERVING


def test_sighup_adds_and_revokes_keys_on_connections_that_are_there(start_server: StartServer, keys: Path) -> None:
    server = start_server("--cache", CACHE, "--api-keys", str(keys), "--threads", "2")
    with connect(server) as one, connect(server) as two:
        for channel in (one, two):
            assert (get(channel, "first"), get(channel, "second")) == (grpc.StatusCode.OK, UNAUTHENTICATED)
        keys.write_text(f"{digest('first')}\n{digest('second')}\n")
        assert reload(server)["keys"] == 2
        for channel in (one, two):
            assert get(channel, "first") == get(channel, "second") == grpc.StatusCode.OK
        keys.write_text(f"{digest('second')}\n")
        assert reload(server)["keys"] == 1
        for channel in (one, two):
            assert (get(channel, "first"), get(channel, "second")) == (UNAUTHENTICATED, grpc.StatusCode.OK)


def test_a_reload_ends_no_stream(start_server: StartServer, keys: Path) -> None:
    server = start_server("--cache", CACHE, "--api-keys", str(keys), "--topic-heartbeat", "50ms")
    with connect(server) as channel:
        subscription = topic_stubs.PubsubStub(channel).Subscribe(
            topic_messages._SubscriptionRequest(cache_name=CACHE, topic="t"), metadata=[("authorization", "first")])
        next(subscription)
        assert reload(server)["keys"] == 1
        topic_stubs.PubsubStub(channel).Publish(
            topic_messages._PublishRequest(cache_name=CACHE, topic="t", value=topic_messages._TopicValue(text="after")),
            metadata=[("authorization", "first")], timeout=CALL_TIMEOUT_S)
        items = (event.item.value.text for event in subscription if event.WhichOneof("kind") == "item")
        assert next(items) == "after"
        subscription.cancel()


@pytest.mark.parametrize("broken", ["line", "missing"])
def test_a_file_that_is_wrong_keeps_the_old_keys_and_is_logged_without_its_content(
    start_server: StartServer, keys: Path, broken: str
) -> None:
    server = start_server("--cache", CACHE, "--api-keys", str(keys))
    if broken == "line":
        keys.write_text(f"{digest('second')}\na-key-in-the-clear\n")
    else:
        keys.unlink()
    record = reload(server)
    assert record["level"] == "error" and str(keys) in record["problem"]
    assert broken == "missing" or ":2:" in record["problem"]
    assert not any("a-key-in-the-clear" in line for line in server.log)
    with connect(server) as channel:
        assert (get(channel, "first"), get(channel, "second")) == (grpc.StatusCode.OK, UNAUTHENTICATED)


def test_files_that_others_may_not_touch_are_warned_of_when_they_can(
    start_server: StartServer, start_tls_server: StartServer, certificate: Certificate, keys: Path
) -> None:
    def warnings(server: Server) -> list[tuple[str, str]]:
        reload(server)
        records = map(json.loads, server.log)
        return [(record["event"], record["file"]) for record in records if record["level"] == "warn"]

    certificate.key_file.chmod(0o600)
    keys.chmod(0o644)
    server = start_tls_server("--api-keys", str(keys))
    assert warnings(server) == []
    certificate.key_file.chmod(0o644)
    keys.chmod(0o666)
    told = [("others can read the private key", str(certificate.key_file)),
            ("others can write to the API keys", str(keys))]
    assert warnings(server) == told
    assert warnings(start_server("--api-keys", str(keys))) == told[1:] * 2  # at the start and at the reload


def test_a_server_does_not_start_without_its_keys(binary: Path, keys: Path) -> None:
    mayfly = Mayfly(binary, "")
    serve = ("serve", "--listen", "127.0.0.1:0", "--api-keys")
    assert "cannot be read" in mayfly.fails(LOCAL, *serve, str(keys.parent / "nothing"))
    keys.write_text("a-key-in-the-clear\n")
    sentence = mayfly.fails(LOCAL, *serve, str(keys))
    assert f"{keys}:1:" in sentence and "a-key" not in sentence


def test_a_server_with_tls_and_keys_may_be_reached_from_other_machines(
    start_tls_server: StartServer, certificate: Certificate, binary: Path, keys: Path
) -> None:
    everywhere = ("--listen", "0.0.0.0:0")
    assert start_tls_server("--api-keys", str(keys), *everywhere).port > 0
    for half in (certificate.server_options, ("--api-keys", str(keys))):
        assert "--trusted-network" in Mayfly(binary, "").fails(LOCAL, "serve", *half, *everywhere)


# The command


@pytest.fixture
def make_key(binary: Path) -> Callable[..., str]:
    """Make keys as an operator does; what is printed is returned."""
    def make(*arguments: str) -> str:
        done = run_create(binary, *arguments)
        assert done.returncode == 0, done
        return done.stdout.removesuffix("\n")

    return make


def run_create(binary: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(binary), "key", "create", *arguments], capture_output=True, text=True,
                          timeout=COMMAND_TIMEOUT_S)


def sent_with_calls(text: str) -> str:
    """Return what a client sends that was given this text."""
    return text if "." in text else json.loads(base64.b64decode(text))["api_key"]


@pytest.mark.parametrize("form", [(), ("--v2",)])
def test_a_new_key_is_printed_once_and_its_digest_beside_it(binary: Path, form: tuple[str, ...]) -> None:
    done = run_create(binary, "--endpoint", "cell.example.com", "--name", "the build", *form)
    key = sent_with_calls(done.stdout.strip())
    lines = [line for line in done.stderr.splitlines() if not line.startswith("#")]
    assert lines == [f"{digest(key)} the build"]
    assert key not in done.stderr
    assert run_create(binary, "--endpoint", "cell.example.com", *form).stdout != done.stdout


def test_a_key_goes_into_a_file_that_only_its_owner_reads(make_key: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "keys"
    made = [make_key("--endpoint", "cell.example.com", "--api-keys", str(path), "--name", name) for name in "ab"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == "".join(f"{digest(sent_with_calls(text))} {name}\n" for text, name in zip(made, "ab"))

    path.write_text("# no newline at the end")
    path.chmod(0o640)
    made = [make_key("--endpoint", "cell.example.com", "--api-keys", str(path))]
    assert path.read_text() == f"# no newline at the end\n{digest(sent_with_calls(made[0]))}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_keys_that_are_made_at_once_all_get_into_the_file(make_key: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "keys"
    with ThreadPoolExecutor(4) as pool:
        arguments = ("--endpoint", "a.example", "--v2", "--api-keys", str(path))
        texts = list(pool.map(lambda _: make_key(*arguments), range(12)))
    assert sorted(path.read_text().split()) == sorted(map(digest, texts))


@pytest.mark.parametrize(("code", "arguments"), [
    (USAGE, ()),
    (USAGE, ("--endpoint", "https://cell.example.com")),
    (USAGE, ("--endpoint", 'a","api_key":"b')),
    (USAGE, ("--endpoint", "a.example:0")),
    (USAGE, ("--endpoint", "a" * 300)),
    (USAGE, ("--endpoint", "a.example", "--name", "two\nlines")),
    (USAGE, ("--endpoint", "a.example", "--name", "n" * 65)),
    (USAGE, ("--endpoint", "a.example", "more")),
    (LOCAL, ("--endpoint", "a.example", "--api-keys", "/nowhere/keys")),
])
def test_no_key_is_made_where_something_is_wrong(binary: Path, code: int, arguments: tuple[str, ...]) -> None:
    done = run_create(binary, *arguments)
    assert (done.returncode, done.stdout) == (code, ""), done
    assert done.stderr.startswith("mayfly: ") and done.stderr.count("\n") == 1


# The SDKs


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_python_sdk_reads_both_forms(make_key: Callable[..., str]) -> None:
    base64_text = make_key("--endpoint", "cell.example.com:8443")
    token = make_key("--endpoint", "cell.example.com:8443", "--v2")
    for provider in (CredentialProvider.from_string(base64_text),
                     CredentialProvider.from_api_key_v2(token, "cell.example.com:8443")):
        assert provider.cache_endpoint == "cache.cell.example.com:8443"
        assert provider.control_endpoint == "control.cell.example.com:8443"
    assert CredentialProvider.from_string(base64_text).auth_token == sent_with_calls(base64_text)
    assert CredentialProvider.from_api_key_v2(token, "x").auth_token == token


def run_sdk(language: str, task: str, key: str, environment: dict[str, str]) -> None:
    """Run an SDK as a program of its own with this key; it must end well."""
    program = {"python": [sys.executable, "-W", "ignore", "secure_client.py"], "javascript": ["node", "js/secure.mjs"]}
    done = subprocess.run([*program[language], task], cwd=FOLDER, capture_output=True, text=True, timeout=SDK_TIMEOUT_S,
                          env={**os.environ, **environment, "MOMENTO_API_KEY": key})
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("form", [(), ("--v2",)], ids=["base64", "token"])
@pytest.mark.parametrize("language", ["python", "javascript"])
def test_an_official_sdk_works_over_tls_with_a_key_and_not_without(
    language: str, form: tuple[str, ...], make_key: Callable[..., str], authority: Authority, tmp_path: Path,
    start_server: StartServer,
) -> None:
    path = tmp_path / "keys"
    names = ",".join(f"DNS:{name}.{DOMAIN}" for name in ("cache", "control", "token"))
    make_key("--endpoint", DOMAIN, "--api-keys", str(path), "--name", "of somebody else")
    server = start_server(*authority.issue("endpoint", names).server_options, "--api-keys", str(path))
    endpoint = f"{DOMAIN}:{server.port}"
    key = make_key("--endpoint", endpoint, "--api-keys", str(path), *form)
    with Tunnel(("127.0.0.1", server.port)) as tunnel:
        environment = {"MOMENTO_ENDPOINT": endpoint, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(authority.ca_file),
                       "grpc_proxy": tunnel.url, "no_proxy": "", "no_grpc_proxy": ""}
        run_sdk(language, "refused", key, environment)
        assert reload(server)["keys"] == 2
        run_sdk(language, "work", key, environment)
        assert {f"cache.{endpoint}", f"control.{endpoint}"} <= tunnel.asked


# Our own command as a client


@pytest.mark.parametrize("form", [(), ("--v2",)], ids=["base64", "token"])
def test_the_command_takes_its_key_from_a_file_or_the_environment(
    binary: Path, form: tuple[str, ...], make_key: Callable[..., str], authority: Authority, tmp_path: Path,
    start_tls_server: StartServer, monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "keys"
    path.touch()
    server = start_tls_server("--cache", CACHE, "--api-keys", str(path))
    endpoint = f"localhost:{server.port}"
    secret = tmp_path / "key"
    secret.write_text(make_key("--endpoint", endpoint, "--api-keys", str(path), *form) + "\n")
    assert reload(server)["keys"] == 1
    monkeypatch.delenv("MAYFLY_ENDPOINT", raising=False)
    monkeypatch.setenv("MAYFLY_CA", str(authority.ca_file))
    mayfly = Mayfly(binary, "")
    del mayfly.environment["MAYFLY_ENDPOINT"]

    mayfly.environment["MOMENTO_ENDPOINT"] = endpoint
    mayfly.ok("set", CACHE, "k", "v", "--credentials-file", str(secret))
    assert mayfly.ok("get", CACHE, "k", "--credentials-file", str(secret), "--endpoint", server.address) == b"v"
    load = ("bench", "--cache", CACHE, "--requests", "20", "--warmup", "0s", "--keys", "5", "--concurrency", "2")
    mayfly.ok(*load, "--credentials-file", str(secret))
    mayfly.ok(*load, "--credentials-file", str(secret), "--endpoint", server.address)
    assert "wants an API key" in mayfly.fails(FAILED, *load, "--endpoint", server.address)
    mayfly.environment["MOMENTO_API_KEY"] = secret.read_text()
    assert mayfly.ok("get", CACHE, "k") == b"v"
    assert "UNAUTHENTICATED" in mayfly.fails(FAILED, "get", CACHE, "k", "--endpoint", server.address)

    mayfly.environment["MOMENTO_API_KEY"] = secret.read_text()[:-9]
    sentence = mayfly.fails(USAGE if not form else FAILED, "get", CACHE, "k")
    assert secret.read_text()[:20] not in sentence
    assert "cannot be read" in mayfly.fails(LOCAL, "get", CACHE, "k", "--credentials-file", str(tmp_path / "none"))
