"""What makes no sense, through both clients: an Error that says so, never an exception, and the client goes on.

The sentences are those of Momento's own SDK, which is asked the same, for the methods that it has.
"""

from __future__ import annotations

import enum
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import bad_input
import pytest
from arguments import COLLECTIONS, OF_METHOD, arguments, name_parameter, with_parameter
from support import CACHE, Caller, Server, code_of, is_kind

from mayfly.errors import SdkException
from mayfly.requests import CollectionTtl, LeaderboardOrder, SortedSetAggregate, SortOrder
from mayfly.responses import Ping

SURROGATE = "\ud800"
CASES = bad_input.cases()


class Failure(Exception):
    """What code of the application's raises."""


class Foreign(enum.Enum):
    """No enumeration of the package's."""

    SEVEN = 7


def raising(error: BaseException) -> Iterator[str]:
    """Yield a key, then raise."""
    yield "a"
    raise error


class Items(dict):  # type: ignore[type-arg]
    """A mapping that says of its items what it is told to."""

    def __init__(self, items: Any) -> None:
        super().__init__()
        self._items = items

    def items(self) -> Any:
        if isinstance(self._items, BaseException):
            raise self._items
        return self._items


class Uneven(Mapping):  # type: ignore[type-arg]
    """A mapping whose keys are there, but not in it."""

    def __getitem__(self, key: str) -> str:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __len__(self) -> int:
        return 1


@pytest.fixture(autouse=True)
def goes_on(caller: Caller) -> Iterator[None]:
    """Whatever a test asked of the client, it works afterwards."""
    yield
    assert isinstance(caller.ping(), Ping.Success)


# --- As the SDK says it ---


@pytest.fixture(scope="session")
def answers_of_sdk(server: Server) -> dict[str, tuple[str, str]]:
    """Ask the SDK, in a process of its own, of which nothing that is preloaded here takes part."""
    asked = subprocess.run(
        [sys.executable, "-W", "ignore", str(Path(bad_input.__file__)), "momento", str(server.port)],
        capture_output=True, text=True, timeout=120,
        env={name: value for name, value in os.environ.items() if name != "LD_PRELOAD"})
    assert asked.returncode == 0, asked.stderr
    return {name: tuple(answer) for name, answer in json.loads(asked.stdout).items()}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_answered_as_the_sdk_answers_it(
    caller: Caller, answers_of_sdk: dict[str, tuple[str, str]], case: str
) -> None:
    code, sentence = bad_input.answer(CASES[case], caller)
    assert code == "INVALID_ARGUMENT_ERROR"
    assert sentence
    by_sdk = answers_of_sdk.get(case, ("missing", ""))
    if by_sdk[0] not in ("missing", "raised"):  # it raises where a key cannot be hashed
        assert (code, sentence) == by_sdk


def test_the_sdk_has_most_of_these_methods(answers_of_sdk: dict[str, tuple[str, str]]) -> None:
    assert len(answers_of_sdk) > 400
    assert sum(code == "INVALID_ARGUMENT_ERROR" for code, _ in answers_of_sdk.values()) > 400


# --- Of every method ---


@pytest.mark.parametrize("method", OF_METHOD)
@pytest.mark.parametrize(("cache_name", "sentence"), [
    (None, "Cache name must be a string"), (7, "Cache name must be a string"), (b"c", "Cache name must be a string"),
    ("", "Cache name must not be empty"), ("a\0b", "Cache name must not contain a zero"),
    ("c" * 256, "more than 255 bytes"),
], ids=["None", "int", "bytes", "empty", "zero", "long"])
def test_the_name_of_a_cache_is_checked(
    caller: Caller, key: str, method: str, cache_name: Any, sentence: str
) -> None:
    response = getattr(caller, method)(**arguments(method, cache_name, key))
    assert code_of(response) == "INVALID_ARGUMENT_ERROR"
    assert sentence in response.message


@pytest.mark.parametrize("method", [method for method in OF_METHOD if method != "create_cache"])
def test_a_cache_that_is_not_there_is_told_in_every_answer(caller: Caller, key: str, method: str) -> None:
    assert code_of(getattr(caller, method)(**arguments(method, "no-such-cache", key))) == "NOT_FOUND_ERROR"


