"""Small things that more than one module needs."""

from .expiration import Expiration, ExpiresAt, ExpiresIn
from .shared_sync_asyncio import DEFAULT_EAGER_CONNECTION_TIMEOUT_SECONDS, str_to_bytes

__all__ = [
    "DEFAULT_EAGER_CONNECTION_TIMEOUT_SECONDS",
    "Expiration",
    "ExpiresAt",
    "ExpiresIn",
    "str_to_bytes",
]
