"""A cache on grpcio, as small as tests of a client allow: see peers.py, which says what it does."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
from momento_wire_types import cacheclient_pb2 as messages
from momento_wire_types import cacheclient_pb2_grpc as services
from momento_wire_types import cachepubsub_pb2 as topics
from momento_wire_types import cachepubsub_pb2_grpc as topic_services
from momento_wire_types import controlclient_pb2 as control
from momento_wire_types import controlclient_pb2_grpc as control_services
from peers import CROWD, METADATA

STOP_TIMEOUT_S = 10
TRAILERS = tuple(METADATA)  # where a list is not taken


class Crowd:
    def __init__(self) -> None:
        self._size = 0
        self._is_whole = asyncio.Event()

    async def join(self) -> None:
        self._size += 1
        if self._size == CROWD:
            self._is_whole.set()
        await self._is_whole.wait()


items: dict[bytes, bytes] = {}
crowd = Crowd()


def hit(value: bytes) -> Any:
    return messages._GetResponse(result=messages.Hit, cache_body=value)


def find(request: Any) -> Any:
    value = items.get(request.cache_key)
    return messages._GetResponse(result=messages.Miss) if value is None else hit(value)


def mirror(context: Any) -> Any:
    pairs = [(name, base64.b64encode(value).decode() if name.endswith("-bin") else value)
             for name, value in context.invocation_metadata()]
    return hit(json.dumps(pairs).encode())


async def begin(context: Any) -> str:
    """Say what comes before any reply, and return the name of the cache."""
    cache = dict(context.invocation_metadata()).get("cache", "")
    if cache == "absent":
        await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such cache \u2603", TRAILERS)
    await context.send_initial_metadata(METADATA)
    context.set_trailing_metadata(METADATA)
    return cache


class Control(control_services.ScsControlServicer):
    async def CreateCache(self, request: Any, context: Any) -> Any:
        await begin(context)
        return control._CreateCacheResponse()

    async def DeleteCache(self, request: Any, context: Any) -> Any:
        await begin(context)
        return control._DeleteCacheResponse()


class Scs(services.ScsServicer):
    async def Set(self, request: Any, context: Any) -> Any:
        await begin(context)
        items[request.cache_key] = request.cache_body
        return messages._SetResponse(result=messages.Ok)

    async def Get(self, request: Any, context: Any) -> Any:
        cache = await begin(context)
        if cache == "mirror":
            return mirror(context)
        if cache == "crowd":
            await crowd.join()
            return hit(b"")
        return find(request)

    async def GetBatch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        cache = await begin(context)
        for number, item in enumerate(request.items):
            if cache == "breaking" and number == 1:
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "enough of this", TRAILERS)
            yield find(item)


class Pubsub(topic_services.PubsubServicer):
    async def Subscribe(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await begin(context)
        yield topics._SubscriptionItem(heartbeat=topics._Heartbeat())
        for number in range(1, 101):
            value = topics._TopicValue(text=f"message {number}")
            yield topics._SubscriptionItem(item=topics._TopicItem(topic_sequence_number=number, value=value))
        await asyncio.Event().wait()


async def serve(options: dict[str, Any]) -> None:
    server = grpc.aio.server(options=list({"grpc.max_receive_message_length": -1, **options}.items()))
    control_services.add_ScsControlServicer_to_server(Control(), server)
    services.add_ScsServicer_to_server(Scs(), server)
    topic_services.add_PubsubServicer_to_server(Pubsub(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    print(port, flush=True)
    await ending.wait()
    await server.stop(STOP_TIMEOUT_S)


asyncio.run(serve(json.loads(sys.argv[1])))
