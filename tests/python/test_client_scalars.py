"""Keys with one value each, through both clients: every outcome of every method."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Optional

import pytest
from support import CACHE, HOUR_MS, Caller, code_of, is_kind, poll

from mayfly.responses import (
    CacheDecreaseTtl,
    CacheDelete,
    CacheGet,
    CacheGetBatch,
    CacheGetWithHash,
    CacheIncreaseTtl,
    CacheIncrement,
    CacheItemGetTtl,
    CacheItemGetType,
    CacheKeyExists,
    CacheKeysExist,
    CacheSet,
    CacheSetBatch,
    CacheSetWithHash,
    CacheUpdateTtl,
    ItemType,
)

TEN_MINUTES_MS = 600_000
BINARY = bytes(range(256))


def ttl_ms(caller: Caller, key: str | bytes) -> int:
    """Return how long an item has yet to live."""
    response = caller.item_get_ttl(CACHE, key)
    assert isinstance(response, CacheItemGetTtl.Hit), response
    return response.remaining_ttl_millis


def lives_for(caller: Caller, key: str | bytes, limit_ms: int) -> bool:
    """Whether an item was given so long, of which a test uses up less than half."""
    return limit_ms // 2 < ttl_ms(caller, key) <= limit_ms


# --- Get, set, delete ---


@pytest.mark.parametrize("value", ["text", "ä€😀", "", b"bytes", b"", b"a\0b\0", BINARY], ids=ascii)
@pytest.mark.parametrize("as_bytes", [False, True], ids=["text key", "bytes key"])
def test_get_gives_what_was_set(caller: Caller, key: str, as_bytes: bool, value: str | bytes) -> None:
    name: str | bytes = key.encode() if as_bytes else key
    assert isinstance(caller.set(CACHE, name, value), CacheSet.Success)
    response = caller.get(CACHE, name)
    assert isinstance(response, CacheGet.Hit)
    assert response.value_bytes == (value.encode() if isinstance(value, str) else value)
    assert type(response.value_bytes) is bytes


def test_text_and_its_utf8_are_the_same_key(caller: Caller, key: str) -> None:
    caller.set(CACHE, key + "ä", "v")
    assert caller.get(CACHE, (key + "ä").encode()).value_string == "v"


@pytest.mark.parametrize("end", [b"\0", b"\0\0", b"\xff\xfe", BINARY], ids=ascii)
def test_a_key_may_hold_any_bytes(caller: Caller, key: str, end: bytes) -> None:
    caller.set(CACHE, key.encode(), "without")
    caller.set(CACHE, key.encode() + end, "with")
    assert caller.get(CACHE, key.encode()).value_string == "without"
    assert caller.get(CACHE, key.encode() + end).value_string == "with"


def test_value_string_reads_utf8_and_refuses_what_is_none(caller: Caller, key: str) -> None:
    caller.set(CACHE, key, "ä")
    assert caller.get(CACHE, key).value_string == "ä"
    caller.set(CACHE, key, b"\xff")
    with pytest.raises(UnicodeDecodeError):
        _ = caller.get(CACHE, key).value_string


def test_a_key_that_was_never_set_is_a_miss(caller: Caller, key: str) -> None:
    assert isinstance(caller.get(CACHE, key), CacheGet.Miss)


def test_set_replaces_the_value(caller: Caller, key: str) -> None:
    caller.set(CACHE, key, "a")
    caller.set(CACHE, key, "b")
    assert caller.get(CACHE, key).value_string == "b"


def test_delete_takes_the_key_away_and_succeeds_where_there_is_none(caller: Caller, key: str) -> None:
    caller.set(CACHE, key, "v")
    assert isinstance(caller.delete(CACHE, key), CacheDelete.Success)
    assert isinstance(caller.get(CACHE, key), CacheGet.Miss)
    assert isinstance(caller.delete(CACHE, key.encode()), CacheDelete.Success)


def test_a_value_of_five_megabytes_comes_back_whole(caller: Caller, key: str) -> None:
    value = BINARY * 19_500
    assert isinstance(caller.set(CACHE, key, value), CacheSet.Success)
    assert caller.get(CACHE, key).value_bytes == value
    caller.delete(CACHE, key)


@pytest.mark.parametrize("size", [5_000_001, 5_300_000], ids=["the server's limit", "the client's limit"])
def test_a_value_over_the_limit_is_refused_and_the_client_goes_on(caller: Caller, key: str, size: int) -> None:
    assert code_of(caller.set(CACHE, key, bytes(size))) == "LIMIT_EXCEEDED_ERROR"
    assert isinstance(caller.get(CACHE, key), CacheGet.Miss)
    assert isinstance(caller.set(CACHE, key, "small"), CacheSet.Success)


# --- Times to live ---


def test_an_item_lives_for_the_default_ttl_unless_the_request_says_otherwise(caller: Caller, key: str) -> None:
    caller.set(CACHE, key, "v")
    assert lives_for(caller, key, HOUR_MS)
    caller.set(CACHE, key, "v", timedelta(minutes=10))
    assert lives_for(caller, key, TEN_MINUTES_MS)
    caller.set(CACHE, key, "v", None)
    assert lives_for(caller, key, HOUR_MS)


def test_the_default_ttl_is_the_clients_own(open_client: Callable[..., Caller], key: str) -> None:
    client = open_client(default_ttl=timedelta(minutes=10))
    client.set(CACHE, key, "v")
    assert lives_for(client, key, TEN_MINUTES_MS)


def test_an_item_is_gone_when_its_ttl_has_passed(caller: Caller, key: str) -> None:
    caller.set(CACHE, key, "v", timedelta(milliseconds=1))
    poll(lambda: isinstance(caller.get(CACHE, key), CacheGet.Miss))


@pytest.mark.parametrize("method", [
    "increment", "set_with_hash", "set_if_not_exists", "set_if_absent", "set_if_absent_or_equal",
    "set_if_absent_or_hash_equal", "set_if_absent_or_hash_not_equal", "set_if_not_equal", "set_batch",
])
def test_what_stores_a_value_gives_it_the_default_ttl_or_its_own(caller: Caller, key: str, method: str) -> None:
    arguments: dict[str, tuple[Any, ...]] = {
        "increment": (1,),
        "set_if_absent_or_equal": ("v", "v"),
        "set_if_not_equal": ("v", "w"),
        "set_if_absent_or_hash_equal": ("v", b"hash"),
        "set_if_absent_or_hash_not_equal": ("v", b"hash"),
    }
    for name, limit_ms, ttl in ((key, HOUR_MS, {}), (key + "-2", TEN_MINUTES_MS, {"ttl": timedelta(minutes=10)})):
        rest = ({name: "1"},) if method == "set_batch" else (name, *arguments.get(method, ("v",)))
        getattr(caller, method)(CACHE, *rest, **ttl)
        assert lives_for(caller, name, limit_ms)


def test_item_get_ttl_tells_what_is_left_and_misses_what_is_not_there(caller: Caller, key: str) -> None:
    assert isinstance(caller.item_get_ttl(CACHE, key), CacheItemGetTtl.Miss)
    caller.set(CACHE, key, "v")
    response = caller.item_get_ttl(CACHE, key.encode())
    assert isinstance(response, CacheItemGetTtl.Hit)
    assert response.remaining_ttl == timedelta(milliseconds=response.remaining_ttl_millis)


def test_update_ttl_sets_it_and_misses_what_is_not_there(caller: Caller, key: str) -> None:
    assert isinstance(caller.update_ttl(CACHE, key, 1000), CacheUpdateTtl.Miss)
    caller.set(CACHE, key, "v")
    assert isinstance(caller.update_ttl(CACHE, key, TEN_MINUTES_MS), CacheUpdateTtl.Set)
    assert lives_for(caller, key, TEN_MINUTES_MS)
    assert isinstance(caller.update_ttl(CACHE, key.encode(), HOUR_MS), CacheUpdateTtl.Set)
    assert lives_for(caller, key, HOUR_MS)


def test_increase_ttl_only_makes_it_longer(caller: Caller, key: str) -> None:
    assert isinstance(caller.increase_ttl(CACHE, key, 1000), CacheIncreaseTtl.Miss)
    caller.set(CACHE, key, "v")
    assert isinstance(caller.increase_ttl(CACHE, key, TEN_MINUTES_MS), CacheIncreaseTtl.NotSet)
    assert lives_for(caller, key, HOUR_MS)
    assert isinstance(caller.increase_ttl(CACHE, key.encode(), 2 * HOUR_MS), CacheIncreaseTtl.Set)
    assert ttl_ms(caller, key) > HOUR_MS


def test_decrease_ttl_only_makes_it_shorter(caller: Caller, key: str) -> None:
    assert isinstance(caller.decrease_ttl(CACHE, key, 1000), CacheDecreaseTtl.Miss)
    caller.set(CACHE, key, "v")
    assert isinstance(caller.decrease_ttl(CACHE, key, 2 * HOUR_MS), CacheDecreaseTtl.NotSet)
    assert lives_for(caller, key, HOUR_MS)
    assert isinstance(caller.decrease_ttl(CACHE, key.encode(), TEN_MINUTES_MS), CacheDecreaseTtl.Set)
    assert lives_for(caller, key, TEN_MINUTES_MS)


# --- Numbers ---


def test_increment_counts_from_zero_and_gives_the_sum(caller: Caller, key: str) -> None:
    assert caller.increment(CACHE, key) == CacheIncrement.Success(1)
    assert caller.increment(CACHE, key.encode(), 41) == CacheIncrement.Success(42)
    assert caller.increment(CACHE, key, amount=-50) == CacheIncrement.Success(-8)
    assert caller.increment(CACHE, key, 0) == CacheIncrement.Success(-8)
    assert caller.get(CACHE, key).value_string == "-8"


def test_increment_adds_to_a_number_that_was_set_as_text(caller: Caller, key: str) -> None:
    caller.set(CACHE, key, "41")
    assert caller.increment(CACHE, key) == CacheIncrement.Success(42)


def test_increment_reaches_the_ends_of_64_bits_and_not_beyond(caller: Caller, key: str) -> None:
    assert caller.increment(CACHE, key, 2**63 - 1) == CacheIncrement.Success(2**63 - 1)
    assert code_of(caller.increment(CACHE, key, 1)) == "FAILED_PRECONDITION_ERROR"
    assert caller.increment(CACHE, key + "-2", -(2**63)) == CacheIncrement.Success(-(2**63))
    assert code_of(caller.increment(CACHE, key + "-2", -1)) == "FAILED_PRECONDITION_ERROR"


def test_increment_refuses_what_is_no_number(caller: Caller, key: str) -> None:
    caller.set(CACHE, key, "text")
    assert code_of(caller.increment(CACHE, key)) == "FAILED_PRECONDITION_ERROR"
    assert caller.get(CACHE, key).value_string == "text"


# --- Batches ---


def test_get_batch_answers_for_each_key_in_its_order(caller: Caller, key: str) -> None:
    caller.set(CACHE, key + "-a", "1")
    caller.set(CACHE, key + "-c", b"\xff")
    keys = [key + "-a", (key + "-b").encode(), key + "-c", key + "-a"]
    response = caller.get_batch(CACHE, keys)
    assert isinstance(response, CacheGetBatch.Success)
    assert response.results == [CacheGet.Hit(b"1"), CacheGet.Miss(), CacheGet.Hit(b"\xff"), CacheGet.Hit(b"1")]
    assert response.keys == [key.encode() + end for end in (b"-a", b"-b", b"-c", b"-a")]
    assert response.value_dictionary_bytes_bytes == {key.encode() + b"-a": b"1", key.encode() + b"-c": b"\xff"}
    assert response.value_dictionary_string_bytes == {key + "-a": b"1", key + "-c": b"\xff"}
    with pytest.raises(UnicodeDecodeError):
        _ = response.value_dictionary_bytes_string


def test_get_batch_reads_texts(caller: Caller, key: str) -> None:
    caller.set(CACHE, key, "ä")
    response = caller.get_batch(CACHE, [key])
    assert response.value_dictionary_string_string == {key: "ä"}
    assert response.value_dictionary_bytes_string == {key.encode(): "ä"}


@pytest.mark.parametrize("make", [list, tuple, iter, set, dict.fromkeys, lambda keys: (k for k in keys)],
                         ids=["list", "tuple", "iterator", "set", "dict", "generator"])
def test_keys_come_from_any_iterable(caller: Caller, key: str, make: Callable[[list[str]], Any]) -> None:
    keys = [f"{key}-{i}" for i in range(40)]
    for each in keys[::2]:
        caller.set(CACHE, each, each)
    found = caller.get_batch(CACHE, make(keys))
    assert found.value_dictionary_string_string == {each: each for each in keys[::2]}
    assert len(found.results) == 40
    there = caller.keys_exist(CACHE, make(keys))
    assert there.value_dictionary_string == {each: i % 2 == 0 for i, each in enumerate(keys)}


def test_set_batch_stores_all_of_it(caller: Caller, key: str) -> None:
    items = {key + "-a": "text", (key + "-b").encode(): b"\0\xff", key + "-c": ""}
    response = caller.set_batch(CACHE, items)
    assert isinstance(response, CacheSetBatch.Success)
    assert response.results == [CacheSet.Success()] * 3
    values = [caller.get(CACHE, each).value_bytes for each in items]
    assert values == [b"text", b"\0\xff", b""]


def test_a_batch_may_be_empty_or_large(caller: Caller, key: str) -> None:
    assert caller.set_batch(CACHE, {}) == CacheSetBatch.Success([])
    assert caller.get_batch(CACHE, []) == CacheGetBatch.Success([], [])
    assert caller.keys_exist(CACHE, []) == CacheKeysExist.Success([], [])
    items = {f"{key}-{i}": str(i) for i in range(1000)}
    assert len(caller.set_batch(CACHE, items).results) == 1000
    assert caller.get_batch(CACHE, items).value_dictionary_string_string == items


def test_key_exists_tells_whether_it_does(caller: Caller, key: str) -> None:
    assert caller.key_exists(CACHE, key) == CacheKeyExists.Success(False)
    caller.set(CACHE, key, "")
    assert caller.key_exists(CACHE, key) == CacheKeyExists.Success(True)
    assert caller.key_exists(CACHE, key.encode()) == CacheKeyExists.Success(True)


def test_keys_exist_tells_it_for_each_in_its_order(caller: Caller, key: str) -> None:
    caller.set(CACHE, key, "")
    response = caller.keys_exist(CACHE, [key + "-no", key.encode()])
    assert response == CacheKeysExist.Success([False, True], [(key + "-no").encode(), key.encode()])
    assert response.value_dictionary_bytes == {(key + "-no").encode(): False, key.encode(): True}
    assert response.value_dictionary_string == {key + "-no": False, key: True}


# --- Conditions ---


@pytest.mark.parametrize(("method", "there", "operand", "is_stored"), [
    ("set_if_not_exists", None, None, True),
    ("set_if_not_exists", "old", None, False),
    ("set_if_absent", None, None, True),
    ("set_if_absent", "old", None, False),
    ("set_if_present", None, None, False),
    ("set_if_present", "old", None, True),
    ("set_if_equal", None, "old", False),
    ("set_if_equal", "old", "old", True),
    ("set_if_equal", "old", b"old", True),
    ("set_if_equal", "old", "other", False),
    ("set_if_equal", "", "", True),
    ("set_if_not_equal", None, "old", True),
    ("set_if_not_equal", "old", "old", False),
    ("set_if_not_equal", "old", "other", True),
    ("set_if_present_and_not_equal", None, "old", False),
    ("set_if_present_and_not_equal", "old", "old", False),
    ("set_if_present_and_not_equal", "old", b"other", True),
    ("set_if_absent_or_equal", None, "old", True),
    ("set_if_absent_or_equal", "old", "old", True),
    ("set_if_absent_or_equal", "old", "other", False),
])
@pytest.mark.parametrize("value", ["new", b"\xff\0"], ids=ascii)
def test_a_condition_decides_whether_the_value_is_stored(
    caller: Caller, key: str, method: str, there: Optional[str], operand: Any, is_stored: bool, value: str | bytes
) -> None:
    if there is not None:
        caller.set(CACHE, key, there)
    operands = () if operand is None else (operand,)
    response = getattr(caller, method)(CACHE, key, value, *operands)
    assert is_kind(response, "Stored" if is_stored else "NotStored"), response
    found = caller.get(CACHE, key)
    if is_stored:
        assert found.value_bytes == (value.encode() if isinstance(value, str) else value)
    elif there is not None:
        assert found.value_string == there
    else:
        assert isinstance(found, CacheGet.Miss)


@pytest.mark.parametrize(("method", "there", "is_same_hash", "is_stored"), [
    ("set_if_present_and_hash_equal", None, True, False),
    ("set_if_present_and_hash_equal", "old", True, True),
    ("set_if_present_and_hash_equal", "old", False, False),
    ("set_if_present_and_hash_not_equal", None, True, False),
    ("set_if_present_and_hash_not_equal", "old", True, False),
    ("set_if_present_and_hash_not_equal", "old", False, True),
    ("set_if_absent_or_hash_equal", None, True, True),
    ("set_if_absent_or_hash_equal", "old", True, True),
    ("set_if_absent_or_hash_equal", "old", False, False),
    ("set_if_absent_or_hash_not_equal", None, True, True),
    ("set_if_absent_or_hash_not_equal", "old", True, False),
    ("set_if_absent_or_hash_not_equal", "old", False, True),
])
def test_a_condition_on_the_hash_decides_whether_the_value_is_stored(
    caller: Caller, key: str, method: str, there: Optional[str], is_same_hash: bool, is_stored: bool
) -> None:
    hash_of_old = caller.set_with_hash(CACHE, key, "old").hash_bytes
    hash_of_other = caller.set_with_hash(CACHE, key, "other").hash_bytes
    caller.delete(CACHE, key)
    if there is not None:
        caller.set(CACHE, key, there)
    response = getattr(caller, method)(CACHE, key, "new", hash_of_old if is_same_hash else hash_of_other)
    assert is_kind(response, "Stored" if is_stored else "NotStored"), response
    found = caller.get_with_hash(CACHE, key)
    if is_stored:
        assert (found.value_string, found.hash_bytes) == ("new", response.hash_bytes)
    elif there is not None:
        assert (found.value_string, found.hash_bytes) == ("old", hash_of_old)
    else:
        assert isinstance(found, CacheGetWithHash.Miss)


def test_hashes_tell_values_apart(caller: Caller, key: str) -> None:
    assert isinstance(caller.get_with_hash(CACHE, key), CacheGetWithHash.Miss)
    stored = caller.set_with_hash(CACHE, key, "v")
    assert isinstance(stored, CacheSetWithHash.Stored)
    found = caller.get_with_hash(CACHE, key.encode())
    assert isinstance(found, CacheGetWithHash.Hit)
    assert (found.value_bytes, found.hash_bytes) == (b"v", stored.hash_bytes)
    assert caller.set_with_hash(CACHE, key + "-2", b"v").hash_bytes == stored.hash_bytes != b""
    assert caller.set_with_hash(CACHE, key, "w").hash_bytes != stored.hash_bytes


# --- Kinds ---


def test_item_get_type_names_what_a_key_holds(caller: Caller, key: str) -> None:
    assert isinstance(caller.item_get_type(CACHE, key), CacheItemGetType.Miss)
    caller.set(CACHE, key, "v")
    caller.dictionary_set_field(CACHE, key + "-d", "f", "v")
    caller.list_push_back(CACHE, key + "-l", "v")
    caller.set_add_element(CACHE, key + "-s", "v")
    caller.sorted_set_put_element(CACHE, key + "-z", "v", 1.0)
    found = [caller.item_get_type(CACHE, key + end) for end in ("", "-d", "-l", "-s", "-z")]
    kinds = [ItemType.SCALAR, ItemType.DICTIONARY, ItemType.LIST, ItemType.SET, ItemType.SORTED_SET]
    assert found == [CacheItemGetType.Hit(each) for each in kinds]
