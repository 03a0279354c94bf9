"""The clients that can be measured, each behind the least that makes them alike.

`set` and `get` are what the client itself offers, with the cache's name bound where it has one (a `partial`, which costs
some 30 ns): no coroutine is put around a client's own. Peers are optional and imported when they are asked for; of
their types nothing is assumed but what `Client` says.
"""

from __future__ import annotations

import asyncio
import importlib
import resource
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from itertools import cycle
from typing import Any, NamedTuple, ParamSpec, Protocol

PATIENCE = timedelta(seconds=60)  # a latency that is cut off is not measured
CONNECTING = timedelta(seconds=5)  # an interruption may have to wait for its end
TTL = timedelta(hours=1)
OPENING_AT_ONCE = 100

# What --configuration says, and where `Configurations` has it.
CONFIGURATIONS = {
    "laptop": "Laptop",
    "in-region-default": "InRegion.Default",
    "in-region-low-latency": "InRegion.LowLatency",
    "lambda": "Lambda",
}
VERSIONS = ["latest", "v1"]

MAX_CHANNELS = 1024  # mayfly's own limit
SDK_MESSAGE_BYTES = 5_243_000  # momento's default

# Why --channels is not for them.
WITHOUT_CHANNELS = {
    "redis": "redis has a connection for each request in flight, which --max-in-flight limits",
    "valkey-glide": "valkey-glide has one connection, which its requests share, and no setting for more",
}


class Problem(Exception):
    """What keeps a measurement from being made, in a sentence."""


class BadOption(Problem):
    """Likewise, and the options asked for it."""


class Target(Protocol):
    """What a client must be told to open."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def cache(self) -> str: ...
    @property
    def configuration(self) -> str: ...
    @property
    def configuration_version(self) -> str: ...
    @property
    def channels(self) -> int:
        """How many connections it shall have; 0: as many as it opens by itself."""
    @property
    def in_flight(self) -> int:
        """How many requests there are at once, at most."""


class Client(NamedTuple):
    """An open client. A reply is good if it is of exactly the class named here, which costs 20 ns to see."""

    set: Callable[[bytes, bytes], Awaitable[object]]
    get: Callable[[bytes], Awaitable[object]]
    stored: type
    hit: type
    close: Callable[[], Awaitable[object]]


def require(module: str, package: str) -> Any:
    """Import what may not be installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise BadOption(f"this needs the package {package}: pip install {package} ({error})") from error


def _unreachable(target: Target, error: Exception) -> Problem:
    return Problem(f"no answer from a server at {target.host}:{target.port}: {' '.join(str(error).split())}")


_P = ParamSpec("_P")


def _in_turn(calls: list[Callable[_P, Awaitable[object]]]) -> Callable[_P, Awaitable[object]]:
    """Each of these in turn, at some 0.1 us a call; a single one as it is."""
    if len(calls) == 1:
        return calls[0]
    following = cycle(calls).__next__

    def call(*args: _P.args, **kwargs: _P.kwargs) -> Awaitable[object]:
        return following()(*args, **kwargs)

    return call


# --- The Momento protocol ---


def _mayfly_with_channels(configuration: Any, channels: int) -> list[Any]:
    """One client, whose configuration says how many connections it has."""
    transport = require("mayfly.config.transport.transport_strategy", "mayfly")
    strategy = configuration.get_transport_strategy()
    grpc = strategy.get_grpc_configuration()
    return [configuration.with_transport_strategy(strategy.with_grpc_configuration(transport.StaticGrpcConfiguration(
        grpc.get_deadline(), keepalive_time=grpc.get_keepalive_time(), keepalive_timeout=grpc.get_keepalive_timeout(),
        min_connections=channels, max_connections=channels)))]


def _momento_with_channels(configuration: Any, channels: int) -> list[Any]:
    """As many clients, for one has one connection and no setting for more. gRPC would have them share that one if
    their settings were the same, so each takes replies that are a byte larger than the one before."""
    transport = require("momento.config.transport.transport_strategy", "momento")
    strategy = configuration.get_transport_strategy()
    deadline = strategy.get_grpc_configuration().get_deadline()
    return [configuration.with_transport_strategy(strategy.with_grpc_configuration(transport.StaticGrpcConfiguration(
        deadline, max_receive_message_length=SDK_MESSAGE_BYTES + number))) for number in range(channels)]


async def _open_sdk(
    name: str, target: Target, version: str, with_channels: Callable[[Any, int], list[Any]]
) -> Client:
    """mayfly and momento, which have the same interface."""
    sdk, responses = require(name, name), require(f"{name}.responses", name)
    prebuilt = sdk.Configurations
    for part in CONFIGURATIONS[target.configuration].split("."):
        prebuilt = getattr(prebuilt, part)
    if not hasattr(prebuilt, version):
        raise BadOption(f"the configuration {target.configuration} of {name} has no version {version}")
    configuration = getattr(prebuilt, version)().with_client_timeout(PATIENCE)
    credentials = sdk.CredentialProvider.for_momento_local(target.host, target.port)

    async def create(settings: Any) -> Any:
        try:
            return await sdk.CacheClientAsync.create(settings, credentials, TTL, CONNECTING)
        except Exception as error:
            raise _unreachable(target, error) from error

    async with await create(configuration) as client:  # of its own: momento needs another connection for it
        created = await client.create_cache(target.cache)
    if isinstance(created, responses.CreateCache.Error):
        raise Problem(f"the cache {target.cache} could not be created: {created.message}")
    every = with_channels(configuration, target.channels) if target.channels > 0 else [configuration]
    async with AsyncExitStack() as opened:
        clients = [await opened.enter_async_context(await create(settings)) for settings in every]
        return Client(
            _in_turn([partial(client.set, target.cache) for client in clients]),
            _in_turn([partial(client.get, target.cache) for client in clients]),
            responses.CacheSet.Success, responses.CacheGet.Hit, opened.pop_all().aclose)