@pytest.mark.parametrize("method", OF_METHOD)
def test_text_that_is_none_is_an_error_of_unknown_kind(caller: Caller, key: str, method: str) -> None:
    given = arguments(method, CACHE, key)
    first = "cache_name" if len(given) == 1 else list(given)[1]
    if not isinstance(given[first], str):
        bad: Any = {SURROGATE: "v"} if isinstance(given[first], dict) else [SURROGATE]
    else:
        bad = SURROGATE
    response = getattr(caller, method)(**{**given, first: bad})
    assert code_of(response) == "UNKNOWN_ERROR"
    assert "UnicodeEncodeError" in response.message
    assert isinstance(response.inner_exception.__cause__, UnicodeEncodeError)


@pytest.mark.parametrize("method", [method for method in OF_METHOD if name_parameter(method) is not None])
@pytest.mark.parametrize(("name", "end"), [(None, "must be a string"), (b"n", "must be a string"),
                                           ("", "must not be empty")])
def test_the_name_of_a_collection_is_checked(caller: Caller, method: str, name: Any, end: str) -> None:
    parameter = name_parameter(method)
    assert parameter is not None
    response = getattr(caller, method)(**arguments(method, CACHE, "k", **{parameter: name}))
    assert code_of(response) == "INVALID_ARGUMENT_ERROR"
    assert f"{COLLECTIONS[parameter.removesuffix('_name')]} name {end}" in response.message


@pytest.mark.parametrize("method", with_parameter("key"))
@pytest.mark.parametrize("bad", [None, 7, bytearray(b"k"), memoryview(b"k"), ["k"]], ids=lambda bad: type(bad).__name__)
def test_the_type_of_a_key_is_checked(caller: Caller, method: str, bad: Any) -> None:
    response = getattr(caller, method)(**arguments(method, CACHE, bad))
    assert code_of(response) == "INVALID_ARGUMENT_ERROR"
    assert f": {type(bad)}" in response.message


@pytest.mark.parametrize("method", with_parameter("key"))
@pytest.mark.parametrize("empty", ["", b""])
def test_a_key_is_not_empty(caller: Caller, method: str, empty: Any) -> None:
    assert code_of(getattr(caller, method)(**arguments(method, CACHE, empty))) == "INVALID_ARGUMENT_ERROR"


TTL_OF_COLLECTIONS = [
    method for method in with_parameter("ttl")
    if name_parameter(method) is not None and method != "sorted_set_union_store"
]


@pytest.mark.parametrize("method", [method for method in with_parameter("ttl") if method not in TTL_OF_COLLECTIONS])
@pytest.mark.parametrize(("ttl", "sentence"), [
    (timedelta(0), "TTL must be a positive amount of time."),
    (timedelta(microseconds=-1), "TTL must be a positive amount of time."),
    (timedelta(days=-1), "TTL must be a positive amount of time."),
    (60, "TTL must be a timedelta."),
    ("60", "TTL must be a timedelta."),
    (CollectionTtl(), "TTL must be a timedelta."),
    (timedelta(microseconds=999), ""),
    (timedelta.max, ""),
], ids=str)
def test_a_ttl_is_a_positive_timedelta(caller: Caller, key: str, method: str, ttl: Any, sentence: str) -> None:
    response = getattr(caller, method)(**arguments(method, CACHE, key, ttl=ttl))
    assert code_of(response) == "INVALID_ARGUMENT_ERROR"
    assert sentence in response.message
    assert not caller.key_exists(CACHE, key).exists


@pytest.mark.parametrize("method", TTL_OF_COLLECTIONS)
@pytest.mark.parametrize("ttl", [None, 60, timedelta(minutes=1)], ids=str)
def test_the_ttl_of_a_collection_is_a_collection_ttl(caller: Caller, key: str, method: str, ttl: Any) -> None:
    response = getattr(caller, method)(**arguments(method, CACHE, key, ttl=ttl))
    assert code_of(response) == "INVALID_ARGUMENT_ERROR"
    assert f"ttl must be a CollectionTtl. Given type: {type(ttl)}" in response.message
    assert not caller.key_exists(CACHE, key).exists


@pytest.mark.parametrize(("ttl", "sentence"), [
    (timedelta(0), "ttl must be a positive amount of time."), (timedelta(-1), "ttl must be a positive amount of time."),
    (60, "ttl must be a timedelta."),
])
def test_a_collection_ttl_refuses_what_is_none(ttl: Any, sentence: str) -> None:
    with pytest.raises(SdkException) as raised:
        CollectionTtl.of(ttl)
    assert raised.value.message == sentence


def test_a_collection_ttl_that_was_spoiled_later_is_an_error(caller: Caller, key: str) -> None:
    ttl = CollectionTtl()
    ttl.ttl = "60"  # type: ignore[assignment]
    assert code_of(caller.set_add_element(CACHE, key, "a", ttl=ttl)) == "INVALID_ARGUMENT_ERROR"


