"""The server as an operator sees it: it drains on SIGTERM within its bound, and its log is JSON."""

from __future__ import annotations

import json
import os
import resource
import signal
import struct
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from conftest import CALL_TIMEOUT_S, Server
from grpc_health.v1 import health_pb2, health_pb2_grpc
from momento_wire_types import cacheclient_pb2 as messages
from momento_wire_types import cacheclient_pb2_grpc as stubs
from momento_wire_types import controlclient_pb2 as control_messages
from momento_wire_types import controlclient_pb2_grpc as control_stubs
from test_hostile import (DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, SETTINGS, WINDOW_UPDATE,
                          Attacker, frame, request_headers, take_until)

StartServer = Callable[..., Server]

INITIAL_WINDOW_SIZE = 4


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


def test_a_stream_that_is_opened_while_the_server_drains_is_ended_too(start_server: StartServer) -> None:
    """The client has not acknowledged the farewell yet, so it may still start calls."""
    server = start_server("--drain-timeout", "60s")
    peer = Attacker(server)
    take_until(peer, SETTINGS)
    os.kill(server.process_number, signal.SIGTERM)
    take_until(peer, GOAWAY)
    headers = request_headers("/grpc.health.v1.Health/Watch")
    peer.send(frame(HEADERS, END_HEADERS, 1, headers) + frame(DATA, END_STREAM, 1, bytes(5)))
    ended = any(kind == HEADERS and flags & END_STREAM for kind, flags, stream, _ in peer.frames_of(1))
    assert ended, "the stream has its trailers"
    peer.close()
    server.stop()


def test_a_reply_before_the_farewell_arrives_whole_while_the_client_goes_on_talking(start_server: StartServer) -> None:
    """A socket that is closed answers what still comes with a reset, and takes back what was not read."""
    server = start_server("--cache", "c")
    value = bytes(500_000)
    with grpc.insecure_channel(server.address) as channel:
        stubs.ScsStub(channel).Set(messages._SetRequest(cache_key=b"k", cache_body=value, ttl_milliseconds=60_000),
                                   metadata=[("cache", "c")], timeout=CALL_TIMEOUT_S)
    peer = Attacker(server, greet=False, receive_buffer_bytes=4096)
    request = messages._GetRequest(cache_key=b"k").SerializeToString()
    peer.send(PREFACE + frame(SETTINGS, payload=struct.pack(">HI", INITIAL_WINDOW_SIZE, 1 << 20)) +
              frame(WINDOW_UPDATE, payload=struct.pack(">I", 1 << 20)) +
              frame(HEADERS, END_HEADERS, 1, request_headers(cache="c")) +
              frame(DATA, END_STREAM, 1, struct.pack(">BI", 0, len(request)) + request) +
              frame(GOAWAY, payload=bytes(8)))
    while piece := peer.socket.recv(4096):
        peer.received += piece
        peer.send(frame(PING, payload=bytes(8)))
    received = [got for got in peer.frames() if got[2] == 1]
    assert sum(len(payload) for kind, _, _, payload in received if kind == DATA) > len(value)
    assert (received[-1][0], received[-1][1] & END_STREAM) == (HEADERS, END_STREAM)
    peer.close()
    server.stop()


def test_the_server_outlives_whoever_reads_its_log(binary: Path) -> None:
    process = subprocess.Popen([str(binary), "serve", "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    port = json.loads(process.stderr.readline())["port"]
    process.stderr.close()
    process.send_signal(signal.SIGUSR1)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        check = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=CALL_TIMEOUT_S)
        assert check.status == health_pb2.HealthCheckResponse.SERVING
    process.terminate()
    assert process.wait(CALL_TIMEOUT_S) == 0


def test_a_batch_that_waits_outlives_its_cache(start_server: StartServer) -> None:
    """The cache is deleted while its batch waits for the client to read: the batch ends with a status."""
    server = start_server("--cache", "c")
    unread = [("grpc.http2.bdp_probe", 0), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(server.address, unread) as channel:
        scs = stubs.ScsStub(channel)
        metadata = [("cache", "c")]
        item = messages._SetRequest(cache_key=b"k", cache_body=b"v" * 1_000_000, ttl_milliseconds=60_000)
        scs.Set(item, metadata=metadata, timeout=CALL_TIMEOUT_S)
        keys = [messages._GetRequest(cache_key=b"k")] * 30
        batch = scs.GetBatch(messages._GetBatchRequest(items=keys), metadata=metadata, timeout=CALL_TIMEOUT_S)
        assert next(batch).result == messages.Hit
        with grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) as other:
            delete = control_messages._DeleteCacheRequest(cache_name="c")
            control_stubs.ScsControlStub(other).DeleteCache(delete, timeout=CALL_TIMEOUT_S)
        with pytest.raises(grpc.RpcError) as caught:
            scs.Get(keys[0], metadata=metadata, timeout=CALL_TIMEOUT_S)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        with pytest.raises(grpc.RpcError) as caught:
            for _ in batch:
                pass
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
