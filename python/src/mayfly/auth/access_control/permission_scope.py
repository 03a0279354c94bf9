"""What a token permits, in caches and topics."""

from dataclasses import dataclass
from enum import Enum
from typing import List, Union


@dataclass
class AllCaches:
    """Every cache."""


@dataclass
class AllTopics:
    """Every topic."""


@dataclass
class PredefinedScope:
    """A scope that the service knows by itself."""


class CacheRole(Enum):
    """What may be done in a cache."""

    READ_WRITE = "read_write"
    READ_ONLY = "read_only"
    WRITE_ONLY = "write_only"


@dataclass
class CacheName:
    """One cache."""

    name: str


@dataclass
class CacheSelector:
    """One cache or all; a text is a name."""

    cache: Union[CacheName, AllCaches, str]

    def is_all_caches(self) -> bool:
        """Whether it is all."""
        return isinstance(self.cache, AllCaches)


@dataclass
class CachePermission:
    """A role in caches."""

    cache_selector: CacheSelector
    role: CacheRole


class TopicRole(Enum):
    """What may be done with a topic."""

    PUBLISH_SUBSCRIBE = "publish_subscribe"
    SUBSCRIBE_ONLY = "subscribe_only"
    PUBLISH_ONLY = "publish_only"


@dataclass
class TopicName:
    """One topic."""

    name: str


@dataclass
class TopicSelector:
    """One topic or all; a text is a name."""

    topic: Union[TopicName, AllTopics, str]

    def is_all_topics(self) -> bool:
        """Whether it is all."""
        return isinstance(self.topic, AllTopics)


@dataclass
class TopicPermission:
    """A role with topics in caches."""

    role: TopicRole
    cache_selector: CacheSelector
    topic_selector: TopicSelector


Permission = Union[CachePermission, TopicPermission]


@dataclass
class Permissions:
    """What one of them permits is permitted."""

    permissions: List[Permission]


ALL_DATA_READ_WRITE = Permissions(
    [
        CachePermission(CacheSelector(AllCaches()), CacheRole.READ_WRITE),
        TopicPermission(TopicRole.PUBLISH_SUBSCRIBE, CacheSelector(AllCaches()), TopicSelector(AllTopics())),
    ]
)


@dataclass
class PermissionScope:
    """All that a token permits."""

    permission_scope: Union[Permissions, PredefinedScope]

    def is_all_data_read_write(self) -> bool:
        """Whether it is `ALL_DATA_READ_WRITE`."""
        return self.permission_scope == ALL_DATA_READ_WRITE
