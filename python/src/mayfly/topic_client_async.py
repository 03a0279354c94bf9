"""The asyncio client of topics."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Optional

from mayfly.auth import CredentialProvider
from mayfly.config import TopicConfiguration
from mayfly.internal import _methods
from mayfly.internal._client import LoopBase, open_topics_loop
from mayfly.internal._topics import Places, first_event, refusal, subscribe_problem
from mayfly.responses import TopicDiscontinuity, TopicPublishResponse, TopicSubscribe, TopicSubscribeResponse
from mayfly.responses.pubsub.subscribe import next_event


class TopicClientAsync(LoopBase):
    """A client of topics for asyncio: messages are passed on to whoever is subscribed at the time.

        subscription = await client.subscribe("chat", "room-1")
        if isinstance(subscription, TopicSubscribe.SubscriptionAsync):
            async for item in subscription:
                match item:
                    case TopicSubscriptionItem.Text(): use(item.value)

    A subscription heals by itself when its connection is lost, and goes on behind the last item that it gave.
    """

    def __init__(self, configuration: TopicConfiguration, credential_provider: CredentialProvider):
        """Connects when it is used first.

        Raises:
            InvalidArgumentException: a setting makes no sense; the message says which.
        """
        super().__init__(open_topics_loop(configuration, credential_provider))
        self._places = Places(configuration.get_max_subscriptions())

    async def __aenter__(self) -> TopicClientAsync:
        return self

    async def __aexit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.close()

    def publish(
        self,
        cache_name: str,
        topic_name: str,
        value: str | bytes,
    ) -> Coroutine[Any, Any, TopicPublishResponse]:
        """Sends a message, text or bytes, to a topic of a cache."""
        return self._call(_methods.PUBLISH, cache_name, topic_name, value)

    async def subscribe(
        self,
        cache_name: str,
        topic_name: str,
        resume_at_topic_sequence_number: int = 0,
        resume_at_topic_sequence_page: int = 0,
        *,
        on_discontinuity: Optional[Callable[[TopicDiscontinuity], None]] = None,
    ) -> TopicSubscribeResponse:
        """Subscribes to a topic: the newest message, where there is one, and what comes after it.

        To go on where an earlier subscription ended, give the sequence number behind its last item, and its page. A
        client has 100 subscriptions, or as many as its configuration says, in hundreds; one more is an Error with
        CLIENT_RESOURCE_EXHAUSTED. `on_discontinuity` is called where items are missing, before the next one is given.
        """
        problem = subscribe_problem(cache_name, topic_name) or self._places.take()
        if problem is not None:
            return problem
        try:
            source = self._core.subscribe(
                cache_name, topic_name, resume_at_topic_sequence_number, resume_at_topic_sequence_page
            )
            problem = first_event(source if isinstance(source, tuple) else await next_event(source))
        except (TypeError, ValueError, OverflowError) as e:
            problem = refusal(e)
        except BaseException:
            self._places.give_back()
            raise
        if problem is not None:
            self._places.give_back()
            return problem
        return TopicSubscribe.SubscriptionAsync(
            cache_name, topic_name, source, self._places.give_back, on_discontinuity
        )
