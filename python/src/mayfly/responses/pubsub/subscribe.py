"""What `subscribe` answers."""

from __future__ import annotations

from abc import ABC
from typing import Any, Callable, Optional

from mayfly import logs
from mayfly.errors import StatusCode, error_from_status
from mayfly.internal.services import Service

from ..mixins import ErrorResponseMixin
from ..response import PubsubResponse
from .discontinuity import TopicDiscontinuity
from .subscription_item import TopicSubscriptionItem, TopicSubscriptionItemResponse

_ITEM, _DISCONTINUITY, _ENDED = 1, 2, 5  # by the numbers of libmayfly's mayfly_topic_event_kind


async def next_event(source: Any) -> Any:
    """The next event of a subscription in a loop. It stays where it is until it is taken, so that a wait that is
    cancelled loses none."""
    while (event := source.take()) is None:
        await source.wait()
    return event


class TopicSubscribeResponse(PubsubResponse):
    """`TopicSubscribe.Subscription`, `TopicSubscribe.SubscriptionAsync` or `TopicSubscribe.Error`."""


class TopicSubscribe(ABC):
    """The outcomes of `subscribe`."""

    class SubscriptionBase(TopicSubscribeResponse):
        """What the subscriptions of both clients share."""

        def __init__(
            self,
            cache_name: str,
            topic_name: str,
            source: Any,
            on_end: Callable[[], None],
            on_discontinuity: Optional[Callable[[TopicDiscontinuity], None]] = None,
        ):
            self._cache_name = cache_name
            self._topic_name = topic_name
            self._source = source
            self._on_end: Optional[Callable[[], None]] = on_end
            self._on_discontinuity = on_discontinuity
            self._is_over = False
            self._last_known_sequence_number: Optional[int] = None
            self._last_known_sequence_page: Optional[int] = None

        __eq__ = object.__eq__
        __hash__ = object.__hash__

        def __repr__(self) -> str:
            return f"{type(self).__qualname__}(cache_name={self._cache_name!r}, topic_name={self._topic_name!r})"

        __str__ = __repr__

        def unsubscribe(self) -> None:
            """Ends the subscription; who waits for its next item gets an Error with CANCELLED_ERROR."""
            self._source.unsubscribe()
            self._leave()

        def _leave(self) -> None:
            on_end, self._on_end = self._on_end, None
            if on_end is not None:
                on_end()

        def __del__(self) -> None:
            if getattr(self, "_on_end", None) is not None:
                self._leave()

        def _item_of(self, event: tuple[Any, ...]) -> Optional[TopicSubscriptionItemResponse]:
            kind, value, sequence, page, last_sequence, status, message = event
            if kind == _ITEM:
                self._last_known_sequence_number, self._last_known_sequence_page = sequence, page
                if isinstance(value, str):
                    return TopicSubscriptionItem.Text(value, sequence, page)
                return TopicSubscriptionItem.Binary(value, sequence, page)
            if kind == _ENDED:
                self._is_over = True
                self._leave()
                code = StatusCode.from_number(status)
                return TopicSubscriptionItem.Error(error_from_status(code, message, Service.TOPICS, []))
            if kind == _DISCONTINUITY:
                if self._on_discontinuity is not None:
                    self._on_discontinuity(TopicDiscontinuity(last_sequence, sequence, page))
                logs.logger.debug("items of %s are missing from %d up to %d", self._topic_name, last_sequence, sequence)
            elif message:
                logs.logger.debug("the subscription to %s connects again: %s", self._topic_name, message)
            return None

    class SubscriptionAsync(SubscriptionBase):
        """A subscription of an asyncio client: iterate over its items with `async for`, in one task at a time. The last
        one is an Error that tells why it ended."""

        def __aiter__(self) -> TopicSubscribe.SubscriptionAsync:
            return self

        async def __anext__(self) -> TopicSubscriptionItemResponse:
            while not self._is_over:
                item = self._item_of(await next_event(self._source))
                if item is not None:
                    return item
            raise StopAsyncIteration

    class Subscription(SubscriptionBase):
        """A subscription of a blocking client: iterate over its items, in one thread at a time. The last one is an Error
        that tells why it ended."""

        def __iter__(self) -> TopicSubscribe.Subscription:
            return self

        def __next__(self) -> TopicSubscriptionItemResponse:
            while not self._is_over:
                item = self._item_of(self._source.next())
                if item is not None:
                    return item
            raise StopIteration

    class Error(TopicSubscribeResponse, ErrorResponseMixin):
        """The request failed: see `error_code` and `message`."""