async def _open_mayfly(target: Target) -> Client:
    return await _open_sdk("mayfly", target, target.configuration_version, _mayfly_with_channels)


async def _open_momento(target: Target) -> Client:
    return await _open_sdk("momento", target, "latest", _momento_with_channels)


async def _open_grpcio(target: Target) -> Client:
    """gRPC's own client on one channel, and no SDK around it: what an SDK on top of it can reach at best."""
    grpc = require("grpc", "grpcio")
    wire = require("momento_wire_types", "momento-wire-types")
    messages = wire.cacheclient_pb2
    control = wire.controlclient_pb2_grpc.ScsControlStub
    create_request = wire.controlclient_pb2._CreateCacheRequest(cache_name=target.cache)
    # Channels with the same settings share a connection unless each has a pool of its own.
    options = [("grpc.use_local_subchannel_pool", 1)] if target.channels > 0 else []
    async with AsyncExitStack() as opened:
        channels = [
            await opened.enter_async_context(grpc.aio.insecure_channel(f"{target.host}:{target.port}", options=options))
            for _ in range(max(target.channels, 1))]
        try:
            await control(channels[0]).CreateCache(create_request)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise Problem(f"the cache {target.cache} could not be created: {error.details()}") from error
        await asyncio.gather(*(channel.channel_ready() for channel in channels))
        close = opened.pop_all().aclose
    stubs = [wire.cacheclient_pb2_grpc.ScsStub(channel) for channel in channels]
    call_set, call_get = _in_turn([stub.Set for stub in stubs]), _in_turn([stub.Get for stub in stubs])
    set_request, get_request = messages._SetRequest, messages._GetRequest
    metadata = (("cache", target.cache),)
    ttl_ms = TTL // timedelta(milliseconds=1)
    hit = messages.Hit

    def set_value(key: bytes, value: bytes) -> Awaitable[object]:
        call: Awaitable[object] = call_set(
            set_request(cache_key=key, cache_body=value, ttl_milliseconds=ttl_ms), metadata=metadata)
        return call

    # The one coroutine of our own: whether it is a hit is a field of the reply. No SDK could do without.
    async def get_value(key: bytes) -> object:
        reply: Any = await call_get(get_request(cache_key=key), metadata=metadata)
        return reply.cache_body if reply.result == hit else None

    return Client(set_value, get_value, messages._SetResponse, bytes, close)


# --- The Redis protocol ---


async def _open_redis(target: Target) -> Client:
    """redis-py, which takes a connection for each request in flight and parses with hiredis."""
    redis = require("redis.asyncio", "redis")
    require("hiredis", "hiredis")
    spare = 64  # descriptors that are no connection
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if target.in_flight + spare > most:
        raise BadOption(f"redis needs a connection for each of {target.in_flight} requests in flight, and a process may "
                      f"have {most} files open here: raise the limit with ulimit -n, or set --max-in-flight")
    pool = redis.BlockingConnectionPool(
        max_connections=target.in_flight, timeout=None, host=target.host, port=target.port,
        socket_timeout=PATIENCE.total_seconds())
    client = redis.Redis.from_pool(pool)
    try:
        opened: list[Any] = []
        while len(opened) < target.in_flight:  # before the load: 5,000 at once would take longer than to warm up
            some = min(OPENING_AT_ONCE, target.in_flight - len(opened))
            opened += await asyncio.gather(*(pool.get_connection() for _ in range(some)))
        for connection in opened:
            await pool.release(connection)
    except Exception as error:
        await client.aclose()
        raise _unreachable(target, error) from error
    return Client(client.set, client.get, bool, bytes, client.aclose)


async def _open_valkey_glide(target: Target) -> Client:
    """valkey-glide, which shares one connection and does its input and output in native threads."""
    glide = require("glide", "valkey-glide")
    glide.Logger.set_logger_config(glide.LogLevel.OFF)
    try:
        client = await glide.GlideClient.create(glide.GlideClientConfiguration(
            [glide.NodeAddress(target.host, target.port)],
            request_timeout=PATIENCE // timedelta(milliseconds=1), inflight_requests_limit=max(1000, target.in_flight)))
    except Exception as error:
        raise _unreachable(target, error) from error
    return Client(client.set, client.get, str, bytes, client.close)


CLIENTS: dict[str, Callable[[Target], Awaitable[Client]]] = {
    "mayfly": _open_mayfly,
    "momento": _open_momento,
    "redis": _open_redis,
    "valkey-glide": _open_valkey_glide,
    "grpcio": _open_grpcio,
}
DEFAULT_PORTS = {"redis": 6379, "valkey-glide": 6379}
OTHER_PORT = 8080

# What the result names the versions of, where it is installed.
PACKAGES = ["mayfly", "momento", "momento-wire-types", "grpcio", "protobuf", "redis", "hiredis", "valkey-glide", "uvloop"]
