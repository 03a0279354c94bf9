"""Arguments, in the order of its parameters, with which each method that names a cache makes sense."""

from __future__ import annotations

import inspect
from typing import Any

from support import HOUR

import mayfly
from mayfly.requests import CollectionTtl

TTL = CollectionTtl()

# By method; what stands for the key or the collection's name is KEY.
KEY = object()

OF_METHOD: dict[str, tuple[Any, ...]] = {
    "create_cache": (),
    "delete_cache": (),
    "flush_cache": (),
    "get": (KEY,),
    "set": (KEY, "v", HOUR),
    "delete": (KEY,),
    "increment": (KEY, 1, HOUR),
    "get_batch": ([KEY],),
    "set_batch": ({KEY: "v"}, HOUR),
    "get_with_hash": (KEY,),
    "set_with_hash": (KEY, "v", HOUR),
    "set_if_not_exists": (KEY, "v", HOUR),
    "set_if_absent": (KEY, "v", HOUR),
    "set_if_present": (KEY, "v", HOUR),
    "set_if_equal": (KEY, "v", "w", HOUR),
    "set_if_not_equal": (KEY, "v", "w", HOUR),
    "set_if_present_and_not_equal": (KEY, "v", "w", HOUR),
    "set_if_absent_or_equal": (KEY, "v", "w", HOUR),
    "set_if_present_and_hash_equal": (KEY, "v", b"hash", HOUR),
    "set_if_present_and_hash_not_equal": (KEY, "v", b"hash", HOUR),
    "set_if_absent_or_hash_equal": (KEY, "v", b"hash", HOUR),
    "set_if_absent_or_hash_not_equal": (KEY, "v", b"hash", HOUR),
    "key_exists": (KEY,),
    "keys_exist": ([KEY],),
    "item_get_type": (KEY,),
    "item_get_ttl": (KEY,),
    "update_ttl": (KEY, 1000),
    "increase_ttl": (KEY, 1000),
    "decrease_ttl": (KEY, 1000),
    "dictionary_fetch": (KEY,),
    "dictionary_get_field": (KEY, "f"),
    "dictionary_get_fields": (KEY, ["f"]),
    "dictionary_increment": (KEY, "f", 1, TTL),
    "dictionary_remove_field": (KEY, "f"),
    "dictionary_remove_fields": (KEY, ["f"]),
    "dictionary_set_field": (KEY, "f", "v", TTL),
    "dictionary_set_fields": (KEY, {"f": "v"}, TTL),
    "dictionary_length": (KEY,),
    "list_concatenate_back": (KEY, ["v"], TTL, None),
    "list_concatenate_front": (KEY, ["v"], TTL, None),
    "list_fetch": (KEY, None, None),
    "list_length": (KEY,),
    "list_pop_back": (KEY,),
    "list_pop_front": (KEY,),
    "list_push_back": (KEY, "v", TTL, None),
    "list_push_front": (KEY, "v", TTL, None),
    "list_remove_value": (KEY, "v"),
    "list_retain": (KEY, None, None, TTL),
    "set_add_element": (KEY, "v", TTL),
    "set_add_elements": (KEY, ["v"], TTL),
    "set_fetch": (KEY,),
    "set_remove_element": (KEY, "v"),
    "set_remove_elements": (KEY, ["v"]),
    "set_contains_element": (KEY, "v"),
    "set_contains_elements": (KEY, ["v"]),
    "set_length": (KEY,),
    "set_sample": (KEY, 1),
    "set_pop": (KEY, 1),
    "sorted_set_put_element": (KEY, "v", 1.0, TTL),
    "sorted_set_put_elements": (KEY, {"v": 1.0}, TTL),
    "sorted_set_fetch_by_score": (KEY,),
    "sorted_set_fetch_by_rank": (KEY,),
    "sorted_set_get_score": (KEY, "v"),
    "sorted_set_get_scores": (KEY, ["v"]),
    "sorted_set_get_rank": (KEY, "v"),
    "sorted_set_remove_element": (KEY, "v"),
    "sorted_set_remove_elements": (KEY, ["v"]),
    "sorted_set_increment_score": (KEY, "v", 1.0, TTL),
    "sorted_set_length": (KEY,),
    "sorted_set_length_by_score": (KEY,),
    "sorted_set_union_store": (KEY, {"source": 1.0}),
}

COLLECTIONS = {"dictionary": "Dictionary", "list": "List", "set": "Set", "sorted_set": "Sorted set"}


def signature(method: str) -> list[str]:
    """Return the names of a method's parameters."""
    return list(inspect.signature(getattr(mayfly.CacheClient, method)).parameters)[1:]


def name_parameter(method: str) -> str | None:
    """Return the parameter that is the name of a collection, if there is one."""
    return next((p for p in signature(method) if p.endswith("_name") and p != "cache_name"), None)


def arguments(method: str, cache_name: Any, key: Any, /, **changed: Any) -> dict[str, Any]:
    """Return arguments of a method by name, with those that are `changed`."""
    def put_key(value: Any) -> Any:
        if value is KEY:
            return key
        if isinstance(value, list):
            return [put_key(each) for each in value]
        if isinstance(value, dict):
            return {put_key(name): each for name, each in value.items()}
        return value

    made = dict(zip(signature(method), (cache_name, *map(put_key, OF_METHOD[method]))))
    return {**made, **changed}


def with_parameter(name: str) -> list[str]:
    """Return the methods that have a parameter of that name."""
    return [method for method in OF_METHOD if name in signature(method)]