# --- Of some ---


Row = tuple[str, dict[str, Any], str]

NUMBERS: list[Row] = [
    ("increment", {"amount": 2**63}, "amount must be -9223372036854775808 to 9223372036854775807"),
    ("increment", {"amount": -(2**63) - 1}, "amount must be -9223372036854775808 to 9223372036854775807"),
    ("increment", {"amount": 2**200}, "amount must be -9223372036854775808 to 9223372036854775807"),
    ("increment", {"amount": 1.0}, "amount must be an integer. Given type: <class 'float'>"),
    ("increment", {"amount": None}, "amount must be an integer. Given type: <class 'NoneType'>"),
    ("dictionary_increment", {"amount": 2**64}, "amount must be -9223372036854775808 to 9223372036854775807"),
    ("update_ttl", {"ttl_milliseconds": 0}, "ttl_milliseconds must be 1 to 9223372036854775807"),
    ("update_ttl", {"ttl_milliseconds": -1}, "ttl_milliseconds must be 1 to 9223372036854775807"),
    ("update_ttl", {"ttl_milliseconds": 2**63}, "ttl_milliseconds must be 1 to 9223372036854775807"),
    ("update_ttl", {"ttl_milliseconds": 1.5}, "ttl_milliseconds must be an integer. Given type: <class 'float'>"),
    ("update_ttl", {"ttl_milliseconds": timedelta(1)}, "ttl_milliseconds must be an integer. Given type: "),
    ("increase_ttl", {"ttl_milliseconds": 0}, "ttl_milliseconds must be 1 to 9223372036854775807"),
    ("decrease_ttl", {"ttl_milliseconds": 2**70}, "ttl_milliseconds must be 1 to 9223372036854775807"),
    ("list_fetch", {"start_index": "a"}, "start_index must be an integer. Given type: <class 'str'>"),
    ("list_fetch", {"start_index": 2**31}, "start_index must be -2147483648 to 2147483647"),
    ("list_fetch", {"end_index": -(2**31) - 1}, "end_index must be -2147483648 to 2147483647"),
    ("list_retain", {"end_index": 2**64}, "end_index must be -2147483648 to 2147483647"),
    ("list_push_back", {"truncate_front_to_size": -1}, "must be 0 to 2147483647"),
    ("list_push_front", {"truncate_back_to_size": 2**31}, "must be 0 to 2147483647"),
    ("list_concatenate_back", {"truncate_front_to_size": "2"}, "must be an integer. Given type: <class 'str'>"),
    ("list_concatenate_front", {"truncate_back_to_size": -5}, "must be 0 to 2147483647"),
    ("set_sample", {"limit": -1}, "limit must be 0 to 4294967295"),
    ("set_sample", {"limit": 2**32}, "limit must be 0 to 4294967295"),
    ("set_sample", {"limit": None}, "limit must be an integer. Given type: <class 'NoneType'>"),
    ("set_pop", {"count": 0}, "count must be 1 to 4294967295"),
    ("set_pop", {"count": -1}, "count must be 1 to 4294967295"),
    ("set_pop", {"count": 2**32}, "count must be "),
    ("sorted_set_fetch_by_rank", {"start_rank": "a"}, "start_rank must be an integer. Given type: <class 'str'>"),
    ("sorted_set_fetch_by_rank", {"end_rank": 2**31}, "end_rank must be -2147483648 to 2147483647"),
    ("sorted_set_fetch_by_score", {"min_score": "a"}, "min_score must be a number. Given type: <class 'str'>"),
    ("sorted_set_fetch_by_score", {"min_score": math.nan}, "min_score is not a number"),
    ("sorted_set_fetch_by_score", {"max_score": 10**400}, "max_score is beyond the largest number there is"),
    ("sorted_set_fetch_by_score", {"offset": -1}, "offset must be 0 to 4294967295"),
    ("sorted_set_fetch_by_score", {"offset": 2**32}, "offset must be 0 to 4294967295"),
    ("sorted_set_fetch_by_score", {"count": -1}, "count must be 0 to 2147483647"),
    ("sorted_set_fetch_by_score", {"count": 2.0}, "count must be an integer. Given type: <class 'float'>"),
    ("sorted_set_length_by_score", {"max_score": "b"}, "max_score must be a number. Given type: <class 'str'>"),
    ("sorted_set_put_element", {"score": math.nan}, "is not a number"),
    ("sorted_set_put_elements", {"elements": {"a": math.nan}}, "is not a number"),
    ("sorted_set_increment_score", {"score": math.nan}, "is not a finite number"),
    ("sorted_set_increment_score", {"score": math.inf}, "is not a finite number"),
]
CHOICES: list[Row] = [
    ("sorted_set_get_rank", {"sort_order": None}, "sort_order is no member of its enumeration: <class 'NoneType'>"),
    ("sorted_set_get_rank", {"sort_order": True}, "sort_order is no member of its enumeration: <class 'bool'>"),
    ("sorted_set_get_rank", {"sort_order": SortedSetAggregate.MAX}, "sort_order is no member of its enumeration"),
    ("sorted_set_get_rank", {"sort_order": Foreign.SEVEN}, "sort_order is no member of its enumeration"),
    ("sorted_set_fetch_by_rank", {"sort_order": "ASCENDING"}, "sort_order is no member of its enumeration"),
    ("sorted_set_fetch_by_score", {"sort_order": 1}, "sort_order is no member of its enumeration"),
    ("sorted_set_union_store", {"aggregate": None}, "aggregate is no member of its enumeration"),
    ("sorted_set_union_store", {"aggregate": Foreign.SEVEN}, "aggregate is "),
    ("sorted_set_union_store", {"aggregate": SortOrder.ASCENDING}, "aggregate is no member of its enumeration"),
]
THINGS: list[Row] = [
    ("sorted_set_union_store", {"sources": ["a"]}, "Unsupported type for sources: <class 'list'>"),
    ("sorted_set_union_store", {"sources": {b"a": 1.0}}, "Sorted set name must be a string"),
    ("sorted_set_union_store", {"sources": {"": 1.0}}, "Sorted set name must not be empty"),
    ("sorted_set_union_store", {"sources": {"a": "1"}}, "weight must be a number. Given type: <class 'str'>"),
    ("sorted_set_union_store", {"sources": {"a": math.nan}}, "weight is not a number"),
    ("set_if_equal", {"equal": None}, "Unsupported type for equal: <class 'NoneType'>"),
    ("set_if_not_equal", {"not_equal": 7}, "Unsupported type for not_equal: <class 'int'>"),
    ("set_if_present_and_hash_equal", {"hash_equal": "text"}, "Unsupported type for hash_equal: <class 'str'>"),
    ("set_if_present_and_hash_not_equal", {"hash_not_equal": None}, "Unsupported type for hash_not_equal: "),
    ("set_if_absent_or_hash_equal", {"hash_equal": 7}, "Unsupported type for hash_equal: <class 'int'>"),
    ("set_if_absent_or_hash_not_equal", {"hash_not_equal": "t"}, "Unsupported type for hash_not_equal: "),
    ("dictionary_set_field", {"field": ""}, "the key of an item is empty"),
    ("dictionary_increment", {"field": ""}, "the field is empty"),
    ("get_batch", {"keys": ["a", ""]}, "the key of an item is empty"),
    ("get_batch", {"keys": b"abc"}, "Could not convert the given type to bytes: <class 'int'>"),
    ("keys_exist", {"keys": None}, "Unsupported type for keys: <class 'NoneType'>"),
    ("keys_exist", {"keys": [None]}, "Could not convert the given type to bytes: <class 'NoneType'>"),
    ("key_exists", {"key": None}, "Could not convert the given type to bytes: <class 'NoneType'>"),
    ("set_contains_elements", {"elements": 7}, "Unsupported type for elements: <class 'int'>"),
]


