"""Leaderboards, through both clients: every outcome of every method, and what is refused."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import mayfly
import pytest
from support import ASYNCIO, BLOCKING, CACHE, Caller, code_of

from mayfly.requests import LeaderboardOrder
from mayfly.responses import (
    LeaderboardDelete,
    LeaderboardElement,
    LeaderboardFetch,
    LeaderboardLength,
    LeaderboardRemoveElements,
    LeaderboardUpsert,
)

SCORES = {10: 1.0, 20: 2.0, 30: 2.0, 40: 4.5}
DESCENDING = LeaderboardOrder.DESCENDING

CALLS: list[tuple[str, tuple[Any, ...]]] = [
    ("upsert", ({1: 1.0},)), ("fetch_by_score", ()), ("fetch_by_rank", (0, 1)), ("get_rank", ([1],)),
    ("get_competition_rank", ([1],)), ("length", ()), ("remove_elements", ([1],)), ("delete", ()),
]


@pytest.fixture
def board(leaderboards: Caller, key: str) -> Caller:
    """Return a leaderboard with four elements."""
    made: Caller = leaderboards.leaderboard(CACHE, key)
    assert isinstance(made.upsert(SCORES), LeaderboardUpsert.Success)
    return made


def ids(response: Any) -> list[int]:
    """Return the ids of a response's elements."""
    assert isinstance(response, LeaderboardFetch.Success), response
    return [element.id for element in response.elements]


def test_elements_have_an_id_a_score_and_a_rank(board: Caller) -> None:
    assert board.fetch_by_rank(0, 10) == LeaderboardFetch.Success([
        LeaderboardElement(10, 1.0, 0), LeaderboardElement(20, 2.0, 1), LeaderboardElement(30, 2.0, 2),
        LeaderboardElement(40, 4.5, 3)])


def test_upsert_adds_and_moves(board: Caller) -> None:
    board.upsert({10: 9, 0: -0.5, 4_294_967_295: 3.0})
    assert ids(board.fetch_by_rank(0, 10)) == [0, 20, 30, 4_294_967_295, 40, 10]


@pytest.mark.parametrize(("start", "end", "order", "found"), [
    (0, 2, LeaderboardOrder.ASCENDING, [10, 20]), (1, 3, LeaderboardOrder.ASCENDING, [20, 30]),
    (0, 1, DESCENDING, [40]), (3, 9, LeaderboardOrder.ASCENDING, [40]), (8, 9, LeaderboardOrder.ASCENDING, []),
])
def test_ranks_are_fetched_without_the_last(
    board: Caller, start: int, end: int, order: LeaderboardOrder, found: list[int]
) -> None:
    assert ids(board.fetch_by_rank(start, end, order=order)) == found


@pytest.mark.parametrize(("bounds", "found"), [
    ({}, [10, 20, 30, 40]),
    ({"min_score": 2.0}, [20, 30, 40]),
    ({"max_score": 2.0}, [10]),
    ({"min_score": 2, "max_score": 4.5}, [20, 30]),
    ({"offset": 1, "count": 2}, [20, 30]),
    ({"count": 1, "order": DESCENDING}, [40]),
    ({"min_score": 5.0}, []),
], ids=str)
def test_scores_are_fetched_up_to_but_without_the_highest(
    board: Caller, bounds: dict[str, Any], found: list[int]
) -> None:
    assert ids(board.fetch_by_score(**bounds)) == found


def test_a_rank_is_given_for_the_ids_that_are_there(board: Caller) -> None:
    assert board.get_rank([40, 99, 10]).elements == [LeaderboardElement(40, 4.5, 3), LeaderboardElement(10, 1.0, 0)]
    assert [element.rank for element in board.get_rank(iter([40]), order=DESCENDING).elements] == [0]


def test_equal_scores_share_a_competition_rank(board: Caller) -> None:
    def ranks(**order: LeaderboardOrder) -> dict[int, int]:
        return {element.id: element.rank for element in board.get_competition_rank(SCORES, **order).elements}

    assert ranks(order=LeaderboardOrder.ASCENDING) == {10: 0, 20: 1, 30: 1, 40: 3}
    assert ranks() == ranks(order=DESCENDING) == {40: 0, 20: 1, 30: 1, 10: 3}


