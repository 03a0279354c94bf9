"""What clients answer.

A method named `x_y` gives an `XYResponse`, which is one of the classes inside `XY`:

- `get`: a `CacheGetResponse`, that is `CacheGet.Hit`, `CacheGet.Miss` or `CacheGet.Error`
- `set`: a `CacheSetResponse`, that is `CacheSet.Success` or `CacheSet.Error`

Nothing is raised: what failed is an `Error` with `error_code`, `message` and `inner_exception`.
"""

from .auth.generate_disposable_token import GenerateDisposableToken, GenerateDisposableTokenResponse
from .control.cache.create import CreateCache, CreateCacheResponse
from .control.cache.delete import DeleteCache, DeleteCacheResponse
from .control.cache.flush import CacheFlush, CacheFlushResponse
from .control.cache.list import CacheInfo, ListCaches, ListCachesResponse
from .control.ping import Ping, PingResponse
from .control.signing_key.create import CreateSigningKey, CreateSigningKeyResponse
from .control.signing_key.list import ListSigningKeys, ListSigningKeysResponse, SigningKey
from .control.signing_key.revoke import RevokeSigningKey, RevokeSigningKeyResponse
from .data.dictionary.fetch import CacheDictionaryFetch, CacheDictionaryFetchResponse
from .data.dictionary.get_field import CacheDictionaryGetField, CacheDictionaryGetFieldResponse
from .data.dictionary.get_fields import CacheDictionaryGetFields, CacheDictionaryGetFieldsResponse
from .data.dictionary.increment import CacheDictionaryIncrement, CacheDictionaryIncrementResponse
from .data.dictionary.length import CacheDictionaryLength, CacheDictionaryLengthResponse
from .data.dictionary.remove_field import CacheDictionaryRemoveField, CacheDictionaryRemoveFieldResponse
from .data.dictionary.remove_fields import CacheDictionaryRemoveFields, CacheDictionaryRemoveFieldsResponse
from .data.dictionary.set_field import CacheDictionarySetField, CacheDictionarySetFieldResponse
from .data.dictionary.set_fields import CacheDictionarySetFields, CacheDictionarySetFieldsResponse
from .data.list.concatenate_back import CacheListConcatenateBack, CacheListConcatenateBackResponse
from .data.list.concatenate_front import CacheListConcatenateFront, CacheListConcatenateFrontResponse
from .data.list.fetch import CacheListFetch, CacheListFetchResponse
from .data.list.length import CacheListLength, CacheListLengthResponse
from .data.list.pop_back import CacheListPopBack, CacheListPopBackResponse
from .data.list.pop_front import CacheListPopFront, CacheListPopFrontResponse
from .data.list.push_back import CacheListPushBack, CacheListPushBackResponse
from .data.list.push_front import CacheListPushFront, CacheListPushFrontResponse
from .data.list.remove_value import CacheListRemoveValue, CacheListRemoveValueResponse
from .data.list.retain import CacheListRetain, CacheListRetainResponse
from .data.scalar.decrease_ttl import CacheDecreaseTtl, CacheDecreaseTtlResponse
from .data.scalar.delete import CacheDelete, CacheDeleteResponse
from .data.scalar.get import CacheGet, CacheGetResponse
from .data.scalar.get_batch import CacheGetBatch, CacheGetBatchResponse
from .data.scalar.get_with_hash import CacheGetWithHash, CacheGetWithHashResponse
from .data.scalar.increase_ttl import CacheIncreaseTtl, CacheIncreaseTtlResponse
from .data.scalar.increment import CacheIncrement, CacheIncrementResponse
from .data.scalar.item_get_ttl import CacheItemGetTtl, CacheItemGetTtlResponse
from .data.scalar.item_get_type import CacheItemGetType, CacheItemGetTypeResponse, ItemType
from .data.scalar.key_exists import CacheKeyExists, CacheKeyExistsResponse
from .data.scalar.keys_exist import CacheKeysExist, CacheKeysExistResponse
from .data.scalar.set import CacheSet, CacheSetResponse
from .data.scalar.set_batch import CacheSetBatch, CacheSetBatchResponse
from .data.scalar.set_if_absent import CacheSetIfAbsent, CacheSetIfAbsentResponse
from .data.scalar.set_if_absent_or_equal import CacheSetIfAbsentOrEqual, CacheSetIfAbsentOrEqualResponse
from .data.scalar.set_if_absent_or_hash_equal import CacheSetIfAbsentOrHashEqual, CacheSetIfAbsentOrHashEqualResponse
from .data.scalar.set_if_absent_or_hash_not_equal import (
    CacheSetIfAbsentOrHashNotEqual,
    CacheSetIfAbsentOrHashNotEqualResponse,
)
from .data.scalar.set_if_equal import CacheSetIfEqual, CacheSetIfEqualResponse
from .data.scalar.set_if_not_equal import CacheSetIfNotEqual, CacheSetIfNotEqualResponse
from .data.scalar.set_if_not_exists import CacheSetIfNotExists, CacheSetIfNotExistsResponse
from .data.scalar.set_if_present import CacheSetIfPresent, CacheSetIfPresentResponse
from .data.scalar.set_if_present_and_hash_equal import (
    CacheSetIfPresentAndHashEqual,
    CacheSetIfPresentAndHashEqualResponse,
)
from .data.scalar.set_if_present_and_hash_not_equal import (
    CacheSetIfPresentAndHashNotEqual,
    CacheSetIfPresentAndHashNotEqualResponse,
)
from .data.scalar.set_if_present_and_not_equal import CacheSetIfPresentAndNotEqual, CacheSetIfPresentAndNotEqualResponse
from .data.scalar.set_with_hash import CacheSetWithHash, CacheSetWithHashResponse
from .data.scalar.update_ttl import CacheUpdateTtl, CacheUpdateTtlResponse
from .data.set.add_element import CacheSetAddElement, CacheSetAddElementResponse
from .data.set.add_elements import CacheSetAddElements, CacheSetAddElementsResponse
from .data.set.contains_element import CacheSetContainsElement, CacheSetContainsElementResponse
from .data.set.contains_elements import CacheSetContainsElements, CacheSetContainsElementsResponse
from .data.set.fetch import CacheSetFetch, CacheSetFetchResponse
from .data.set.length import CacheSetLength, CacheSetLengthResponse
from .data.set.pop import CacheSetPop, CacheSetPopResponse
from .data.set.remove_element import CacheSetRemoveElement, CacheSetRemoveElementResponse
from .data.set.remove_elements import CacheSetRemoveElements, CacheSetRemoveElementsResponse
from .data.set.sample import CacheSetSample, CacheSetSampleResponse
from .data.sorted_set.fetch import CacheSortedSetFetch, CacheSortedSetFetchResponse
from .data.sorted_set.get_rank import CacheSortedSetGetRank, CacheSortedSetGetRankResponse
from .data.sorted_set.get_score import CacheSortedSetGetScore, CacheSortedSetGetScoreResponse
from .data.sorted_set.get_scores import CacheSortedSetGetScores, CacheSortedSetGetScoresResponse
from .data.sorted_set.increment_score import CacheSortedSetIncrementScore, CacheSortedSetIncrementScoreResponse
from .data.sorted_set.length import CacheSortedSetLength, CacheSortedSetLengthResponse
from .data.sorted_set.length_by_score import CacheSortedSetLengthByScore, CacheSortedSetLengthByScoreResponse
from .data.sorted_set.put_element import CacheSortedSetPutElement, CacheSortedSetPutElementResponse
from .data.sorted_set.put_elements import CacheSortedSetPutElements, CacheSortedSetPutElementsResponse
from .data.sorted_set.remove_element import CacheSortedSetRemoveElement, CacheSortedSetRemoveElementResponse
from .data.sorted_set.remove_elements import CacheSortedSetRemoveElements, CacheSortedSetRemoveElementsResponse
from .data.sorted_set.union_store import CacheSortedSetUnionStore, CacheSortedSetUnionStoreResponse
from .leaderboard.delete import LeaderboardDelete, LeaderboardDeleteResponse
from .leaderboard.fetch import LeaderboardElement, LeaderboardFetch, LeaderboardFetchResponse
from .leaderboard.length import LeaderboardLength, LeaderboardLengthResponse
from .leaderboard.remove_elements import LeaderboardRemoveElements, LeaderboardRemoveElementsResponse
from .leaderboard.upsert import LeaderboardUpsert, LeaderboardUpsertResponse
from .pubsub.discontinuity import TopicDiscontinuity
from .pubsub.publish import TopicPublish, TopicPublishResponse
from .pubsub.subscribe import TopicSubscribe, TopicSubscribeResponse
from .pubsub.subscription_item import TopicSubscriptionItem, TopicSubscriptionItemResponse
from .response import AuthResponse, CacheResponse, ControlResponse, PubsubResponse, Response

