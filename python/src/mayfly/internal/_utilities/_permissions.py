"""Checks of what a token is to permit."""

from __future__ import annotations

from mayfly.auth.access_control.disposable_token_scope import (
    CacheItemKey,
    CacheItemKeyPrefix,
    DisposableTokenCachePermission,
    DisposableTokenCachePermissions,
    DisposableTokenScope,
)
from mayfly.auth.access_control.permission_scope import (
    CacheName,
    CachePermission,
    CacheRole,
    CacheSelector,
    Permission,
    Permissions,
    TopicName,
    TopicRole,
)


def _validate_disposable_token_scope(scope: DisposableTokenScope) -> None:
    """ValueError for a scope without permissions, or with one that is of no known kind."""
    granted = scope.disposable_token_scope
    permissions: list[Permission]
    if isinstance(granted, DisposableTokenCachePermissions):
        permissions = list(granted.disposable_token_permissions)
    elif isinstance(granted, Permissions):
        permissions = granted.permissions
    else:
        raise ValueError(f"Unrecognized disposable token permission scope: {scope}")
    if not permissions:
        raise ValueError("Permissions must have at least one permission")
    for permission in permissions:
        _validate_permission(permission)


def _validate_permission(permission: Permission) -> None:
    if isinstance(permission, CachePermission):
        if not isinstance(permission.role, CacheRole):
            raise ValueError(f"Unrecognized cache role: {permission.role}")
        if isinstance(permission, DisposableTokenCachePermission):
            items = permission.cache_item_selector
            if not items.is_all_cache_items() and not isinstance(
                items.cache_item, (str, CacheItemKey, CacheItemKeyPrefix)
            ):
                raise ValueError(f"Unrecognized cache item selector: {items}")
    else:
        if not isinstance(permission.role, TopicRole):
            raise ValueError(f"Unrecognized topic role: {permission.role}")
        topics = permission.topic_selector
        if not topics.is_all_topics() and not isinstance(topics.topic, (str, TopicName)):
            raise ValueError(f"Unrecognized topic selector: {topics}")
    _validate_cache_selector(permission.cache_selector)


def _validate_cache_selector(caches: CacheSelector) -> None:
    if not caches.is_all_caches() and not isinstance(caches.cache, (str, CacheName)):
        raise ValueError(f"Unrecognized cache selector: {caches}")
