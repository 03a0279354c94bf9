"""The order of sorted sets."""

from enum import Enum


class SortOrder(Enum):
    """By score, from the lowest or from the highest."""

    ASCENDING = True
    DESCENDING = False
