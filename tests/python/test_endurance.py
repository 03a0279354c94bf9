"""Many calls of every kind: memory stays where it is, and so do the counts of references. A long run makes a million."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import CACHE, HOUR, is_error

import mayfly
from mayfly import logs
from mayfly.internal import _methods
from mayfly.requests import CollectionTtl, LeaderboardOrder, SortedSetAggregate
from mayfly.responses import CacheSet

IS_LONG = os.environ.get("TEST_MODE") == "long"
CALLS = 1_000_000 if IS_LONG else 50_000
BATCH = 100
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
GROWTH_BYTES_MAX = 8 << 20  # of the allocators' caches; a leak of ten bytes a call in a long run is more

KEY, FIELD, VALUE, TTL = "endurance", "field-of-the-endurance-test", b"v" * 400, timedelta(minutes=7)
COLLECTION_TTL = CollectionTtl.of(TTL)


def calls_of(client: Any, board: Any, topics: Any) -> list[Callable[[], Any]]:
    """A call of each method, of the data and topics that are there."""
    c, k, ttl = CACHE, KEY, COLLECTION_TTL
    d, s, li, z = f"{k}-d", f"{k}-s", f"{k}-l", f"{k}-z"
    digest = b"h" * 16
    return [
        lambda: client.ping(),
        lambda: client.list_caches(),
        lambda: client.set(c, k, VALUE, TTL),
        lambda: client.get(c, k),
        lambda: client.get(c, "absent"),
        lambda: client.delete(c, f"{k}-x"),
        lambda: client.increment(c, f"{k}-n", 1, TTL),
        lambda: client.get_batch(c, [k, "absent"]),
        lambda: client.set_batch(c, {f"{k}-b": VALUE, b"other": "v"}, TTL),
        lambda: client.get_with_hash(c, k),
        lambda: client.set_with_hash(c, f"{k}-h", VALUE, TTL),
        lambda: client.set_if_not_exists(c, k, VALUE),
        lambda: client.set_if_absent(c, k, VALUE),
        lambda: client.set_if_present(c, k, VALUE),
        lambda: client.set_if_equal(c, k, VALUE, VALUE),
        lambda: client.set_if_not_equal(c, k, VALUE, VALUE),
        lambda: client.set_if_present_and_not_equal(c, k, VALUE, VALUE),
        lambda: client.set_if_absent_or_equal(c, k, VALUE, VALUE),
        lambda: client.set_if_present_and_hash_equal(c, k, VALUE, digest),
        lambda: client.set_if_present_and_hash_not_equal(c, k, VALUE, digest),
        lambda: client.set_if_absent_or_hash_equal(c, k, VALUE, digest),
        lambda: client.set_if_absent_or_hash_not_equal(c, k, VALUE, digest),
        lambda: client.key_exists(c, k),
        lambda: client.keys_exist(c, [k, "absent"]),
        lambda: client.item_get_type(c, k),
        lambda: client.item_get_ttl(c, k),
        lambda: client.update_ttl(c, k, 600_000),
        lambda: client.increase_ttl(c, k, 600_000),
        lambda: client.decrease_ttl(c, k, 600_000),
        lambda: client.dictionary_set_field(c, d, FIELD, VALUE, ttl=ttl),
        lambda: client.dictionary_set_fields(c, d, {FIELD: "1", b"g": VALUE}),
        lambda: client.dictionary_fetch(c, d),
        lambda: client.dictionary_get_field(c, d, FIELD),
        lambda: client.dictionary_get_fields(c, d, [FIELD, "absent"]),
        lambda: client.dictionary_increment(c, f"{d}n", FIELD, 1, ttl=ttl),
        lambda: client.dictionary_remove_field(c, d, "absent"),
        lambda: client.dictionary_remove_fields(c, d, ["absent", b"h"]),
        lambda: client.dictionary_length(c, d),
        lambda: client.list_push_back(c, li, VALUE, truncate_front_to_size=5),
        lambda: client.list_push_front(c, li, VALUE, ttl=ttl, truncate_back_to_size=5),
        lambda: client.list_concatenate_back(c, li, [VALUE, "w"], truncate_front_to_size=5),
        lambda: client.list_concatenate_front(c, li, (VALUE,), truncate_back_to_size=5),
        lambda: client.list_fetch(c, li, -3, None),
        lambda: client.list_length(c, li),
        lambda: client.list_pop_back(c, li),
        lambda: client.list_pop_front(c, li),
        lambda: client.list_remove_value(c, li, "w"),
        lambda: client.list_retain(c, li, 0, 5),
        lambda: client.set_add_element(c, s, VALUE, ttl=ttl),
        lambda: client.set_add_elements(c, s, {"a", b"b"}),
        lambda: client.set_fetch(c, s),
        lambda: client.set_remove_element(c, s, "absent"),
        lambda: client.set_remove_elements(c, s, ["absent"]),
        lambda: client.set_contains_element(c, s, VALUE),
        lambda: client.set_contains_elements(c, s, [VALUE, "absent"]),
        lambda: client.set_length(c, s),
        lambda: client.set_sample(c, s, 2),
        lambda: client.set_pop(c, s, 1),
        lambda: client.sorted_set_put_element(c, z, VALUE, 1.5, ttl=ttl),
        lambda: client.sorted_set_put_elements(c, z, {"a": 1.0, b"b": 2.0}),
        lambda: client.sorted_set_fetch_by_score(c, z, 0.0, 2.0, offset=0, count=3),
        lambda: client.sorted_set_fetch_by_rank(c, z, 0, 3),
        lambda: client.sorted_set_get_score(c, z, VALUE),
        lambda: client.sorted_set_get_score(c, "absent", VALUE),
        lambda: client.sorted_set_get_scores(c, z, [VALUE, "absent"]),
        lambda: client.sorted_set_get_rank(c, z, VALUE),
        lambda: client.sorted_set_remove_element(c, z, "absent"),
        lambda: client.sorted_set_remove_elements(c, z, ["absent"]),
        lambda: client.sorted_set_increment_score(c, z, VALUE, 0.5),
        lambda: client.sorted_set_length(c, z),
        lambda: client.sorted_set_length_by_score(c, z, 0.0, None),
        lambda: client.sorted_set_union_store(c, f"{z}u", {z: 2.0}, aggregate=SortedSetAggregate.MAX),
        lambda: board.upsert({1: 1.0, 2: 2.0}),
        lambda: board.fetch_by_score(min_score=0.0, order=LeaderboardOrder.DESCENDING),
        lambda: board.fetch_by_rank(0, 5),
        lambda: board.get_rank([1, 2]),
        lambda: board.get_competition_rank([1, 3]),
        lambda: board.length(),
        lambda: board.remove_elements([3]),
        lambda: topics.publish(c, "endurance", "text"),
        lambda: topics.publish(c, "endurance", VALUE),
    ]


def failing_calls_of(client: Any) -> list[Callable[[], Any]]:
    """Calls that end with an Error, in the client and on the server."""
    return [
        lambda: client.get("no-such-cache", KEY),
        lambda: client.get(CACHE, 17),
        lambda: client.get("", KEY),
        lambda: client.set(CACHE, KEY, VALUE, timedelta(0)),
        lambda: client.dictionary_fetch(CACHE, KEY),
        lambda: client.dictionary_set_fields(CACHE, KEY, 17),
        lambda: client.set_add_elements(CACHE, "s", [KEY, None]),
        lambda: client.sorted_set_put_elements(CACHE, "z", {KEY: "no score"}),
    ]


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Have failures not logged: pytest keeps what is."""
    level = logs.logger.level
    logs.logger.setLevel(logging.CRITICAL)
    yield
    logs.logger.setLevel(level)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def references() -> dict[str, int]:
    """Counts of what every call handles."""
    rows = [row for _, row in inspect.getmembers(_methods) if isinstance(row, _methods.Method)]
    held = {"key": KEY, "field": FIELD, "value": VALUE, "ttl": TTL, "collection": COLLECTION_TTL, "set": CacheSet.Success}
    counts = {name: sys.getrefcount(what) for name, what in held.items()}
    counts["rows"] = sum(map(sys.getrefcount, rows))
    counts["objects"] = len(gc.get_objects())
    return counts


