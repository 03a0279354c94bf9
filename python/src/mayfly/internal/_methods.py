"""The calls that clients make: what each takes, and what becomes of its reply. The C core reads these rows.

A row names the method of the protocol, the kinds of its arguments in their order (core/arguments.c) and, for each outcome
of the reply, a class without data, or a class or function with the parts of the reply that it gets (core/results.c).
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Union

from mayfly import _core, logs
from mayfly._core import Method
from mayfly.errors import InvalidArgumentException, SdkException, StatusCode, convert_error, error_from_status
from mayfly.internal.services import Service
from mayfly.responses import (
    CacheDecreaseTtl,
    CacheDelete,
    CacheDictionaryFetch,
    CacheDictionaryGetField,
    CacheDictionaryGetFieldResponse,
    CacheDictionaryGetFields,
    CacheDictionaryIncrement,
    CacheDictionaryLength,
    CacheDictionaryRemoveField,
    CacheDictionaryRemoveFields,
    CacheDictionarySetField,
    CacheDictionarySetFields,
    CacheFlush,
    CacheGet,
    CacheGetBatch,
    CacheGetResponse,
    CacheGetWithHash,
    CacheIncreaseTtl,
    CacheIncrement,
    CacheInfo,
    CacheItemGetTtl,
    CacheItemGetType,
    CacheKeyExists,
    CacheKeysExist,
    CacheListConcatenateBack,
    CacheListConcatenateFront,
    CacheListFetch,
    CacheListLength,
    CacheListPopBack,
    CacheListPopFront,
    CacheListPushBack,
    CacheListPushFront,
    CacheListRemoveValue,
    CacheListRetain,
    CacheSet,
    CacheSetAddElement,
    CacheSetAddElements,
    CacheSetBatch,
    CacheSetContainsElement,
    CacheSetContainsElements,
    CacheSetFetch,
    CacheSetIfAbsent,
    CacheSetIfAbsentOrEqual,
    CacheSetIfAbsentOrHashEqual,
    CacheSetIfAbsentOrHashNotEqual,
    CacheSetIfEqual,
    CacheSetIfNotEqual,
    CacheSetIfNotExists,
    CacheSetIfPresent,
    CacheSetIfPresentAndHashEqual,
    CacheSetIfPresentAndHashNotEqual,
    CacheSetIfPresentAndNotEqual,
    CacheSetLength,
    CacheSetPop,
    CacheSetRemoveElement,
    CacheSetRemoveElements,
    CacheSetSample,
    CacheSetWithHash,
    CacheSortedSetFetch,
    CacheSortedSetGetRank,
    CacheSortedSetGetScore,
    CacheSortedSetGetScoreResponse,
    CacheSortedSetGetScores,
    CacheSortedSetIncrementScore,
    CacheSortedSetLength,
    CacheSortedSetLengthByScore,
    CacheSortedSetPutElement,
    CacheSortedSetPutElements,
    CacheSortedSetRemoveElement,
    CacheSortedSetRemoveElements,
    CacheSortedSetUnionStore,
    CacheUpdateTtl,
    CreateCache,
    DeleteCache,
    ItemType,
    LeaderboardDelete,
    LeaderboardElement,
    LeaderboardFetch,
    LeaderboardLength,
    LeaderboardRemoveElements,
    LeaderboardUpsert,
    ListCaches,
    Ping,
    TopicPublish,
)

# --- Failures ---

# What libmayfly calls settings in its sentences, and what they are called here.
_NAMES = {
    "max_request_bytes": "max_send_message_length",
    "max_reply_bytes": "max_receive_message_length",
    "max_in_flight": "max_concurrent_requests",
    "max_backlog": "max_waiting_requests",
    "keepalive_interval_ms": "keepalive_time",
    "keepalive_timeout_ms": "keepalive_timeout",
    "deadline_ms": "the deadline in milliseconds",
    "target_p999_us": "target_p999 in microseconds",
    "ttl_ms": "the TTL",
}


def say(sentence: str) -> str:
    """A sentence of libmayfly in this package's words."""
    for name, ours in _NAMES.items():
        sentence = sentence.replace(name, ours)
    return sentence


def _service_of(method: Method) -> Service:
    return Service.TOPICS if method.response is TopicPublish else Service.CACHE


def _error(method: Method, error: SdkException) -> Any:
    logs.logger.warning("%s failed: %s", method.name, error)
    return method.response.Error(error)


