"""Faults on order: what `--test-faults` adds for tests of clients, and that nothing of it is there without."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from conftest import CALL_TIMEOUT_S, Server
from momento import CacheClient, Configurations, CredentialProvider
from momento.config.middleware import MiddlewareMessage, MiddlewareRequestHandlerContext, MiddlewareStatus
from momento.config.middleware.synchronous import Middleware, MiddlewareMetadata, MiddlewareRequestHandler
from momento.errors import MomentoErrorCode
from momento.responses import CacheGet, CacheIncrement
from momento.retry import FixedCountRetryStrategy
from momento_wire_types import cacheclient_pb2 as messages
from momento_wire_types import cacheclient_pb2_grpc as stubs

StartServer = Callable[..., Server]
Metadata = list[tuple[str, str]]

CACHE = "faulty"
KEYS = [b"a", b"b", b"c", b"d"]
GET = messages._GetRequest(cache_key=b"k")
FAULTS_ON = "test faults are on"
LONG_S = 30  # what no test waits for


def logged(server: Server, event: str) -> list[dict[str, Any]]:
    """Return the records of one event in the server's log, of which all is there once the server has stopped."""
    return [record for record in map(json.loads, server.log) if record["event"] == event]


@pytest.fixture
def start_faulty(start_server: StartServer) -> StartServer:
    """Start servers with the switch on."""

    def start(*args: str) -> Server:
        return start_server("--cache", CACHE, "--test-faults", "--test-faults-listen", "127.0.0.1:0", *args)

    return start


@contextmanager
def connect(server: Server) -> Iterator[stubs.ScsStub]:
    """Open a connection that no other channel shares."""
    with grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield stubs.ScsStub(channel)


def faults(**values: object) -> Metadata:
    """Return metadata that orders faults, and names the cache."""
    return [("cache", CACHE), *((name.replace("_", "-"), str(value)) for name, value in values.items())]


def code_of(method: Any, request: Any, metadata: Metadata, timeout_s: float = CALL_TIMEOUT_S) -> grpc.StatusCode:
    """Make a call and return its status."""
    try:
        method(request, metadata=metadata, timeout=timeout_s)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def http(server: Server, target: str, method: str = "GET") -> tuple[int, str]:
    """Ask the test port, and return the status and the sentence of its answer."""
    port = logged(server, FAULTS_ON)[0]["port"]
    request = urllib.request.Request(f"http://127.0.0.1:{port}{target}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=CALL_TIMEOUT_S) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


# --- The switch ---


def test_without_the_switch_metadata_orders_nothing(start_server: StartServer) -> None:
    server = start_server("--cache", CACHE)
    with connect(server) as scs:
        ordered = faults(return_error="unavailable", error_rpcs="get", delay_rpcs="get", delay_ms=60_000)
        assert code_of(scs.Get, GET, ordered) == grpc.StatusCode.OK
        assert code_of(scs.Get, GET, faults(return_error="nonsense")) == grpc.StatusCode.OK
    server.stop()
    assert not any("test faults" in line for line in server.log)


def test_the_switch_is_loud(start_faulty: StartServer) -> None:
    server = start_faulty()
    record = logged(server, FAULTS_ON)[0]
    assert record["level"] == "warn"
    assert "never in production" in record["meaning"]


def test_the_test_port_keeps_to_loopback(binary: Path) -> None:
    arguments = [str(binary), "serve", "--listen", "127.0.0.1:0", "--test-faults", "--test-faults-listen", "0.0.0.0:0"]
    ended = subprocess.run(arguments, capture_output=True, text=True, timeout=CALL_TIMEOUT_S)
    assert ended.returncode != 0
    assert "--trusted-network" in ended.stderr


# --- Errors ---


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_call_ends_with_the_error_that_its_metadata_orders(start_faulty: StartServer, threads: str) -> None:
    with connect(start_faulty("--threads", threads)) as scs:
        ordered = faults(return_error="unavailable", error_rpcs="set get")
        assert code_of(scs.Get, GET, ordered) == grpc.StatusCode.UNAVAILABLE
        increment = messages._IncrementRequest(cache_key=b"n", amount=1, ttl_milliseconds=60_000)
        assert code_of(scs.Increment, increment, ordered) == grpc.StatusCode.OK
        assert code_of(scs.Get, GET, faults(return_error="not-found", error_rpcs="get")) == grpc.StatusCode.NOT_FOUND


def test_a_failed_write_writes_nothing(start_faulty: StartServer) -> None:
    with connect(start_faulty()) as scs:
        item = messages._SetRequest(cache_key=b"k", cache_body=b"v", ttl_milliseconds=60_000)
        ordered = faults(return_error="internal", error_rpcs="set")
        assert code_of(scs.Set, item, ordered) == grpc.StatusCode.INTERNAL
        assert scs.Get(GET, metadata=faults()).result == messages.Miss


def test_so_many_calls_of_a_request_id_fail(start_faulty: StartServer) -> None:
    with connect(start_faulty()) as scs:
        for request_id in ("one", "two"):
            ordered = faults(request_id=request_id, return_error="internal", error_rpcs="get", error_count=2)
            codes = [code_of(scs.Get, GET, ordered) for _ in range(4)]
            assert codes == [grpc.StatusCode.INTERNAL] * 2 + [grpc.StatusCode.OK] * 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("return-error", "broken"),
        ("error-rpcs", "Get"),
        ("error-count", "few"),
        ("delay-rpcs", "get,set"),
        ("delay-ms", "-1"),
        ("delay-count", "1.5"),
        ("stream-error-rpcs", "GetBatch"),
        ("stream-error", "ok"),
        ("stream-error-message-limit", ""),
    ],
)
def test_a_malformed_order_is_an_invalid_argument_that_names_it(
    start_faulty: StartServer, name: str, value: str
) -> None:
    with connect(start_faulty()) as scs, pytest.raises(grpc.RpcError) as caught:
        scs.Get(GET, metadata=[("cache", CACHE), ("request-id", "id"), (name, value)], timeout=CALL_TIMEOUT_S)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert f"`{name}`" in caught.value.details()