@pytest.mark.parametrize(("method", "changed", "sentence"), NUMBERS + CHOICES + THINGS,
                         ids=lambda value: repr(value)[:60] if isinstance(value, dict) else "")
def test_an_argument_that_makes_no_sense_is_an_error_that_names_it(
    caller: Caller, key: str, method: str, changed: dict[str, Any], sentence: str
) -> None:
    if method in ("sorted_set_get_rank", "set_pop", "set_sample"):  # whatever is not refused would be a Miss
        caller.sorted_set_put_element(CACHE, key, "v", 1.0)
    response = getattr(caller, method)(**arguments(method, CACHE, key, **changed))
    assert code_of(response) == "INVALID_ARGUMENT_ERROR"
    assert sentence in response.message


def test_the_orders_of_sorted_sets_and_of_leaderboards_are_alike(caller: Caller, key: str) -> None:
    caller.sorted_set_put_elements(CACHE, key, {"a": 1.0, "b": 2.0})
    assert caller.sorted_set_get_rank(CACHE, key, "a", LeaderboardOrder.DESCENDING).rank == 1


# --- Code of the application's that runs in a call ---


MANY = [(method, parameter) for method in OF_METHOD for parameter in ("keys", "fields", "elements", "values")
        if parameter in arguments(method, CACHE, "k") and isinstance(arguments(method, CACHE, "k")[parameter], list)]