def fail(method: Method, status: int, message: str, metadata: list[tuple[str, str]]) -> Any:
    """The response of a call that ended with another status than OK."""
    code = StatusCode.from_number(status)
    if method.response is CreateCache and code is StatusCode.ALREADY_EXISTS:
        return CreateCache.CacheAlreadyExists()
    return _error(method, error_from_status(code, say(message), _service_of(method), metadata))


def refuse(method: Method, exception: Exception) -> Any:
    """The response of a call that could not be made of its arguments."""
    service = _service_of(method)
    if isinstance(exception, _core.Invalid):
        return _error(method, InvalidArgumentException(str(exception), service))
    return _error(method, convert_error(exception, service))


_SERVICES = {
    "/control_client.ScsControl/": ("CreateCache", "DeleteCache", "ListCaches", "FlushCache"),
    "/cache_client.pubsub.Pubsub/": ("Publish",),
    "/cache_client.Ping/": ("Ping",),
    "/leaderboard.Leaderboard/": (
        "DeleteLeaderboard",
        "UpsertElements",
        "RemoveElements",
        "GetLeaderboardLength",
        "GetByRank",
        "GetRank",
        "GetByScore",
        "GetCompetitionRank",
    ),
}
_PATHS = {name: service + name for service, names in _SERVICES.items() for name in names}


def path_of(method: Method) -> str:
    """The method's path, such as "/cache_client.Scs/Get"."""
    return _PATHS.get(method.name, "/cache_client.Scs/" + method.name)


# --- Responses that are made of several parts ---


def _results_of_batch(values: list[Optional[bytes]], keys: list[bytes]) -> CacheGetBatch.Success:
    results: list[CacheGetResponse] = [CacheGet.Miss() if value is None else CacheGet.Hit(value) for value in values]
    return CacheGetBatch.Success(results, keys)


def _results_of_set_batch(keys: list[bytes]) -> CacheSetBatch.Success:
    return CacheSetBatch.Success([CacheSet.Success() for _ in keys])


def _item_type(number: int) -> CacheItemGetType.Hit:
    return CacheItemGetType.Hit(ItemType(number))


def _caches(names: list[str]) -> ListCaches.Success:
    return ListCaches.Success([CacheInfo(name) for name in names])


def _field(value: Optional[bytes], field: bytes) -> CacheDictionaryGetFieldResponse:
    return CacheDictionaryGetField.Miss() if value is None else CacheDictionaryGetField.Hit(value, field)


def _one_field(values: list[Optional[bytes]], fields: list[bytes]) -> CacheDictionaryGetFieldResponse:
    return _field(values[0], fields[0])


def _all_fields(values: list[Optional[bytes]], fields: list[bytes]) -> CacheDictionaryGetFields.Hit:
    return CacheDictionaryGetFields.Hit([_field(*each) for each in zip(values, fields)])


def _score(score: Optional[float], value: bytes) -> CacheSortedSetGetScoreResponse:
    return CacheSortedSetGetScore.Miss(value) if score is None else CacheSortedSetGetScore.Hit(value, score)


def _one_score(scores: list[Optional[float]], values: list[bytes]) -> CacheSortedSetGetScoreResponse:
    return _score(scores[0], values[0])


def _no_score(values: list[bytes]) -> CacheSortedSetGetScoreResponse:
    return CacheSortedSetGetScore.Miss(values[0])


def _all_scores(scores: list[Optional[float]], values: list[bytes]) -> CacheSortedSetGetScores.Hit:
    return CacheSortedSetGetScores.Hit([_score(*each) for each in zip(scores, values)])


def _elements(ranked: list[tuple[int, float, int]]) -> LeaderboardFetch.Success:
    return LeaderboardFetch.Success([LeaderboardElement(*element) for element in ranked])


# --- The rows ---

_Outcome = Union[type, tuple[Union[type, Callable[..., Any], str], ...]]


def _method(
    name: str,
    arguments: str,
    response: Any,
    *,
    preset: Optional[dict[str, int]] = None,
    done: Optional[_Outcome] = None,
    hit: Optional[_Outcome] = None,
    miss: Optional[_Outcome] = None,
    stored: Optional[_Outcome] = None,
    not_stored: Optional[_Outcome] = None,
) -> Method:
    return Method(
        name,
        tuple(arguments.split()),
        response,
        fail,
        refuse,
        preset=preset or {},
        done=done,
        hit=hit,
        miss=miss,
        stored=stored,
        not_stored=not_stored,
    )


