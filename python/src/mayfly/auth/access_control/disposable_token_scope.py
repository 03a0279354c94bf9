"""What a disposable token permits: caches and topics, or keys in caches."""

from dataclasses import dataclass
from typing import List, Optional, Union

from .permission_scope import CachePermission, Permissions


@dataclass
class AllCacheItems:
    """Every item of a cache."""


@dataclass
class CacheItemKey:
    """One item."""

    key: str


@dataclass
class CacheItemKeyPrefix:
    """The items whose keys begin so."""

    key_prefix: str


@dataclass
class CacheItemSelector:
    """One item, those of a prefix, or all; a text is a key."""

    cache_item: Union[CacheItemKey, CacheItemKeyPrefix, AllCacheItems, str]

    def is_all_cache_items(self) -> bool:
        """Whether it is all."""
        return isinstance(self.cache_item, AllCacheItems)


@dataclass
class DisposableTokenCachePermission(CachePermission):
    """A role with items of caches."""

    cache_item_selector: CacheItemSelector


@dataclass
class DisposableTokenCachePermissions:
    """What one of them permits is permitted."""

    disposable_token_permissions: List[DisposableTokenCachePermission]


@dataclass
class DisposableTokenScope:
    """All that a disposable token permits."""

    disposable_token_scope: Union[Permissions, DisposableTokenCachePermissions]


@dataclass
class DisposableTokenProps:
    """What else a token says."""

    token_id: Optional[str]
    """By which its source can be told."""
