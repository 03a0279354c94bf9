from enum import Enum


class SortOrder(Enum):
    """By score, from the lowest or from the highest."""

    ASCENDING = True
    DESCENDING = False
