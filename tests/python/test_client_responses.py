"""Responses and errors as values: shown, compared, hashed, pickled, matched."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from support import CACHE, Caller

import mayfly.responses
from mayfly.errors import MomentoErrorCode, SdkException, StatusCode
from mayfly.responses import (
    CacheDictionaryFetch,
    CacheGet,
    CacheGetBatch,
    CacheListFetch,
    CacheListLength,
    CacheSet,
    CacheSetFetch,
    CacheSortedSetFetch,
    TopicSubscriptionItem,
)


@pytest.fixture
def answers(caller: Caller, key: str) -> dict[str, Any]:
    """Return responses of many kinds, as the core makes them."""
    caller.set(CACHE, key, "v")
    caller.dictionary_set_field(CACHE, key + "-d", "f", "v")
    caller.list_push_back(CACHE, key + "-l", "v")
    caller.set_add_element(CACHE, key + "-s", "v")
    caller.sorted_set_put_element(CACHE, key + "-z", "v", 1.5)
    return {
        "hit": caller.get(CACHE, key),
        "miss": caller.get(CACHE, key + "-no"),
        "success": caller.set(CACHE, key, "v"),
        "error": caller.get("no-such-cache", key),
        "refused": caller.get(CACHE, None),
        "batch": caller.get_batch(CACHE, [key]),
        "stored": caller.set_with_hash(CACHE, key, "v"),
        "number": caller.list_length(CACHE, key + "-l"),
        "dictionary": caller.dictionary_fetch(CACHE, key + "-d"),
        "field": caller.dictionary_get_field(CACHE, key + "-d", "f"),
        "list": caller.list_fetch(CACHE, key + "-l"),
        "set": caller.set_fetch(CACHE, key + "-s"),
        "sorted set": caller.sorted_set_fetch_by_rank(CACHE, key + "-z"),
        "type": caller.item_get_type(CACHE, key),
        "caches": caller.list_caches(),
    }


def test_a_response_is_shown_with_what_it_holds(answers: dict[str, Any]) -> None:
    assert repr(answers["hit"]) == str(answers["hit"]) == "CacheGet.Hit(value_bytes=b'v')"
    assert repr(answers["miss"]) == "CacheGet.Miss()"
    assert repr(answers["dictionary"]) == "CacheDictionaryFetch.Hit(value_dictionary_bytes_bytes={b'f': b'v'})"
    assert str(answers["set"]) == "CacheSetFetch.Hit(value_set_bytes={b'v'})"
    assert str(answers["sorted set"]) == "CacheSortedSetFetch.Hit(value_list_bytes=[(b'v', 1.5)])"


def test_a_long_value_is_shown_cut_short() -> None:
    assert str(CacheGet.Hit(b"x" * 100)) == f"CacheGet.Hit(value_bytes={b'x' * 32 + b'...'!r})"
    assert str(CacheListFetch.Hit([b"v"] * 9)).endswith("b'v', ...])")
    assert repr(CacheListFetch.Hit([b"v"] * 9)) == f"CacheListFetch.Hit(value_list_bytes={[b'v'] * 9})"
    assert str(CacheSetFetch.Hit(set())) == "CacheSetFetch.Hit(value_set_bytes=set())"


def test_an_error_is_shown_with_its_code_and_sentence(answers: dict[str, Any]) -> None:
    error = answers["error"]
    assert str(error).startswith("CacheGet.Error(_error=NotFoundException(message='there is no cache of this name")
    assert "NOT_FOUND_ERROR" in str(error)
    assert error.message == f"{error.inner_exception.message_wrapper}: {error.inner_exception.message}"
    assert error.message.endswith("there is no cache of this name; create it first")


def test_an_error_tells_what_the_transport_knows(answers: dict[str, Any]) -> None:
    details = answers["error"].inner_exception.transport_details
    assert details.grpc.code is StatusCode.NOT_FOUND
    assert details.grpc.details == "there is no cache of this name; create it first"
    assert answers["refused"].inner_exception.transport_details is None
    assert answers["error"].error_code is MomentoErrorCode.NOT_FOUND_ERROR


def test_responses_that_hold_the_same_are_equal(answers: dict[str, Any]) -> None:
    assert answers["hit"] == CacheGet.Hit(b"v")
    assert answers["hit"] != CacheGet.Hit(b"w")
    assert answers["miss"] == CacheGet.Miss()
    assert answers["miss"] != answers["hit"]
    assert CacheGet.Miss() != CacheListFetch.Miss()
    assert CacheSet.Success() != CacheGet.Miss()
    assert answers["batch"] == CacheGetBatch.Success([CacheGet.Hit(b"v")], answers["batch"].keys)
    assert answers["number"] == CacheListLength.Hit(1)
    assert answers["hit"] != b"v"


def test_responses_without_data_can_be_hashed(answers: dict[str, Any]) -> None:
    assert {answers["miss"], CacheGet.Miss(), answers["success"]} == {CacheGet.Miss(), CacheSet.Success()}
    assert hash(answers["error"]) == hash(answers["error"])


@pytest.mark.parametrize("again", [
    lambda response: pickle.loads(pickle.dumps(response)), copy.copy, copy.deepcopy,
], ids=["pickle", "copy", "deepcopy"])
def test_a_response_survives_being_copied(answers: dict[str, Any], again: Callable[[Any], Any]) -> None:
    for name, response in answers.items():
        copied = again(response)
        assert type(copied) is type(response), name
        if name in ("error", "refused"):
            assert str(copied) == str(response)
            assert vars(copied.inner_exception).keys() == vars(response.inner_exception).keys()
        else:
            assert copied == response, name


def test_a_response_that_is_changed_changes_no_other(caller: Caller, key: str) -> None:
    caller.list_push_back(CACHE, key, "v")
    first = caller.list_fetch(CACHE, key)
    first.value_list_bytes.append(b"w")
    assert caller.list_fetch(CACHE, key).value_list_bytes == [b"v"]


def test_text_that_is_none_raises_where_it_is_read(caller: Caller) -> None:
    bad = b"\xff"
    for read in (
        lambda: CacheGet.Hit(bad).value_string,
        lambda: CacheListFetch.Hit([bad]).value_list_string,
        lambda: CacheSetFetch.Hit({bad}).value_set_string,
        lambda: CacheDictionaryFetch.Hit({bad: b""}).value_dictionary_string_bytes,
        lambda: CacheDictionaryFetch.Hit({b"": bad}).value_dictionary_string_string,
        lambda: CacheSortedSetFetch.Hit([(bad, 1.0)]).value_list_string,
    ):
        with pytest.raises(UnicodeDecodeError):
            read()


def test_outcomes_are_told_apart_by_isinstance(answers: dict[str, Any]) -> None:
    assert isinstance(answers["hit"], mayfly.responses.CacheGetResponse)
    assert isinstance(answers["hit"], mayfly.responses.CacheResponse)
    assert isinstance(answers["caches"], mayfly.responses.ControlResponse)
    assert not isinstance(answers["hit"], CacheGet.Miss)


def test_outcomes_are_told_apart_by_match(answers: dict[str, Any]) -> None:
    def name(response: Any) -> str:
        match response:
            case CacheGet.Hit(value_bytes=value):
                return f"hit {value!r}"
            case CacheGet.Miss():
                return "miss"
            case CacheGet.Error():
                return response.error_code.name
        return "another"

    names = [name(answers[each]) for each in ("hit", "miss", "error", "success")]
    assert names == ["hit b'v'", "miss", "NOT_FOUND_ERROR", "another"]


@pytest.mark.parametrize("name", [
    name for name, value in vars(mayfly.responses).items()
    if isinstance(value, type) and hasattr(value, "Error") and not name.endswith("Response")
])
def test_every_response_has_outcomes_of_its_own_kind(name: str) -> None:
    holder = getattr(mayfly.responses, name)
    base = getattr(mayfly.responses, name + "Response", mayfly.responses.TopicSubscriptionItemResponse)
    outcomes = [value for value in vars(holder).values() if isinstance(value, type)]
    assert len(outcomes) >= 2 or name in ("TopicPublish",)
    assert all(issubclass(outcome, base) for outcome in outcomes)
    assert all(outcome.__qualname__ == f"{name}.{outcome.__name__}" for outcome in outcomes)


def test_exceptions_can_be_raised_shown_and_pickled(answers: dict[str, Any]) -> None:
    error = answers["error"].inner_exception
    with pytest.raises(SdkException) as raised:
        raise error
    assert "there is no cache of this name" in str(raised.value)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (again.message, again.error_code, again.service) == (error.message, error.error_code, error.service)


def test_the_old_kind_of_item_warns() -> None:
    with pytest.warns(DeprecationWarning, match="use Text or Binary instead"):
        assert TopicSubscriptionItem.Success(b"v").value_string == "v"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert TopicSubscriptionItem.Text("v", 1, 2) == TopicSubscriptionItem.Text("v", 1, 2)