# --- Delays ---


def test_a_delayed_call_is_served_with_the_message_it_brought(start_faulty: StartServer) -> None:
    """Other calls pass on the same connection meanwhile, over the bytes in which the message came."""
    with connect(start_faulty()) as scs:
        value = bytes(range(256)) * 64
        item = messages._SetRequest(cache_key=b"k", cache_body=value, ttl_milliseconds=60_000)
        started_s = time.monotonic()
        delayed = scs.Set.future(item, metadata=faults(delay_rpcs="set", delay_ms=300), timeout=CALL_TIMEOUT_S)
        for i in range(50):
            other = messages._SetRequest(cache_key=b"o%d" % i, cache_body=b"x" * 16_000, ttl_milliseconds=60_000)
            scs.Set(other, metadata=faults(), timeout=CALL_TIMEOUT_S)
        assert delayed.result().result == messages.Ok
        assert time.monotonic() - started_s >= 0.3
        assert scs.Get(GET, metadata=faults()).cache_body == value


def test_so_many_calls_of_a_request_id_are_delayed(start_faulty: StartServer) -> None:
    with connect(start_faulty()) as scs:
        ordered = faults(request_id="id", delay_rpcs="get", delay_ms=LONG_S * 1000, delay_count=1)
        assert code_of(scs.Get, GET, ordered, 0.2) == grpc.StatusCode.DEADLINE_EXCEEDED
        assert code_of(scs.Get, GET, ordered) == grpc.StatusCode.OK


def test_an_error_comes_after_the_delay(start_faulty: StartServer) -> None:
    with connect(start_faulty()) as scs:
        started_s = time.monotonic()
        ordered = faults(delay_rpcs="get", delay_ms=200, return_error="aborted", error_rpcs="get")
        assert code_of(scs.Get, GET, ordered) == grpc.StatusCode.ABORTED
        assert time.monotonic() - started_s >= 0.2


def test_calls_may_end_while_they_are_delayed(start_faulty: StartServer) -> None:
    """By cancellation, by deadline, with their connection, and with the server, which the fixture stops."""
    server = start_faulty("--drain-timeout", "100ms")
    ordered = faults(delay_rpcs="get get-batch", delay_ms=LONG_S * 1000)
    soon = faults(delay_rpcs="get", delay_ms=100)
    with connect(server) as scs:
        cancelled = [scs.Get.future(GET, metadata=ordered) for _ in range(20)]
        assert code_of(scs.Get, GET, faults()) == grpc.StatusCode.OK
        for call in cancelled:
            call.cancel()
        assert code_of(scs.Get, GET, ordered, 0.1) == grpc.StatusCode.DEADLINE_EXCEEDED
        late = [scs.Get.future(GET, metadata=soon, timeout=0.1) for _ in range(50)]  # deadline and delay at once
        assert {call.code() for call in late} <= {grpc.StatusCode.OK, grpc.StatusCode.DEADLINE_EXCEEDED}
        for _ in range(5):
            scs.Get.future(GET, metadata=ordered)
    with connect(server) as scs:
        assert code_of(scs.Get, GET, faults()) == grpc.StatusCode.OK
    with grpc.insecure_channel(server.address) as channel:
        left = stubs.ScsStub(channel).Get.future(GET, metadata=ordered)
        assert code_of(stubs.ScsStub(channel).Get, GET, faults()) == grpc.StatusCode.OK
        server.stop()
        assert left.code() == grpc.StatusCode.UNAVAILABLE


