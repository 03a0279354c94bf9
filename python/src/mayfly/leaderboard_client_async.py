"""The asyncio client of leaderboards."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Optional

from mayfly.auth import CredentialProvider
from mayfly.config import Configuration
from mayfly.internal import _methods
from mayfly.internal._client import LoopCacheBase
from mayfly.requests import LeaderboardOrder
from mayfly.responses import (
    LeaderboardDeleteResponse,
    LeaderboardFetchResponse,
    LeaderboardLengthResponse,
    LeaderboardRemoveElementsResponse,
    LeaderboardUpsertResponse,
)

_A_DAY = timedelta(days=1)  # leaderboards have no TTL of their own


class LeaderboardClientAsync(LoopCacheBase):
    """A client of leaderboards: ids with a score each, ranked by it, rank 0 first.

        board = client.leaderboard("games", "high-scores")
        await board.upsert({17: 4200.0})
        response = await board.fetch_by_rank(0, 10, order=LeaderboardOrder.DESCENDING)

    As `CacheClientAsync` in everything else.
    """

    def __init__(self, configuration: Configuration, credential_provider: CredentialProvider):
        """Connects when it is used first.

        Raises:
            InvalidArgumentException: a setting makes no sense; the message says which.
        """
        super().__init__(configuration, credential_provider, _A_DAY)

    async def __aenter__(self) -> LeaderboardClientAsync:
        return self

    async def __aexit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.close()

    def leaderboard(self, cache_name: str, leaderboard_name: str) -> LeaderboardAsync:
        """A leaderboard, which exists while it has elements."""
        return LeaderboardAsync(self, cache_name, leaderboard_name)


class LeaderboardAsync:
    """A leaderboard of a client. A call takes or gives 8,192 elements at most."""

    def __init__(self, client: LeaderboardClientAsync, cache_name: str, leaderboard_name: str):
        self._client = client
        self._call = client._call
        self._cache_name = cache_name
        self._name = leaderboard_name

    def upsert(self, elements: Mapping[int, float]) -> Coroutine[Any, Any, LeaderboardUpsertResponse]:
        """Adds ids with their scores, or gives them others: all of them or, when it fails, none."""
        return self._call(_methods.LEADERBOARD_UPSERT, self._cache_name, self._name, elements)

    def fetch_by_score(
        self,
        *,
        min_score: Optional[float] = None,
        max_score: Optional[float] = None,
        order: LeaderboardOrder = LeaderboardOrder.ASCENDING,
        offset: Optional[int] = None,
        count: Optional[int] = None,
    ) -> Coroutine[Any, Any, LeaderboardFetchResponse]:
        """The elements with scores from `min_score` up to but without `max_score`: after the first `offset` of them up
        to `count`."""
        return self._call(
            _methods.LEADERBOARD_FETCH_BY_SCORE,
            self._cache_name,
            self._name,
            min_score,
            max_score,
            order,
            offset,
            count,
        )

    def fetch_by_rank(
        self, start_rank: int, end_rank: int, *, order: LeaderboardOrder = LeaderboardOrder.ASCENDING
    ) -> Coroutine[Any, Any, LeaderboardFetchResponse]:
        """The elements of the ranks from `start_rank` up to but without `end_rank`."""
        return self._call(
            _methods.LEADERBOARD_FETCH_BY_RANK, self._cache_name, self._name, start_rank, end_rank, order
        )

    def get_rank(
        self, ids: Iterable[int], *, order: LeaderboardOrder = LeaderboardOrder.ASCENDING
    ) -> Coroutine[Any, Any, LeaderboardFetchResponse]:
        """The elements of these ids that are there."""
        return self._call(_methods.LEADERBOARD_GET_RANK, self._cache_name, self._name, ids, order)

    def get_competition_rank(
        self, ids: Iterable[int], *, order: LeaderboardOrder = LeaderboardOrder.DESCENDING
    ) -> Coroutine[Any, Any, LeaderboardFetchResponse]:
        """As `get_rank`; elements of equal score share the best rank of them."""
        return self._call(_methods.LEADERBOARD_GET_COMPETITION_RANK, self._cache_name, self._name, ids, order)

    def length(self) -> Coroutine[Any, Any, LeaderboardLengthResponse]:
        """How many elements there are."""
        return self._call(_methods.LEADERBOARD_LENGTH, self._cache_name, self._name)

    def remove_elements(self, ids: Iterable[int]) -> Coroutine[Any, Any, LeaderboardRemoveElementsResponse]:
        """Removes these ids; Success also where they were not there."""
        return self._call(_methods.LEADERBOARD_REMOVE_ELEMENTS, self._cache_name, self._name, ids)

    def delete(self) -> Coroutine[Any, Any, LeaderboardDeleteResponse]:
        """Removes the leaderboard."""
        return self._call(_methods.LEADERBOARD_DELETE, self._cache_name, self._name)
