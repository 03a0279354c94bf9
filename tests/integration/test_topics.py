"""Topics, through the official Python client and through bare calls: what is published comes to whoever listens."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from conftest import CALL_TIMEOUT_S, Server, resident_bytes
from momento import CredentialProvider, TopicClient, TopicClientAsync, TopicConfigurations
from momento.errors import MomentoErrorCode
from momento.responses import TopicPublish, TopicSubscribe, TopicSubscriptionItem
from momento_wire_types import cachepubsub_pb2 as messages
from momento_wire_types import cachepubsub_pb2_grpc as stubs
from momento_wire_types import controlclient_pb2 as control_messages
from momento_wire_types import controlclient_pb2_grpc as control_stubs

StartServer = Callable[..., Server]

FAR_PAGE = 2**62
MIB = 1 << 20


class Subscriber:
    """A subscription by a bare call; it stands when this has been made."""

    def __init__(
        self, channel: grpc.Channel, cache: str, topic: str, number: int = 0, page: int = 0, timeout: float | None = None
    ) -> None:
        """Subscribe and await the first heartbeat."""
        self.call = stubs.PubsubStub(channel).Subscribe(
            messages._SubscriptionRequest(
                cache_name=cache, topic=topic, resume_at_topic_sequence_number=number, sequence_page=page
            ),
            timeout=timeout or CALL_TIMEOUT_S,
        )
        assert next(self.call).WhichOneof("kind") == "heartbeat"

    def next(self) -> Any:
        """Return the next that is no heartbeat."""
        while True:
            item = next(self.call)
            if item.WhichOneof("kind") != "heartbeat":
                return getattr(item, item.WhichOneof("kind"))

    def item(self) -> messages._TopicItem:
        """Return the next item, which must be one."""
        item = self.next()
        assert isinstance(item, messages._TopicItem), item
        return item

    def discontinuity(self) -> messages._Discontinuity:
        """Return the next discontinuity, which must be one."""
        item = self.next()
        assert isinstance(item, messages._Discontinuity), item
        return item

    def texts(self, count: int) -> list[str]:
        """Return the texts of the next items."""
        return [self.item().value.text for _ in range(count)]

    def failure(self) -> grpc.RpcError:
        """Return what the stream ends with, whatever comes before."""
        with pytest.raises(grpc.RpcError) as caught:
            while True:
                next(self.call)
        return caught.value


def publish(channel: grpc.Channel, cache: str, topic: str, *values: str | bytes) -> None:
    stub = stubs.PubsubStub(channel)
    for value in values:
        kind = messages._TopicValue(text=value) if isinstance(value, str) else messages._TopicValue(binary=value)
        stub.Publish(messages._PublishRequest(cache_name=cache, topic=topic, value=kind), timeout=CALL_TIMEOUT_S)


def failure_of(call: Callable[[], Any]) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


def cause_of(error: grpc.RpcError) -> str | None:
    return dict(error.trailing_metadata()).get("err")


@pytest.fixture
def topic() -> str:
    return f"topic-{uuid.uuid4()}"


@pytest.fixture
def connect() -> Iterator[Callable[[Server], grpc.Channel]]:
    """Make connections that are nobody else's."""
    channels: list[grpc.Channel] = []

    def make(server: Server) -> grpc.Channel:
        channels.append(grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]))
        return channels[-1]

    yield make
    for made in channels:
        made.close()


# The official client


@pytest.fixture
def client(server: Server) -> Iterator[TopicClient]:
    made = TopicClient(
        TopicConfigurations.Default.latest(), CredentialProvider.for_momento_local("127.0.0.1", server.port)
    )
    yield made
    made.close()


def test_the_client_receives_what_it_publishes(client: TopicClient, cache: str, topic: str) -> None:
    subscription = client.subscribe(cache, topic)
    assert isinstance(subscription, TopicSubscribe.Subscription)
    assert isinstance(client.publish(cache, topic, "text: \u00e4\u20ac\U0001f600"), TopicPublish.Success)
    assert isinstance(client.publish(cache, topic, b"\x00\xff"), TopicPublish.Success)
    text, binary = next(subscription), next(subscription)
    assert isinstance(text, TopicSubscriptionItem.Text)
    assert isinstance(binary, TopicSubscriptionItem.Binary)
    assert (text.value, binary.value) == ("text: \u00e4\u20ac\U0001f600", b"\x00\xff")
    assert (text.sequence_number, binary.sequence_number) == (1, 2)
    assert text.sequence_page == binary.sequence_page > 0
    subscription.unsubscribe()


