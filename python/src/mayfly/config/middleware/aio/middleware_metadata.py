"""Metadata as middleware of the asyncio clients sees it."""

from dataclasses import dataclass
from typing import Optional

from ..metadata import Metadata


@dataclass
class MiddlewareMetadata:
    """Headers, sent or received; None where there are none."""

    grpc_metadata: Optional[Metadata]
