"""The status codes of gRPC, so that no gRPC library is needed to name them."""

from __future__ import annotations

import enum


@enum.unique
class StatusCode(enum.Enum):
    """Each value is the number on the wire and the name in words."""

    OK = (0, "ok")
    CANCELLED = (1, "cancelled")
    UNKNOWN = (2, "unknown")
    INVALID_ARGUMENT = (3, "invalid argument")
    DEADLINE_EXCEEDED = (4, "deadline exceeded")
    NOT_FOUND = (5, "not found")
    ALREADY_EXISTS = (6, "already exists")
    PERMISSION_DENIED = (7, "permission denied")
    RESOURCE_EXHAUSTED = (8, "resource exhausted")
    FAILED_PRECONDITION = (9, "failed precondition")
    ABORTED = (10, "aborted")
    OUT_OF_RANGE = (11, "out of range")
    UNIMPLEMENTED = (12, "unimplemented")
    INTERNAL = (13, "internal")
    UNAVAILABLE = (14, "unavailable")
    DATA_LOSS = (15, "data loss")
    UNAUTHENTICATED = (16, "unauthenticated")

    @classmethod
    def from_number(cls, number: int) -> StatusCode:
        """The code of that number; UNKNOWN for a number that gRPC does not define."""
        return _BY_NUMBER.get(number, cls.UNKNOWN)


_BY_NUMBER = {code.value[0]: code for code in StatusCode}
