"""What a subscription gives."""

from abc import ABC
from dataclasses import dataclass
from warnings import warn

from ..mixins import ErrorResponseMixin, ValueStringMixin
from ..response import PubsubResponse


class TopicSubscriptionItemResponse(PubsubResponse):
    """`TopicSubscriptionItem.Text`, `TopicSubscriptionItem.Binary` or `TopicSubscriptionItem.Error`."""


class TopicSubscriptionItem(ABC):
    """What the iteration of a subscription gives."""

    @dataclass
    class Success(TopicSubscriptionItemResponse, ValueStringMixin):
        """Deprecated: subscriptions give `Text` or `Binary`."""

        value_bytes: bytes
        """The item; `value_string` reads it as UTF-8."""

        def __post_init__(self) -> None:
            warn("Success is a deprecated response, use Text or Binary instead", DeprecationWarning, stacklevel=2)

    @dataclass
    class Text(TopicSubscriptionItemResponse):
        """An item that was published as text."""

        value: str
        sequence_number: int
        """Its number in the topic; the next item has the next one."""
        sequence_page: int
        """Changes when the topic's numbers start anew."""

    @dataclass
    class Binary(TopicSubscriptionItemResponse):
        """An item that was published as bytes."""

        value: bytes
        sequence_number: int
        """Its number in the topic; the next item has the next one."""
        sequence_page: int
        """Changes when the topic's numbers start anew."""

    class Error(TopicSubscriptionItemResponse, ErrorResponseMixin):
        """The subscription failed: see `error_code` and `message`."""