MAPPINGS = [(method, parameter) for method in OF_METHOD for parameter in ("items", "elements", "sources")
            if isinstance(arguments(method, CACHE, "k").get(parameter), dict)]


@pytest.mark.parametrize(("method", "parameter"), MANY)
def test_what_a_generator_raises_is_in_the_response(caller: Caller, key: str, method: str, parameter: str) -> None:
    failure = Failure("it broke")
    response = getattr(caller, method)(**arguments(method, CACHE, key, **{parameter: raising(failure)}))
    assert code_of(response) == "UNKNOWN_ERROR"
    assert "Failure: it broke" in response.message
    assert response.inner_exception.__cause__ is failure
    assert not caller.key_exists(CACHE, key).exists


@pytest.mark.parametrize(("method", "parameter"), MANY)
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_meant_to_end_the_program_is_passed_on(
    caller: Caller, key: str, method: str, parameter: str, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        getattr(caller, method)(**arguments(method, CACHE, key, **{parameter: raising(error())}))
    assert not caller.key_exists(CACHE, key).exists


@pytest.mark.parametrize(("method", "parameter"), MAPPINGS)
@pytest.mark.parametrize(("items", "code"), [
    (Items([1, 2]), "INVALID_ARGUMENT_ERROR"),
    (Items([("a",)]), "INVALID_ARGUMENT_ERROR"),
    (Items([("a", "b", "c")]), "INVALID_ARGUMENT_ERROR"),
    (Items([["a", "b"]]), "INVALID_ARGUMENT_ERROR"),
    (Items(7), "UNKNOWN_ERROR"),
    (Items(Failure("it broke")), "UNKNOWN_ERROR"),
    (Items(raising(Failure("it broke"))), "UNKNOWN_ERROR"),
    (Uneven(), "UNKNOWN_ERROR"),
], ids=["no pairs", "of one", "of three", "lists", "no items", "raises", "raises later", "uneven"])
def test_a_mapping_that_lies_is_an_error(
    caller: Caller, key: str, method: str, parameter: str, items: Any, code: str
) -> None:
    if isinstance(items, Items) and isinstance(items._items, Iterator):
        items = Items(raising(Failure("it broke")))  # each test its own, for it is read once
    response = getattr(caller, method)(**arguments(method, CACHE, key, **{parameter: items}))
    assert code_of(response) == code
    assert not caller.key_exists(CACHE, key).exists


def test_a_mapping_may_interrupt_the_program(caller: Caller, key: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        caller.set_batch(CACHE, Items(KeyboardInterrupt()))


def test_an_iterable_that_changes_its_mind_is_read_once(caller: Caller, key: str) -> None:
    keys = [key]

    def growing() -> Iterator[str]:
        for each in keys:
            if len(keys) < 10:
                keys.append(f"{key}-{len(keys)}")
            yield each

    assert len(caller.get_batch(CACHE, growing()).results) == 10


def test_strings_and_bytes_of_an_applications_own_are_taken(caller: Caller, key: str) -> None:
    class Text(str):
        pass

    class Bytes(bytes):
        pass

    class Score(float):
        pass

    caller.set(CACHE, Text(key), Bytes(b"v"))
    assert caller.get(CACHE, Bytes(key.encode())).value_bytes == b"v"
    caller.sorted_set_put_element(CACHE, key + "-z", Text("a"), Score(1.5))
    assert caller.sorted_set_get_score(CACHE, key + "-z", "a").score == 1.5


@pytest.mark.parametrize(("method", "given"), [
    ("get", ()), ("get", (CACHE,)), ("set", (CACHE, "k")), ("get", (CACHE, "k", "v")), ("list_caches", (1,)),
])
def test_a_wrong_number_of_arguments_is_the_callers_mistake(caller: Caller, method: str, given: Any) -> None:
    with pytest.raises(TypeError):
        getattr(caller, method)(*given)


def test_an_error_can_be_raised(caller: Caller) -> None:
    response = caller.get(CACHE, None)
    with pytest.raises(SdkException, match="Unsupported type for key"):
        raise response.inner_exception
    assert is_kind(response, "Error")
