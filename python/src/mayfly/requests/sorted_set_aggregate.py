"""How a union adds up scores."""

from enum import Enum


class SortedSetAggregate(Enum):
    """How a union makes one score of an element's weighted scores in its sources."""

    SUM = 0
    MIN = 1
    MAX = 2