def test_the_client_resumes_where_it_was(client: TopicClient, cache: str, topic: str) -> None:
    for value in ("one", "two", "three"):
        assert isinstance(client.publish(cache, topic, value), TopicPublish.Success)
    first = client.subscribe(cache, topic, resume_at_topic_sequence_number=1)
    page = next(first).sequence_page
    first.unsubscribe()
    second = client.subscribe(cache, topic, resume_at_topic_sequence_number=2, resume_at_topic_sequence_page=page)
    assert [next(second).value for _ in range(2)] == ["two", "three"]
    second.unsubscribe()


def test_the_client_is_told_that_there_is_no_cache(client: TopicClient, topic: str) -> None:
    for response in (client.subscribe("nobody-made-this", topic), client.publish("nobody-made-this", topic, "v")):
        assert isinstance(response, (TopicSubscribe.Error, TopicPublish.Error))
        assert response.error_code == MomentoErrorCode.NOT_FOUND_ERROR


def test_the_asynchronous_client_receives_what_it_publishes(server: Server, cache: str, topic: str) -> None:
    async def scenario() -> list[Any]:
        credentials = CredentialProvider.for_momento_local("127.0.0.1", server.port)
        async with TopicClientAsync(TopicConfigurations.Default.latest(), credentials) as client:
            subscription = await client.subscribe(cache, topic)
            assert isinstance(subscription, TopicSubscribe.SubscriptionAsync)
            for value in ("one", b"two", "three"):
                assert isinstance(await client.publish(cache, topic, value), TopicPublish.Success)
            received = [(await anext(subscription)).value for _ in range(3)]
            subscription.unsubscribe()
            return received

    assert asyncio.run(scenario()) == ["one", b"two", "three"]


# Messages and their numbers


def test_an_item_says_all_that_there_is_to_say(channel: grpc.Channel, cache: str, topic: str) -> None:
    before_us = time.time_ns() // 1000
    subscriber = Subscriber(channel, cache, topic)
    publish(channel, cache, topic, "v", b"", "")
    items = [subscriber.item() for _ in range(3)]
    assert [item.topic_sequence_number for item in items] == [1, 2, 3]
    assert [item.value.WhichOneof("kind") for item in items] == ["text", "binary", "text"]
    assert [item.publisher_id for item in items] == [""] * 3
    assert {item.sequence_page for item in items} == {items[0].sequence_page}
    assert items[0].sequence_page >= before_us


def test_messages_of_every_size_come_whole_and_in_order(channel: grpc.Channel, cache: str, topic: str) -> None:
    subscriber = Subscriber(channel, cache, topic)
    values = [os.urandom(size) for size in (0, 1, 126, 127, 128, 16_383, 16_384, 100_000, MIB - 1, MIB)]
    for value in values:
        publish(channel, cache, topic, value)
        assert subscriber.item().value.binary == value


def test_all_subscribers_receive_the_same(channel: grpc.Channel, cache: str, topic: str) -> None:
    subscribers = [Subscriber(channel, cache, topic) for _ in range(5)]
    values = [f"value {number}" for number in range(100)]
    publish(channel, cache, topic, *values)
    for subscriber in subscribers:
        assert subscriber.texts(100) == values


def test_topics_and_caches_are_apart(channel: grpc.Channel, start_server: StartServer) -> None:
    server = start_server("--cache", "a")
    with grpc.insecure_channel(server.address) as own:
        control_stubs.ScsControlStub(own).CreateCache(control_messages._CreateCacheRequest(cache_name="b"))
        names = [("a", "t"), ("a", "u"), ("b", "t"), ("b", "at")]
        subscribers = [Subscriber(own, *name) for name in names]
        for name in names:
            publish(own, *name, "/".join(name))
        assert [subscriber.item().value.text for subscriber in subscribers] == ["/".join(name) for name in names]
        for subscriber in subscribers:
            subscriber.call.cancel()


# Resuming


def test_a_subscription_begins_with_the_newest_message(channel: grpc.Channel, cache: str, topic: str) -> None:
    publish(channel, cache, topic, "old", "newest")
    subscriber = Subscriber(channel, cache, topic)
    publish(channel, cache, topic, "next")
    assert [subscriber.item().value.text for _ in range(2)] == ["newest", "next"]