# Caches. Their calls have a minute, whatever the configuration.

_CONTROL = {"deadline_ms": 60_000}

CREATE_CACHE = _method("CreateCache", "cache_name", CreateCache, preset=_CONTROL, done=CreateCache.Success)
DELETE_CACHE = _method("DeleteCache", "cache_name", DeleteCache, preset=_CONTROL, done=DeleteCache.Success)
FLUSH_CACHE = _method("FlushCache", "cache_name", CacheFlush, preset=_CONTROL, done=CacheFlush.Success)
LIST_CACHES = _method("ListCaches", "", ListCaches, preset=_CONTROL, done=(_caches, "names"))
PING = _method("Ping", "", Ping, done=Ping.Success)

# Scalars

GET = _method("Get", "cache_name key", CacheGet, hit=(CacheGet.Hit, "value"), miss=CacheGet.Miss)
SET = _method("Set", "cache_name key value ttl", CacheSet, done=CacheSet.Success)
DELETE = _method("Delete", "cache_name key", CacheDelete, done=CacheDelete.Success)
INCREMENT = _method(
    "Increment", "cache_name key amount ttl", CacheIncrement, done=(CacheIncrement.Success, "number")
)
GET_BATCH = _method(
    "GetBatch", "cache_name keys", CacheGetBatch, done=(_results_of_batch, "values_if_found", "asked")
)
SET_BATCH = _method("SetBatch", "cache_name ttl batch", CacheSetBatch, done=(_results_of_set_batch, "asked"))
GET_WITH_HASH = _method(
    "GetWithHash",
    "cache_name key",
    CacheGetWithHash,
    hit=(CacheGetWithHash.Hit, "value", "hash"),
    miss=CacheGetWithHash.Miss,
)


def _set_if(response: Any, condition: int, operand: str = "", name: str = "SetIf") -> Method:
    return _method(
        name,
        f"cache_name key value {operand} ttl",
        response,
        preset={"condition": condition},
        stored=response.Stored,
        not_stored=response.NotStored,
    )


def _set_if_hash(response: Any, condition: int, operand: str = "") -> Method:
    return _method(
        "SetIfHash",
        f"cache_name key value {operand} ttl",
        response,
        preset={"condition": condition},
        stored=(response.Stored, "hash"),
        not_stored=response.NotStored,
    )


# By the numbers of libmayfly's mayfly_condition.
_PRESENT, _ABSENT, _EQUAL, _NOT_EQUAL, _PRESENT_AND_NOT_EQUAL, _ABSENT_OR_EQUAL, _ALWAYS = range(7)

SET_IF_NOT_EXISTS = _set_if(CacheSetIfNotExists, 0, name="SetIfNotExists")
SET_IF_ABSENT = _set_if(CacheSetIfAbsent, _ABSENT)
SET_IF_PRESENT = _set_if(CacheSetIfPresent, _PRESENT)
SET_IF_EQUAL = _set_if(CacheSetIfEqual, _EQUAL, "equal")
SET_IF_NOT_EQUAL = _set_if(CacheSetIfNotEqual, _NOT_EQUAL, "not_equal")
SET_IF_PRESENT_AND_NOT_EQUAL = _set_if(CacheSetIfPresentAndNotEqual, _PRESENT_AND_NOT_EQUAL, "not_equal")
SET_IF_ABSENT_OR_EQUAL = _set_if(CacheSetIfAbsentOrEqual, _ABSENT_OR_EQUAL, "equal")
SET_WITH_HASH = _set_if_hash(CacheSetWithHash, _ALWAYS)
SET_IF_PRESENT_AND_HASH_EQUAL = _set_if_hash(CacheSetIfPresentAndHashEqual, _EQUAL, "hash_equal")
SET_IF_PRESENT_AND_HASH_NOT_EQUAL = _set_if_hash(
    CacheSetIfPresentAndHashNotEqual, _PRESENT_AND_NOT_EQUAL, "hash_not_equal"
)
SET_IF_ABSENT_OR_HASH_EQUAL = _set_if_hash(CacheSetIfAbsentOrHashEqual, _ABSENT_OR_EQUAL, "hash_equal")
SET_IF_ABSENT_OR_HASH_NOT_EQUAL = _set_if_hash(CacheSetIfAbsentOrHashNotEqual, _NOT_EQUAL, "hash_not_equal")

