"""Checks and conversions of what callers pass."""

from ._data_validation import (
    _as_bytes,
    _gen_dictionary_items_as_bytes,
    _validate_cache_name,
    _validate_disposable_token_expiry,
    _validate_eager_connection_timeout,
    _validate_request_timeout,
    _validate_timedelta_ttl,
    _validate_topic_name,
    _validate_ttl,
)
from ._time import _timedelta_to_ms

__all__ = [
    "_as_bytes",
    "_gen_dictionary_items_as_bytes",
    "_timedelta_to_ms",
    "_validate_cache_name",
    "_validate_disposable_token_expiry",
    "_validate_eager_connection_timeout",
    "_validate_request_timeout",
    "_validate_timedelta_ttl",
    "_validate_topic_name",
    "_validate_ttl",
]
