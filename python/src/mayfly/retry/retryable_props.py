"""What a retry strategy is told of a call."""

from dataclasses import dataclass
from datetime import datetime
from typing import Optional

from mayfly.errors.status_code import StatusCode


@dataclass
class RetryableProps:
    """A call that failed."""

    grpc_status: StatusCode
    grpc_method: str
    """The path, such as "/cache_client.Scs/Get"."""
    attempt_number: int
    """How often the call was sent, from 1."""
    overall_deadline: Optional[datetime] = None
    """When the caller's time is up, in local time without a zone."""