KEY_EXISTS = _method("KeysExist", "cache_name one_key", CacheKeyExists, done=(CacheKeyExists.Success, "found"))
KEYS_EXIST = _method("KeysExist", "cache_name keys", CacheKeysExist, done=(CacheKeysExist.Success, "founds", "asked"))
ITEM_GET_TYPE = _method(
    "ItemGetType", "cache_name key", CacheItemGetType, hit=(_item_type, "type"), miss=CacheItemGetType.Miss
)
ITEM_GET_TTL = _method(
    "ItemGetTtl", "cache_name key", CacheItemGetTtl, hit=(CacheItemGetTtl.Hit, "ttl_ms"), miss=CacheItemGetTtl.Miss
)
UPDATE_TTL = _method(
    "UpdateTtl", "cache_name key ttl_milliseconds", CacheUpdateTtl, stored=CacheUpdateTtl.Set, miss=CacheUpdateTtl.Miss
)


def _change_ttl(response: Any, mode: int) -> Method:
    return _method(
        "UpdateTtl",
        "cache_name key ttl_milliseconds",
        response,
        preset={"ttl_mode": mode},
        stored=response.Set,
        not_stored=response.NotSet,
        miss=response.Miss,
    )


INCREASE_TTL = _change_ttl(CacheIncreaseTtl, 1)
DECREASE_TTL = _change_ttl(CacheDecreaseTtl, 2)

# Dictionaries

_DICTIONARY = "cache_name dictionary_name "

DICTIONARY_FETCH = _method(
    "DictionaryFetch",
    _DICTIONARY,
    CacheDictionaryFetch,
    hit=(CacheDictionaryFetch.Hit, "dictionary"),
    miss=CacheDictionaryFetch.Miss,
)
DICTIONARY_GET_FIELD = _method(
    "DictionaryGet",
    _DICTIONARY + "one_field",
    CacheDictionaryGetField,
    hit=(_one_field, "values_if_found", "asked"),
    miss=CacheDictionaryGetField.Miss,
)
DICTIONARY_GET_FIELDS = _method(
    "DictionaryGet",
    _DICTIONARY + "fields",
    CacheDictionaryGetFields,
    hit=(_all_fields, "values_if_found", "asked"),
    miss=CacheDictionaryGetFields.Miss,
)
DICTIONARY_INCREMENT = _method(
    "DictionaryIncrement",
    _DICTIONARY + "field amount collection_ttl",
    CacheDictionaryIncrement,
    done=(CacheDictionaryIncrement.Success, "number"),
)
DICTIONARY_REMOVE_FIELD = _method(
    "DictionaryDelete", _DICTIONARY + "one_field", CacheDictionaryRemoveField, done=CacheDictionaryRemoveField.Success
)
DICTIONARY_REMOVE_FIELDS = _method(
    "DictionaryDelete", _DICTIONARY + "fields", CacheDictionaryRemoveFields, done=CacheDictionaryRemoveFields.Success
)
DICTIONARY_SET_FIELD = _method(
    "DictionarySet",
    _DICTIONARY + "one_field value_of_field collection_ttl",
    CacheDictionarySetField,
    done=CacheDictionarySetField.Success,
)
DICTIONARY_SET_FIELDS = _method(
    "DictionarySet",
    _DICTIONARY + "dictionary_items collection_ttl",
    CacheDictionarySetFields,
    done=CacheDictionarySetFields.Success,
)
DICTIONARY_LENGTH = _method(
    "DictionaryLength",
    _DICTIONARY,
    CacheDictionaryLength,
    hit=(CacheDictionaryLength.Hit, "number"),
    miss=CacheDictionaryLength.Miss,
)

# Sets

_SET = "cache_name set_name "

