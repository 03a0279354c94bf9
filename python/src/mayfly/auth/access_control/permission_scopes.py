"""Common scopes of tokens."""

from typing import Union

from .permission_scope import (
    AllCaches,
    AllTopics,
    CacheName,
    CachePermission,
    CacheRole,
    CacheSelector,
    Permissions,
    PermissionScope,
    TopicName,
    TopicPermission,
    TopicRole,
    TopicSelector,
)


def _cache(cache: Union[AllCaches, CacheName, str], role: CacheRole) -> Permissions:
    return Permissions([CachePermission(CacheSelector(cache), role)])


def _topic(
    cache: Union[AllCaches, CacheName, str], topic: Union[TopicName, AllTopics, str], role: TopicRole
) -> Permissions:
    return Permissions([TopicPermission(role, CacheSelector(cache), TopicSelector(topic))])


class PermissionScopes:
    """One role in the caches, or with the topics, that are given."""

    @staticmethod
    def cache_read_write(cache: Union[AllCaches, CacheName, str]) -> PermissionScope:
        """Reading and writing."""
        return PermissionScope(_cache(cache, CacheRole.READ_WRITE))

    @staticmethod
    def cache_read_only(cache: Union[AllCaches, CacheName, str]) -> PermissionScope:
        """Reading."""
        return PermissionScope(_cache(cache, CacheRole.READ_ONLY))

    @staticmethod
    def cache_write_only(cache: Union[AllCaches, CacheName, str]) -> PermissionScope:
        """Writing."""
        return PermissionScope(_cache(cache, CacheRole.WRITE_ONLY))

    @staticmethod
    def topic_publish_subscribe(
        cache: Union[AllCaches, CacheName, str], topic: Union[TopicName, AllTopics, str]
    ) -> PermissionScope:
        """Publishing and subscribing."""
        return PermissionScope(_topic(cache, topic, TopicRole.PUBLISH_SUBSCRIBE))

    @staticmethod
    def topic_subscribe_only(
        cache: Union[AllCaches, CacheName, str], topic: Union[TopicName, AllTopics, str]
    ) -> PermissionScope:
        """Subscribing."""
        return PermissionScope(_topic(cache, topic, TopicRole.SUBSCRIBE_ONLY))

    @staticmethod
    def topic_publish_only(
        cache: Union[AllCaches, CacheName, str], topic: Union[TopicName, AllTopics, str]
    ) -> PermissionScope:
        """Publishing."""
        return PermissionScope(_topic(cache, topic, TopicRole.PUBLISH_ONLY))
