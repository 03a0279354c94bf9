"""What an exception tells beside its sentence."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Optional

from mayfly.internal.metadata import Metadata

from .status_code import StatusCode


@enum.unique
class MomentoErrorCode(enum.Enum):
    """The kinds of errors, for code that acts on them."""

    INVALID_ARGUMENT_ERROR = (1,)
    """An argument cannot be right, whatever the state of the service."""
    UNKNOWN_SERVICE_ERROR = (2,)
    """The service answered something that the client does not know."""
    ALREADY_EXISTS_ERROR = (3,)
    """There is a cache of that name."""
    NOT_FOUND_ERROR = (4,)
    """There is no cache of that name."""
    INTERNAL_SERVER_ERROR = (5,)
    """The service failed."""
    PERMISSION_ERROR = (6,)
    """The key does not allow the operation."""
    AUTHENTICATION_ERROR = (7,)
    """The service does not accept the key."""
    CANCELLED_ERROR = (8,)
    """The request was cancelled."""
    LIMIT_EXCEEDED_ERROR = (9,)
    """A limit of the service was met."""
    BAD_REQUEST_ERROR = (10,)
    """The service does not accept the request."""
    TIMEOUT_ERROR = (11,)
    """The deadline passed first."""
    SERVER_UNAVAILABLE = (12,)
    """The service could not be reached or could not handle the request."""
    CLIENT_RESOURCE_EXHAUSTED = (13,)
    """The client ran out of memory or of places for requests."""
    FAILED_PRECONDITION_ERROR = (14,)
    """The state of the cache does not allow the operation, such as an increment of a text."""
    UNKNOWN_ERROR = 15
    """None of the others."""
    CONNECTION_ERROR = 16
    """No connection could be made."""


@dataclass
class MomentoGrpcErrorDetails:
    """The error as gRPC told it."""

    code: StatusCode
    """The status of the call."""
    details: str
    """The service's sentence."""
    metadata: Optional[Metadata] = None
    """Headers and trailers that came with it."""


@dataclass
class MomentoErrorTransportDetails:
    """The error as the transport told it."""

    grpc: MomentoGrpcErrorDetails
    """The gRPC part."""
