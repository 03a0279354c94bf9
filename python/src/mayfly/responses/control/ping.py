"""What `ping` answers."""

from abc import ABC

from ..mixins import ErrorResponseMixin
from ..response import ControlResponse


class PingResponse(ControlResponse):
    """`Ping.Success` or `Ping.Error`."""


class Ping(ABC):
    """The outcomes of `ping`."""

    class Success(PingResponse):
        """The service answers."""

    class Error(PingResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
