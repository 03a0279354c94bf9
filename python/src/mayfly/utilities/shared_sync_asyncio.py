"""What the blocking and the asyncio clients share."""

DEFAULT_EAGER_CONNECTION_TIMEOUT_SECONDS = 30


def str_to_bytes(string: str) -> bytes:
    """The text as UTF-8."""
    return string.encode("utf-8")
