"""gRPC metadata, as asyncio middleware sees it."""

from mayfly.internal.metadata import Metadata

__all__ = ["Metadata"]
