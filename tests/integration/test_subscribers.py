"""Subscribers that are many, that read slowly, or that do not read at all."""

from __future__ import annotations

import select
import struct
import time
from collections.abc import Callable
from pathlib import Path

import grpc
from conftest import CALL_TIMEOUT_S, Server
from momento_wire_types import cachepubsub_pb2 as messages
from momento_wire_types import controlclient_pb2 as control_messages
from momento_wire_types import controlclient_pb2_grpc as control_stubs
from test_hostile import (DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, RST_STREAM, SETTINGS, Attacker,
                          frame, request_headers)
from test_topics import MIB, Subscriber, publish

StartServer = Callable[..., Server]

INITIAL_WINDOW_SIZE = 4


def connect(server: Server) -> grpc.Channel:
    """Make a connection that is nobody else's."""
    return grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)])


def subscribe_frames(stream: int, topic: str = "t", **headers: str) -> bytes:
    message = messages._SubscriptionRequest(cache_name="c", topic=topic).SerializeToString()
    body = b"\0" + struct.pack(">I", len(message)) + message
    return frame(HEADERS, END_HEADERS, stream,
                 request_headers("/cache_client.pubsub.Pubsub/Subscribe", **headers)) + frame(DATA, END_STREAM, stream, body)


def shut_windows(server: Server) -> Attacker:
    """A connection whose streams may be sent nothing."""
    attacker = Attacker(server)
    attacker.send(frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 0)))
    return attacker


def peak_resident_bytes(server: Server) -> int:
    for line in Path(f"/proc/{server.process_number}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    raise AssertionError("the system does not say how much memory was resident")


def test_a_large_message_reaches_every_subscriber_of_a_connection(start_server: StartServer) -> None:
    server = start_server("--cache", "c", "--topic-heartbeat", "100ms")
    with connect(server) as reading, connect(server) as publishing:
        subscribers = [Subscriber(reading, "c", "t", timeout=60) for _ in range(90)]
        value = b"v" * MIB
        for _ in range(2):  # 180 MiB in all, where 64 MiB may wait
            publish(publishing, "c", "t", value)
            for subscriber in subscribers:
                assert subscriber.item().value.binary == value
        for subscriber in subscribers:
            subscriber.call.cancel()


def test_ordinary_calls_go_on_beside_subscribers_that_read_nothing(start_server: StartServer) -> None:
    server = start_server("--cache", "c", "--max-buffered", "16mib", "--subscribers-memory", "1gib")
    with connect(server) as both, connect(server) as publishing:
        subscribers = [Subscriber(both, "c", "t", timeout=60) for _ in range(60)]
        publish(publishing, "c", "t", b"v" * MIB)
        publish(both, "c", "u", b"v" * MIB)
        control_stubs.ScsControlStub(both).ListCaches(control_messages._ListCachesRequest(), timeout=CALL_TIMEOUT_S)
        for subscriber in subscribers:
            assert len(subscriber.item().value.binary) == MIB
            subscriber.call.cancel()


def test_subscriptions_that_read_nothing_are_ended_alone(start_server: StartServer) -> None:
    server = start_server("--cache", "c", "--stall-timeout", "500ms", "--topic-heartbeat", "100ms")
    attacker = shut_windows(server)
    with connect(server) as own:
        reader = Subscriber(own, "c", "t", timeout=60)
        # The last ones are answered before, by their deadline; what waits for them is no less in the way.
        attacker.send(b"".join(subscribe_frames(stream) for stream in range(1, 21, 2)))
        attacker.send(b"".join(subscribe_frames(stream, **{"grpc-timeout": "200m"}) for stream in range(21, 31, 2)))
        publish(own, "c", "t", "v")
        ended = {}
        for kind, _, stream, payload in attacker.frames():
            if kind == RST_STREAM:
                ended[stream] = int.from_bytes(payload, "big")
            if len(ended) == 15:
                break
        assert ended == {stream: ENHANCE_YOUR_CALM for stream in range(1, 31, 2)}
        publish(own, "c", "t", "w")
        assert reader.texts(2) == ["v", "w"]
        reader.call.cancel()
    attacker.send(subscribe_frames(31))  # the connection goes on
    assert next(attacker.frames_of(31))[0] == HEADERS
    attacker.close()


def test_what_waits_for_all_subscribers_is_bounded_and_the_others_wait(start_server: StartServer) -> None:
    server = start_server("--cache", "c", "--stall-timeout", "1s", "--subscribers-memory", "16mib")
    attackers = [shut_windows(server) for _ in range(20)]
    with connect(server) as own, connect(server) as publishing:
        for attacker in attackers:
            attacker.send(b"".join(subscribe_frames(stream) for stream in range(1, 101, 2)))
            for stream in range(1, 101, 2):
                assert next(attacker.frames_of(stream))[0] == HEADERS
        reader = Subscriber(own, "c", "t", timeout=60)
        before_bytes = peak_resident_bytes(server)
        publish(publishing, "c", "t", b"v" * MIB)
        assert len(reader.item().value.binary) == MIB
        # All of it for all of them would be 1 GB.
        assert peak_resident_bytes(server) - before_bytes < 200 * MIB
        reader.call.cancel()
    for attacker in attackers:
        attacker.close()


def test_a_publish_to_many_lets_others_go_between(start_server: StartServer) -> None:
    server = start_server("--cache", "c", "--topic-heartbeat", "1h")
    listeners = [Attacker(server) for _ in range(600)]
    for listener in listeners:
        listener.send(subscribe_frames(1))
    for listener in listeners:
        assert any(kind == DATA for kind, _, stream, _ in listener.frames_of(1))  # the first heartbeat
    rounds, between = 10, 0
    with connect(server) as own:
        control = control_stubs.ScsControlStub(own)
        for _ in range(rounds):
            publish(own, "c", "t", "v")
            control.ListCaches(control_messages._ListCachesRequest(), timeout=CALL_TIMEOUT_S)
            between += not select.select([listeners[-1].socket], [], [], 0)[0]
            for listener in listeners:
                assert next(listener.frames_of(1))[0] == DATA
    # Served in one go, all of them have their message before anybody else is heard.
    assert between > 0
    for listener in listeners:
        listener.close()


def test_a_deadline_among_subscriptions_without_one_holds(start_server: StartServer) -> None:
    server = start_server("--cache", "c", "--topic-heartbeat", "100ms")
    attacker = Attacker(server)
    with_deadline = (5, 9)
    attacker.send(b"".join(
        subscribe_frames(stream, **({"grpc-timeout": "300m"} if stream in with_deadline else {}))
        for stream in range(1, 12, 2)))
    began = time.monotonic()
    ended = []
    for kind, flags, stream, _ in attacker.frames():
        if kind == HEADERS and flags & END_STREAM:
            ended.append(stream)
        if len(ended) == len(with_deadline):
            break
    assert sorted(ended) == list(with_deadline)
    assert time.monotonic() - began > 0.2
    attacker.close()