# --- Streams ---


def batch(scs: stubs.ScsStub, **values: object) -> tuple[int, grpc.StatusCode]:
    """Read a batch, and return how many items came and the status behind them."""
    items = messages._GetBatchRequest(items=[messages._GetRequest(cache_key=key) for key in KEYS])
    call = scs.GetBatch(items, metadata=faults(**values), timeout=CALL_TIMEOUT_S)
    count = 0
    try:
        for _ in call:
            count += 1
    except grpc.RpcError:
        pass
    return count, call.code()


@pytest.mark.parametrize("limit", range(len(KEYS) + 1))
def test_a_stream_ends_after_so_many_messages(start_faulty: StartServer, limit: int) -> None:
    with connect(start_faulty()) as scs:
        values = {"stream_error_rpcs": "get-batch", "stream_error": "unavailable"}
        ended = batch(scs, **values, stream_error_message_limit=limit)
        assert ended == (limit, grpc.StatusCode.UNAVAILABLE)


def test_a_stream_that_is_short_enough_ends_well(start_faulty: StartServer) -> None:
    with connect(start_faulty()) as scs:
        values = {"stream_error_rpcs": "get-batch", "stream_error": "unavailable"}
        assert batch(scs, **values, stream_error_message_limit=9) == (len(KEYS), grpc.StatusCode.OK)
        assert batch(scs, **values) == (0, grpc.StatusCode.UNAVAILABLE)
        assert batch(scs, stream_error_rpcs="topic-subscribe", stream_error="internal") == (4, grpc.StatusCode.OK)


# --- The official client ---


class FaultMiddleware(Middleware, MiddlewareRequestHandler):
    """Adds metadata to every request, and counts the attempts at reading."""

    def __init__(self, ordered: Metadata) -> None:
        """Keep what is to be added."""
        self.ordered = ordered
        self.attempts: list[str] = []

    def on_new_request(self, context: MiddlewareRequestHandlerContext) -> MiddlewareRequestHandler:
        """Handle every request alike."""
        return self

    def on_request_metadata(self, metadata: MiddlewareMetadata) -> MiddlewareMetadata:
        """Add the order."""
        assert metadata.grpc_metadata is not None
        metadata.grpc_metadata.extend(self.ordered)
        return metadata

    def on_request_body(self, request: MiddlewareMessage) -> MiddlewareMessage:
        """Count the attempt."""
        self.attempts.append(request.constructor_name)
        return request

    def on_response_metadata(self, metadata: MiddlewareMetadata) -> MiddlewareMetadata:
        """Pass."""
        return metadata

    def on_response_body(self, response: MiddlewareMessage) -> MiddlewareMessage:
        """Pass."""
        return response

    def on_response_status(self, status: MiddlewareStatus) -> MiddlewareStatus:
        """Pass."""
        return status


@contextmanager
def sdk(server: Server, **values: object) -> Iterator[tuple[CacheClient, FaultMiddleware]]:
    """Connect the official client, with faults on order and two attempts after the first."""
    middleware = FaultMiddleware(faults(request_id=uuid.uuid4(), **values)[1:])
    configuration = (
        Configurations.Laptop.latest()
        .with_retry_strategy(FixedCountRetryStrategy(max_attempts=2))
        .add_middleware(middleware)
    )
    credentials = CredentialProvider.for_momento_local("127.0.0.1", server.port)
    with CacheClient.create(configuration, credentials, timedelta(seconds=60)) as client:
        yield client, middleware


def test_the_sdk_retries_until_its_attempts_are_spent(start_faulty: StartServer) -> None:
    with sdk(start_faulty(), return_error="unavailable", error_rpcs="get increment") as (client, middleware):
        response = client.get(CACHE, "key")
        assert isinstance(response, CacheGet.Error)
        assert response.error_code == MomentoErrorCode.SERVER_UNAVAILABLE
        assert middleware.attempts.count("_GetRequest") == 3
        assert isinstance(client.increment(CACHE, "key"), CacheIncrement.Error)
        assert middleware.attempts.count("_IncrementRequest") == 1