def test_number_one_asks_for_all_that_is_kept(channel: grpc.Channel, cache: str, topic: str) -> None:
    publish(channel, cache, topic, "one", "two")
    assert Subscriber(channel, cache, topic, 1).texts(2) == ["one", "two"]


def test_a_page_that_is_gone_is_a_discontinuity_to_the_present_one(
    channel: grpc.Channel, cache: str, topic: str
) -> None:
    publish(channel, cache, topic, "one", "two")
    subscriber = Subscriber(channel, cache, topic, 40, FAR_PAGE)
    gap = subscriber.discontinuity()
    assert (gap.last_topic_sequence, gap.new_topic_sequence) == (0, 0)
    item = subscriber.item()
    assert (item.value.text, item.sequence_page) == ("one", gap.new_sequence_page)


def test_a_number_yet_to_come_is_a_discontinuity_to_the_next(channel: grpc.Channel, cache: str, topic: str) -> None:
    publish(channel, cache, topic, "one", "two")
    for number in (4, 1000, 2**64 - 1):
        gap = Subscriber(channel, cache, topic, number).discontinuity()
        assert (gap.last_topic_sequence, gap.new_topic_sequence) == (2, 2)


def test_the_next_number_is_no_discontinuity(channel: grpc.Channel, cache: str, topic: str) -> None:
    publish(channel, cache, topic, "one")
    subscriber = Subscriber(channel, cache, topic, 2)
    publish(channel, cache, topic, "two")
    assert subscriber.texts(1) == ["two"]


def test_what_is_no_longer_kept_is_a_discontinuity_to_the_oldest(start_server: StartServer) -> None:
    server = start_server("--cache", "c", "--topic-history", "3")
    with grpc.insecure_channel(server.address) as own:
        publish(own, "c", "t", "1", "2", "3", "4", "5")
        subscriber = Subscriber(own, "c", "t", 2)
        gap = subscriber.discontinuity()
        assert (gap.last_topic_sequence, gap.new_topic_sequence) == (1, 2)
        assert subscriber.texts(3) == ["3", "4", "5"]
        subscriber.call.cancel()


def test_the_pages_of_a_server_are_later_than_those_before_it(start_server: StartServer) -> None:
    pages = []
    for _ in range(2):
        server = start_server("--cache", "c")
        with grpc.insecure_channel(server.address) as own:
            publish(own, "c", "t", "v")
            subscriber = Subscriber(own, "c", "t", 1)
            pages.append(subscriber.item().sequence_page)
            subscriber.call.cancel()
    assert pages[0] < pages[1]


# Heartbeats


def test_a_quiet_subscription_gets_heartbeats(start_server: StartServer) -> None:
    server = start_server("--cache", "c", "--topic-heartbeat", "100ms")
    with grpc.insecure_channel(server.address) as own:
        subscribers = [Subscriber(own, "c", f"t{number}") for number in range(3)]
        began = time.monotonic()
        for subscriber in subscribers:
            for _ in range(5):
                assert next(subscriber.call).WhichOneof("kind") == "heartbeat"
        assert time.monotonic() - began >= 0.45
        for subscriber in subscribers:
            subscriber.call.cancel()


def test_a_busy_subscription_needs_no_heartbeat(start_server: StartServer) -> None:
    server = start_server("--cache", "c", "--topic-heartbeat", "1s")
    with grpc.insecure_channel(server.address) as own:
        subscriber = Subscriber(own, "c", "t")
        began = heard = time.monotonic()
        while heard < began + 1.5:
            publish(own, "c", "t", "v")
            while next(subscriber.call).WhichOneof("kind") == "heartbeat":
                assert time.monotonic() > heard + 0.9  # a machine with much else to do
            heard = time.monotonic()
        assert next(subscriber.call).WhichOneof("kind") == "heartbeat"
        subscriber.call.cancel()


# What is refused