__all__ = [
    "AuthResponse",
    "CacheDecreaseTtl",
    "CacheDecreaseTtlResponse",
    "CacheDelete",
    "CacheDeleteResponse",
    "CacheDictionaryFetch",
    "CacheDictionaryFetchResponse",
    "CacheDictionaryGetField",
    "CacheDictionaryGetFieldResponse",
    "CacheDictionaryGetFields",
    "CacheDictionaryGetFieldsResponse",
    "CacheDictionaryIncrement",
    "CacheDictionaryIncrementResponse",
    "CacheDictionaryLength",
    "CacheDictionaryLengthResponse",
    "CacheDictionaryRemoveField",
    "CacheDictionaryRemoveFieldResponse",
    "CacheDictionaryRemoveFields",
    "CacheDictionaryRemoveFieldsResponse",
    "CacheDictionarySetField",
    "CacheDictionarySetFieldResponse",
    "CacheDictionarySetFields",
    "CacheDictionarySetFieldsResponse",
    "CacheFlush",
    "CacheFlushResponse",
    "CacheGet",
    "CacheGetBatch",
    "CacheGetBatchResponse",
    "CacheGetResponse",
    "CacheGetWithHash",
    "CacheGetWithHashResponse",
    "CacheIncreaseTtl",
    "CacheIncreaseTtlResponse",
    "CacheIncrement",
    "CacheIncrementResponse",
    "CacheInfo",
    "CacheItemGetTtl",
    "CacheItemGetTtlResponse",
    "CacheItemGetType",
    "CacheItemGetTypeResponse",
    "CacheKeyExists",
    "CacheKeyExistsResponse",
    "CacheKeysExist",
    "CacheKeysExistResponse",
    "CacheListConcatenateBack",
    "CacheListConcatenateBackResponse",
    "CacheListConcatenateFront",
    "CacheListConcatenateFrontResponse",
    "CacheListFetch",
    "CacheListFetchResponse",
    "CacheListLength",
    "CacheListLengthResponse",
    "CacheListPopBack",
    "CacheListPopBackResponse",
    "CacheListPopFront",
    "CacheListPopFrontResponse",
    "CacheListPushBack",
    "CacheListPushBackResponse",
    "CacheListPushFront",
    "CacheListPushFrontResponse",
    "CacheListRemoveValue",
    "CacheListRemoveValueResponse",
    "CacheListRetain",
    "CacheListRetainResponse",
    "CacheResponse",
    "CacheSet",
    "CacheSetAddElement",
    "CacheSetAddElementResponse",
    "CacheSetAddElements",
    "CacheSetAddElementsResponse",
    "CacheSetBatch",
    "CacheSetBatchResponse",
    "CacheSetContainsElement",
    "CacheSetContainsElementResponse",
    "CacheSetContainsElements",
    "CacheSetContainsElementsResponse",
    "CacheSetFetch",
    "CacheSetFetchResponse",
    "CacheSetIfAbsent",
    "CacheSetIfAbsentOrEqual",
    "CacheSetIfAbsentOrEqualResponse",
    "CacheSetIfAbsentOrHashEqual",
    "CacheSetIfAbsentOrHashEqualResponse",
    "CacheSetIfAbsentOrHashNotEqual",
    "CacheSetIfAbsentOrHashNotEqualResponse",
    "CacheSetIfAbsentResponse",
    "CacheSetIfEqual",
    "CacheSetIfEqualResponse",
    "CacheSetIfNotEqual",
    "CacheSetIfNotEqualResponse",
    "CacheSetIfNotExists",
    "CacheSetIfNotExistsResponse",
    "CacheSetIfPresent",
    "CacheSetIfPresentAndHashEqual",
    "CacheSetIfPresentAndHashEqualResponse",
    "CacheSetIfPresentAndHashNotEqual",
    "CacheSetIfPresentAndHashNotEqualResponse",
    "CacheSetIfPresentAndNotEqual",
    "CacheSetIfPresentAndNotEqualResponse",
    "CacheSetIfPresentResponse",
    "CacheSetLength",
    "CacheSetLengthResponse",
    "CacheSetPop",
    "CacheSetPopResponse",
    "CacheSetRemoveElement",
    "CacheSetRemoveElementResponse",
    "CacheSetRemoveElements",
    "CacheSetRemoveElementsResponse",
    "CacheSetResponse",
    "CacheSetSample",
    "CacheSetSampleResponse",
    "CacheSetWithHash",
    "CacheSetWithHashResponse",
    "CacheSortedSetFetch",
    "CacheSortedSetFetchResponse",
    "CacheSortedSetGetRank",
    "CacheSortedSetGetRankResponse",
    "CacheSortedSetGetScore",
    "CacheSortedSetGetScoreResponse",
    "CacheSortedSetGetScores",
    "CacheSortedSetGetScoresResponse",
    "CacheSortedSetIncrementScore",
    "CacheSortedSetIncrementScoreResponse",
    "CacheSortedSetLength",
    "CacheSortedSetLengthByScore",
    "CacheSortedSetLengthByScoreResponse",
    "CacheSortedSetLengthResponse",
    "CacheSortedSetPutElement",
    "CacheSortedSetPutElementResponse",
    "CacheSortedSetPutElements",
    "CacheSortedSetPutElementsResponse",
    "CacheSortedSetRemoveElement",
    "CacheSortedSetRemoveElementResponse",
    "CacheSortedSetRemoveElements",
    "CacheSortedSetRemoveElementsResponse",
    "CacheSortedSetUnionStore",
    "CacheSortedSetUnionStoreResponse",
    "CacheUpdateTtl",
    "CacheUpdateTtlResponse",
    "ControlResponse",
    "CreateCache",
    "CreateCacheResponse",
    "CreateSigningKey",
    "CreateSigningKeyResponse",
    "DeleteCache",
    "DeleteCacheResponse",
    "GenerateDisposableToken",
    "GenerateDisposableTokenResponse",
    "ItemType",
    "LeaderboardDelete",
    "LeaderboardDeleteResponse",
    "LeaderboardElement",
    "LeaderboardFetch",
    "LeaderboardFetchResponse",
    "LeaderboardLength",
    "LeaderboardLengthResponse",
    "LeaderboardRemoveElements",
    "LeaderboardRemoveElementsResponse",
    "LeaderboardUpsert",
    "LeaderboardUpsertResponse",
    "ListCaches",
    "ListCachesResponse",
    "ListSigningKeys",
    "ListSigningKeysResponse",
    "Ping",
    "PingResponse",
    "PubsubResponse",
    "Response",
    "RevokeSigningKey",
    "RevokeSigningKeyResponse",
    "SigningKey",
    "TopicDiscontinuity",
    "TopicPublish",
    "TopicPublishResponse",
    "TopicSubscribe",
    "TopicSubscribeResponse",
    "TopicSubscriptionItem",
    "TopicSubscriptionItemResponse",
]
