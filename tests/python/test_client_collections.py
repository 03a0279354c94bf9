"""Dictionaries, lists, sets and sorted sets, through both clients: every outcome of every method."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from arguments import COLLECTIONS, OF_METHOD, arguments, name_parameter, with_parameter
from support import CACHE, HOUR_MS, Caller, code_of, is_error, is_kind

from mayfly.requests import CollectionTtl, SortedSetAggregate, SortOrder
from mayfly.responses import (
    CacheDictionaryFetch,
    CacheDictionaryGetField,
    CacheDictionaryGetFields,
    CacheDictionaryIncrement,
    CacheDictionaryLength,
    CacheListConcatenateBack,
    CacheListConcatenateFront,
    CacheListFetch,
    CacheListLength,
    CacheListPopBack,
    CacheListPopFront,
    CacheListPushBack,
    CacheListPushFront,
    CacheSetContainsElement,
    CacheSetContainsElements,
    CacheSetFetch,
    CacheSetLength,
    CacheSetPop,
    CacheSetSample,
    CacheSortedSetFetch,
    CacheSortedSetGetRank,
    CacheSortedSetGetScore,
    CacheSortedSetGetScores,
    CacheSortedSetIncrementScore,
    CacheSortedSetLength,
    CacheSortedSetLengthByScore,
    CacheSortedSetUnionStore,
)

TEN_MINUTES = timedelta(minutes=10)
TEN_MINUTES_MS = 600_000
SCORES = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}

# What of each collection can be asked of one that is not there, and is a Miss.
READS = [
    "dictionary_fetch", "dictionary_get_field", "dictionary_get_fields", "dictionary_length", "list_fetch",
    "list_length", "list_pop_back", "list_pop_front", "set_fetch", "set_contains_element", "set_contains_elements",
    "set_length", "set_sample", "set_pop", "sorted_set_fetch_by_score", "sorted_set_fetch_by_rank",
    "sorted_set_get_score", "sorted_set_get_scores", "sorted_set_get_rank", "sorted_set_length",
    "sorted_set_length_by_score",
]
REMOVALS = [
    "dictionary_remove_field", "dictionary_remove_fields", "list_remove_value", "list_retain", "set_remove_element",
    "set_remove_elements", "sorted_set_remove_element", "sorted_set_remove_elements",
]
COLLECTION_METHODS = [method for method in OF_METHOD if name_parameter(method) is not None]
WRITES = [method for method in with_parameter("ttl") if method in COLLECTION_METHODS]
REFRESHING_WRITES = [method for method in WRITES if method != "sorted_set_union_store"]


def listed(caller: Caller, name: str) -> list[str]:
    """Return the values of a list."""
    response = caller.list_fetch(CACHE, name)
    return response.value_list_string if isinstance(response, CacheListFetch.Hit) else []


def ttl_ms(caller: Caller, name: str) -> int:
    """Return how long a collection has yet to live."""
    return int(caller.item_get_ttl(CACHE, name).remaining_ttl_millis)


# --- All of them ---


@pytest.mark.parametrize("method", READS)
def test_a_collection_that_is_not_there_is_a_miss(caller: Caller, key: str, method: str) -> None:
    assert is_kind(getattr(caller, method)(**arguments(method, CACHE, key)), "Miss")


@pytest.mark.parametrize("method", REMOVALS)
def test_to_remove_from_a_collection_that_is_not_there_succeeds(caller: Caller, key: str, method: str) -> None:
    assert is_kind(getattr(caller, method)(**arguments(method, CACHE, key)), "Success")


@pytest.mark.parametrize("method", COLLECTION_METHODS)
def test_a_scalar_is_no_collection(caller: Caller, key: str, method: str) -> None:
    caller.set(CACHE, key, "v")
    assert code_of(getattr(caller, method)(**arguments(method, CACHE, key))) == "FAILED_PRECONDITION_ERROR"
    assert caller.get(CACHE, key).value_string == "v"


@pytest.mark.parametrize("method", [
    "get", "increment", "get_with_hash", "set_if_equal", "set_if_not_equal", "set_if_present_and_not_equal",
    "set_if_absent_or_equal", "set_if_present_and_hash_equal", "set_if_present_and_hash_not_equal",
    "set_if_absent_or_hash_equal", "set_if_absent_or_hash_not_equal",
])
def test_a_collection_is_no_scalar(caller: Caller, key: str, method: str) -> None:
    caller.list_push_back(CACHE, key, "v")
    response = getattr(caller, method)(**arguments(method, CACHE, key))
    assert code_of(response) == "FAILED_PRECONDITION_ERROR"
    assert listed(caller, key) == ["v"]


@pytest.mark.parametrize("method", WRITES)
def test_a_write_gives_a_new_collection_the_default_ttl_or_its_own(caller: Caller, key: str, method: str) -> None:
    caller.list_push_back(CACHE, key, "v")  # what there is nothing of cannot be retained
    caller.sorted_set_put_element(CACHE, "source", "v", 1.0)
    for name, ttl, limit_ms in ((key + "-1", None, HOUR_MS), (key + "-2", TEN_MINUTES, TEN_MINUTES_MS)):
        given = ttl if method == "sorted_set_union_store" else CollectionTtl(ttl)
        if method == "list_retain":
            caller.list_push_back(CACHE, name, "v", ttl=CollectionTtl.of(timedelta(hours=2)))
        response = getattr(caller, method)(**arguments(method, CACHE, name, ttl=given))
        assert is_kind(response, "Success"), response
        assert limit_ms // 2 < ttl_ms(caller, name) <= limit_ms


@pytest.mark.parametrize("method", REFRESHING_WRITES)
def test_a_write_starts_the_ttl_anew_unless_it_is_told_not_to(caller: Caller, key: str, method: str) -> None:
    write = getattr(caller, method)
    if method == "list_retain":
        caller.list_push_back(CACHE, key, "v", ttl=CollectionTtl.of(TEN_MINUTES))
    else:
        write(**arguments(method, CACHE, key, ttl=CollectionTtl.of(TEN_MINUTES)))
    for keeps in (CollectionTtl.from_cache_ttl().with_no_refresh_ttl_on_updates(),
                  CollectionTtl.refresh_ttl_if_provided()):
        write(**arguments(method, CACHE, key, ttl=keeps))
        assert ttl_ms(caller, key) <= TEN_MINUTES_MS
    write(**arguments(method, CACHE, key, ttl=CollectionTtl.refresh_ttl_if_provided(timedelta(hours=1))))
    assert ttl_ms(caller, key) > TEN_MINUTES_MS


@pytest.mark.parametrize("method", REFRESHING_WRITES)
def test_a_collection_takes_the_default_ttl_where_the_caller_names_none(
    caller: Caller, key: str, method: str
) -> None:
    if method == "list_retain":
        caller.list_push_back(CACHE, key, "v", ttl=CollectionTtl.of(TEN_MINUTES))
    given = arguments(method, CACHE, key)
    del given["ttl"]
    assert is_kind(getattr(caller, method)(**given), "Success")
    assert TEN_MINUTES_MS < ttl_ms(caller, key) <= HOUR_MS


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_collections_name_is_a_key_like_any_other(caller: Caller, key: str, collection: str) -> None:
    method = {"dictionary": "dictionary_set_field", "list": "list_push_back", "set": "set_add_element",
              "sorted_set": "sorted_set_put_element"}[collection]
    assert is_kind(getattr(caller, method)(**arguments(method, CACHE, key)), "Success")
    assert caller.key_exists(CACHE, key).exists
    caller.delete(CACHE, key)
    assert not caller.key_exists(CACHE, key).exists


# --- Dictionaries ---


def test_a_dictionary_gives_back_the_fields_that_were_set(caller: Caller, key: str) -> None:
    caller.dictionary_set_field(CACHE, key, "text", "ä")
    caller.dictionary_set_field(CACHE, key, b"\xff\0", b"\0")
    caller.dictionary_set_fields(CACHE, key, {"empty": "", b"more": b"m"})
    fetched = caller.dictionary_fetch(CACHE, key)
    assert isinstance(fetched, CacheDictionaryFetch.Hit)
    assert fetched.value_dictionary_bytes_bytes == {
        b"text": "ä".encode(), b"\xff\0": b"\0", b"empty": b"", b"more": b"m"}
    with pytest.raises(UnicodeDecodeError):
        _ = fetched.value_dictionary_string_bytes
    caller.dictionary_remove_field(CACHE, key, b"\xff\0")
    fetched = caller.dictionary_fetch(CACHE, key)
    assert fetched.value_dictionary_string_string == {"text": "ä", "empty": "", "more": "m"}
    assert fetched.value_dictionary_string_bytes == {"text": "ä".encode(), "empty": b"", "more": b"m"}


def test_a_field_is_a_hit_or_a_miss(caller: Caller, key: str) -> None:
    caller.dictionary_set_field(CACHE, key, "f", "v")
    assert caller.dictionary_get_field(CACHE, key, "f") == CacheDictionaryGetField.Hit(b"v", b"f")
    found = caller.dictionary_get_field(CACHE, key, b"f")
    assert (found.value_string, found.field_string) == ("v", "f")
    assert isinstance(caller.dictionary_get_field(CACHE, key, "g"), CacheDictionaryGetField.Miss)


def test_several_fields_are_answered_in_their_order(caller: Caller, key: str) -> None:
    caller.dictionary_set_fields(CACHE, key, {"a": "1", "b": "2"})
    response = caller.dictionary_get_fields(CACHE, key, ["b", b"no", "a"])
    hit, miss = CacheDictionaryGetField.Hit, CacheDictionaryGetField.Miss
    assert response == CacheDictionaryGetFields.Hit([hit(b"2", b"b"), miss(), hit(b"1", b"a")])
    assert response.value_dictionary_bytes_bytes == {b"b": b"2", b"a": b"1"}
    assert response.value_dictionary_bytes_string == {b"b": "2", b"a": "1"}
    assert response.value_dictionary_string_bytes == {"b": b"2", "a": b"1"}
    assert response.value_dictionary_string_string == {"b": "2", "a": "1"}


def test_fields_go_one_by_one_or_several_at_once(caller: Caller, key: str) -> None:
    caller.dictionary_set_fields(CACHE, key, {name: name for name in "abcd"})
    caller.dictionary_remove_field(CACHE, key, "a")
    caller.dictionary_remove_fields(CACHE, key, (name for name in ("b", b"c", "never")))
    assert caller.dictionary_fetch(CACHE, key).value_dictionary_string_string == {"d": "d"}
    caller.dictionary_remove_field(CACHE, key, "d")
    assert isinstance(caller.dictionary_fetch(CACHE, key), CacheDictionaryFetch.Miss)


def test_a_field_counts_from_zero_and_refuses_what_is_no_number(caller: Caller, key: str) -> None:
    assert caller.dictionary_increment(CACHE, key, "n") == CacheDictionaryIncrement.Success(1)
    assert caller.dictionary_increment(CACHE, key, b"n", -3) == CacheDictionaryIncrement.Success(-2)
    caller.dictionary_set_field(CACHE, key, "n", "text")
    assert code_of(caller.dictionary_increment(CACHE, key, "n")) == "FAILED_PRECONDITION_ERROR"


def test_dictionary_length_counts_fields(caller: Caller, key: str) -> None:
    caller.dictionary_set_fields(CACHE, key, {str(i): "" for i in range(20)})
    assert caller.dictionary_length(CACHE, key) == CacheDictionaryLength.Hit(20)


@pytest.mark.parametrize("make", [dict, OrderedDict, MappingProxyType], ids=["dict", "OrderedDict", "proxy"])
def test_items_come_from_any_mapping(caller: Caller, key: str, make: Callable[..., Any]) -> None:
    caller.dictionary_set_fields(CACHE, key, make({"a": "1"}))
    caller.sorted_set_put_elements(CACHE, key + "-z", make({"a": 1.0}))
    caller.set_batch(CACHE, make({key + "-s": "1"}))
    assert caller.dictionary_fetch(CACHE, key).value_dictionary_string_string == {"a": "1"}
    assert caller.sorted_set_fetch_by_rank(CACHE, key + "-z").value_list_string == [("a", 1.0)]
    assert caller.get(CACHE, key + "-s").value_string == "1"


# --- Lists ---


def test_values_are_pushed_and_popped_at_both_ends(caller: Caller, key: str) -> None:
    assert caller.list_push_back(CACHE, key, "b") == CacheListPushBack.Success(1)
    assert caller.list_push_back(CACHE, key, b"c\0") == CacheListPushBack.Success(2)
    assert caller.list_push_front(CACHE, key, "a") == CacheListPushFront.Success(3)
    assert listed(caller, key) == ["a", "b", "c\0"]
    assert caller.list_pop_back(CACHE, key) == CacheListPopBack.Hit(b"c\0")
    assert caller.list_pop_front(CACHE, key).value_string == "a"
    assert caller.list_pop_front(CACHE, key) == CacheListPopFront.Hit(b"b")
    assert isinstance(caller.list_pop_back(CACHE, key), CacheListPopBack.Miss)


def test_values_are_concatenated_at_both_ends_in_their_order(caller: Caller, key: str) -> None:
    assert caller.list_concatenate_back(CACHE, key, ["c", b"d"]) == CacheListConcatenateBack.Success(2)
    response = caller.list_concatenate_front(CACHE, key, (value for value in ("a", "b")))
    assert response == CacheListConcatenateFront.Success(4)
    fetched = caller.list_fetch(CACHE, key)
    assert fetched == CacheListFetch.Hit([b"a", b"b", b"c", b"d"])
    assert fetched.value_list_string == ["a", "b", "c", "d"]


def test_what_is_over_the_size_leaves_at_the_other_end(caller: Caller, key: str) -> None:
    caller.list_concatenate_back(CACHE, key, ["a", "b", "c", "d"])
    assert caller.list_push_back(CACHE, key, "e", truncate_front_to_size=4).list_length == 4
    assert listed(caller, key) == ["b", "c", "d", "e"]
    assert caller.list_push_front(CACHE, key, "a", truncate_back_to_size=3).list_length == 3
    assert listed(caller, key) == ["a", "b", "c"]
    assert caller.list_concatenate_back(CACHE, key, ["x", "y"], truncate_front_to_size=3).list_length == 3
    assert listed(caller, key) == ["c", "x", "y"]
    assert caller.list_concatenate_front(CACHE, key, ["p", "q"], truncate_back_to_size=3).list_length == 3
    assert listed(caller, key) == ["p", "q", "c"]


@pytest.mark.parametrize(("start", "end", "values"), [
    (None, None, "abcde"), (1, None, "bcde"), (None, 2, "ab"), (1, 3, "bc"), (-2, None, "de"), (None, -1, "abcd"),
    (-3, -1, "cd"), (3, 1, ""), (9, None, ""),
])
def test_a_range_of_a_list_leaves_its_end_out(caller: Caller, key: str, start: Any, end: Any, values: str) -> None:
    caller.list_concatenate_back(CACHE, key, "abcde")
    assert caller.list_fetch(CACHE, key, start, end) == CacheListFetch.Hit([value.encode() for value in values])
    assert is_kind(caller.list_retain(CACHE, key, start, end), "Success")
    assert listed(caller, key) == list(values)


def test_remove_value_removes_all_that_are_equal(caller: Caller, key: str) -> None:
    caller.list_concatenate_back(CACHE, key, ["a", "b", "a", "c", "a"])
    caller.list_remove_value(CACHE, key, b"a")
    assert listed(caller, key) == ["b", "c"]
    caller.list_remove_value(CACHE, key, "never")
    assert listed(caller, key) == ["b", "c"]


def test_list_length_counts_values(caller: Caller, key: str) -> None:
    caller.list_concatenate_back(CACHE, key, ["v"] * 30)
    assert caller.list_length(CACHE, key) == CacheListLength.Hit(30)


# --- Sets ---


def test_a_set_has_an_element_once(caller: Caller, key: str) -> None:
    caller.set_add_element(CACHE, key, "a")
    caller.set_add_element(CACHE, key, b"a")
    caller.set_add_elements(CACHE, key, ["b", b"\xff\0", "b", ""])
    fetched = caller.set_fetch(CACHE, key)
    assert fetched == CacheSetFetch.Hit({b"a", b"b", b"\xff\0", b""})
    with pytest.raises(UnicodeDecodeError):
        _ = fetched.value_set_string
    caller.set_remove_element(CACHE, key, b"\xff\0")
    assert caller.set_fetch(CACHE, key).value_set_string == {"a", "b", ""}
    assert caller.set_length(CACHE, key) == CacheSetLength.Hit(3)


def test_elements_leave_a_set_until_it_is_gone(caller: Caller, key: str) -> None:
    caller.set_add_elements(CACHE, key, {"a", "b", "c"})
    caller.set_remove_elements(CACHE, key, iter(["a", b"c", "never"]))
    assert caller.set_fetch(CACHE, key).value_set_string == {"b"}
    caller.set_remove_element(CACHE, key, "b")
    assert isinstance(caller.set_fetch(CACHE, key), CacheSetFetch.Miss)


def test_a_set_tells_which_elements_it_contains(caller: Caller, key: str) -> None:
    caller.set_add_elements(CACHE, key, ["a", "b"])
    assert caller.set_contains_element(CACHE, key, "a") == CacheSetContainsElement.Hit(True)
    assert caller.set_contains_element(CACHE, key, b"c") == CacheSetContainsElement.Hit(False)
    response = caller.set_contains_elements(CACHE, key, ["a", b"c", "b"])
    assert response == CacheSetContainsElements.Hit([True, False, True], [b"a", b"c", b"b"])
    assert response.contains_elements == {"a": True, "c": False, "b": True}
    assert response.contains_elements_bytes == {b"a": True, b"c": False, b"b": True}


@pytest.mark.parametrize(("limit", "count"), [(0, 0), (1, 1), (3, 3), (50, 5)])
def test_a_sample_has_elements_of_the_set_none_twice_and_leaves_them(
    caller: Caller, key: str, limit: int, count: int
) -> None:
    caller.set_add_elements(CACHE, key, "abcde")
    response = caller.set_sample(CACHE, key, limit)
    assert isinstance(response, CacheSetSample.Hit)
    assert len(response.value_list_bytes) == len(response.value_set_bytes) == count
    assert response.value_set_string <= set("abcde")
    assert caller.set_length(CACHE, key).length == 5


@pytest.mark.parametrize(("count", "left"), [(1, 4), (4, 1), (5, 0), (9, 0)])
def test_pop_takes_elements_from_the_set(caller: Caller, key: str, count: int, left: int) -> None:
    caller.set_add_elements(CACHE, key, "abcde")
    response = caller.set_pop(CACHE, key, count)
    assert isinstance(response, CacheSetPop.Hit)
    assert len(response.value_list_string) == 5 - left
    rest = caller.set_fetch(CACHE, key)
    values = rest.value_set_string if left else set()
    assert isinstance(rest, CacheSetFetch.Hit if left else CacheSetFetch.Miss)
    assert len(values) == left
    assert values | response.value_set_string == set("abcde")


# --- Sorted sets ---


def test_elements_are_ordered_by_their_scores(caller: Caller, key: str) -> None:
    caller.sorted_set_put_element(CACHE, key, "b", 2.0)
    caller.sorted_set_put_element(CACHE, key, b"\xff\0", 1.5)
    caller.sorted_set_put_elements(CACHE, key, {"a": -1.0, b"c": math.inf, "d": -math.inf})
    ascending = [(b"d", -math.inf), (b"a", -1.0), (b"\xff\0", 1.5), (b"b", 2.0), (b"c", math.inf)]
    assert caller.sorted_set_fetch_by_rank(CACHE, key) == CacheSortedSetFetch.Hit(ascending)
    descending = caller.sorted_set_fetch_by_rank(CACHE, key, sort_order=SortOrder.DESCENDING)
    assert descending.value_list_bytes == ascending[::-1]
    with pytest.raises(UnicodeDecodeError):
        _ = descending.value_list_string


def test_another_score_moves_an_element(caller: Caller, key: str) -> None:
    caller.sorted_set_put_elements(CACHE, key, SCORES)
    caller.sorted_set_put_element(CACHE, key, "a", 9.5)
    fetched = caller.sorted_set_fetch_by_rank(CACHE, key)
    assert fetched.value_list_string == [("b", 2.0), ("c", 3.0), ("d", 4.0), ("a", 9.5)]


@pytest.mark.parametrize(("start", "end", "values"), [
    (None, None, "abcd"), (0, 2, "ab"), (1, None, "bcd"), (None, 3, "abc"), (-2, None, "cd"), (-3, -1, "bc"),
    (2, 1, ""), (9, None, ""),
])
@pytest.mark.parametrize("order", SortOrder)
def test_ranks_are_fetched_without_the_last(
    caller: Caller, key: str, start: Any, end: Any, values: str, order: SortOrder
) -> None:
    scores = SCORES if order is SortOrder.ASCENDING else {name: -score for name, score in SCORES.items()}
    caller.sorted_set_put_elements(CACHE, key, scores)
    fetched = caller.sorted_set_fetch_by_rank(CACHE, key, start, end, order)
    assert fetched.value_list_string == [(value, scores[value]) for value in values]


@pytest.mark.parametrize(("bounds", "values"), [
    ({}, "abcd"),
    ({"min_score": 2.0}, "bcd"),
    ({"max_score": 2.0}, "ab"),
    ({"min_score": 1.5, "max_score": 3.0}, "bc"),
    ({"min_score": 2}, "bcd"),
    ({"min_score": 5.0}, ""),
    ({"min_score": 3.0, "max_score": 2.0}, ""),
    ({"min_score": -math.inf, "max_score": math.inf}, "abcd"),
    ({"offset": 1}, "bcd"),
    ({"count": 2}, "ab"),
    ({"count": 0}, ""),
    ({"offset": 1, "count": 2}, "bc"),
    ({"offset": 9}, ""),
    ({"sort_order": SortOrder.DESCENDING}, "dcba"),
    ({"sort_order": SortOrder.DESCENDING, "offset": 1, "count": 2}, "cb"),
    ({"sort_order": SortOrder.DESCENDING, "min_score": 2.0, "max_score": 3.0}, "cb"),
], ids=str)
def test_scores_are_fetched_with_both_bounds(
    caller: Caller, key: str, bounds: dict[str, Any], values: str
) -> None:
    caller.sorted_set_put_elements(CACHE, key, SCORES)
    fetched = caller.sorted_set_fetch_by_score(CACHE, key, **bounds)
    assert fetched.value_list_string == [(value, SCORES[value]) for value in values]


def test_a_score_is_a_hit_or_a_miss(caller: Caller, key: str) -> None:
    assert caller.sorted_set_get_score(CACHE, key, "a") == CacheSortedSetGetScore.Miss(b"a")
    caller.sorted_set_put_element(CACHE, key, "a", 0.1)
    assert caller.sorted_set_get_score(CACHE, key, b"a") == CacheSortedSetGetScore.Hit(b"a", 0.1)
    missing = caller.sorted_set_get_score(CACHE, key, "b")
    assert isinstance(missing, CacheSortedSetGetScore.Miss)
    assert missing.value_string == "b"


def test_several_scores_are_answered_in_their_order(caller: Caller, key: str) -> None:
    caller.sorted_set_put_elements(CACHE, key, SCORES)
    response = caller.sorted_set_get_scores(CACHE, key, iter(["c", b"no", "a"]))
    hit, miss = CacheSortedSetGetScore.Hit, CacheSortedSetGetScore.Miss
    assert response == CacheSortedSetGetScores.Hit([hit(b"c", 3.0), miss(b"no"), hit(b"a", 1.0)])
    assert response.value_dictionary_string == {"c": 3.0, "a": 1.0}
    assert response.value_dictionary_bytes == {b"c": 3.0, b"a": 1.0}


def test_a_rank_counts_from_the_end_that_the_order_names(caller: Caller, key: str) -> None:
    caller.sorted_set_put_elements(CACHE, key, SCORES)
    assert caller.sorted_set_get_rank(CACHE, key, "b") == CacheSortedSetGetRank.Hit(1)
    assert caller.sorted_set_get_rank(CACHE, key, b"b", SortOrder.DESCENDING) == CacheSortedSetGetRank.Hit(2)
    assert isinstance(caller.sorted_set_get_rank(CACHE, key, "no"), CacheSortedSetGetRank.Miss)


def test_elements_leave_a_sorted_set_until_it_is_gone(caller: Caller, key: str) -> None:
    caller.sorted_set_put_elements(CACHE, key, SCORES)
    caller.sorted_set_remove_element(CACHE, key, "a")
    caller.sorted_set_remove_elements(CACHE, key, ["b", b"c", "never"])
    assert caller.sorted_set_fetch_by_rank(CACHE, key).value_list_string == [("d", 4.0)]
    caller.sorted_set_remove_element(CACHE, key, b"d")
    assert isinstance(caller.sorted_set_fetch_by_rank(CACHE, key), CacheSortedSetFetch.Miss)


def test_a_score_is_incremented_from_zero(caller: Caller, key: str) -> None:
    assert caller.sorted_set_increment_score(CACHE, key, "a") == CacheSortedSetIncrementScore.Success(1.0)
    assert caller.sorted_set_increment_score(CACHE, key, b"a", 0.5) == CacheSortedSetIncrementScore.Success(1.5)
    assert caller.sorted_set_increment_score(CACHE, key, "a", -4.0) == CacheSortedSetIncrementScore.Success(-2.5)


def test_lengths_count_elements_all_or_between_scores(caller: Caller, key: str) -> None:
    caller.sorted_set_put_elements(CACHE, key, SCORES)
    assert caller.sorted_set_length(CACHE, key) == CacheSortedSetLength.Hit(4)
    assert caller.sorted_set_length_by_score(CACHE, key) == CacheSortedSetLengthByScore.Hit(4)
    assert caller.sorted_set_length_by_score(CACHE, key, 2.0).length == 3
    assert caller.sorted_set_length_by_score(CACHE, key, max_score=3.0).length == 3
    assert caller.sorted_set_length_by_score(CACHE, key, 2, 3).length == 2
    assert caller.sorted_set_length_by_score(CACHE, key, 8.0, 9.0).length == 0


@pytest.mark.parametrize(("aggregate", "scores"), [
    (None, [("a", 1.0), ("c", 20.0), ("b", 32.0)]),
    (SortedSetAggregate.SUM, [("a", 1.0), ("c", 20.0), ("b", 32.0)]),
    (SortedSetAggregate.MIN, [("a", 1.0), ("b", 2.0), ("c", 20.0)]),
    (SortedSetAggregate.MAX, [("a", 1.0), ("c", 20.0), ("b", 30.0)]),
])
def test_a_union_weighs_and_aggregates_the_scores(
    caller: Caller, key: str, aggregate: SortedSetAggregate | None, scores: list[tuple[str, float]]
) -> None:
    caller.sorted_set_put_elements(CACHE, key + "-1", {"a": 1.0, "b": 2.0})
    caller.sorted_set_put_elements(CACHE, key + "-2", {"b": 3.0, "c": 2.0})
    more = {} if aggregate is None else {"aggregate": aggregate}
    response = caller.sorted_set_union_store(CACHE, key, {key + "-1": 1.0, key + "-2": 10, key + "-no": 5.0}, **more)
    assert response == CacheSortedSetUnionStore.Success(3)
    assert caller.sorted_set_fetch_by_rank(CACHE, key).value_list_string == scores


def test_a_union_takes_the_place_of_the_sorted_set_that_is_there(caller: Caller, key: str) -> None:
    caller.sorted_set_put_element(CACHE, key, "old", 1.0)
    caller.sorted_set_put_element(CACHE, key + "-1", "a", 1.0)
    caller.sorted_set_union_store(CACHE, key, {key + "-1": 2.0})
    assert caller.sorted_set_fetch_by_rank(CACHE, key).value_list_string == [("a", 2.0)]
    assert caller.sorted_set_union_store(CACHE, key, {key + "-no": 1.0}) == CacheSortedSetUnionStore.Success(0)
    assert not caller.key_exists(CACHE, key).exists


# --- Nothing ---


@pytest.mark.parametrize(("method", "rest"), [
    ("dictionary_set_fields", ({},)), ("list_concatenate_back", ([],)), ("list_concatenate_front", ([],)),
    ("set_add_elements", ([],)), ("sorted_set_put_elements", ({},)),
])
def test_to_add_nothing_makes_no_collection(caller: Caller, key: str, method: str, rest: tuple[Any, ...]) -> None:
    assert not is_error(getattr(caller, method)(CACHE, key, *rest))
    assert not caller.key_exists(CACHE, key).exists


def test_to_ask_for_nothing_answers_nothing(caller: Caller, key: str) -> None:
    caller.dictionary_set_field(CACHE, key + "-d", "f", "v")
    caller.set_add_element(CACHE, key + "-s", "a")
    caller.sorted_set_put_element(CACHE, key + "-z", "a", 1.0)
    assert caller.dictionary_get_fields(CACHE, key + "-d", []) == CacheDictionaryGetFields.Hit([])
    assert caller.set_contains_elements(CACHE, key + "-s", []) == CacheSetContainsElements.Hit([], [])
    assert caller.sorted_set_get_scores(CACHE, key + "-z", []) == CacheSortedSetGetScores.Hit([])
    assert is_kind(caller.dictionary_remove_fields(CACHE, key + "-d", []), "Success")
    assert is_kind(caller.set_remove_elements(CACHE, key + "-s", []), "Success")
    assert is_kind(caller.sorted_set_remove_elements(CACHE, key + "-z", []), "Success")
    assert caller.dictionary_length(CACHE, key + "-d").length == 1
    assert caller.set_length(CACHE, key + "-s").length == caller.sorted_set_length(CACHE, key + "-z").length == 1
