"""Input that makes no sense, for any package with the surface of the Python SDK of Momento.

    python bad_input.py PACKAGE PORT

prints, as JSON, what the blocking client of PACKAGE answers to each: the code and the sentence. The tests have the SDK
itself asked this way, in a process of its own, and compare.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

CACHE = "tests"
Case = Callable[[Any], Any]


BAD_NAMES = {"None": None, "int": 7, "bytes": b"c", "empty": ""}
BAD_BYTES = {"None": None, "int": 7, "bytearray": bytearray(b"k"), "list": ["k"]}
BAD_MANY: dict[str, Any] = {"None": None, "int": 7}
BAD_MAPPINGS: dict[str, Any] = {"None": None, "int": 7, "list": [("f", 1.0)], "text": "text"}
BAD_TTLS = {"zero": timedelta(0), "negative": timedelta(seconds=-1), "int": 7}

# Methods with one argument behind the cache's name and one more, such as a key; the rest of their arguments.
OF_KEYS: dict[str, tuple[Any, ...]] = {
    "get": (), "set": ("v",), "delete": (), "increment": (1,), "set_if_not_exists": ("v",), "set_if_absent": ("v",),
    "set_if_present": ("v",), "set_if_equal": ("v", "w"), "set_if_not_equal": ("v", "w"),
    "set_if_present_and_not_equal": ("v", "w"), "set_if_absent_or_equal": ("v", "w"),
}
OF_NAMES: dict[str, tuple[Any, ...]] = {
    "dictionary_fetch": (), "dictionary_get_field": ("f",), "dictionary_get_fields": (["f"],),
    "dictionary_increment": ("f",), "dictionary_remove_field": ("f",), "dictionary_remove_fields": (["f"],),
    "dictionary_set_field": ("f", "v"), "dictionary_set_fields": ({"f": "v"},), "list_concatenate_back": (["v"],),
    "list_concatenate_front": (["v"],), "list_fetch": (), "list_length": (), "list_pop_back": (), "list_pop_front": (),
    "list_push_back": ("v",), "list_push_front": ("v",), "list_remove_value": ("v",), "set_add_element": ("v",),
    "set_add_elements": (["v"],), "set_fetch": (), "set_remove_element": ("v",), "set_remove_elements": (["v"],),
    "sorted_set_put_element": ("v", 1.0), "sorted_set_put_elements": ({"v": 1.0},), "sorted_set_fetch_by_score": (),
    "sorted_set_fetch_by_rank": (), "sorted_set_get_score": ("v",), "sorted_set_get_scores": (["v"],),
    "sorted_set_get_rank": ("v",), "sorted_set_remove_element": ("v",), "sorted_set_remove_elements": (["v"],),
    "sorted_set_increment_score": ("v",),
}
# Values, fields and elements: what stands before them, and behind.
OF_BYTES: dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]] = {
    "set": (("k",), ()), "set_if_not_exists": (("k",), ()), "set_if_absent": (("k",), ()),
    "set_if_present": (("k",), ()), "set_if_equal": (("k", "v"), ()), "set_if_not_equal": (("k", "v"), ()),
    "set_if_present_and_not_equal": (("k", "v"), ()), "set_if_absent_or_equal": (("k", "v"), ()),
    "dictionary_get_field": (("n",), ()), "dictionary_increment": (("n",), ()), "dictionary_remove_field": (("n",), ()),
    "dictionary_set_field": (("n",), ("v",)), "list_push_back": (("n",), ()), "list_push_front": (("n",), ()),
    "list_remove_value": (("n",), ()), "set_add_element": (("n",), ()), "set_remove_element": (("n",), ()),
    "sorted_set_put_element": (("n",), (1.0,)), "sorted_set_get_score": (("n",), ()),
    "sorted_set_get_rank": (("n",), ()), "sorted_set_remove_element": (("n",), ()),
    "sorted_set_increment_score": (("n",), (1.0,)),
}
OF_MANY: dict[str, tuple[Any, ...]] = {
    "get_batch": (), "dictionary_get_fields": ("n",), "dictionary_remove_fields": ("n",),
    "list_concatenate_back": ("n",), "list_concatenate_front": ("n",), "set_add_elements": ("n",),
    "set_remove_elements": ("n",), "sorted_set_get_scores": ("n",), "sorted_set_remove_elements": ("n",),
}
OF_MAPPINGS = {"set_batch": (), "dictionary_set_fields": ("n",), "sorted_set_put_elements": ("n",)}
OF_TTLS: dict[str, tuple[Any, ...]] = {
    "set": ("k", "v"), "increment": ("k", 1), "set_batch": ({"k": "v"},), "set_if_not_exists": ("k", "v"),
    "set_if_absent": ("k", "v"), "set_if_present": ("k", "v"), "set_if_equal": ("k", "v", "w"),
    "set_if_not_equal": ("k", "v", "w"), "set_if_present_and_not_equal": ("k", "v", "w"),
    "set_if_absent_or_equal": ("k", "v", "w"),
}


def _call(method: str, *args: Any, **keywords: Any) -> Case:
    return lambda client: getattr(client, method)(*args, **keywords)


def cases() -> dict[str, Case]:
    """Return what to ask, by a name."""
    made: dict[str, Case] = {}
    for label, bad in BAD_NAMES.items():
        for method in ("create_cache", "delete_cache", "flush_cache"):
            made[f"{method}: cache {label}"] = _call(method, bad)
        for method, rest in {**OF_KEYS, **OF_NAMES}.items():
            made[f"{method}: cache {label}"] = _call(method, bad, "n", *rest)
        for method, rest in OF_NAMES.items():
            made[f"{method}: name {label}"] = _call(method, CACHE, bad, *rest)
        made[f"get_batch: cache {label}"] = _call("get_batch", bad, ["k"])
        made[f"set_batch: cache {label}"] = _call("set_batch", bad, {"k": "v"})
    for label, bad in BAD_BYTES.items():
        for method, rest in OF_KEYS.items():
            made[f"{method}: key {label}"] = _call(method, CACHE, bad, *rest)
        for method, (before, behind) in OF_BYTES.items():
            made[f"{method}: value {label}"] = _call(method, CACHE, *before, bad, *behind)
        for method, before in OF_MANY.items():
            made[f"{method}: one {label}"] = _call(method, CACHE, *before, ["a", bad])
    for method, before in OF_MANY.items():
        for label, many in BAD_MANY.items():
            made[f"{method}: many {label}"] = _call(method, CACHE, *before, many)
    for method, before in OF_MAPPINGS.items():
        for label, mapping in BAD_MAPPINGS.items():
            made[f"{method}: mapping {label}"] = _call(method, CACHE, *before, mapping)
        good = 1.0 if method.startswith("sorted") else "v"
        made[f"{method}: key of an item int"] = _call(method, CACHE, *before, {7: good})
        if method != "sorted_set_put_elements":
            made[f"{method}: value of an item int"] = _call(method, CACHE, *before, {"f": 7})
    for label, ttl in BAD_TTLS.items():
        for method, before in OF_TTLS.items():
            made[f"{method}: ttl {label}"] = _call(method, CACHE, *before, ttl=ttl)
    for label, score in {"int": 1, "None": None, "text": "1"}.items():
        for method in ("sorted_set_put_element", "sorted_set_increment_score"):
            made[f"{method}: score {label}"] = _call(method, CACHE, "n", "v", score)
    return made


def answer(ask: Case, client: Any) -> tuple[str, str]:
    """Return the code and the sentence of an Error; the class of another response, and of what was raised."""
    try:
        response = ask(client)
    except Exception as error:
        return ("raised", type(error).__name__)
    error = getattr(response, "inner_exception", None)
    return (error.error_code.name, response.message) if error is not None else ("answered", type(response).__qualname__)


def main(package: str, port: str) -> None:
    """Ask a client of the package."""
    sdk = importlib.import_module(package)
    credentials = sdk.CredentialProvider.for_momento_local(port=int(port))
    with sdk.CacheClient.create(sdk.Configurations.Laptop.latest(), credentials, timedelta(minutes=1)) as client:
        asked = {name: ask for name, ask in cases().items() if hasattr(client, name.partition(":")[0])}
        print(json.dumps({name: answer(ask, client) for name, ask in asked.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