def test_length_counts_elements(board: Caller) -> None:
    assert board.length() == LeaderboardLength.Success(4)


def test_elements_are_removed_and_those_that_are_not_there_too(board: Caller) -> None:
    assert isinstance(board.remove_elements([20, 99]), LeaderboardRemoveElements.Success)
    assert ids(board.fetch_by_rank(0, 10)) == [10, 30, 40]


def test_a_leaderboard_is_deleted_whole_and_again(board: Caller) -> None:
    for _ in range(2):
        assert isinstance(board.delete(), LeaderboardDelete.Success)
        assert board.length() == LeaderboardLength.Success(0)
        assert board.fetch_by_rank(0, 10) == board.fetch_by_score() == LeaderboardFetch.Success([])


def test_a_call_takes_8192_elements_and_no_more(leaderboards: Caller, key: str) -> None:
    board = leaderboards.leaderboard(CACHE, key)
    assert isinstance(board.upsert({i: float(i) for i in range(8192)}), LeaderboardUpsert.Success)
    assert len(ids(board.fetch_by_rank(0, 8192))) == 8192
    assert code_of(board.upsert({i: 0.0 for i in range(8193)})) == "INVALID_ARGUMENT_ERROR"
    assert code_of(board.fetch_by_rank(0, 8193)) == "INVALID_ARGUMENT_ERROR"
    assert board.length() == LeaderboardLength.Success(8192)
    board.delete()


def test_leaderboards_of_one_name_in_two_caches_are_two(
    leaderboards: Caller, board: Caller, key: str, other_cache: str
) -> None:
    assert leaderboards.leaderboard(other_cache, key).length() == LeaderboardLength.Success(0)


@pytest.mark.parametrize(("method", "args"), CALLS, ids=[method for method, _ in CALLS])
@pytest.mark.parametrize(("cache_name", "name", "code", "sentence"), [
    ("no-such-cache", "b", "NOT_FOUND_ERROR", ""),
    (None, "b", "INVALID_ARGUMENT_ERROR", "Cache name must be a string"),
    ("", "b", "INVALID_ARGUMENT_ERROR", "Cache name must not be empty"),
    (CACHE, 7, "INVALID_ARGUMENT_ERROR", "Leaderboard name must be a string"),
    (CACHE, "", "INVALID_ARGUMENT_ERROR", "Leaderboard name must not be empty"),
    (CACHE, "\ud800", "UNKNOWN_ERROR", "surrogates not allowed"),
], ids=["no cache", "cache None", "cache empty", "name int", "name empty", "name no text"])
def test_names_that_cannot_be_are_errors(
    leaderboards: Caller, method: str, args: Any, cache_name: Any, name: Any, code: str, sentence: str
) -> None:
    response = getattr(leaderboards.leaderboard(cache_name, name), method)(*args)
    assert code_of(response) == code
    assert sentence in response.message


