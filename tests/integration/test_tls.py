"""The server over TLS: official gRPC and our own command as clients, and certificates that change while it runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from cli_command import LOCAL, UNREACHABLE, USAGE, Mayfly
from conftest import CALL_TIMEOUT_S, Authority, Certificate, Server
from momento_wire_types import cacheclient_pb2 as messages
from momento_wire_types import cacheclient_pb2_grpc as stubs

StartServer = Callable[..., Server]

LOG_TIMEOUT_S = 10


def secure_channel(server: Server, authority: Authority, *options: tuple[str, object]) -> grpc.Channel:
    """Open a connection that no other channel shares, to a server whom this authority vouches for."""
    credentials = grpc.ssl_channel_credentials(authority.ca_file.read_bytes())
    return grpc.secure_channel(server.address, credentials, [("grpc.use_local_subchannel_pool", 1), *options])


def get(channel: grpc.Channel) -> messages._GetResponse:
    """Get a key of the one cache of these tests."""
    return stubs.ScsStub(channel).Get(messages._GetRequest(cache_key=b"k"), metadata=[("cache", "c")],
                                      timeout=CALL_TIMEOUT_S)


def serial_shown(server: Server, authority: Authority) -> str:
    """Return the serial number of the certificate that a new connection is shown and believes."""
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", server.port), CALL_TIMEOUT_S) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            shown = secure.getpeercert()
    assert shown is not None
    return str(shown["serialNumber"])


def await_event(server: Server, event: str, count: int = 1) -> dict[str, object]:
    """Wait until the server has logged so many of these events and return the last one."""
    limit = time.monotonic() + LOG_TIMEOUT_S
    while time.monotonic() < limit:
        found = [record for line in list(server.log) if (record := json.loads(line))["event"] == event]
        if len(found) >= count:
            return dict(found[-1])
        time.sleep(0.01)
    pytest.fail(f"no {event!r} in the log:\n" + "".join(server.log))


@pytest.fixture
def changing(authority: Authority, certificate: Certificate, tmp_path: Path) -> Certificate:
    """Return a copy of the certificate that a test may overwrite."""
    copy = Certificate(tmp_path / "changing.pem", tmp_path / "changing.key")
    install(certificate, copy)
    return copy


def install(certificate: Certificate, place: Certificate) -> None:
    """Put a certificate and its key where a server looks for them."""
    shutil.copy(certificate.file, place.file)
    shutil.copy(certificate.key_file, place.key_file)


def test_grpc_reaches_the_server_over_tls(start_tls_server: StartServer, authority: Authority) -> None:
    server = start_tls_server("--cache", "c")
    with secure_channel(server, authority) as channel:
        assert get(channel).result == messages.Miss
    server.stop()
    counters = await_event(server, "counters")
    assert (counters["tls_handshakes"], counters["connections_failed"]) == (1, 0), "a client that leaves is no failure"


def test_the_name_in_the_certificate_is_checked_by_clients_of_others(
    start_server: StartServer, authority: Authority
) -> None:
    elsewhere = authority.issue("elsewhere", "DNS:elsewhere.example.com")
    server = start_server("--cache", "c", *elsewhere.server_options)
    with secure_channel(server, authority) as channel, pytest.raises(grpc.RpcError) as caught:
        get(channel)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    with secure_channel(server, authority, ("grpc.ssl_target_name_override", "elsewhere.example.com")) as channel:
        assert get(channel).result == messages.Miss


def test_sighup_shows_a_new_certificate_and_keeps_old_connections(
    start_server: StartServer, authority: Authority, changing: Certificate
) -> None:
    server = start_server("--cache", "c", "--threads", "2", *changing.server_options)
    with secure_channel(server, authority) as old:
        assert get(old).result == messages.Miss
        first = serial_shown(server, authority)
        install(authority.issue("successor"), changing)
        os.kill(server.process_number, signal.SIGHUP)
        await_event(server, "certificate reloaded")
        assert serial_shown(server, authority) != first
        assert get(old).result == messages.Miss
        with secure_channel(server, authority) as new:
            assert get(new).result == messages.Miss


def test_a_bad_file_at_sighup_changes_nothing_and_is_logged(
    start_server: StartServer, authority: Authority, certificate: Certificate, changing: Certificate
) -> None:
    server = start_server("--cache", "c", *changing.server_options)
    first = serial_shown(server, authority)
    bad: list[tuple[Path, str | None]] = [
        (changing.file, "garbage\n"), (changing.key_file, authority.issue("other").key_file.read_text()),
        (changing.file, None)]
    for number, (file, text) in enumerate(bad, 1):
        install(certificate, changing)
        file.unlink()
        if text is not None:
            file.write_text(text)
        os.kill(server.process_number, signal.SIGHUP)
        reason = await_event(server, "certificate not reloaded", number)["reason"]
        assert file.name in str(reason)
        assert serial_shown(server, authority) == first
    install(certificate, changing)
    os.kill(server.process_number, signal.SIGHUP)
    await_event(server, "certificate unchanged")


def test_sighup_does_not_end_a_server_without_tls(start_server: StartServer) -> None:
    server = start_server("--cache", "c")
    os.kill(server.process_number, signal.SIGHUP)
    with grpc.insecure_channel(server.address) as channel:
        assert get(channel).result == messages.Miss


def test_sighup_under_load_breaks_no_call(
    binary: Path, start_server: StartServer, authority: Authority, changing: Certificate
) -> None:
    server = start_server("--threads", "2", *changing.server_options)
    certificates = [authority.issue(f"of-the-day-{day}") for day in range(2)]
    load = subprocess.Popen(
        [str(binary), "bench", "--endpoint", server.address, "--ca", str(authority.ca_file), "--concurrency", "20",
         "--channels", "2", "--keys", "100", "--warmup", "0", "--duration", "1s", "--json", str(changing.file) + ".json"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    reloads = 0
    while load.poll() is None:
        install(certificates[reloads % 2], changing)
        reloads += 1
        os.kill(server.process_number, signal.SIGHUP)
        await_event(server, "certificate reloaded", reloads)
    assert load.returncode == 0
    assert reloads > 2
    server.stop()
    counters = await_event(server, "counters")
    assert counters["connections_failed"] == 0
    assert set(counters) & {"UNAVAILABLE", "CANCELLED", "INTERNAL"} == set()


def test_the_command_speaks_tls(binary: Path, start_tls_server: StartServer, authority: Authority) -> None:
    server = start_tls_server("--cache", "c")
    mayfly = Mayfly(binary, server.address)
    ca = ("--ca", str(authority.ca_file))
    mayfly.ok("set", "c", "k", "v", *ca)
    assert mayfly.ok("get", "c", "k", *ca) == b"v"
    assert mayfly.ok("get", "c", "k", "--insecure") == b"v"
    assert mayfly.ok("get", "c", "k", "--endpoint", f"localhost:{server.port}", *ca) == b"v"
    soon = ("--timeout", "500ms")
    assert "is not signed by an authority" in mayfly.fails(UNREACHABLE, "get", "c", "k", "--tls", *soon)
    assert "closed the connection" in mayfly.fails(UNREACHABLE, "get", "c", "k", *soon)
    assert "cannot be read" in mayfly.fails(USAGE, "get", "c", "k", "--ca", "/nowhere")
    assert "the key is missing" in mayfly.fails(USAGE, "get", "c", "k", "--certificate", str(authority.ca_file))


def test_a_server_can_ask_clients_for_a_certificate(
    binary: Path, start_tls_server: StartServer, authority: Authority
) -> None:
    server = start_tls_server("--cache", "c", "--tls-client-ca", str(authority.ca_file))
    mayfly = Mayfly(binary, server.address)
    ca = ("--ca", str(authority.ca_file))
    user = authority.issue("user")
    own = ("--certificate", str(user.file), "--key", str(user.key_file))
    mayfly.ok("set", "c", "k", "v", *ca, *own)
    refusal = mayfly.fails(UNREACHABLE, "get", "c", "k", *ca, "--timeout", "500ms")
    assert "the server wants a client certificate" in refusal


def test_a_server_does_not_start_with_half_of_its_files(
    binary: Path, authority: Authority, certificate: Certificate
) -> None:
    mayfly = Mayfly(binary, "127.0.0.1:1")
    serve = ("serve", "--listen", "127.0.0.1:0")
    file, key = str(certificate.file), str(certificate.key_file)
    for half in (("--tls-certificate", file), ("--tls-key", key), ("--tls-client-ca", str(authority.ca_file))):
        assert "both" in mayfly.fails(LOCAL, *serve, *half)
    assert "cannot be read" in mayfly.fails(LOCAL, *serve, "--tls-certificate", "/nowhere", "--tls-key", key)
    assert "is not the key of" in mayfly.fails(LOCAL, *serve, "--tls-certificate", str(authority.ca_file),
                                               "--tls-key", key)