def test_what_names_nothing_is_refused(channel: grpc.Channel, cache: str, topic: str) -> None:
    stub = stubs.PubsubStub(channel)
    value = messages._TopicValue(text="v")
    for names, field in (
        ({"cache_name": "", "topic": topic}, "cache_name"),
        ({"cache_name": cache, "topic": ""}, "topic"),
        ({"cache_name": cache, "topic": "t" * 1025}, "topic"),
    ):
        for error in (
            failure_of(lambda: stub.Publish(messages._PublishRequest(**names, value=value), timeout=CALL_TIMEOUT_S)),
            failure_of(lambda: next(stub.Subscribe(messages._SubscriptionRequest(**names), timeout=CALL_TIMEOUT_S))),
        ):
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
            assert field in error.details()


@pytest.mark.parametrize("value", [None, messages._TopicValue()], ids=["absent", "empty"])
def test_a_message_without_a_value_is_refused(channel: grpc.Channel, cache: str, topic: str, value: Any) -> None:
    request = messages._PublishRequest(cache_name=cache, topic=topic, value=value)
    error = failure_of(lambda: stubs.PubsubStub(channel).Publish(request, timeout=CALL_TIMEOUT_S))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "value" in error.details()


@pytest.mark.parametrize("text", [b"\xff", b"a" * 17 + b"\xc3", b"\xed\xa0\x80"])
def test_text_that_no_subscriber_could_read_is_refused(
    channel: grpc.Channel, cache: str, topic: str, text: bytes
) -> None:
    raw = channel.unary_unary("/cache_client.pubsub.Pubsub/Publish")
    request = messages._PublishRequest(cache_name=cache, topic=topic).SerializeToString()
    value = bytes([0x0A, len(text)]) + text
    error = failure_of(lambda: raw(request + bytes([0x1A, len(value)]) + value, timeout=CALL_TIMEOUT_S))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "value" in error.details()


def test_a_cache_that_nobody_made_is_not_found(channel: grpc.Channel, topic: str) -> None:
    stub = stubs.PubsubStub(channel)
    request = messages._SubscriptionRequest(cache_name="nobody-made-this", topic=topic)
    for error in (
        failure_of(lambda: publish(channel, "nobody-made-this", topic, "v")),
        failure_of(lambda: next(stub.Subscribe(request, timeout=CALL_TIMEOUT_S))),
    ):
        assert error.code() == grpc.StatusCode.NOT_FOUND
        assert cause_of(error) is None


def test_a_value_over_the_limit_is_refused(channel: grpc.Channel, cache: str, topic: str) -> None:
    error = failure_of(lambda: publish(channel, cache, topic, b"v" * (MIB + 1)))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert cause_of(error) == "request_size_limit_exceeded"


def test_the_limits_are_listed_with_each_cache(start_server: StartServer) -> None:
    server = start_server("--cache", "c", "--max-subscriptions", "7", "--max-topic-message", "3kib")
    with grpc.insecure_channel(server.address) as own:
        listed = control_stubs.ScsControlStub(own).ListCaches(control_messages._ListCachesRequest())
        limits = listed.cache[0].topic_limits
        assert (limits.max_subscription_count, limits.max_publish_message_size_kb) == (7, 3)


@pytest.mark.parametrize("threads", [1, 2])
def test_subscriptions_of_a_cache_are_limited_and_given_back(
    start_server: StartServer, connect: Callable[[Server], grpc.Channel], threads: int
) -> None:
    server = start_server("--cache", "c", "--max-subscriptions", "4", "--threads", str(threads))
    channels = [connect(server) for _ in range(4)]
    subscribers = [Subscriber(channels[number], "c", f"t{number % 2}") for number in range(4)]
    for channel in channels:
        error = failure_of(lambda: Subscriber(channel, "c", "another"))
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert cause_of(error) == "topic_subscriptions_limit_exceeded"
    control_stubs.ScsControlStub(channels[0]).CreateCache(control_messages._CreateCacheRequest(cache_name="d"))
    Subscriber(channels[0], "d", "t0").call.cancel()

    subscribers[0].call.cancel()
    assert subscribers[1].call.cancel()
    until = time.monotonic() + CALL_TIMEOUT_S
    again: list[Subscriber] = []
    while len(again) < 2:
        assert time.monotonic() < until
        try:
            again.append(Subscriber(channels[3], "c", "t"))
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert failure_of(lambda: Subscriber(channels[0], "c", "t")).code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_deadline_ends_a_subscription(channel: grpc.Channel, cache: str, topic: str) -> None:
    subscriber = Subscriber(channel, cache, topic, timeout=1)
    assert subscriber.failure().code() == grpc.StatusCode.DEADLINE_EXCEEDED


