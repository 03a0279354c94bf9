"""What the clients of topics have in common."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Optional, Union

from mayfly import logs
from mayfly.errors import InvalidArgumentException, StatusCode, convert_error, error_from_status
from mayfly.errors.exceptions import ClientResourceExhaustedException
from mayfly.internal._utilities import _validate_cache_name, _validate_topic_name
from mayfly.internal.services import Service
from mayfly.responses import TopicSubscribe

if TYPE_CHECKING:
    from mayfly._core import Event

_PLACES_AT_A_TIME = 100

_SUBSCRIBED = 0  # by the numbers of libmayfly's mayfly_topic_event_kind


class Places:
    """How many subscriptions a client may have at once."""

    def __init__(self, wanted: int):
        self._free = max(1, -(-wanted // _PLACES_AT_A_TIME)) * _PLACES_AT_A_TIME
        self._lock = threading.Lock()

    def take(self) -> Optional[TopicSubscribe.Error]:
        """A place, or why there is none."""
        with self._lock:
            if self._free > 0:
                self._free -= 1
                return None
        return _problem(
            ClientResourceExhaustedException("Maximum number of active subscriptions reached", Service.TOPICS)
        )

    def give_back(self) -> None:
        """Frees a place."""
        with self._lock:
            self._free += 1


def _problem(error: Exception) -> TopicSubscribe.Error:
    logs.logger.warning("subscribe failed: %s", error)
    return TopicSubscribe.Error(convert_error(error, Service.TOPICS))


def subscribe_problem(cache_name: str, topic_name: str) -> Optional[TopicSubscribe.Error]:
    """What is wrong with the names."""
    try:
        _validate_cache_name(cache_name)
        _validate_topic_name(topic_name)
    except Exception as e:
        return _problem(e)
    return None


def refusal(error: Exception) -> TopicSubscribe.Error:
    """For arguments that the core did not take."""
    return _problem(error if isinstance(error, UnicodeError) else InvalidArgumentException(str(error), Service.TOPICS))


def first_event(event: Union[Event, tuple[int, str]]) -> Optional[TopicSubscribe.Error]:
    """None where a subscription stands; else the Error that tells why not, of its first event or of the refusal."""
    if event[0] == _SUBSCRIBED and len(event) > 2:
        return None
    status, message = (event[0], event[1]) if len(event) == 2 else (event[5], event[6])
    return _problem(error_from_status(StatusCode.from_number(int(status)), str(message), Service.TOPICS, []))