def test_the_sdk_gets_its_answer_when_the_errors_are_used_up(start_faulty: StartServer) -> None:
    with sdk(start_faulty(), return_error="internal", error_rpcs="get", error_count=2) as (client, middleware):
        assert isinstance(client.get(CACHE, "key"), CacheGet.Miss)
        assert middleware.attempts.count("_GetRequest") == 3


def test_the_sdk_times_out_on_a_delay(start_faulty: StartServer) -> None:
    server = start_faulty()
    middleware = FaultMiddleware(faults(request_id="id", delay_rpcs="get", delay_ms=LONG_S * 1000)[1:])
    configuration = Configurations.Laptop.latest().with_client_timeout(timedelta(milliseconds=200))
    credentials = CredentialProvider.for_momento_local("127.0.0.1", server.port)
    with CacheClient.create(
        configuration.add_middleware(middleware), credentials, timedelta(seconds=60)
    ) as client:
        response = client.get(CACHE, "key")
        assert isinstance(response, CacheGet.Error)
        assert response.error_code == MomentoErrorCode.TIMEOUT_ERROR


# --- The test port ---


@pytest.mark.parametrize("threads", ["1", "3"])
def test_a_blocked_port_answers_nobody_until_it_is_unblocked(start_faulty: StartServer, threads: str) -> None:
    server = start_faulty("--threads", threads)
    with connect(server) as first, connect(server) as second, connect(server) as third:
        for scs in (first, second):
            assert code_of(scs.Get, GET, faults()) == grpc.StatusCode.OK
        assert http(server, "/block")[0] == 200
        waiting = [scs.Get.future(GET, metadata=faults(), timeout=LONG_S) for scs in (first, second, third)]
        for scs in (first, second, third):
            assert code_of(scs.Get, GET, faults(), 0.2) == grpc.StatusCode.DEADLINE_EXCEEDED
        assert not any(call.done() for call in waiting)
        assert http(server, "/block")[0] == 200  # twice is fine, and the port itself goes on
        assert http(server, "/unblock", "POST")[0] == 200
        assert [call.code() for call in waiting] == [grpc.StatusCode.OK] * 3
    server.stop()
    assert len(logged(server, "test faults: the service port is blocked")) == 1
    assert len(logged(server, "test faults: the service port is no longer blocked")) == 1


def test_what_was_under_way_when_the_port_was_blocked_goes_on_after(start_faulty: StartServer) -> None:
    server = start_faulty()
    with connect(server) as scs:
        assert code_of(scs.Get, GET, faults()) == grpc.StatusCode.OK
        delayed = scs.Get.future(GET, metadata=faults(delay_rpcs="get", delay_ms=50), timeout=LONG_S)
        assert code_of(scs.Get, GET, faults()) == grpc.StatusCode.OK  # the server has read the one before
        assert http(server, "/block")[0] == 200
        with pytest.raises(grpc.FutureTimeoutError):
            delayed.result(timeout=0.3)
        assert http(server, "/unblock")[0] == 200
        assert delayed.code() == grpc.StatusCode.OK


def test_a_blocked_server_ends_as_it_should(start_faulty: StartServer) -> None:
    server = start_faulty("--threads", "2")
    with connect(server) as scs:
        assert code_of(scs.Get, GET, faults()) == grpc.StatusCode.OK
        assert http(server, "/block")[0] == 200
        server.stop()


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("/", "GET", 404),
        ("/blocked", "GET", 404),
        ("/block", "DELETE", 405),
        ("/simulate", "GET", 400),
        ("/simulate?workers=1", "GET", 400),
        ("/simulate?workers=1&time=quick", "GET", 400),
        ("/simulate?workers=1&time=const:1ms&log=/", "GET", 400),
        ("/simulate?" + "x" * 5000, "GET", 414),
    ],
)
def test_the_test_port_refuses_what_it_does_not_know(
    start_faulty: StartServer, target: str, method: str, status: int
) -> None:
    refused, sentence = http(start_faulty(), target, method)
    assert refused == status
    assert len(sentence) > 10


# --- Simulation ---


def simulate(server: Server, query: str) -> None:
    """Change the simulation."""
    status, sentence = http(server, f"/simulate?{query}")
    assert status == 200, sentence


def read_log(path: Path) -> list[tuple[int, int, int]]:
    """Return arrival, wait and service time of each call, in nanoseconds."""
    lines = path.read_text().splitlines()
    assert lines[0].startswith("# mayfly simulation:")
    return [tuple(map(int, line.split())) for line in lines[1:]]  # type: ignore[misc]


