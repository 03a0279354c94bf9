"""What middleware is shown of a request."""

from collections.abc import Mapping
from dataclasses import dataclass

from mayfly.errors.status_code import StatusCode

CONNECTION_ID_KEY = "connectionID"


@dataclass(frozen=True)
class Message:
    """A request or a reply."""

    name: str
    """The name of its type, such as "_GetRequest"."""
    fields: Mapping[str, object]
    """Of a request what the method was given, by its parameters; of a reply what the response holds."""
    size: int
    """Bytes on the wire."""


@dataclass
class MiddlewareMessage:
    """A request or a reply on its way."""

    grpc_message: Message

    @property
    def message_length(self) -> int:
        """Bytes on the wire."""
        return self.grpc_message.size

    @property
    def constructor_name(self) -> str:
        """The name of the message's type."""
        return self.grpc_message.name


@dataclass
class MiddlewareStatus:
    """How the call ended."""

    grpc_status: StatusCode


@dataclass
class MiddlewareRequestHandlerContext:
    """What middleware is told of a new request; `CONNECTION_ID_KEY` is a name for the client."""

    context: dict[str, str]