SET_FETCH = _method(
    "SetFetch", _SET, CacheSetFetch, hit=(CacheSetFetch.Hit, "value_set"), miss=CacheSetFetch.Miss
)
SET_ADD_ELEMENT = _method(
    "SetUnion", _SET + "one_element collection_ttl", CacheSetAddElement, done=CacheSetAddElement.Success
)
SET_ADD_ELEMENTS = _method(
    "SetUnion", _SET + "elements collection_ttl", CacheSetAddElements, done=CacheSetAddElements.Success
)
SET_REMOVE_ELEMENT = _method(
    "SetDifference",
    _SET + "one_element",
    CacheSetRemoveElement,
    hit=CacheSetRemoveElement.Success,
    miss=CacheSetRemoveElement.Success,
)
SET_REMOVE_ELEMENTS = _method(
    "SetDifference",
    _SET + "elements",
    CacheSetRemoveElements,
    hit=CacheSetRemoveElements.Success,
    miss=CacheSetRemoveElements.Success,
)
SET_CONTAINS_ELEMENT = _method(
    "SetContains",
    _SET + "one_element",
    CacheSetContainsElement,
    hit=(CacheSetContainsElement.Hit, "found"),
    miss=CacheSetContainsElement.Miss,
)
SET_CONTAINS_ELEMENTS = _method(
    "SetContains",
    _SET + "elements",
    CacheSetContainsElements,
    hit=(CacheSetContainsElements.Hit, "founds", "asked"),
    miss=CacheSetContainsElements.Miss,
)
SET_LENGTH = _method("SetLength", _SET, CacheSetLength, hit=(CacheSetLength.Hit, "number"), miss=CacheSetLength.Miss)
SET_SAMPLE = _method(
    "SetSample", _SET + "limit", CacheSetSample, hit=(CacheSetSample.Hit, "values"), miss=CacheSetSample.Miss
)
SET_POP = _method(
    "SetPop", _SET + "positive_count", CacheSetPop, hit=(CacheSetPop.Hit, "values"), miss=CacheSetPop.Miss
)

# Lists

_LIST = "cache_name list_name "

LIST_FETCH = _method(
    "ListFetch",
    _LIST + "start_index end_index",
    CacheListFetch,
    hit=(CacheListFetch.Hit, "values"),
    miss=CacheListFetch.Miss,
)
LIST_LENGTH = _method(
    "ListLength", _LIST, CacheListLength, hit=(CacheListLength.Hit, "number"), miss=CacheListLength.Miss
)


def _push(name: str, what: str, response: Any) -> Method:
    return _method(
        name, _LIST + what + " collection_ttl truncate_to_size", response, done=(response.Success, "number")
    )


LIST_PUSH_BACK = _push("ListPushBack", "value", CacheListPushBack)
LIST_PUSH_FRONT = _push("ListPushFront", "value", CacheListPushFront)
LIST_CONCATENATE_BACK = _push("ListConcatenateBack", "values", CacheListConcatenateBack)
LIST_CONCATENATE_FRONT = _push("ListConcatenateFront", "values", CacheListConcatenateFront)
LIST_POP_BACK = _method(
    "ListPopBack", _LIST, CacheListPopBack, hit=(CacheListPopBack.Hit, "value"), miss=CacheListPopBack.Miss
)
LIST_POP_FRONT = _method(
    "ListPopFront", _LIST, CacheListPopFront, hit=(CacheListPopFront.Hit, "value"), miss=CacheListPopFront.Miss
)
LIST_REMOVE_VALUE = _method(
    "ListRemove",
    _LIST + "value",
    CacheListRemoveValue,
    hit=CacheListRemoveValue.Success,
    miss=CacheListRemoveValue.Success,
)
LIST_RETAIN = _method(
    "ListRetain",
    _LIST + "start_index end_index collection_ttl",
    CacheListRetain,
    hit=CacheListRetain.Success,
    miss=CacheListRetain.Success,
)

# Sorted sets

_SORTED_SET = "cache_name sorted_set_name "