def assert_nothing_is_kept(run: Callable[[int], None]) -> None:
    """Runs many calls, and looks at what is left after the first few and after all."""
    run(CALLS // 10)
    gc.collect()
    counts_before, bytes_before = references(), resident_bytes()
    run(CALLS)
    gc.collect()
    counts_after, grown = references(), resident_bytes() - bytes_before
    for name, before in counts_before.items():
        assert abs(counts_after[name] - before) < 100, f"{name}: {before} references, then {counts_after[name]}"
    if "TEST_SANITIZED" not in os.environ:  # whose allocator keeps what is freed
        assert grown < GROWTH_BYTES_MAX, f"{grown:,} bytes more after {CALLS:,} calls"


def test_blocking_calls_of_every_kind_keep_nothing(credentials: mayfly.CredentialProvider) -> None:
    configuration = mayfly.Configurations.Laptop.latest()
    with (
        mayfly.CacheClient(configuration, credentials, HOUR) as client,
        mayfly.LeaderboardClient(configuration, credentials) as boards,
        mayfly.TopicClient(mayfly.TopicConfigurations.Default.latest(), credentials) as topics,
    ):
        well = calls_of(client, boards.leaderboard(CACHE, "endurance"), topics)
        failing = failing_calls_of(client)

        def run(count: int) -> None:
            for _ in range(0, count if IS_LONG else count // 5, len(well) + len(failing)):
                assert not any(is_error(call()) for call in well)
                assert all(is_error(call()) for call in failing)

        assert_nothing_is_kept(run)


def test_asyncio_calls_of_every_kind_keep_nothing(credentials: mayfly.CredentialProvider) -> None:
    loop = asyncio.new_event_loop()
    configuration = mayfly.Configurations.Laptop.latest()

    async def make() -> tuple[Any, ...]:
        return (
            mayfly.CacheClientAsync(configuration, credentials, HOUR),
            mayfly.LeaderboardClientAsync(configuration, credentials),
            mayfly.TopicClientAsync(mayfly.TopicConfigurations.Default.latest(), credentials),
        )

    clients = client, boards, topics = loop.run_until_complete(make())
    well = calls_of(client, boards.leaderboard(CACHE, "endurance"), topics)
    failing = failing_calls_of(client)

    async def work(count: int) -> None:
        for _ in range(0, count, BATCH):
            for call in well:
                assert not is_error(await call())
            for call in failing:
                assert is_error(await call())
            cancelled = asyncio.ensure_future(client.get(CACHE, KEY))
            await asyncio.sleep(0)
            cancelled.cancel()

    def run(count: int) -> None:
        async def work_together() -> None:
            await asyncio.gather(*(work(count // BATCH) for _ in range(BATCH)))

        loop.run_until_complete(work_together())

    assert_nothing_is_kept(run)
    for each in clients:
        loop.run_until_complete(each.close())
    loop.close()
