"""Metadata as middleware of the blocking clients sees it."""

from dataclasses import dataclass
from typing import Optional


@dataclass
class MiddlewareMetadata:
    """Headers, sent or received; None where there are none."""

    grpc_metadata: Optional[list[tuple[str, str]]]