@pytest.mark.parametrize(("method", "args", "keywords", "sentence"), [
    ("upsert", ({},), {}, "there are no items"),
    ("upsert", (None,), {}, "Unsupported type for elements: <class 'NoneType'>"),
    ("upsert", ([(1, 1.0)],), {}, "Unsupported type for elements: <class 'list'>"),
    ("upsert", ({"a": 1.0},), {}, "id must be an integer. Given type: <class 'str'>"),
    ("upsert", ({-1: 1.0},), {}, "id must be 0 to 4294967295"),
    ("upsert", ({2**32: 1.0},), {}, "id must be 0 to 4294967295"),
    ("upsert", ({2**70: 1.0},), {}, "id must be 0 to 4294967295"),
    ("upsert", ({1: "a"},), {}, "score must be a number. Given type: <class 'str'>"),
    ("upsert", ({1: math.nan},), {}, "score is not a number"),
    ("upsert", ({1: 10**400},), {}, "score is beyond the largest number there is"),
    ("fetch_by_rank", (None, 1), {}, "start_rank must be an integer. Given type: <class 'NoneType'>"),
    ("fetch_by_rank", (-1, 1), {}, "start_rank must be 0 to 4294967295"),
    ("fetch_by_rank", (0, 2**32), {}, "end_rank must be 0 to 4294967295"),
    ("fetch_by_rank", (2, 2), {}, "the range of ranks is empty"),
    ("fetch_by_rank", (0, 1), {"order": None}, "sort_order is no member of its enumeration: <class 'NoneType'>"),
    ("fetch_by_score", (), {"min_score": "a"}, "min_score must be a number. Given type: <class 'str'>"),
    ("fetch_by_score", (), {"max_score": math.nan}, "max_score is not a number"),
    ("fetch_by_score", (), {"min_score": 2.0, "max_score": 1.0}, "is empty"),
    ("fetch_by_score", (), {"offset": -1}, "offset must be 0 to 4294967295"),
    ("fetch_by_score", (), {"count": 0}, "count must be 1 to 2147483647"),
    ("fetch_by_score", (), {"count": 8193}, "more than a call may return"),
    ("get_rank", ([],), {}, "there are no items"),
    ("get_rank", (7,), {}, "Unsupported type for ids: <class 'int'>"),
    ("get_rank", (["a"],), {}, "id must be an integer. Given type: <class 'str'>"),
    ("get_competition_rank", ([],), {}, "there are no items"),
    ("get_competition_rank", ([-1],), {}, "id must be 0 to 4294967295"),
    ("remove_elements", ([],), {}, "there are no items"),
    ("remove_elements", ([1.0],), {}, "id must be an integer. Given type: <class 'float'>"),
], ids=lambda value: repr(value)[:40])
def test_what_makes_no_sense_is_an_error_and_changes_nothing(
    board: Caller, method: str, args: Any, keywords: dict[str, Any], sentence: str
) -> None:
    response = getattr(board, method)(*args, **keywords)
    assert code_of(response) == "INVALID_ARGUMENT_ERROR"
    assert sentence in response.message
    assert ids(board.fetch_by_rank(0, 10)) == [10, 20, 30, 40]


def test_an_upsert_that_fails_stores_nothing(board: Caller) -> None:
    assert code_of(board.upsert({1: 1.0, 2: "a"})) == "INVALID_ARGUMENT_ERROR"
    assert board.length() == LeaderboardLength.Success(4)


def test_a_client_that_is_closed_answers_with_errors(
    kind: str, credentials: mayfly.CredentialProvider, loop: asyncio.AbstractEventLoop, key: str
) -> None:
    made: Any = mayfly.LeaderboardClientAsync if kind == ASYNCIO else mayfly.LeaderboardClient
    client = Caller(made(mayfly.Configurations.Laptop.latest(), credentials), loop)
    board = client.leaderboard(CACHE, key)
    assert board.length() == LeaderboardLength.Success(0)
    client.close()
    assert code_of(board.length()) == "FAILED_PRECONDITION_ERROR"


def test_with_closes_the_client(
    kind: str, credentials: mayfly.CredentialProvider, loop: asyncio.AbstractEventLoop, key: str
) -> None:
    settings = mayfly.Configurations.Laptop.latest()

    async def use() -> Any:
        async with mayfly.LeaderboardClientAsync(settings, credentials) as client:
            board = client.leaderboard(CACHE, key)
            assert await board.length() == LeaderboardLength.Success(0)
        return await board.length()

    if kind == BLOCKING:
        with mayfly.LeaderboardClient(settings, credentials) as client:
            board = client.leaderboard(CACHE, key)
            assert board.length() == LeaderboardLength.Success(0)
        after: Any = board.length()
    else:
        after = loop.run_until_complete(use())
    assert code_of(after) == "FAILED_PRECONDITION_ERROR"


def test_a_client_counts_its_calls(leaderboards: Caller, key: str) -> None:
    before = leaderboards.counts()["calls"]
    leaderboards.leaderboard(CACHE, key).length()
    assert leaderboards.counts()["calls"] == before + 1
