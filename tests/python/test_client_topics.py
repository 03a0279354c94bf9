"""Topics, through both clients: what is published comes, until the subscription, its client or its place ends."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Callable
from typing import Any

import mayfly
import pytest
from support import ASYNCIO, BLOCKING, CACHE, Caller, code_of, is_error, is_kind, poll

from mayfly.responses import TopicDiscontinuity, TopicPublish, TopicSubscribe, TopicSubscriptionItem

TEXT, BINARY = TopicSubscriptionItem.Text, TopicSubscriptionItem.Binary


@pytest.fixture
def topic(key: str) -> str:
    """Return the name of a topic that nobody has published to."""
    return f"topic-{key}"


def subscribe(topics: Caller, topic: str, *more: Any, **named: Any) -> Caller:
    """Subscribe, which must work."""
    subscription = topics.subscribe(CACHE, topic, *more, **named)
    assert isinstance(subscription, Caller), subscription
    return subscription


def is_reading(thread: threading.Thread) -> bool:
    """Whether a thread waits for an item."""
    frame = sys._current_frames().get(thread.ident or 0)
    return frame is not None and frame.f_code.co_name == "__next__"


# --- Items ---


@pytest.mark.parametrize("value", ["text", "ä€😀", "", b"bytes", b"", b"\0\xff", bytes(range(256)) * 400], ids=ascii)
def test_what_is_published_comes_as_what_it_was(topics: Caller, topic: str, value: str | bytes) -> None:
    subscription = subscribe(topics, topic)
    assert isinstance(topics.publish(CACHE, topic, value), TopicPublish.Success)
    item = subscription.next()
    assert type(item) is (TEXT if isinstance(value, str) else BINARY)
    assert item.value == value
    subscription.unsubscribe()


def test_items_come_in_their_order_with_their_numbers(topics: Caller, topic: str) -> None:
    subscription = subscribe(topics, topic)
    for number in range(50):
        topics.publish(CACHE, topic, str(number))
    items = [subscription.next() for _ in range(50)]
    assert [item.value for item in items] == [str(number) for number in range(50)]
    first = items[0].sequence_number
    assert [item.sequence_number for item in items] == list(range(first, first + 50))
    assert len({item.sequence_page for item in items}) == 1
    subscription.unsubscribe()


def test_every_subscription_gets_every_item_of_its_topic_alone(topics: Caller, topic: str) -> None:
    first, second = subscribe(topics, topic), subscribe(topics, topic)
    other = subscribe(topics, topic + "-other")
    topics.publish(CACHE, topic, "a")
    topics.publish(CACHE, topic + "-other", "b")
    assert [each.next().value for each in (first, second, other)] == ["a", "a", "b"]
    for each in (first, second, other):
        each.unsubscribe()


def test_a_gap_is_told_before_the_item_behind_it(topics: Caller, topic: str) -> None:
    for value in ("one", "two"):
        topics.publish(CACHE, topic, value)
    gaps: list[TopicDiscontinuity] = []
    subscription = subscribe(topics, topic, 1000, on_discontinuity=gaps.append)
    topics.publish(CACHE, topic, "three")
    item = subscription.next()
    assert item.value == "three"
    assert gaps == [TopicDiscontinuity(item.sequence_number - 1, item.sequence_number, item.sequence_page)]
    subscription.unsubscribe()


def test_what_is_told_of_a_gap_and_raises_ends_the_wait_alone(topics: Caller, topic: str) -> None:
    topics.publish(CACHE, topic, "one")

    def refuse(_: TopicDiscontinuity) -> None:
        raise LookupError("a gap")

    subscription = subscribe(topics, topic, 1000, on_discontinuity=refuse)
    with pytest.raises(LookupError, match="a gap"):
        subscription.next()
    topics.publish(CACHE, topic, "two")
    assert subscription.next().value == "two"
    subscription.unsubscribe()


def test_what_a_loop_has_no_room_for_is_told_though_nothing_comes_after_it(
    kind: str, topics: Caller, topic: str
) -> None:
    if kind != ASYNCIO:
        pytest.skip("a blocking client reads when it is asked to, and leaves the rest with the server")
    gaps: list[TopicDiscontinuity] = []

    def tell(gap: TopicDiscontinuity) -> None:
        gaps.append(gap)
        raise LookupError

    subscription = subscribe(topics, topic, on_discontinuity=tell)
    for number in range(16):  # of a mebibyte, and there is room for four
        topics.publish(CACHE, topic, bytes([number]) * 1_000_000)
    values = []
    with pytest.raises(LookupError):
        while True:
            item = subscription.next()
            values.append((item.value[0], item.sequence_number))
    assert [value for value, _ in values] == list(range(len(values)))
    assert gaps[0].last_sequence_number == values[-1][1]
    assert gaps[0].new_sequence_number > values[-1][1] + 1
    subscription.unsubscribe()


def test_topics_of_one_name_in_two_caches_are_two(topics: Caller, topic: str, other_cache: str) -> None:
    subscription = subscribe(topics, topic)
    topics.publish(other_cache, topic, "other")
    topics.publish(CACHE, topic, "own")
    assert subscription.next().value == "own"
    subscription.unsubscribe()


def test_a_new_subscription_begins_with_the_newest_message(topics: Caller, topic: str) -> None:
    for value in ("old", "newest"):
        topics.publish(CACHE, topic, value)
    subscription = subscribe(topics, topic)
    topics.publish(CACHE, topic, "next")
    assert [subscription.next().value, subscription.next().value] == ["newest", "next"]
    subscription.unsubscribe()


def test_a_subscription_goes_on_where_an_earlier_one_ended(topics: Caller, topic: str) -> None:
    earlier = subscribe(topics, topic)
    for value in "abcd":
        topics.publish(CACHE, topic, value)
    earlier.next()
    last = earlier.next()
    earlier.unsubscribe()
    later = subscribe(topics, topic, last.sequence_number + 1, last.sequence_page)
    assert [later.next().value, later.next().value] == ["c", "d"]
    later.unsubscribe()


def test_iteration_goes_on_until_the_subscription_ends(
    topics: Caller, topic: str, kind: str, loop: asyncio.AbstractEventLoop
) -> None:
    subscription = subscribe(topics, topic)
    values: list[Any] = []

    def take(item: Any) -> None:
        values.append("the end" if is_error(item) else item.value)
        if values[-1] == "b":
            subscription.raw.unsubscribe()

    async def take_all() -> None:
        async for item in subscription.raw:
            take(item)

    for value in "ab":
        topics.publish(CACHE, topic, value)
    if kind == BLOCKING:
        for item in subscription.raw:
            take(item)
    else:
        loop.run_until_complete(take_all())
    assert values == ["a", "b", "the end"]


# --- Ends ---


def test_a_subscription_that_ended_tells_so_once(topics: Caller, topic: str) -> None:
    subscription = subscribe(topics, topic)
    subscription.unsubscribe()
    subscription.unsubscribe()
    assert code_of(subscription.next()) == "CANCELLED_ERROR"
    for _ in range(2):
        with pytest.raises((StopIteration, StopAsyncIteration)):
            subscription.next()


def test_a_thread_that_waits_is_told_of_unsubscribe(
    credentials: mayfly.CredentialProvider, topic: str
) -> None:
    with mayfly.TopicClient(mayfly.TopicConfigurations.Default.latest(), credentials) as client:
        subscription = client.subscribe(CACHE, topic)
        assert isinstance(subscription, TopicSubscribe.Subscription)
        items: list[Any] = []
        thread = threading.Thread(target=lambda: items.extend(subscription))
        thread.start()
        poll(lambda: is_reading(thread))
        subscription.unsubscribe()
        thread.join()
        assert [code_of(item) for item in items] == ["CANCELLED_ERROR"]


def test_a_thread_that_waits_is_told_of_close(credentials: mayfly.CredentialProvider, topic: str) -> None:
    client = mayfly.TopicClient(mayfly.TopicConfigurations.Default.latest(), credentials)
    subscription = client.subscribe(CACHE, topic)
    assert isinstance(subscription, TopicSubscribe.Subscription)
    items: list[Any] = []
    thread = threading.Thread(target=lambda: items.extend(subscription))
    thread.start()
    poll(lambda: is_reading(thread))
    client.close()
    thread.join()
    assert [code_of(item) for item in items] == ["CANCELLED_ERROR"]


def test_a_subscription_is_read_by_one_thread_at_a_time(
    credentials: mayfly.CredentialProvider, topic: str
) -> None:
    with mayfly.TopicClient(mayfly.TopicConfigurations.Default.latest(), credentials) as client:
        subscription = client.subscribe(CACHE, topic)
        assert isinstance(subscription, TopicSubscribe.Subscription)
        items: list[Any] = []
        thread = threading.Thread(target=lambda: items.append(next(subscription)))
        thread.start()
        poll(lambda: is_reading(thread))
        with pytest.raises(RuntimeError, match="another thread is reading this subscription"):
            next(subscription)
        client.publish(CACHE, topic, "v")
        thread.join()
        assert [item.value for item in items] == ["v"]
        subscription.unsubscribe()


@pytest.mark.parametrize("how", ["unsubscribe", "close"])
def test_a_task_that_waits_is_told_of_the_end(
    loop: asyncio.AbstractEventLoop, credentials: mayfly.CredentialProvider, topic: str, how: str
) -> None:
    async def work() -> Any:
        client = mayfly.TopicClientAsync(mayfly.TopicConfigurations.Default.latest(), credentials)
        subscription = await client.subscribe(CACHE, topic)
        assert isinstance(subscription, TopicSubscribe.SubscriptionAsync)
        task = asyncio.create_task(subscription.__anext__())
        await asyncio.sleep(0)
        if how == "unsubscribe":
            subscription.unsubscribe()
        await client.close()
        return await task

    assert code_of(loop.run_until_complete(work())) == "CANCELLED_ERROR"


def test_a_subscription_is_read_by_one_task_at_a_time(
    loop: asyncio.AbstractEventLoop, credentials: mayfly.CredentialProvider, topic: str
) -> None:
    async def work() -> Any:
        async with mayfly.TopicClientAsync(mayfly.TopicConfigurations.Default.latest(), credentials) as client:
            subscription = await client.subscribe(CACHE, topic)
            assert isinstance(subscription, TopicSubscribe.SubscriptionAsync)
            task = asyncio.create_task(subscription.__anext__())
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="another task is reading this subscription"):
                await subscription.__anext__()
            await client.publish(CACHE, topic, "v")
            return await task

    assert loop.run_until_complete(work()).value == "v"


def test_a_wait_that_is_cancelled_loses_no_item(
    loop: asyncio.AbstractEventLoop, credentials: mayfly.CredentialProvider, topic: str
) -> None:
    async def work() -> Any:
        async with mayfly.TopicClientAsync(mayfly.TopicConfigurations.Default.latest(), credentials) as client:
            subscription = await client.subscribe(CACHE, topic)
            assert isinstance(subscription, TopicSubscribe.SubscriptionAsync)
            task = asyncio.create_task(subscription.__anext__())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await client.publish(CACHE, topic, "a")
            await client.publish(CACHE, topic, "b")
            return [(await subscription.__anext__()).value for _ in range(2)]

    assert loop.run_until_complete(work()) == ["a", "b"]


def test_close_ends_every_subscription(open_topics: Callable[..., Caller], topic: str) -> None:
    client = open_topics()
    subscriptions = [subscribe(client, topic) for _ in range(3)]
    client.close()
    assert [code_of(each.next()) for each in subscriptions] == ["CANCELLED_ERROR"] * 3
    assert code_of(client.publish(CACHE, topic, "v")) == "FAILED_PRECONDITION_ERROR"
    assert code_of(client.subscribe(CACHE, topic)) == "FAILED_PRECONDITION_ERROR"


def test_the_end_of_the_cache_ends_the_subscription(topics: Caller, topic: str, caller: Caller, key: str) -> None:
    caller.create_cache(key)
    subscription = topics.subscribe(key, topic)
    caller.delete_cache(key)
    assert code_of(subscription.next()) == "NOT_FOUND_ERROR"
    with pytest.raises((StopIteration, StopAsyncIteration)):
        subscription.next()


def test_with_closes_the_client(
    kind: str, loop: asyncio.AbstractEventLoop, credentials: mayfly.CredentialProvider, topic: str
) -> None:
    settings = mayfly.TopicConfigurations.Default.latest()

    async def use() -> Any:
        async with mayfly.TopicClientAsync(settings, credentials) as client:
            assert isinstance(await client.publish(CACHE, topic, "v"), TopicPublish.Success)
        return await client.publish(CACHE, topic, "v")

    if kind == BLOCKING:
        with mayfly.TopicClient(settings, credentials) as client:
            assert isinstance(client.publish(CACHE, topic, "v"), TopicPublish.Success)
        after = client.publish(CACHE, topic, "v")
    else:
        after = loop.run_until_complete(use())
    assert code_of(after) == "FAILED_PRECONDITION_ERROR"


def test_a_client_counts_what_it_does(topics: Caller, topic: str) -> None:
    topics.publish(CACHE, topic, "v")
    assert topics.counts()["calls"] >= 1
    assert topics.counts()["in_flight"] == 0


# --- Places ---


def test_a_client_has_a_hundred_subscriptions_and_no_more(topics: Caller, topic: str) -> None:
    subscriptions = [subscribe(topics, topic) for _ in range(100)]
    refused = topics.subscribe(CACHE, topic)
    assert code_of(refused) == "CLIENT_RESOURCE_EXHAUSTED"
    assert "Maximum number of active subscriptions reached" in refused.message
    subscriptions.pop().unsubscribe()
    subscriptions.append(subscribe(topics, topic))
    assert code_of(topics.subscribe(CACHE, topic)) == "CLIENT_RESOURCE_EXHAUSTED"
    del subscriptions[-1]  # without unsubscribe
    gc.collect()
    subscriptions.append(subscribe(topics, topic))
    assert code_of(topics.subscribe(CACHE, topic)) == "CLIENT_RESOURCE_EXHAUSTED"
    topics.publish(CACHE, topic, "v")
    assert {each.next().value for each in subscriptions} == {"v"}


def test_places_come_in_hundreds(open_topics: Callable[..., Caller], topic: str) -> None:
    client = open_topics(mayfly.TopicConfigurations.Default.latest().with_max_subscriptions(101))
    subscriptions = [subscribe(client, topic) for _ in range(150)]
    client.publish(CACHE, topic, "v")
    assert {each.next().value for each in subscriptions} == {"v"}


def test_a_subscription_that_fails_takes_no_place(topics: Caller, topic: str) -> None:
    for _ in range(120):
        assert code_of(topics.subscribe("no-such-cache", topic)) == "NOT_FOUND_ERROR"
    subscribe(topics, topic).unsubscribe()


def test_a_subscription_that_the_server_ends_gives_its_place_back(
    topics: Caller, topic: str, caller: Caller, key: str
) -> None:
    caller.create_cache(key)
    subscriptions = [topics.subscribe(key, topic) for _ in range(100)]
    caller.delete_cache(key)
    assert {code_of(each.next()) for each in subscriptions} == {"NOT_FOUND_ERROR"}
    again = [subscribe(topics, topic) for _ in range(100)]
    assert code_of(topics.subscribe(CACHE, topic)) == "CLIENT_RESOURCE_EXHAUSTED"
    assert len(again) == 100


# --- What makes no sense ---


@pytest.mark.parametrize(("cache_name", "name", "code", "sentence"), [
    ("no-such-cache", "t", "NOT_FOUND_ERROR", ""),
    (None, "t", "INVALID_ARGUMENT_ERROR", "Cache name must be a string"),
    ("", "t", "INVALID_ARGUMENT_ERROR", "Cache name must not be empty"),
    ("a\0b", "t", "INVALID_ARGUMENT_ERROR", ""),
    ("c" * 256, "t", "INVALID_ARGUMENT_ERROR", ""),
    ("\ud800", "t", "UNKNOWN_ERROR", "surrogates not allowed"),
    (CACHE, None, "INVALID_ARGUMENT_ERROR", "Topic name must be a string"),
    (CACHE, b"t", "INVALID_ARGUMENT_ERROR", "Topic name must be a string"),
    (CACHE, "", "INVALID_ARGUMENT_ERROR", "Topic name must not be empty"),
    (CACHE, "\ud800", "UNKNOWN_ERROR", "surrogates not allowed"),
], ids=ascii)
@pytest.mark.parametrize("method", ["publish", "subscribe"])
def test_names_that_cannot_be_are_errors(
    topics: Caller, method: str, cache_name: Any, name: Any, code: str, sentence: str
) -> None:
    more = ("v",) if method == "publish" else ()
    response = getattr(topics, method)(cache_name, name, *more)
    assert code_of(response) == code
    assert sentence in response.message
    assert is_kind(topics.publish(CACHE, "t", "v"), "Success")


@pytest.mark.parametrize(("value", "code", "sentence"), [
    (None, "INVALID_ARGUMENT_ERROR", "Unsupported type for value: <class 'NoneType'>"),
    (7, "INVALID_ARGUMENT_ERROR", "Unsupported type for value: <class 'int'>"),
    (bytearray(b"v"), "INVALID_ARGUMENT_ERROR", "Unsupported type for value: <class 'bytearray'>"),
    ("\ud800", "UNKNOWN_ERROR", "surrogates not allowed"),
    (bytes(6_000_000), "LIMIT_EXCEEDED_ERROR", ""),
], ids=["None", "int", "bytearray", "surrogate", "large"])
def test_a_value_that_cannot_be_is_an_error(topics: Caller, topic: str, value: Any, code: str, sentence: str) -> None:
    response = topics.publish(CACHE, topic, value)
    assert code_of(response) == code
    assert sentence in response.message


@pytest.mark.parametrize("bad", [-1, 2**64, "1", 1.5, None], ids=repr)
@pytest.mark.parametrize("parameter", ["resume_at_topic_sequence_number", "resume_at_topic_sequence_page"])
def test_a_number_to_resume_at_that_cannot_be_is_an_error(topics: Caller, topic: str, parameter: str, bad: Any) -> None:
    response = topics.subscribe(CACHE, topic, **{parameter: bad})
    assert code_of(response) in ("INVALID_ARGUMENT_ERROR", "UNKNOWN_ERROR")


def test_a_subscription_is_equal_to_itself_alone(topics: Caller, topic: str) -> None:
    first, second = subscribe(topics, topic), subscribe(topics, topic)
    assert first.raw != second.raw
    assert first.raw == first.raw
    assert len({first.raw, second.raw}) == 2
    assert f"topic_name={topic!r}" in repr(first.raw)
    first.unsubscribe()
    second.unsubscribe()


def test_both_kinds_of_clients_hear_each_other(
    open_topics: Callable[..., Caller], credentials: mayfly.CredentialProvider, topic: str, kind: str,
    loop: asyncio.AbstractEventLoop,
) -> None:
    made: Any = mayfly.TopicClient if kind == ASYNCIO else mayfly.TopicClientAsync
    other = Caller(made(mayfly.TopicConfigurations.Default.latest(), credentials), loop)
    subscription = subscribe(open_topics(), topic)
    other.publish(CACHE, topic, b"v")
    assert subscription.next().value == b"v"
    subscription.unsubscribe()
    other.close()