def assert_first_come_first_served(calls: list[tuple[int, int, int]], workers: int) -> None:
    """Check each wait against the workers' times, worked out anew."""
    free_ns = [0] * workers
    last_ns = 0
    for arrival_ns, wait_ns, service_ns in calls:
        assert arrival_ns >= last_ns
        last_ns = arrival_ns
        first = free_ns.index(min(free_ns))
        assert wait_ns == max(0, free_ns[first] - arrival_ns)
        free_ns[first] = arrival_ns + wait_ns + service_ns


@pytest.mark.parametrize(("workers", "threads"), [(1, "1"), (3, "1"), (2, "2")])
def test_calls_are_served_as_by_so_many_workers(
    start_faulty: StartServer, tmp_path: Path, workers: int, threads: str
) -> None:
    """No call is answered before its time; the log's own arithmetic is exact."""
    server = start_faulty("--threads", threads)
    log = tmp_path / "delays"
    calls_each, clients = 20, 5
    simulate(server, f"workers={workers}&time=const:2ms&log={log}")

    def run(_: int) -> None:
        with connect(server) as scs:
            for _ in range(calls_each):
                assert code_of(scs.Get, GET, faults()) == grpc.StatusCode.OK

    started_s = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(run, range(clients)))
    elapsed_s = time.monotonic() - started_s
    simulate(server, "off")
    calls = read_log(log)
    assert len(calls) == calls_each * clients
    assert {service_ns for _, _, service_ns in calls} == {2_000_000}
    assert_first_come_first_served(calls, workers)
    busy_s = 0.002 * len(calls) / workers
    assert busy_s <= elapsed_s < busy_s + 10
    with connect(server) as scs:
        assert code_of(scs.Get, GET, faults()) == grpc.StatusCode.OK
    assert len(read_log(log)) == len(calls)
    server.stop()
    assert len(logged(server, "test faults: calls are served by a simulation")) == 1


def test_the_same_seed_draws_the_same_times(start_faulty: StartServer, tmp_path: Path) -> None:
    server = start_faulty()
    drawn = []
    for name in ("one", "two"):
        simulate(server, f"workers=100&time=p0:0ms,p50:1ms,p100:3ms&seed=7&log={tmp_path / name}")
        with connect(server) as scs:
            for _ in range(50):
                assert code_of(scs.Get, GET, faults()) == grpc.StatusCode.OK
        simulate(server, "workers=0")
        drawn.append([service_ns for _, _, service_ns in read_log(tmp_path / name)])
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) > 40
    assert all(0 <= service_ns <= 3_000_000 for service_ns in drawn[0])


def test_a_change_holds_for_calls_that_arrive_after_it(start_faulty: StartServer) -> None:
    server = start_faulty()
    with connect(server) as scs:
        simulate(server, "workers=1&time=const:500ms")
        slow = scs.Get.future(GET, metadata=faults(), timeout=CALL_TIMEOUT_S)
        simulate(server, "workers=1&time=const:1ms")
        assert code_of(scs.Get, GET, faults()) == grpc.StatusCode.OK
        assert slow.code() == grpc.StatusCode.OK


def test_calls_that_are_not_for_data_are_not_simulated(start_faulty: StartServer) -> None:
    server = start_faulty()
    simulate(server, f"workers=1&time=const:{LONG_S}s")
    with grpc.insecure_channel(server.address) as channel:
        assert channel.unary_unary("/cache_client.Ping/Ping")(b"", timeout=CALL_TIMEOUT_S) == b""
        page = channel.unary_unary("/control_client.ScsControl/ListCaches")(b"", timeout=CALL_TIMEOUT_S)
        assert CACHE.encode() in page
        assert code_of(stubs.ScsStub(channel).Get, GET, faults(), 0.1) == grpc.StatusCode.DEADLINE_EXCEEDED


def test_calls_may_end_while_they_wait_for_a_simulated_worker(start_faulty: StartServer) -> None:
    server = start_faulty("--drain-timeout", "100ms")
    simulate(server, f"workers=1&time=const:{LONG_S}s")
    with connect(server) as scs:
        calls = [scs.Get.future(GET, metadata=faults()) for _ in range(20)]
        assert code_of(scs.Get, GET, faults(), 0.1) == grpc.StatusCode.DEADLINE_EXCEEDED
        for call in calls:
            call.cancel()
        scs.Get.future(GET, metadata=faults())
        simulate(server, "off")
        assert code_of(scs.Get, GET, faults()) == grpc.StatusCode.OK
