"""Errors: `SdkException` and its kinds.

A request that fails gives its `Error` response with one of them inside; only the constructors of clients and of their
settings raise.
"""

from .error_converter import convert_error, error_from_status
from .error_details import MomentoErrorCode, MomentoErrorTransportDetails, MomentoGrpcErrorDetails
from .exceptions import (
    AlreadyExistsException,
    AuthenticationException,
    BadRequestException,
    CancelledException,
    ClientResourceExhaustedException,
    ConnectionException,
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
)
from .status_code import StatusCode

__all__ = [
    "AlreadyExistsException",
    "AuthenticationException",
    "BadRequestException",
    "CancelledException",
    "ClientResourceExhaustedException",
    "ConnectionException",
    "FailedPreconditionException",
    "InternalServerException",
    "InvalidArgumentException",
    "LimitExceededException",
    "MomentoErrorCode",
    "MomentoErrorTransportDetails",
    "MomentoGrpcErrorDetails",
    "NotFoundException",
    "PermissionDeniedException",
    "SdkException",
    "ServerUnavailableException",
    "StatusCode",
    "TimeoutException",
    "UnknownException",
    "UnknownServiceException",
    "convert_error",
    "error_from_status",
]
