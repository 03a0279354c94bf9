"""Commands for items of every type, with what they print, plain and as JSON, and their exit codes."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_command import FAILED, LOCAL, MISS, USAGE, Mayfly
from conftest import Server

BINARY = bytes([0xFF, 0x00, 0x0A, 0x80])
BINARY_JSON = {"base64": base64.b64encode(BINARY).decode()}


@pytest.fixture
def mayfly(binary: Path, server: Server) -> Mayfly:
    return Mayfly(binary, server.address)


@pytest.fixture
def cache(mayfly: Mayfly) -> Iterator[str]:
    name = f"cli-{uuid.uuid4().hex}"
    assert mayfly.json("cache", "create", name) is True
    yield name
    mayfly.ok("cache", "delete", name)


def lines(output: bytes) -> set[str]:
    return set(output.decode().splitlines())


# --- Scalars ---


def test_answers_are_json_on_request(mayfly: Mayfly, cache: str) -> None:
    assert mayfly.json("set", cache, "k", "v") is True
    assert mayfly.json("get", cache, "k") == "v"
    assert mayfly.misses_json("get", cache, "other") is None
    assert mayfly.json("increment", cache, "n", "-7") == -7
    assert mayfly.json("delete", cache, "k") is True
    assert cache in mayfly.json("cache", "list")
    assert mayfly.json("ping")["latency_us"] > 0


def test_json_escapes_text_and_marks_what_is_none(mayfly: Mayfly, cache: str) -> None:
    text = 'quote " backslash \\ newline \n tab \t bell \x07 del \x7f umlaut ä clef \U0001D11E'
    mayfly.ok("set", cache, "k", "-", stdin=text.encode())
    assert mayfly.json("get", cache, "k") == text
    surrogate, overlong, beyond, cut = b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"cut \xe2\x82"
    for value in (BINARY, surrogate, overlong, beyond, cut, *(b"\xff" * size for size in range(1, 5))):
        mayfly.ok("set", cache, "k", "-", stdin=value)
        assert base64.b64decode(mayfly.json("get", cache, "k")["base64"], validate=True) == value


def test_a_value_is_stored_on_a_condition(mayfly: Mayfly, cache: str) -> None:
    mayfly.ok("set", cache, "k", "a", "--if-absent")
    assert "condition" in mayfly.fails(MISS, "set", cache, "k", "b", "--if-absent")
    assert mayfly.misses_json("set", cache, "k", "b", "--if-absent") is False
    mayfly.ok("set", cache, "k", "b", "--if-present")
    mayfly.fails(MISS, "set", cache, "k", "c", "--if-equal", "a")
    mayfly.ok("set", cache, "k", "c", "--if-equal", "b")
    mayfly.fails(MISS, "set", cache, "k", "d", "--if-not-equal", "c")
    mayfly.ok("set", cache, "new", "d", "--if-not-equal", "c")
    mayfly.fails(MISS, "set", cache, "none", "d", "--if-present-and-not-equal", "c")
    mayfly.ok("set", cache, "k", "d", "--if-present-and-not-equal", "b")
    mayfly.fails(MISS, "set", cache, "k", "e", "--if-absent-or-equal", "c")
    mayfly.ok("set", cache, "k", "e", "--if-absent-or-equal", "d")
    assert mayfly.ok("get", cache, "k") == b"e"
    assert "one" in mayfly.fails(USAGE, "set", cache, "k", "v", "--if-absent", "--if-equal", "e")


def test_conditions_compare_hashes_on_request(mayfly: Mayfly, cache: str) -> None:
    first = mayfly.ok("set", cache, "k", "a", "--hash").decode().strip()
    assert mayfly.ok("get", cache, "k", "--hash") == f"{first}\ta".encode()
    assert mayfly.json("get", cache, "k", "--hash") == {"value": "a", "hash": first}
    second = mayfly.json("set", cache, "k", "b", "--hash", "--if-equal", first)
    assert second != first and mayfly.json("get", cache, "k", "--hash")["hash"] == second
    mayfly.fails(MISS, "set", cache, "k", "c", "--hash", "--if-equal", first)
    for wrong in ("xy", "abc"):
        assert "hexadecimal" in mayfly.fails(USAGE, "set", cache, "k", "c", "--hash", "--if-equal", wrong)
    assert "--hash" in mayfly.fails(USAGE, "set", cache, "k", "c", "--hash", "--if-absent")


def test_exists_answers_with_its_exit_code_too(mayfly: Mayfly, cache: str) -> None:
    mayfly.ok("set", cache, "a", "1")
    assert mayfly.ok("exists", cache, "a") == b"true\n"
    assert mayfly.misses("exists", cache, "b") == b"false\n"
    assert mayfly.misses("exists", cache, "a", "b") == b"a\ttrue\nb\tfalse\n"
    assert mayfly.misses_json("exists", cache, "a", "b") == [{"key": "a", "found": True}, {"key": "b", "found": False}]


def test_type_tells_what_a_key_holds(mayfly: Mayfly, cache: str) -> None:
    mayfly.ok("set", cache, "scalar", "v")
    mayfly.ok("dictionary", "set", cache, "dictionary", "f", "v")
    mayfly.ok("sets", "add", cache, "set", "v")
    mayfly.ok("list", "push-back", cache, "list", "v")
    mayfly.ok("sorted-set", "put", cache, "sorted-set", "v", "1")
    for kind in ("scalar", "dictionary", "set", "list", "sorted-set"):
        assert mayfly.ok("type", cache, kind).decode() == f"{kind}\n"
        assert mayfly.json("type", cache, kind) == kind
    assert "has no key none" in mayfly.fails(MISS, "type", cache, "none")


def test_ttl_is_printed_in_seconds_and_changed(mayfly: Mayfly, cache: str) -> None:
    mayfly.ok("set", cache, "k", "v", "--ttl", "1h")
    assert 3500 < float(mayfly.ok("ttl", "get", cache, "k")) <= 3600
    mayfly.ok("ttl", "set", cache, "k", "10m")
    assert 500 < mayfly.json("ttl", "get", cache, "k") <= 600
    mayfly.fails(MISS, "ttl", "increase", cache, "k", "1m")
    mayfly.ok("ttl", "decrease", cache, "k", "1m")
    assert mayfly.json("ttl", "get", cache, "k") <= 60
    assert mayfly.misses_json("ttl", "decrease", cache, "k", "1h") is False
    assert mayfly.json("ttl", "increase", cache, "k", "1h") is True
    for verb in ("set", "increase", "decrease"):
        mayfly.fails(MISS, "ttl", verb, cache, "none", "1m")
        mayfly.fails(USAGE, "ttl", verb, cache, "k", "soon")
    mayfly.fails(MISS, "ttl", "get", cache, "none")


def test_batches_set_and_get_many_keys(mayfly: Mayfly, cache: str) -> None:
    mayfly.ok("batch", "set", cache, "a", "1", "b", "-", "--ttl", "1m", stdin=BINARY)
    assert mayfly.json("ttl", "get", cache, "b") <= 60
    assert mayfly.ok("batch", "get", cache, "a") == b"1"
    assert mayfly.ok("batch", "get", cache, "b", "a") == b"b\t" + BINARY + b"\na\t1\n"
    assert mayfly.misses("batch", "get", cache, "a", "x") == b"a\t1\n"
    assert mayfly.misses_json("batch", "get", cache, "x", "b") == [
        {"key": "x", "value": None}, {"key": "b", "value": BINARY_JSON}]
    assert "usage: mayfly batch set" in mayfly.fails(USAGE, "batch", "set", cache, "a", "1", "b")


# --- Dictionaries ---


def test_dictionary_fields_are_set_and_read(mayfly: Mayfly, cache: str) -> None:
    assert mayfly.ok("dictionary", "set", cache, "d", "name", "Ann", "blob", "-", stdin=BINARY) == b""
    assert mayfly.ok("dictionary", "get", cache, "d", "name") == b"Ann"
    assert mayfly.ok("dictionary", "get", cache, "d", "blob") == BINARY
    assert mayfly.misses("dictionary", "get", cache, "d", "x", "name") == b"name\tAnn\n"
    assert mayfly.misses_json("dictionary", "get", cache, "d", "x", "blob") == [
        {"field": "x", "value": None}, {"field": "blob", "value": BINARY_JSON}]
    assert "d has no field x" in mayfly.fails(MISS, "dictionary", "get", cache, "d", "x")
    assert mayfly.misses_json("dictionary", "get", cache, "none", "x") == [{"field": "x", "value": None}]
    fetched = mayfly.json("dictionary", "fetch", cache, "d")
    assert {entry["field"]: entry["value"] for entry in fetched} == {"name": "Ann", "blob": BINARY_JSON}
    assert mayfly.ok("dictionary", "length", cache, "d") == b"2\n"


def test_dictionary_increments_removes_and_deletes(mayfly: Mayfly, cache: str) -> None:
    assert mayfly.ok("dictionary", "increment", cache, "d", "n") == b"1\n"
    assert mayfly.ok("dictionary", "increment", cache, "d", "n", "-3") == b"-2\n"
    assert mayfly.json("dictionary", "increment", cache, "d", "n", "9223372036854775807") == 9223372036854775805
    mayfly.ok("dictionary", "set", cache, "d", "a", "1", "b", "2")
    assert mayfly.json("dictionary", "remove", cache, "d", "n", "a", "nothing") is True
    assert mayfly.ok("dictionary", "fetch", cache, "d") == b"b\t2\n"
    mayfly.ok("dictionary", "delete", cache, "d")
    for verb in ("fetch", "length"):
        assert "has no dictionary d" in mayfly.fails(MISS, "dictionary", verb, cache, "d")
        assert mayfly.misses_json("dictionary", verb, cache, "d") is None


# --- Sets ---


def test_sets_add_and_remove(mayfly: Mayfly, cache: str) -> None:
    mayfly.ok("sets", "add", cache, "s", "a", "b", "-", stdin=BINARY)
    mayfly.ok("sets", "remove", cache, "s", "b", "nothing")
    assert mayfly.json("sets", "length", cache, "s") == 2
    fetched = mayfly.json("sets", "fetch", cache, "s")
    assert len(fetched) == 2 and "a" in fetched and BINARY_JSON in fetched
    mayfly.ok("sets", "subtract-from", cache, "s", "a", "c", "d")
    assert lines(mayfly.ok("sets", "fetch", cache, "s")) == {"c", "d"}
    mayfly.ok("sets", "delete", cache, "s")
    assert "has no set s" in mayfly.fails(MISS, "sets", "delete", cache, "s")
    for arguments in (("fetch",), ("length",), ("sample",), ("pop",), ("remove", "a"), ("subtract-from", "a")):
        verb, *values = arguments
        assert mayfly.misses_json("sets", verb, cache, "s", *values) is None


def test_sets_contains_answers_with_its_exit_code_too(mayfly: Mayfly, cache: str) -> None:
    mayfly.ok("sets", "add", cache, "s", "a", "b")
    assert mayfly.ok("sets", "contains", cache, "s", "a") == b"true\n"
    assert mayfly.misses("sets", "contains", cache, "s", "x") == b"false\n"
    assert mayfly.ok("sets", "contains", cache, "s", "b", "a") == b"b\ttrue\na\ttrue\n"
    assert mayfly.misses_json("sets", "contains", cache, "s", "a", "x") == [
        {"value": "a", "found": True}, {"value": "x", "found": False}]
    assert mayfly.misses("sets", "contains", cache, "none", "a") == b"false\n"


def test_sets_sample_and_pop_as_many_as_asked(mayfly: Mayfly, cache: str) -> None:
    every = {f"v{i}" for i in range(10)}
    mayfly.ok("sets", "add", cache, "s", *every)
    assert len(lines(mayfly.ok("sets", "sample", cache, "s"))) == 1
    assert set(mayfly.json("sets", "sample", cache, "s", "--count", "100")) == every
    popped = lines(mayfly.ok("sets", "pop", cache, "s")) | set(mayfly.json("sets", "pop", cache, "s", "--count", "3"))
    assert len(popped) == 4
    assert lines(mayfly.ok("sets", "fetch", cache, "s")) == every - popped


# --- Lists ---


def test_list_pushes_and_pops_at_both_ends(mayfly: Mayfly, cache: str) -> None:
    assert mayfly.ok("list", "push-back", cache, "l", "b") == b"1\n"
    assert mayfly.json("list", "push-front", cache, "l", "a") == 2
    assert mayfly.ok("list", "concatenate-back", cache, "l", "c", "-", stdin=BINARY) == b"4\n"
    assert mayfly.ok("list", "concatenate-front", cache, "l", "x", "y") == b"6\n"
    assert mayfly.json("list", "fetch", cache, "l") == ["x", "y", "a", "b", "c", BINARY_JSON]
    assert mayfly.ok("list", "pop-back", cache, "l") == BINARY
    assert mayfly.ok("list", "pop-front", cache, "l") == b"x"
    assert mayfly.json("list", "pop-front", cache, "l") == "y"
    assert mayfly.ok("list", "fetch", cache, "l") == b"a\nb\nc\n"
    assert mayfly.json("list", "length", cache, "l") == 3


def test_list_is_truncated_at_the_other_end(mayfly: Mayfly, cache: str) -> None:
    mayfly.ok("list", "concatenate-back", cache, "l", "a", "b", "c", "d")
    mayfly.ok("list", "push-back", cache, "l", "e", "--truncate", "4")
    assert mayfly.json("list", "fetch", cache, "l") == ["b", "c", "d", "e"]
    mayfly.ok("list", "push-front", cache, "l", "a", "--truncate", "3")
    assert mayfly.json("list", "fetch", cache, "l") == ["a", "b", "c"]
    mayfly.ok("list", "concatenate-front", cache, "l", "y", "z", "--truncate", "3")
    assert mayfly.json("list", "fetch", cache, "l") == ["y", "z", "a"]
    mayfly.ok("list", "concatenate-back", cache, "l", "b", "--truncate", "2")
    assert mayfly.json("list", "fetch", cache, "l") == ["a", "b"]


def test_list_pushes_several_values_one_after_the_other(mayfly: Mayfly, cache: str) -> None:
    assert mayfly.ok("list", "push-back", cache, "l", "a", "b", "c") == b"3\n"
    assert mayfly.json("list", "push-front", cache, "l", "x", "y", "z", "-", stdin=b"last") == 7
    assert mayfly.json("list", "fetch", cache, "l") == ["last", "z", "y", "x", "a", "b", "c"]
    for end in ("front", "back"):
        for value in ("1", "2", "3"):
            mayfly.ok("list", f"push-{end}", cache, "one-by-one", value, "--truncate", "2")
        mayfly.ok("list", f"push-{end}", cache, "together", "1", "2", "3", "--truncate", "2")
        assert mayfly.json("list", "fetch", cache, "together") == mayfly.json("list", "fetch", cache, "one-by-one")


def test_list_slices_count_from_either_end(mayfly: Mayfly, cache: str) -> None:
    mayfly.ok("list", "concatenate-back", cache, "l", "a", "b", "c", "d", "e")
    assert mayfly.json("list", "fetch", cache, "l", "--start", "-3", "--end", "-1") == ["c", "d"]
    assert mayfly.json("list", "fetch", cache, "l", "--end=2") == ["a", "b"]
    assert mayfly.json("list", "fetch", cache, "l", "--start", "3", "--end", "1") == []
    assert mayfly.ok("list", "retain", cache, "l", "--start", "1", "--end", "4") == b"3\n"
    assert mayfly.json("list", "fetch", cache, "l") == ["b", "c", "d"]
    assert mayfly.json("list", "retain", cache, "l", "--start", "2", "--end", "1") == 0
    assert "has no list l" in mayfly.fails(MISS, "list", "fetch", cache, "l")


def test_list_removes_by_value_and_by_index(mayfly: Mayfly, cache: str) -> None:
    mayfly.ok("list", "concatenate-back", cache, "l", *"abacada")
    assert mayfly.ok("list", "remove", cache, "l", "a") == b"3\n"
    mayfly.ok("list", "concatenate-back", cache, "l", *"efgh")
    assert mayfly.ok("list", "erase", cache, "l", "0", "2:3") == b"3\n"
    assert mayfly.json("list", "fetch", cache, "l") == ["c", "g", "h"]
    mayfly.ok("list", "delete", cache, "l")
    for arguments in (("fetch",), ("length",), ("pop-front",), ("pop-back",), ("retain",), ("delete",), ("remove", "a"),
                      ("erase", "0")):
        verb, *rest = arguments
        assert mayfly.misses_json("list", verb, cache, "l", *rest) is None


# --- Sorted sets ---


@pytest.fixture
def scores(mayfly: Mayfly, cache: str) -> str:
    mayfly.ok("sorted-set", "put", cache, "z", "low", "-1.5", "mid", "2", "high", "1e3", "top", "inf")
    return "z"


def test_sorted_set_is_fetched_by_index(mayfly: Mayfly, cache: str, scores: str) -> None:
    assert mayfly.ok("sorted-set", "fetch", cache, scores) == b"low\nmid\nhigh\ntop\n"
    lowest = mayfly.ok("sorted-set", "fetch", cache, scores, "--with-scores", "--end", "3")
    assert lowest == b"low\t-1.5\nmid\t2\nhigh\t1000\n"
    assert mayfly.json("sorted-set", "fetch", cache, scores, "--descending", "--end", "2") == ["top", "high"]
    assert mayfly.json("sorted-set", "fetch", cache, scores, "--with-scores", "--start", "-2") == [
        {"value": "high", "score": 1000}, {"value": "top", "score": "Infinity"}]


@pytest.mark.parametrize(("options", "expected"), [
    (("--min", "2"), ["mid", "high", "top"]),
    (("--min-exclusive", "2"), ["high", "top"]),
    (("--max", "2"), ["low", "mid"]),
    (("--max-exclusive", "2"), ["low"]),
    (("--min", "-1.5", "--max-exclusive", "inf", "--descending"), ["high", "mid", "low"]),
    (("--offset", "1", "--count", "2"), ["mid", "high"]),
    (("--count", "1", "--descending"), ["top"]),
])
def test_sorted_set_is_fetched_by_score(
    mayfly: Mayfly, cache: str, scores: str, options: tuple[str, ...], expected: list[str]
) -> None:
    assert mayfly.json("sorted-set", "fetch", cache, scores, *options) == expected


def test_sorted_set_tells_scores_ranks_and_lengths(mayfly: Mayfly, cache: str, scores: str) -> None:
    assert mayfly.ok("sorted-set", "score", cache, scores, "low") == b"-1.5\n"
    assert mayfly.misses("sorted-set", "score", cache, scores, "mid", "x") == b"mid\t2\n"
    assert mayfly.misses_json("sorted-set", "score", cache, scores, "top", "x") == [
        {"value": "top", "score": "Infinity"}, {"value": "x", "score": None}]
    assert "z has no value x" in mayfly.fails(MISS, "sorted-set", "score", cache, scores, "x")
    assert mayfly.ok("sorted-set", "rank", cache, scores, "mid") == b"1\n"
    assert mayfly.json("sorted-set", "rank", cache, scores, "mid", "--descending") == 2
    assert "z has no value x" in mayfly.fails(MISS, "sorted-set", "rank", cache, scores, "x")
    assert mayfly.misses_json("sorted-set", "rank", cache, scores, "x") is None
    assert mayfly.ok("sorted-set", "length", cache, scores) == b"4\n"
    assert mayfly.json("sorted-set", "length", cache, scores, "--min-exclusive", "-1.5", "--max", "1000") == 2


def test_sorted_set_changes(mayfly: Mayfly, cache: str, scores: str) -> None:
    assert mayfly.ok("sorted-set", "increment", cache, scores, "mid") == b"3\n"
    assert mayfly.json("sorted-set", "increment", cache, scores, "mid", "-0.1") == 3 - 0.1
    assert mayfly.ok("sorted-set", "remove", cache, scores, "top", "nothing") == b""
    assert mayfly.json("sorted-set", "fetch", cache, scores) == ["low", "mid", "high"]
    mayfly.ok("sorted-set", "put", cache, scores, "-", "-2", stdin=BINARY)
    assert mayfly.json("sorted-set", "fetch", cache, scores, "--end", "1") == [BINARY_JSON]
    mayfly.ok("sorted-set", "delete", cache, scores)
    for verb in ("fetch", "length"):
        assert "has no sorted set z" in mayfly.fails(MISS, "sorted-set", verb, cache, scores)


def test_sorted_set_union_weighs_its_sources(mayfly: Mayfly, cache: str) -> None:
    mayfly.ok("sorted-set", "put", cache, "a", "x", "1", "y", "2")
    mayfly.ok("sorted-set", "put", cache, "b", "y", "10")
    for aggregate, y in (("sum", -1), ("min", -5), ("max", 4)):
        assert mayfly.ok("sorted-set", "union", cache, "u", "a", "2", "b", "-0.5", "--aggregate", aggregate) == b"2\n"
        assert mayfly.json("sorted-set", "score", cache, "u", "y") == [{"value": "y", "score": y}]
    assert "product" in mayfly.fails(USAGE, "sorted-set", "union", cache, "u", "a", "1", "--aggregate", "product")


# --- Leaderboards ---


@pytest.fixture
def board(mayfly: Mayfly, cache: str) -> str:
    mayfly.ok("leaderboard", "upsert", cache, "board", "1", "10", "2", "20.5", "3", "20.5", "4294967295", "-3")
    return "board"


def test_leaderboard_is_fetched_by_rank_and_by_score(mayfly: Mayfly, cache: str, board: str) -> None:
    assert mayfly.ok("leaderboard", "fetch-by-rank", cache, board) == (
        b"4294967295\t-3\t0\n1\t10\t1\n2\t20.5\t2\n3\t20.5\t3\n")
    best = mayfly.json("leaderboard", "fetch-by-rank", cache, board, "--descending", "--start", "2", "--end", "4")
    assert best == [{"id": 1, "score": 10, "rank": 2}, {"id": 4294967295, "score": -3, "rank": 3}]
    within = mayfly.json("leaderboard", "fetch-by-score", cache, board, "--min", "-3", "--max-exclusive", "20.5")
    assert [element["id"] for element in within] == [4294967295, 1]
    paged = mayfly.json("leaderboard", "fetch-by-score", cache, board, "--offset", "1", "--count", "1", "--descending")
    assert [element["rank"] for element in paged] == [1]


def test_leaderboard_ranks_ids(mayfly: Mayfly, cache: str, board: str) -> None:
    assert mayfly.ok("leaderboard", "rank", cache, board, "1") == b"1\t10\t1\n"
    ranks = mayfly.json("leaderboard", "competition-rank", cache, board, "2", "3", "--descending")
    assert {element["id"]: element["rank"] for element in ranks} == {2: 0, 3: 0}
    assert mayfly.misses("leaderboard", "rank", cache, board, "9") == b""
    assert mayfly.misses_json("leaderboard", "competition-rank", cache, board, "1", "9") == [
        {"id": 1, "score": 10, "rank": 1}]


def test_leaderboard_shrinks_and_goes(mayfly: Mayfly, cache: str, board: str) -> None:
    mayfly.ok("leaderboard", "remove", cache, board, "1", "9")
    assert mayfly.ok("leaderboard", "length", cache, board) == b"3\n"
    assert mayfly.json("leaderboard", "delete", cache, board) is True
    assert mayfly.json("leaderboard", "length", cache, board) == 0
    assert mayfly.json("leaderboard", "fetch-by-rank", cache, board) == []


# --- What all of them share ---


@pytest.mark.parametrize("write", [
    ("dictionary", "set", "f", "v"),
    ("dictionary", "increment", "n"),
    ("sets", "add", "v"),
    ("list", "push-back", "v"),
    ("list", "push-front", "v"),
    ("list", "concatenate-back", "v"),
    ("list", "concatenate-front", "v"),
    ("list", "retain"),
    ("sorted-set", "put", "v", "1"),
    ("sorted-set", "increment", "v"),
], ids=lambda write: "-".join(write[:2]))
def test_a_write_renews_the_time_to_live_unless_told_not_to(mayfly: Mayfly, cache: str, write: tuple[str, ...]) -> None:
    first = ("list", "push-back", "v") if write[1] == "retain" else write
    mayfly.ok(first[0], first[1], cache, "x", *first[2:], "--ttl", "10m")
    mayfly.ok(write[0], write[1], cache, "x", *write[2:], "--ttl", "1h", "--no-refresh-ttl")
    assert mayfly.json("ttl", "get", cache, "x") <= 600
    mayfly.ok(write[0], write[1], cache, "x", *write[2:], "--ttl", "1h")
    assert mayfly.json("ttl", "get", cache, "x") > 600


@pytest.mark.parametrize("arguments", [
    ("dictionary", "get", "f"),
    ("dictionary", "set", "f", "v"),
    ("sets", "add", "v"),
    ("sets", "contains", "v"),
    ("list", "push-front", "v"),
    ("list", "fetch"),
    ("sorted-set", "put", "v", "1"),
    ("sorted-set", "rank", "v"),
], ids=lambda arguments: "-".join(arguments[:2]))
def test_a_key_of_another_type_is_an_error(mayfly: Mayfly, cache: str, arguments: tuple[str, ...]) -> None:
    mayfly.ok("set", cache, "k", "v")
    for json_too in ((), ("--json",)):
        sentence = mayfly.fails(FAILED, arguments[0], arguments[1], cache, "k", *arguments[2:], *json_too)
        assert "FAILED_PRECONDITION" in sentence


@pytest.mark.parametrize("arguments", [
    ("dictionary", "set", "c", "d", "field"),
    ("dictionary", "set", "c", "d"),
    ("dictionary", "get", "c", "d"),
    ("dictionary", "delete", "c", "d", "field"),
    ("dictionary", "increment", "c", "d", "f", "much"),
    ("dictionary", "increment", "c", "d", "f", "1", "2"),
    ("dictionary", "fetch", "c", "d", "--ttl", "1h"),
    ("sets", "add", "c", "s"),
    ("sets", "sample", "c", "s", "--count", "-1"),
    ("sets", "pop", "c", "s", "--count", "4294967296"),
    ("list", "push-front", "c", "l"),
    ("list", "push-front", "c", "l", "a", "--truncate", "-1"),
    ("list", "fetch", "c", "l", "--start", "first"),
    ("list", "fetch", "c", "l", "--start", "99999999999"),
    ("list", "erase", "c", "l", "-1"),
    ("list", "erase", "c", "l", "1:x"),
    ("list", "erase", "c", "l", "1:"),
    ("list", "erase", "c", "l", "0" * 30 + "1"),
    ("list", "fetch", "c", "l", "--start", "2147483648"),
    ("list", "retain", "c", "l", "--end", "-2147483649"),
    ("sorted-set", "fetch", "c", "z", "--end", "2147483648"),
    ("leaderboard", "fetch-by-rank", "c", "b", "--start", "-1"),
    ("leaderboard", "fetch-by-rank", "c", "b", "--end", "4294967296"),
    ("sorted-set", "put", "c", "z", "v"),
    ("sorted-set", "put", "c", "z", "v", "much"),
    ("sorted-set", "put", "c", "z", "v", "nan"),
    ("sorted-set", "put", "c", "z", "v", "1e999"),
    ("sorted-set", "put", "c", "z", "v", "0x10"),
    ("sorted-set", "increment", "c", "z", "v", ""),
    ("sorted-set", "fetch", "c", "z", "--min", "1", "--min-exclusive", "1"),
    ("sorted-set", "fetch", "c", "z", "--start", "1", "--min", "1"),
    ("sorted-set", "length", "c", "z", "--max", "nan"),
    ("leaderboard", "upsert", "c", "b", "-1", "1"),
    ("leaderboard", "upsert", "c", "b", "4294967296", "1"),
    ("leaderboard", "rank", "c", "b", "one"),
    ("leaderboard", "fetch-by-score", "c", "b", "--max", "1"),
    ("topic", "publish", "c", "t"),
    ("topic", "subscribe", "c", "t", "--count", "few"),
    ("exists", "c"),
    ("ttl", "set", "c", "k"),
])
def test_wrong_usage_is_found_before_anything_is_sent(binary: Path, arguments: tuple[str, ...]) -> None:
    Mayfly(binary, "127.0.0.1:1").fails(USAGE, *arguments)


@pytest.mark.parametrize("arguments", [
    ("leaderboard", "fetch-by-rank", "b", "--start", "5", "--end", "5"),
    ("leaderboard", "fetch-by-score", "b", "--count", "0"),
    ("sorted-set", "fetch", "z", "--count", "4294967295"),
    ("dictionary", "set", "d", "", "v"),
    ("topic", "subscribe", ""),
], ids=lambda arguments: "-".join(arguments[:2]))
def test_what_the_client_refuses_to_send_is_wrong_usage(mayfly: Mayfly, cache: str, arguments: tuple[str, ...]) -> None:
    assert "INVALID_ARGUMENT" in mayfly.fails(USAGE, arguments[0], arguments[1], cache, *arguments[2:])


def test_options_may_stand_before_between_and_behind_arguments(mayfly: Mayfly, cache: str) -> None:
    mayfly.ok("sorted-set", "put", "--ttl", "1m", cache, "z", "--no-refresh-ttl", "--", "--value", "-1.5")
    assert mayfly.ok("sorted-set", "fetch", "--with-scores", cache, "z") == b"--value\t-1.5\n"


def test_standard_input_is_one_value(mayfly: Mayfly, cache: str) -> None:
    assert "standard input" in mayfly.fails(USAGE, "list", "concatenate-back", cache, "l", "-", "-")
    mayfly.ok("list", "push-back", cache, "l", "-")
    assert mayfly.json("list", "fetch", cache, "l") == [""]
    done = mayfly("list", "push-back", cache, "l", "-", stdin=b"x" * (17 << 20))
    assert done.returncode == LOCAL and b"larger" in done.stderr