# Ends


def test_deleting_a_cache_ends_its_subscriptions_alone(channel: grpc.Channel, cache: str, topic: str) -> None:
    control = control_stubs.ScsControlStub(channel)
    doomed = f"cache-{uuid.uuid4()}"
    control.CreateCache(control_messages._CreateCacheRequest(cache_name=doomed), timeout=CALL_TIMEOUT_S)
    publish(channel, doomed, topic, "old")
    first_page = Subscriber(channel, doomed, topic, 1).item().sequence_page
    ending, staying = Subscriber(channel, doomed, topic), Subscriber(channel, cache, topic)
    control.DeleteCache(control_messages._DeleteCacheRequest(cache_name=doomed), timeout=CALL_TIMEOUT_S)
    assert ending.failure().code() == grpc.StatusCode.NOT_FOUND
    assert failure_of(lambda: publish(channel, doomed, topic, "v")).code() == grpc.StatusCode.NOT_FOUND
    publish(channel, cache, topic, "v")
    assert staying.texts(1) == ["v"]

    control.CreateCache(control_messages._CreateCacheRequest(cache_name=doomed), timeout=CALL_TIMEOUT_S)
    publish(channel, doomed, topic, "new")
    item = Subscriber(channel, doomed, topic, 1).item()
    assert (item.value.text, item.topic_sequence_number) == ("new", 1)
    assert item.sequence_page > first_page
    control.DeleteCache(control_messages._DeleteCacheRequest(cache_name=doomed), timeout=CALL_TIMEOUT_S)


def test_flushing_a_cache_keeps_its_topics(channel: grpc.Channel, cache: str, topic: str) -> None:
    subscriber = Subscriber(channel, cache, topic)
    publish(channel, cache, topic, "one")
    control_stubs.ScsControlStub(channel).FlushCache(control_messages._FlushCacheRequest(cache_name=cache))
    publish(channel, cache, topic, "two")
    assert subscriber.texts(2) == ["one", "two"]


def test_no_subscription_outlives_its_cache(
    start_server: StartServer, connect: Callable[[Server], grpc.Channel]
) -> None:
    """Caches that come and go while others subscribe and publish: whoever got in is told when the last is gone."""
    server = start_server("--threads", "2")
    control = control_stubs.ScsControlStub(connect(server))
    channels = [connect(server) for _ in range(4)]
    is_over = threading.Event()
    opened: list[Subscriber] = []
    unexpected: list[grpc.RpcError] = []

    def work(own: grpc.Channel) -> None:
        mine = 0
        while not is_over.is_set() and mine < 90:
            try:
                opened.append(Subscriber(own, "c", "t", 1, timeout=30))
                mine += 1
                publish(own, "c", "t", "v")
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.NOT_FOUND:
                    unexpected.append(error)

    workers = [threading.Thread(target=work, args=(own,)) for own in channels]
    for worker in workers:
        worker.start()
    for _ in range(200):
        control.CreateCache(control_messages._CreateCacheRequest(cache_name="c"), timeout=CALL_TIMEOUT_S)
        control.DeleteCache(control_messages._DeleteCacheRequest(cache_name="c"), timeout=CALL_TIMEOUT_S)
    is_over.set()
    for worker in workers:
        worker.join()
    assert not unexpected
    assert {subscriber.failure().code() for subscriber in opened} == {grpc.StatusCode.NOT_FOUND}


@pytest.mark.parametrize("threads", [1, 2])
def test_sigterm_ends_subscriptions_with_a_status(start_server: StartServer, threads: int) -> None:
    server = start_server("--cache", "c", "--threads", str(threads))
    with grpc.insecure_channel(server.address) as own:
        subscribers = [Subscriber(own, "c", "t") for _ in range(5)]
        os.kill(server.process_number, signal.SIGTERM)
        for subscriber in subscribers:
            assert subscriber.failure().code() == grpc.StatusCode.UNAVAILABLE
    server.stop()


# Readers that are slow, and many of them


