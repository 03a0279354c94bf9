"""How long calls took, in a memory that does not grow with their number.

A latency is recorded as a single-precision float, whose upper 16 bits are its bucket: 8 bits of exponent and 7 of
mantissa, so 128 buckets to each power of two, and a bucket's middle is within 0.4 % of all that is in it. The measured
path pays for one `append` to an array; cutting the bits out and counting them is done for thousands at a time, in C,
at about 40 ns each.
"""

from __future__ import annotations

import math
import struct
import sys
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

_UPPER_HALF = 1 if sys.byteorder == "little" else 0


def _middle_s(bucket: int) -> float:
    middle: float = struct.unpack("<f", struct.pack("<I", bucket << 16 | 0x8000))[0]
    return middle


class Histogram:
    """Latencies in seconds. `record` is quick and only keeps; `fold` counts what was kept since the last time."""

    def __init__(self) -> None:
        self._kept = array("f")
        self.record = self._kept.append
        self.counts: Counter[int] = Counter()

    def fold(self) -> None:
        self.counts.update(array("H", self._kept.tobytes())[_UPPER_HALF::2])
        del self._kept[:]

    def take(self) -> Counter[int]:
        """Fold, and give what was counted since the last time away."""
        self.fold()
        taken, self.counts = self.counts, Counter()
        return taken


def _cumulated(counts: Counter[int]) -> tuple[list[int], list[int]]:
    """The buckets in ascending order, and how many calls each and those before it have."""
    buckets = sorted(counts)  # a positive float's bits have its order
    return buckets, list(accumulate(counts[bucket] for bucket in buckets))


def percentiles_s(counts: Counter[int], fractions: Sequence[float]) -> list[float]:
    """The latencies that these fractions of the calls did not exceed; 0 where there were none."""
    buckets, until = _cumulated(counts)
    if not buckets:
        return [0.0] * len(fractions)
    return [_middle_s(buckets[bisect_left(until, fraction * until[-1])]) for fraction in fractions]


def distribution_s(counts: Counter[int], most: int = 250) -> list[tuple[float, float]]:
    """Latencies in ascending order, each with the fraction of the calls that did not exceed it; `most` of them at most.

    Where there are more they are thinned in equal steps of log(1 / (1 - fraction)), the axis on which such a curve is
    drawn: each nine has as many as the others. The first and the last are always there.
    """
    buckets, until = _cumulated(counts)
    points = [(_middle_s(bucket), count / until[-1]) for bucket, count in zip(buckets, until)]
    if len(points) <= most:
        return points
    places = [-math.log1p(-fraction) for _, fraction in points[:-1]]  # the last one's is infinite
    step = (places[-1] - places[0]) / (most - 2)
    kept = {int((place - places[0]) / step): point for place, point in zip(reversed(places), reversed(points[:-1]))}
    return [*reversed(kept.values()), points[-1]]
