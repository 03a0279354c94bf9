"""Turns what went wrong into the package's own exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional, Union

from mayfly.internal.metadata import Metadata
from mayfly.internal.services import Service

from .error_details import MomentoErrorTransportDetails, MomentoGrpcErrorDetails
from .exceptions import (
    AlreadyExistsException,
    AuthenticationException,
    BadRequestException,
    CancelledException,
    FailedPreconditionException,
    InternalServerException,
    InvalidArgumentException,
    LimitExceededException,
    NotFoundException,
    PermissionDeniedException,
    SdkException,
    ServerUnavailableException,
    TimeoutException,
    UnknownException,
    UnknownServiceException,
    _KnownException,
)
from .status_code import StatusCode

_EXCEPTION_OF_STATUS: dict[StatusCode, type[_KnownException]] = {
    StatusCode.CANCELLED: CancelledException,
    StatusCode.UNKNOWN: UnknownServiceException,
    StatusCode.INVALID_ARGUMENT: InvalidArgumentException,
    StatusCode.DEADLINE_EXCEEDED: TimeoutException,
    StatusCode.NOT_FOUND: NotFoundException,
    StatusCode.ALREADY_EXISTS: AlreadyExistsException,
    StatusCode.PERMISSION_DENIED: PermissionDeniedException,
    StatusCode.RESOURCE_EXHAUSTED: LimitExceededException,
    StatusCode.FAILED_PRECONDITION: FailedPreconditionException,
    StatusCode.ABORTED: InternalServerException,
    StatusCode.OUT_OF_RANGE: BadRequestException,
    StatusCode.UNIMPLEMENTED: BadRequestException,
    StatusCode.INTERNAL: InternalServerException,
    StatusCode.UNAVAILABLE: ServerUnavailableException,
    StatusCode.DATA_LOSS: InternalServerException,
    StatusCode.UNAUTHENTICATED: AuthenticationException,
}


def error_from_status(
    status: StatusCode, message: str, service: Service, metadata: Sequence[tuple[str, str]]
) -> SdkException:
    """The exception for a call that ended with that status, sentence and trailers. OK, which is no error, gives an
    InternalServerException."""
    details = MomentoErrorTransportDetails(MomentoGrpcErrorDetails(status, message, Metadata(*metadata)))
    return _EXCEPTION_OF_STATUS.get(status, InternalServerException)(message, service, details)


def convert_error(
    exception: Exception,
    service: Service,
    transport_metadata: Optional[Union[Metadata, Sequence[tuple[str, str]]]] = None,
) -> SdkException:
    """An exception of the package as it is; any other as the cause of an UnknownException, which carries the metadata
    that was sent, if any."""
    if isinstance(exception, SdkException):
        return exception
    message = f"{type(exception).__name__}: {exception}"
    details = None
    if transport_metadata is not None:
        sent = Metadata(*transport_metadata)
        details = MomentoErrorTransportDetails(MomentoGrpcErrorDetails(StatusCode.UNKNOWN, message, sent))
    converted = UnknownException(message, service, details)
    converted.__cause__ = exception
    return converted
