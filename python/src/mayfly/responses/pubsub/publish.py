"""What `publish` answers."""

from abc import ABC

from ..mixins import ErrorResponseMixin
from ..response import PubsubResponse


class TopicPublishResponse(PubsubResponse):
    """`TopicPublish.Success` or `TopicPublish.Error`."""


class TopicPublish(ABC):
    """The outcomes of `publish`."""

    class Success(TopicPublishResponse):
        """The item is with the service."""

    class Error(TopicPublishResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