def test_a_subscriber_that_falls_behind_learns_what_it_missed(
    start_server: StartServer, connect: Callable[[Server], grpc.Channel]
) -> None:
    server = start_server("--cache", "c", "--topic-history", "8", "--subscriber-buffer", "64kib")
    slow, quick = Subscriber(connect(server), "c", "t"), Subscriber(connect(server), "c", "t")
    publisher = connect(server)
    count, size = 400, 16 << 10
    for number in range(1, count + 1):
        publish(publisher, "c", "t", bytes([number % 256]) * size)
        assert quick.item().topic_sequence_number == number

    expected, gaps = 1, 0
    while expected <= count:
        found = slow.next()
        if isinstance(found, messages._Discontinuity):
            assert found.last_topic_sequence == expected - 1
            assert found.new_topic_sequence >= expected
            expected = found.new_topic_sequence + 1
            gaps += 1
        else:
            assert found.topic_sequence_number == expected
            assert found.value.binary == bytes([expected % 256]) * size
            expected += 1
    assert gaps > 0
    publish(publisher, "c", "t", "caught up")
    assert (slow.texts(1), quick.texts(1)) == (["caught up"], ["caught up"])


def test_readers_that_are_stuck_cost_little_memory_and_delay_no_publisher(
    start_server: StartServer, connect: Callable[[Server], grpc.Channel]
) -> None:
    server = start_server("--cache", "c", "--topic-history-size", "1mib")
    stuck = connect(server)
    readers = [Subscriber(stuck, "c", "t", timeout=60) for _ in range(50)]
    publisher = connect(server)
    before_bytes = resident_bytes(server)
    publish(publisher, "c", "t", *[b"v" * (100 << 10)] * 300)
    # All of it for all of them would be 1.5 GB.
    assert resident_bytes(server) - before_bytes < 500 * MIB
    for reader in readers:
        reader.call.cancel()


@pytest.mark.parametrize("threads", [1, 2])
def test_two_hundred_subscribers_and_four_publishers(
    start_server: StartServer, connect: Callable[[Server], grpc.Channel], threads: int
) -> None:
    server = start_server("--cache", "c", "--threads", str(threads))
    channels = [connect(server) for _ in range(4)]
    subscribers = [Subscriber(channels[number % 4], "c", "t", timeout=60) for number in range(200)]

    def work(publisher: int) -> None:
        own = channels[publisher]
        publish(own, "c", "t", *(f"{publisher}:{number}" for number in range(50)))

    publishers = [threading.Thread(target=work, args=(publisher,)) for publisher in range(4)]
    for publisher in publishers:
        publisher.start()
    for publisher in publishers:
        publisher.join()
    received = [[subscriber.item() for _ in range(200)] for subscriber in subscribers]
    texts = [item.value.text for item in received[0]]
    assert [item.topic_sequence_number for item in received[0]] == list(range(1, 201))
    for publisher in range(4):
        own_texts = [text for text in texts if text.startswith(f"{publisher}:")]
        assert own_texts == [f"{publisher}:{number}" for number in range(50)]
    for others in received[1:]:
        assert [item.value.text for item in others] == texts


def test_two_hundred_topics_with_a_subscriber_each(
    start_server: StartServer, connect: Callable[[Server], grpc.Channel]
) -> None:
    server = start_server("--cache", "c", "--threads", "2")
    channels = [connect(server) for _ in range(4)]
    subscribers = [Subscriber(channels[number % 4], "c", f"t{number}", timeout=60) for number in range(200)]
    for round_number in range(3):
        for number in range(200):
            publish(channels[(number + 1) % 4], "c", f"t{number}", f"{number}:{round_number}")
    for number, subscriber in enumerate(subscribers):
        assert subscriber.texts(3) == [f"{number}:{round_number}" for round_number in range(3)]


def test_subscriptions_that_come_and_go_leave_nothing(
    start_server: StartServer, connect: Callable[[Server], grpc.Channel]
) -> None:
    server = start_server("--cache", "c", "--threads", "2", "--max-subscriptions", "20", "--max-topics", "20")
    channels = [connect(server) for _ in range(2)]
    publishing = threading.Event()

    def work() -> None:
        number = 0
        own = connect(server)
        while not publishing.is_set():
            number += 1
            publish(own, "c", f"t{number % 10}", "v")

    publisher = threading.Thread(target=work)
    publisher.start()
    try:
        for number in range(300):
            subscriber = Subscriber(channels[number % 2], "c", f"t{number % 10}")
            assert subscriber.texts(1) == ["v"]
            subscriber.call.cancel()
    finally:
        publishing.set()
        publisher.join()
    for number in range(20):
        publish(channels[0], "c", f"other{number}", "v")
