"""The server as an operator sees it: it drains on SIGTERM within its bound, and its log is JSON."""

from __future__ import annotations

import json
import os
import resource
import signal
import threading
from collections.abc import Callable

import grpc
import pytest
from conftest import CALL_TIMEOUT_S, Server
from grpc_health.v1 import health_pb2, health_pb2_grpc
from momento_wire_types import cacheclient_pb2 as messages
from momento_wire_types import cacheclient_pb2_grpc as stubs

StartServer = Callable[..., Server]


def test_sigterm_ends_streams_with_a_status_and_the_process_with_success(start_server: StartServer) -> None:
    server = start_server("--cache", "c")
    with grpc.insecure_channel(server.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=CALL_TIMEOUT_S)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        os.kill(server.process_number, signal.SIGTERM)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        with pytest.raises(grpc.RpcError) as caught:
            next(watch)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    server.stop()


def test_sigterm_under_load_loses_no_accepted_call(start_server: StartServer) -> None:
    server = start_server("--cache", "c")
    statuses: list[grpc.StatusCode] = []
    enough = threading.Event()

    def load() -> None:
        with grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            get = stubs.ScsStub(channel).Get
            for number in range(100_000):
                try:
                    get(messages._GetRequest(cache_key=b"k"), metadata=[("cache", "c")], timeout=CALL_TIMEOUT_S)
                except grpc.RpcError as error:
                    statuses.append(error.code())
                    return
                if number == 100:
                    enough.set()

    thread = threading.Thread(target=load)
    thread.start()
    assert enough.wait(CALL_TIMEOUT_S)
    server.stop()
    thread.join()
    assert statuses == [grpc.StatusCode.UNAVAILABLE], "calls end because nobody listens, not in the middle"


def test_a_drain_that_takes_too_long_is_cut_short(start_server: StartServer) -> None:
    """A client that never acknowledges the farewell holds the server for its drain limit, no longer."""
    import socket

    server = start_server("--drain-timeout", "200ms")
    with socket.create_connection(("127.0.0.1", server.port)) as silent:
        silent.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        assert silent.recv(9) != b""
        server.stop()


def test_the_log_is_one_json_object_a_line(start_server: StartServer) -> None:
    server = start_server("--log-level", "debug")
    with grpc.insecure_channel(server.address) as channel:
        grpc.channel_ready_future(channel).result(CALL_TIMEOUT_S)
    server.stop()
    records = [json.loads(line) for line in server.log]
    assert [record["event"] for record in records if record["level"] == "info"] == [
        "listening", "draining", "counters", "stopped"]
    assert all({"time", "level", "event"} <= record.keys() for record in records)


def test_many_threads_share_connections_evenly(start_server: StartServer) -> None:
    server = start_server("--threads", "2", "--cache", "c")
    channels = [grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) for _ in range(8)]
    for number, channel in enumerate(channels):
        scs = stubs.ScsStub(channel)
        item = messages._SetRequest(cache_key=b"%d" % number, cache_body=b"v", ttl_milliseconds=60_000)
        scs.Set(item, metadata=[("cache", "c")], timeout=CALL_TIMEOUT_S)
    for number, channel in enumerate(reversed(channels)):
        reply = stubs.ScsStub(channel).Get(messages._GetRequest(cache_key=b"%d" % number),
                                           metadata=[("cache", "c")], timeout=CALL_TIMEOUT_S)
        assert reply.cache_body == b"v", "what one loop stored another one finds"
        channel.close()


def test_the_server_asks_for_the_descriptors_that_its_connections_need(start_server: StartServer) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        server = start_server("--max-connections", "1000")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    allowed, _ = resource.prlimit(server.process_number, resource.RLIMIT_NOFILE)
    assert allowed >= min(1000, hard)
