"""Common scopes of disposable tokens."""

from typing import Union

from .disposable_token_scope import (
    CacheItemKey,
    CacheItemKeyPrefix,
    CacheItemSelector,
    DisposableTokenCachePermission,
    DisposableTokenCachePermissions,
    DisposableTokenScope,
)
from .permission_scope import AllCaches, AllTopics, CacheName, CacheRole, CacheSelector, TopicName, TopicRole
from .permission_scopes import _cache, _topic


def _items(
    cache: Union[AllCaches, CacheName, str], items: Union[CacheItemKey, CacheItemKeyPrefix], role: CacheRole
) -> DisposableTokenScope:
    permission = DisposableTokenCachePermission(CacheSelector(cache), role, CacheItemSelector(items))
    return DisposableTokenScope(DisposableTokenCachePermissions([permission]))


def _key(key: Union[CacheItemKey, str]) -> CacheItemKey:
    return key if isinstance(key, CacheItemKey) else CacheItemKey(key)


def _prefix(key_prefix: Union[CacheItemKeyPrefix, str]) -> CacheItemKeyPrefix:
    return key_prefix if isinstance(key_prefix, CacheItemKeyPrefix) else CacheItemKeyPrefix(key_prefix)


class DisposableTokenScopes:
    """One role with the keys, in the caches, or with the topics, that are given."""

    @staticmethod
    def cache_key_read_write(
        cache: Union[AllCaches, CacheName, str], key: Union[CacheItemKey, str]
    ) -> DisposableTokenScope:
        """Reading and writing one key."""
        return _items(cache, _key(key), CacheRole.READ_WRITE)

    @staticmethod
    def cache_key_prefix_read_write(
        cache: Union[AllCaches, CacheName, str], key_prefix: Union[CacheItemKeyPrefix, str]
    ) -> DisposableTokenScope:
        """Reading and writing the keys of a prefix."""
        return _items(cache, _prefix(key_prefix), CacheRole.READ_WRITE)

    @staticmethod
    def cache_key_read_only(
        cache: Union[AllCaches, CacheName, str], key: Union[CacheItemKey, str]
    ) -> DisposableTokenScope:
        """Reading one key."""
        return _items(cache, _key(key), CacheRole.READ_ONLY)

    @staticmethod
    def cache_key_prefix_read_only(
        cache: Union[AllCaches, CacheName, str], key_prefix: Union[CacheItemKeyPrefix, str]
    ) -> DisposableTokenScope:
        """Reading the keys of a prefix."""
        return _items(cache, _prefix(key_prefix), CacheRole.READ_ONLY)

    @staticmethod
    def cache_key_write_only(
        cache: Union[AllCaches, CacheName, str], key: Union[CacheItemKey, str]
    ) -> DisposableTokenScope:
        """Writing one key."""
        return _items(cache, _key(key), CacheRole.WRITE_ONLY)

    @staticmethod
    def cache_key_prefix_write_only(
        cache: Union[AllCaches, CacheName, str], key_prefix: Union[CacheItemKeyPrefix, str]
    ) -> DisposableTokenScope:
        """Writing the keys of a prefix."""
        return _items(cache, _prefix(key_prefix), CacheRole.WRITE_ONLY)

    @staticmethod
    def cache_read_write(cache: Union[AllCaches, CacheName, str]) -> DisposableTokenScope:
        """Reading and writing."""
        return DisposableTokenScope(_cache(cache, CacheRole.READ_WRITE))

    @staticmethod
    def cache_read_only(cache: Union[AllCaches, CacheName, str]) -> DisposableTokenScope:
        """Reading."""
        return DisposableTokenScope(_cache(cache, CacheRole.READ_ONLY))

    @staticmethod
    def cache_write_only(cache: Union[AllCaches, CacheName, str]) -> DisposableTokenScope:
        """Writing."""
        return DisposableTokenScope(_cache(cache, CacheRole.WRITE_ONLY))

    @staticmethod
    def topic_publish_subscribe(
        cache: Union[AllCaches, CacheName, str], topic: Union[TopicName, AllTopics, str]
    ) -> DisposableTokenScope:
        """Publishing and subscribing."""
        return DisposableTokenScope(_topic(cache, topic, TopicRole.PUBLISH_SUBSCRIBE))

    @staticmethod
    def topic_subscribe_only(
        cache: Union[AllCaches, CacheName, str], topic: Union[TopicName, AllTopics, str]
    ) -> DisposableTokenScope:
        """Subscribing."""
        return DisposableTokenScope(_topic(cache, topic, TopicRole.SUBSCRIBE_ONLY))

    @staticmethod
    def topic_publish_only(
        cache: Union[AllCaches, CacheName, str], topic: Union[TopicName, AllTopics, str]
    ) -> DisposableTokenScope:
        """Publishing."""
        return DisposableTokenScope(_topic(cache, topic, TopicRole.PUBLISH_ONLY))
