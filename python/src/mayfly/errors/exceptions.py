"""The exceptions, one a kind of error. A client does not raise them: it puts them in an `Error` response."""

from __future__ import annotations

from enum import Enum
from typing import Any, Optional

from mayfly.internal.services import Service

from .error_details import MomentoErrorCode, MomentoErrorTransportDetails


class SdkException(Exception):
    """The base of all of them."""

    message: str
    """What happened."""
    error_code: MomentoErrorCode
    """The kind of error."""
    service: Service
    """The service that the request was for."""
    transport_details: Optional[MomentoErrorTransportDetails] = None
    """What the transport knows, where it was asked."""
    message_wrapper: str
    """What errors of this kind mean; it stands before the message when both are shown."""

    def __init__(
        self,
        message: str,
        error_code: MomentoErrorCode,
        service: Service,
        transport_details: Optional[MomentoErrorTransportDetails] = None,
        message_wrapper: str = "",
    ):
        super().__init__(message)
        self.message = message
        self.error_code = error_code
        self.service = service
        self.transport_details = transport_details
        self.message_wrapper = message_wrapper

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(message={self.message!r}, error_code={self.error_code!r}, "
            f"transport_details={self.transport_details!r}, message_wrapper={self.message_wrapper!r})"
        )

    def __str__(self) -> str:
        return repr(self)

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would call the constructor with the message alone.
        return _restore, (type(self), self.args), vars(self)


def _restore(kind: type[SdkException], args: tuple[Any, ...]) -> SdkException:
    return kind.__new__(kind, *args)


class _KnownException(SdkException):
    """An exception whose class decides the code and the wrapper, in which `{service}` is the service's name."""

    _code: MomentoErrorCode
    _wrapper: str

    def __init__(
        self,
        message: str,
        service: Service,
        transport_details: Optional[MomentoErrorTransportDetails] = None,
    ):
        super().__init__(message, self._code, service, transport_details, self._wrap(service, transport_details))

    def _wrap(self, service: Optional[Service], transport_details: Optional[MomentoErrorTransportDetails]) -> str:
        return self._wrapper.format(service=service.value if service is not None else "service")


class AlreadyExistsException(_KnownException):
    """What was to be created is there."""

    _code = MomentoErrorCode.ALREADY_EXISTS_ERROR
    _wrapper = "A cache of this name already exists; choose another name, or delete that one first"


class AuthenticationException(_KnownException):
    """The API key is missing or not accepted."""

    _code = MomentoErrorCode.AUTHENTICATION_ERROR
    _wrapper = "The {service} service does not accept these credentials"


class BadRequestException(_KnownException):
    """The service does not accept the request."""

    _code = MomentoErrorCode.BAD_REQUEST_ERROR
    _wrapper = "The request was invalid"


class CancelledException(_KnownException):
    """The request was cancelled."""

    _code = MomentoErrorCode.CANCELLED_ERROR
    _wrapper = "The request was cancelled"


class ConnectionException(_KnownException):
    """No connection could be made."""

    _code = MomentoErrorCode.CONNECTION_ERROR
    _wrapper = "The connection to the server failed"


class FailedPreconditionException(_KnownException):
    """The state of the cache does not allow the operation, such as an increment of a text."""

    _code = MomentoErrorCode.FAILED_PRECONDITION_ERROR
    _wrapper = "The system is not in the state that the operation requires"


class InternalServerException(_KnownException):
    """The service failed."""

    _code = MomentoErrorCode.INTERNAL_SERVER_ERROR
    _wrapper = "The server met an unexpected error"


class InvalidArgumentException(_KnownException):
    """An argument cannot be right, whatever the state of the service."""

    _code = MomentoErrorCode.INVALID_ARGUMENT_ERROR
    _wrapper = "Invalid argument passed to Momento client"


class LimitExceededMessageWrapper(Enum):
    """The wrappers of `LimitExceededException`, one a limit."""

    TOPIC_SUBSCRIPTIONS_LIMIT_EXCEEDED = "Too many topic subscriptions for this account"
    OPERATIONS_RATE_LIMIT_EXCEEDED = "Too many requests per second for this account"
    THROUGHPUT_LIMIT_EXCEEDED = "Too many bytes per second for this account"
    REQUEST_SIZE_LIMIT_EXCEEDED = "The request is larger than this account allows"
    ITEM_SIZE_LIMIT_EXCEEDED = "The item is larger than this account allows"
    ELEMENTS_SIZE_LIMIT_EXCEEDED = "The element is larger than this account allows"
    UNKNOWN_LIMIT_EXCEEDED = "A limit was exceeded"


