"""The leaderboard service by bare gRPC calls, with stubs made here of our contract: no Python package has them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import grpc
import pytest
from conftest import CALL_TIMEOUT_S, Server
from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

CALL_LIMIT = 8192
BOARD = "board"
ASCENDING = 0
DESCENDING = 1
METHODS = [
    "DeleteLeaderboard",
    "UpsertElements",
    "RemoveElements",
    "GetLeaderboardLength",
    "GetByRank",
    "GetRank",
    "GetByScore",
    "GetCompetitionRank",
]
WITH_ORDER = ["GetByRank", "GetRank", "GetByScore", "GetCompetitionRank"]
WITH_IDS = ["RemoveElements", "GetRank", "GetCompetitionRank"]

Ranked = list[tuple[int, int, float]]


class Service:
    """The leaderboard service, as seen over one channel."""

    def __init__(self, contract: FileDescriptorSet) -> None:
        """Make the messages of the contract."""
        self._pool = DescriptorPool()
        for file in contract.file:
            self._pool.Add(file)
        self._methods = self._pool.FindServiceByName("leaderboard.Leaderboard").methods_by_name

    def request(self, method: str, **fields: Any) -> Any:
        """Return a method's request."""
        return message_factory.GetMessageClass(self._methods[method].input_type)(**fields)

    def send(self, channel: grpc.Channel, cache: str, method: str, request: Any) -> Any:
        """Make a call."""
        answer = message_factory.GetMessageClass(self._methods[method].output_type)
        call = channel.unary_unary(
            f"/leaderboard.Leaderboard/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        return call(request, metadata=[("cache", cache)], timeout=CALL_TIMEOUT_S)


class Board:
    """One leaderboard of one cache."""

    def __init__(self, service: Service, channel: grpc.Channel, cache: str) -> None:
        """Only remember where it is."""
        self._service = service
        self._channel = channel
        self._cache = cache

    def call(self, method: str, **fields: Any) -> Any:
        """Make a call that names the board."""
        request = self._service.request(method, **{"leaderboard": BOARD, **fields})
        return self._service.send(self._channel, self._cache, method, request)

    def refuse(self, method: str, **fields: Any) -> grpc.Call:
        """Make a call that must fail; return how it failed."""
        with pytest.raises(grpc.RpcError) as caught:
            self.call(method, **fields)
        error: Any = caught.value
        return error

    def upsert(self, elements: dict[int, float] | Iterable[tuple[int, float]]) -> None:
        """Put elements on the board."""
        rows = elements.items() if isinstance(elements, dict) else elements
        self.call("UpsertElements", elements=[{"id": id_, "score": score} for id_, score in rows])

    def length(self) -> int:
        """Return how many elements it has."""
        return self.call("GetLeaderboardLength").count

    def by_rank(self, start: int, end: int, order: int = ASCENDING) -> Ranked:
        """Return the elements of some ranks."""
        rank_range = {"start_inclusive": start, "end_exclusive": end}
        return ranked(self.call("GetByRank", rank_range=rank_range, order=order))

    def by_score(self, limit: int = CALL_LIMIT, **fields: Any) -> Ranked:
        """Return the elements of some scores."""
        return ranked(self.call("GetByScore", limit_elements=limit, **fields))


def ranked(response: Any) -> Ranked:
    """Return a response's elements as id, rank and score."""
    return [(element.id, element.rank, element.score) for element in response.elements]


@pytest.fixture(scope="session")
def service(contract: FileDescriptorSet) -> Service:
    """Return the service of our contract."""
    return Service(contract)


@pytest.fixture
def board(service: Service, channel: grpc.Channel, cache: str) -> Board:
    """Return a board that is not there yet, in a cache of the test's own."""
    return Board(service, channel, cache)


SOUND: dict[str, dict[str, Any]] = {
    "DeleteLeaderboard": {},
    "UpsertElements": {"elements": [{"id": 1, "score": 1}]},
    "RemoveElements": {"ids": [1]},
    "GetLeaderboardLength": {},
    "GetByRank": {"rank_range": {"start_inclusive": 0, "end_exclusive": 10}},
    "GetRank": {"ids": [1]},
    "GetByScore": {"limit_elements": 10},
    "GetCompetitionRank": {"ids": [1]},
}


# All methods alike


@pytest.mark.parametrize("method", METHODS)
def test_a_board_that_is_not_there_is_empty(method: str, board: Board) -> None:
    response = board.call(method, **SOUND[method])
    assert response.ByteSize() == 0


@pytest.mark.parametrize("method", METHODS)
def test_a_board_has_a_name(method: str, board: Board) -> None:
    error = board.refuse(method, leaderboard="", **SOUND[method])
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "leaderboard" in error.details()


@pytest.mark.parametrize("method", METHODS)
def test_the_name_of_a_board_has_a_limit(method: str, board: Board) -> None:
    error = board.refuse(method, leaderboard="n" * 5_000_001, **SOUND[method])
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "`leaderboard`" in error.details()


@pytest.mark.parametrize("method", METHODS)
def test_the_cache_must_be_there(method: str, service: Service, channel: grpc.Channel) -> None:
    error = Board(service, channel, "nobody-made-this").refuse(method, **SOUND[method])
    assert error.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("method", METHODS)
def test_what_is_no_message_is_refused(method: str, channel: grpc.Channel, cache: str) -> None:
    send = channel.unary_unary(f"/leaderboard.Leaderboard/{method}")
    with pytest.raises(grpc.RpcError) as caught:
        send(b"\x12\x05b", metadata=[("cache", cache)], timeout=CALL_TIMEOUT_S)
    error: Any = caught.value
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("method", WITH_ORDER)
@pytest.mark.parametrize("order", [2, -1])
def test_there_are_two_orders(method: str, order: int, board: Board) -> None:
    error = board.refuse(method, order=order, **SOUND[method])
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "order" in error.details()


@pytest.mark.parametrize("method", WITH_IDS)
def test_a_call_takes_so_many_ids_and_no_more(method: str, board: Board) -> None:
    board.call(method, ids=[7] * CALL_LIMIT)
    error = board.refuse(method, ids=[7] * (CALL_LIMIT + 1))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "ids" in error.details()


# Elements in and out


def test_elements_are_put_changed_and_removed(board: Board) -> None:
    board.upsert({1: 10, 2: 20, 3: 30})
    board.upsert({2: 40, 4: 5})
    assert board.by_rank(0, 10) == [(4, 0, 5), (1, 1, 10), (3, 2, 30), (2, 3, 40)]
    board.call("RemoveElements", ids=[1, 3, 99])
    assert board.by_rank(0, 10) == [(4, 0, 5), (2, 1, 40)]
    assert board.length() == 2
    board.call("RemoveElements", ids=[2, 4])
    assert board.length() == 0


def test_of_an_id_given_twice_the_last_score_counts(board: Board) -> None:
    board.upsert([(1, 10), (2, 1), (1, 20)])
    assert board.by_rank(0, 10) == [(2, 0, 1), (1, 1, 20)]


def test_ids_and_scores_come_back_to_the_last_bit(board: Board) -> None:
    elements = {0: 0.1, 255: 0.2, 256: 1 / 3, 2**31: 1e300, 2**32 - 1: -1e300, 7: 5e-324, 8: 0.0}
    board.upsert(elements)
    assert {id_: score for id_, _, score in board.by_rank(0, 10)} == elements


def test_equal_scores_are_ordered_by_id(board: Board) -> None:
    ids = [2**32 - 1, 256, 255, 1, 0]
    board.upsert(dict.fromkeys(ids, 1.0))
    assert [id_ for id_, _, _ in board.by_rank(0, 10)] == sorted(ids)


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_scores_are_finite_and_nothing_is_half_put(score: float, board: Board) -> None:
    rows = [{"id": 1, "score": 1.0}, {"id": 2, "score": score}]
    error = board.refuse("UpsertElements", elements=rows)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "score" in error.details()
    assert board.length() == 0


def test_a_call_puts_so_many_elements_and_no_more(board: Board) -> None:
    board.upsert({id_: id_ for id_ in range(CALL_LIMIT)})
    assert board.length() == CALL_LIMIT
    error = board.refuse("UpsertElements", elements=[{"id": id_, "score": 1} for id_ in range(CALL_LIMIT + 1)])
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "elements" in error.details()
    assert board.by_rank(8000, 8001) == [(8000, 8000, 8000)]


@pytest.mark.parametrize(("method", "field"), [("UpsertElements", "elements"), ("RemoveElements", "ids")])
def test_a_change_of_nothing_is_refused(method: str, field: str, board: Board) -> None:
    error = board.refuse(method, **{field: []})
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert field in error.details()


def test_a_board_is_deleted(board: Board) -> None:
    board.upsert({1: 1})
    board.call("DeleteLeaderboard")
    assert board.length() == 0
    board.call("DeleteLeaderboard")


def test_boards_are_apart_from_each_other(board: Board) -> None:
    board.upsert({1: 1})
    board.call("UpsertElements", leaderboard="board\0", elements=[{"id": 2, "score": 2}])
    assert board.by_rank(0, 10) == [(1, 0, 1)]
    assert ranked(board.call("GetRank", leaderboard="board\0", ids=[1, 2])) == [(2, 0, 2)]


# Ranks


def test_ranks_are_told_in_the_order_asked_without_those_that_are_not_there(board: Board) -> None:
    board.upsert({1: 10, 2: 20, 3: 20})
    assert ranked(board.call("GetRank", ids=[3, 99, 1])) == [(3, 2, 20), (1, 0, 10)]
    assert ranked(board.call("GetRank", ids=[3, 99, 1], order=DESCENDING)) == [(3, 0, 20), (1, 2, 10)]
    assert ranked(board.call("GetRank", ids=[])) == []


def test_equal_scores_share_a_competition_rank(board: Board) -> None:
    board.upsert({1: 10, 2: 20, 3: 20, 4: 30})
    ids = [1, 2, 3, 4, 99]
    descending = [(1, 3, 10), (2, 1, 20), (3, 1, 20), (4, 0, 30)]
    ascending = [(1, 0, 10), (2, 1, 20), (3, 1, 20), (4, 3, 30)]
    assert ranked(board.call("GetCompetitionRank", ids=ids)) == descending
    assert ranked(board.call("GetCompetitionRank", ids=ids, order=DESCENDING)) == descending
    assert ranked(board.call("GetCompetitionRank", ids=ids, order=ASCENDING)) == ascending


@pytest.mark.parametrize(("start", "end"), [(0, 3), (2, 5), (4, 100), (9, 10), (100, 200), (100, 100 + CALL_LIMIT)])
def test_ranges_of_ranks_are_read_from_either_end(start: int, end: int, board: Board) -> None:
    board.upsert({id_: id_ * 10 for id_ in range(10)})
    upward = [(id_, id_, id_ * 10.0) for id_ in range(10)]
    downward = [(9 - rank, rank, (9 - rank) * 10.0) for rank in range(10)]
    assert board.by_rank(start, end) == upward[start:end]
    assert board.by_rank(start, end, DESCENDING) == downward[start:end]


RANK_RANGES: list[dict[str, int] | None] = [
    None,
    {},
    {"start_inclusive": 0, "end_exclusive": 0},
    {"start_inclusive": 5, "end_exclusive": 5},
    {"start_inclusive": 4, "end_exclusive": 3},
    {"start_inclusive": 7},
    {"start_inclusive": 0, "end_exclusive": CALL_LIMIT + 1},
    {"start_inclusive": 0, "end_exclusive": 2**32 - 1},
]


@pytest.mark.parametrize("rank_range", RANK_RANGES)
def test_a_range_of_ranks_is_not_empty_and_not_too_wide(rank_range: dict[str, int] | None, board: Board) -> None:
    error = board.refuse("GetByRank", rank_range=rank_range)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "rank_range" in error.details()


@pytest.mark.parametrize(
    ("score_range", "expected"),
    [
        (None, [0, 1, 2, 3, 4]),
        ({}, [0, 1, 2, 3, 4]),
        ({"unbounded_min": {}, "unbounded_max": {}}, [0, 1, 2, 3, 4]),
        ({"min_inclusive": 20}, [2, 3, 4]),
        ({"max_exclusive": 20}, [0, 1]),
        ({"min_inclusive": 10, "max_exclusive": 30}, [1, 2]),
        ({"min_inclusive": 11, "max_exclusive": 19}, []),
    ],
)
def test_scores_lie_from_the_lower_bound_to_below_the_upper(
    score_range: dict[str, Any] | None, expected: list[int], board: Board
) -> None:
    board.upsert({id_: id_ * 10 for id_ in range(5)})
    upward = [(id_, id_, id_ * 10.0) for id_ in expected]
    downward = [(id_, 4 - id_, id_ * 10.0) for id_ in reversed(expected)]
    assert board.by_score(score_range=score_range) == upward
    assert board.by_score(score_range=score_range, order=DESCENDING) == downward


def test_scores_are_paged_through(board: Board) -> None:
    board.upsert({id_: id_ for id_ in range(10)})
    bounds = {"min_inclusive": 2, "max_exclusive": 9}
    pages = [[id_ for id_, _, _ in board.by_score(3, offset=at, score_range=bounds)] for at in (0, 3, 6, 9)]
    assert pages == [[2, 3, 4], [5, 6, 7], [8], []]
    first = board.by_score(2, offset=1, score_range=bounds, order=DESCENDING)
    assert first == [(7, 2, 7), (6, 3, 6)]


@pytest.mark.parametrize(
    ("score_range", "name"),
    [
        ({"min_inclusive": 2, "max_exclusive": 1}, "score_range"),
        ({"min_inclusive": 2, "max_exclusive": 2}, "score_range"),
        ({"min_inclusive": math.nan}, "min_inclusive"),
        ({"min_inclusive": -math.inf}, "min_inclusive"),
        ({"max_exclusive": math.nan}, "max_exclusive"),
        ({"max_exclusive": math.inf}, "max_exclusive"),
    ],
)
def test_a_range_of_scores_is_of_numbers_and_not_empty(score_range: dict[str, float], name: str, board: Board) -> None:
    error = board.refuse("GetByScore", score_range=score_range, limit_elements=1)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert name in error.details()


@pytest.mark.parametrize("limit", [0, CALL_LIMIT + 1, 2**32 - 1])
def test_a_page_of_scores_has_a_length(limit: int, board: Board) -> None:
    error = board.refuse("GetByScore", limit_elements=limit)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "limit_elements" in error.details()


# Settings


def open_board(service: Service, channel: grpc.Channel) -> Board:
    """Return a board in the cache that a server has from its start."""
    return Board(service, channel, "c")


def test_a_board_grows_up_to_its_limit_and_can_change_there(
    service: Service, start_server: Callable[..., Server]
) -> None:
    server = start_server("--cache", "c", "--max-leaderboard-size", "1600b")
    with grpc.insecure_channel(server.address) as channel:
        board = open_board(service, channel)
        board.upsert({id_: 1 for id_ in range(99)})
        error = board.refuse("UpsertElements", elements=[{"id": 98 + i, "score": 2} for i in range(3)])
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "`elements`" in error.details()
        assert board.by_rank(98, 200) == [(98, 98, 1)]
        board.upsert({id_: 2 for id_ in range(1, 100)})
        assert board.length() == 100
        board.upsert({id_: 3 for id_ in range(100)})
        assert board.refuse("UpsertElements", elements=[{"id": 100}]).code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        board.call("RemoveElements", ids=[0])
        board.upsert({100: 1})
        assert board.length() == 100


def test_the_size_of_a_call_is_a_setting(service: Service, start_server: Callable[..., Server]) -> None:
    server = start_server("--cache", "c", "--max-leaderboard-call", "2")
    with grpc.insecure_channel(server.address) as channel:
        board = open_board(service, channel)
        board.upsert({1: 1, 2: 2})
        assert board.refuse("UpsertElements", elements=[{"id": i} for i in range(3)]).code() == (
            grpc.StatusCode.INVALID_ARGUMENT
        )
        assert board.refuse("GetByScore", limit_elements=3).code() == grpc.StatusCode.INVALID_ARGUMENT
        assert len(board.by_rank(0, 2)) == 2


def test_a_board_may_have_a_hundred_thousand_elements(board: Board) -> None:
    count = 100_000
    for start in range(0, count, CALL_LIMIT):
        board.upsert({id_: id_ // 2 for id_ in range(start, min(start + CALL_LIMIT, count))})
    assert board.length() == count
    assert board.by_rank(50_000, 50_002) == [(50_000, 50_000, 25_000), (50_001, 50_001, 25_000)]
    assert ranked(board.call("GetRank", ids=[0, 99_999], order=DESCENDING)) == [(0, 99_999, 0), (99_999, 0, 49_999)]
    assert ranked(board.call("GetCompetitionRank", ids=[0])) == [(0, 99_998, 0)]
    assert board.by_score(2, offset=1, score_range={"min_inclusive": 49_000}) == [
        (98_001, 98_001, 49_000),
        (98_002, 98_002, 49_001),
    ]
