"""Types that describe requests."""

from .collection_ttl import CollectionTtl
from .leaderboard_order import LeaderboardOrder
from .sort_order import SortOrder
from .sorted_set_aggregate import SortedSetAggregate

__all__ = ["CollectionTtl", "LeaderboardOrder", "SortOrder", "SortedSetAggregate"]