# The values of the metadata `err`, and texts in the service's sentence for when it sends no `err`.
_LIMIT_OF_METADATA = {
    "topic_subscriptions_limit_exceeded": LimitExceededMessageWrapper.TOPIC_SUBSCRIPTIONS_LIMIT_EXCEEDED,
    "operations_rate_limit_exceeded": LimitExceededMessageWrapper.OPERATIONS_RATE_LIMIT_EXCEEDED,
    "throughput_rate_limit_exceeded": LimitExceededMessageWrapper.THROUGHPUT_LIMIT_EXCEEDED,
    "request_size_limit_exceeded": LimitExceededMessageWrapper.REQUEST_SIZE_LIMIT_EXCEEDED,
    "item_size_limit_exceeded": LimitExceededMessageWrapper.ITEM_SIZE_LIMIT_EXCEEDED,
    "element_size_limit_exceeded": LimitExceededMessageWrapper.ELEMENTS_SIZE_LIMIT_EXCEEDED,
}
_LIMIT_OF_TEXT = {
    "subscribe": LimitExceededMessageWrapper.TOPIC_SUBSCRIPTIONS_LIMIT_EXCEEDED,
    "operations": LimitExceededMessageWrapper.OPERATIONS_RATE_LIMIT_EXCEEDED,
    "throughput": LimitExceededMessageWrapper.THROUGHPUT_LIMIT_EXCEEDED,
    "request limit": LimitExceededMessageWrapper.REQUEST_SIZE_LIMIT_EXCEEDED,
    "item size": LimitExceededMessageWrapper.ITEM_SIZE_LIMIT_EXCEEDED,
    "element size": LimitExceededMessageWrapper.ELEMENTS_SIZE_LIMIT_EXCEEDED,
}


def _limit_exceeded(transport_details: Optional[MomentoErrorTransportDetails]) -> LimitExceededMessageWrapper:
    if transport_details is not None:
        grpc = transport_details.grpc
        cause = grpc.metadata.get("err") if grpc.metadata is not None else None
        if cause in _LIMIT_OF_METADATA:
            return _LIMIT_OF_METADATA[cause]
        sentence = (grpc.details or "").lower()
        for text, limit in _LIMIT_OF_TEXT.items():
            if text in sentence:
                return limit
    return LimitExceededMessageWrapper.UNKNOWN_LIMIT_EXCEEDED


class LimitExceededException(_KnownException):
    """A limit was met: the wrapper says which, as far as the service tells."""

    _code = MomentoErrorCode.LIMIT_EXCEEDED_ERROR

    def _wrap(self, service: Optional[Service], transport_details: Optional[MomentoErrorTransportDetails]) -> str:
        return _limit_exceeded(transport_details).value


class NotFoundException(_KnownException):
    """What the request is about does not exist."""

    _code = MomentoErrorCode.NOT_FOUND_ERROR
    _wrapper = "A cache of this name does not exist; create the cache before using it"


class PermissionDeniedException(_KnownException):
    """The API key does not allow the operation."""

    _code = MomentoErrorCode.PERMISSION_ERROR
    _wrapper = "These credentials do not permit the operation on the {service}"


class ServerUnavailableException(_KnownException):
    """The server could not be reached or could not handle the request."""

    _code = MomentoErrorCode.SERVER_UNAVAILABLE
    _wrapper = "The server was unable to handle the request; consider retrying"


class TimeoutException(_KnownException):
    """The deadline passed first."""

    _code = MomentoErrorCode.TIMEOUT_ERROR
    _wrapper = "The client's timeout was exceeded; a Configuration with a longer one may help"


class UnknownException(_KnownException):
    """An error of no other kind."""

    _code = MomentoErrorCode.UNKNOWN_ERROR
    _wrapper = "An unknown error occurred"

    def __init__(
        self,
        message: str,
        service: Service = None,  # type: ignore[assignment]
        transport_details: Optional[MomentoErrorTransportDetails] = None,
    ):
        super().__init__(message, service, transport_details)


class UnknownServiceException(_KnownException):
    """The service answered something that the client does not know."""

    _code = MomentoErrorCode.BAD_REQUEST_ERROR
    _wrapper = "The service returned an unknown response"


class ClientResourceExhaustedException(_KnownException):
    """The client ran out of memory or of places for requests."""

    _code = MomentoErrorCode.CLIENT_RESOURCE_EXHAUSTED
    _wrapper = "A resource of the client (such as memory or places for requests) is exhausted"