SORTED_SET_PUT_ELEMENT = _method(
    "SortedSetPut",
    _SORTED_SET + "one_element score_of_element collection_ttl",
    CacheSortedSetPutElement,
    done=CacheSortedSetPutElement.Success,
)
SORTED_SET_PUT_ELEMENTS = _method(
    "SortedSetPut",
    _SORTED_SET + "scored_elements collection_ttl",
    CacheSortedSetPutElements,
    done=CacheSortedSetPutElements.Success,
)
SORTED_SET_FETCH_BY_SCORE = _method(
    "SortedSetFetch",
    _SORTED_SET + "min_score max_score sort_order offset count",
    CacheSortedSetFetch,
    preset={"by_score": 1},
    hit=(CacheSortedSetFetch.Hit, "scored"),
    miss=CacheSortedSetFetch.Miss,
)
SORTED_SET_FETCH_BY_RANK = _method(
    "SortedSetFetch",
    _SORTED_SET + "start_rank end_rank sort_order",
    CacheSortedSetFetch,
    hit=(CacheSortedSetFetch.Hit, "scored"),
    miss=CacheSortedSetFetch.Miss,
)
SORTED_SET_GET_SCORE = _method(
    "SortedSetGetScore",
    _SORTED_SET + "one_element",
    CacheSortedSetGetScore,
    hit=(_one_score, "scores_if_found", "asked"),
    miss=(_no_score, "asked"),
)
SORTED_SET_GET_SCORES = _method(
    "SortedSetGetScore",
    _SORTED_SET + "sorted_set_values",
    CacheSortedSetGetScores,
    hit=(_all_scores, "scores_if_found", "asked"),
    miss=CacheSortedSetGetScores.Miss,
)
SORTED_SET_GET_RANK = _method(
    "SortedSetGetRank",
    _SORTED_SET + "sorted_set_value sort_order",
    CacheSortedSetGetRank,
    hit=(CacheSortedSetGetRank.Hit, "number"),
    miss=CacheSortedSetGetRank.Miss,
)
SORTED_SET_REMOVE_ELEMENT = _method(
    "SortedSetRemove",
    _SORTED_SET + "one_element",
    CacheSortedSetRemoveElement,
    done=CacheSortedSetRemoveElement.Success,
)
SORTED_SET_REMOVE_ELEMENTS = _method(
    "SortedSetRemove",
    _SORTED_SET + "sorted_set_values",
    CacheSortedSetRemoveElements,
    done=CacheSortedSetRemoveElements.Success,
)
SORTED_SET_INCREMENT_SCORE = _method(
    "SortedSetIncrement",
    _SORTED_SET + "incremented_value score collection_ttl",
    CacheSortedSetIncrementScore,
    done=(CacheSortedSetIncrementScore.Success, "score"),
)
SORTED_SET_LENGTH = _method(
    "SortedSetLength",
    _SORTED_SET,
    CacheSortedSetLength,
    hit=(CacheSortedSetLength.Hit, "number"),
    miss=CacheSortedSetLength.Miss,
)
SORTED_SET_LENGTH_BY_SCORE = _method(
    "SortedSetLengthByScore",
    _SORTED_SET + "min_score max_score",
    CacheSortedSetLengthByScore,
    hit=(CacheSortedSetLengthByScore.Hit, "number"),
    miss=CacheSortedSetLengthByScore.Miss,
)
SORTED_SET_UNION_STORE = _method(
    "SortedSetUnionStore",
    _SORTED_SET + "sources aggregate ttl",
    CacheSortedSetUnionStore,
    done=(CacheSortedSetUnionStore.Success, "number"),
)

# Leaderboards

_BOARD = "cache_name leaderboard_name "

LEADERBOARD_UPSERT = _method(
    "UpsertElements", _BOARD + "scores_of_ids", LeaderboardUpsert, done=LeaderboardUpsert.Success
)
LEADERBOARD_FETCH_BY_SCORE = _method(
    "GetByScore",
    _BOARD + "min_score score_below sort_order offset board_count",
    LeaderboardFetch,
    done=(_elements, "ranked"),
)
LEADERBOARD_FETCH_BY_RANK = _method(
    "GetByRank", _BOARD + "first_rank rank_behind sort_order", LeaderboardFetch, done=(_elements, "ranked")
)
LEADERBOARD_GET_RANK = _method(
    "GetRank", _BOARD + "ids sort_order", LeaderboardFetch, done=(_elements, "ranked")
)
LEADERBOARD_GET_COMPETITION_RANK = _method(
    "GetCompetitionRank", _BOARD + "ids sort_order", LeaderboardFetch, done=(_elements, "ranked")
)
LEADERBOARD_LENGTH = _method(
    "GetLeaderboardLength", _BOARD, LeaderboardLength, done=(LeaderboardLength.Success, "number")
)
LEADERBOARD_REMOVE_ELEMENTS = _method(
    "RemoveElements", _BOARD + "ids", LeaderboardRemoveElements, done=LeaderboardRemoveElements.Success
)
LEADERBOARD_DELETE = _method("DeleteLeaderboard", _BOARD, LeaderboardDelete, done=LeaderboardDelete.Success)

# Topics

PUBLISH = _method("Publish", "cache_name topic_name message", TopicPublish, done=TopicPublish.Success)
