"""The blocking client of caches."""

# Made of its asyncio side by tools/make_blocking.py; change that one.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Optional

from mayfly.auth import CredentialProvider
from mayfly.config import Configuration
from mayfly.errors import BadRequestException
from mayfly.internal import _methods
from mayfly.internal._client import BlockingCacheBase
from mayfly.internal._utilities import _validate_eager_connection_timeout
from mayfly.internal.services import Service
from mayfly.requests import CollectionTtl, SortedSetAggregate, SortOrder
from mayfly.responses import (
    CacheDecreaseTtlResponse,
    CacheDeleteResponse,
    CacheDictionaryFetchResponse,
    CacheDictionaryGetFieldResponse,
    CacheDictionaryGetFieldsResponse,
    CacheDictionaryIncrementResponse,
    CacheDictionaryLengthResponse,
    CacheDictionaryRemoveFieldResponse,
    CacheDictionaryRemoveFieldsResponse,
    CacheDictionarySetFieldResponse,
    CacheDictionarySetFieldsResponse,
    CacheFlushResponse,
    CacheGetBatchResponse,
    CacheGetResponse,
    CacheGetWithHashResponse,
    CacheIncreaseTtlResponse,
    CacheIncrementResponse,
    CacheItemGetTtlResponse,
    CacheItemGetTypeResponse,
    CacheKeyExistsResponse,
    CacheKeysExistResponse,
    CacheListConcatenateBackResponse,
    CacheListConcatenateFrontResponse,
    CacheListFetchResponse,
    CacheListLengthResponse,
    CacheListPopBackResponse,
    CacheListPopFrontResponse,
    CacheListPushBackResponse,
    CacheListPushFrontResponse,
    CacheListRemoveValueResponse,
    CacheListRetainResponse,
    CacheSetAddElementResponse,
    CacheSetAddElementsResponse,
    CacheSetBatchResponse,
    CacheSetContainsElementResponse,
    CacheSetContainsElementsResponse,
    CacheSetFetchResponse,
    CacheSetIfAbsentOrEqualResponse,
    CacheSetIfAbsentOrHashEqualResponse,
    CacheSetIfAbsentOrHashNotEqualResponse,
    CacheSetIfAbsentResponse,
    CacheSetIfEqualResponse,
    CacheSetIfNotEqualResponse,
    CacheSetIfNotExistsResponse,
    CacheSetIfPresentAndHashEqualResponse,
    CacheSetIfPresentAndHashNotEqualResponse,
    CacheSetIfPresentAndNotEqualResponse,
    CacheSetIfPresentResponse,
    CacheSetLengthResponse,
    CacheSetPopResponse,
    CacheSetRemoveElementResponse,
    CacheSetRemoveElementsResponse,
    CacheSetResponse,
    CacheSetSampleResponse,
    CacheSetWithHashResponse,
    CacheSortedSetFetchResponse,
    CacheSortedSetGetRankResponse,
    CacheSortedSetGetScoreResponse,
    CacheSortedSetGetScoresResponse,
    CacheSortedSetIncrementScoreResponse,
    CacheSortedSetLengthByScoreResponse,
    CacheSortedSetLengthResponse,
    CacheSortedSetPutElementResponse,
    CacheSortedSetPutElementsResponse,
    CacheSortedSetRemoveElementResponse,
    CacheSortedSetRemoveElementsResponse,
    CacheSortedSetUnionStoreResponse,
    CacheUpdateTtlResponse,
    CreateCacheResponse,
    CreateSigningKey,
    CreateSigningKeyResponse,
    DeleteCacheResponse,
    ListCachesResponse,
    ListSigningKeys,
    ListSigningKeysResponse,
    PingResponse,
    RevokeSigningKey,
    RevokeSigningKeyResponse,
)
from mayfly.typing import TDictionaryItems, TSortedSetElements
from mayfly.utilities import DEFAULT_EAGER_CONNECTION_TIMEOUT_SECONDS

_NO_SIGNING_KEYS = "Signing keys belong to accounts of the hosted service; the protocol of mayfly does not have them."


class CacheClient(BlockingCacheBase):
    """A client of caches whose methods wait for their answers. Any number of threads may use one at once.

    A method gives its response: an object of one of the classes that the response's name holds. Match on it,
    or ask with `isinstance`. Nothing is raised for what goes wrong with a request: that is the response `Error`.

        response = client.get("sessions", "user-17")
        match response:
            case CacheGet.Hit(): use(response.value_string)
            case CacheGet.Miss(): ...
            case CacheGet.Error(): log(response.message)

    A signal whose handler raises, as KeyboardInterrupt, ends the wait and the request. Keys, fields,
    elements and values are text or bytes; text is UTF-8 on the wire. A TTL is more than nothing; None stands for the
    client's.
    """

    def __init__(self, configuration: Configuration, credential_provider: CredentialProvider, default_ttl: timedelta):
        """Connects when it is used first; see `create`.

        `default_ttl` is how long items live where a request does not say.

        Raises:
            InvalidArgumentException: a setting makes no sense; the message says which.
        """
        super().__init__(configuration, credential_provider, default_ttl)

    @staticmethod
    def create(
        configuration: Configuration,
        credential_provider: CredentialProvider,
        default_ttl: timedelta,
        eager_connection_timeout: timedelta = timedelta(seconds=DEFAULT_EAGER_CONNECTION_TIMEOUT_SECONDS),
    ) -> CacheClient:
        """A client that is connected, so that its first request is as fast as the others. With a timeout of zero it
        connects when it is used first.

        Raises:
            InvalidArgumentException: a setting makes no sense; the message says which.
            ConnectionException: there was no connection in time.
        """
        _validate_eager_connection_timeout(eager_connection_timeout)
        client = CacheClient(configuration, credential_provider, default_ttl)
        if eager_connection_timeout:
            client._connect(eager_connection_timeout)
        return client

    def __enter__(self) -> CacheClient:
        return self

    def __exit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    # --- Caches ---

    def create_cache(self, cache_name: str) -> CreateCacheResponse:
        """Makes a cache: Success, or CacheAlreadyExists."""
        return self._call(_methods.CREATE_CACHE, cache_name)

    def delete_cache(self, cache_name: str) -> DeleteCacheResponse:
        """Deletes a cache with all that is in it."""
        return self._call(_methods.DELETE_CACHE, cache_name)

    def flush_cache(self, cache_name: str) -> CacheFlushResponse:
        """Empties a cache."""
        return self._call(_methods.FLUSH_CACHE, cache_name)

    def list_caches(self) -> ListCachesResponse:
        """The caches there are, ordered by name."""
        return self._call(_methods.LIST_CACHES)

    def ping(self) -> PingResponse:
        """Asks the server for a sign of life."""
        return self._call(_methods.PING)

    def create_signing_key(self, ttl: timedelta) -> CreateSigningKeyResponse:
        """Not there: an Error."""
        return CreateSigningKey.Error(BadRequestException(_NO_SIGNING_KEYS, Service.AUTH))

    def revoke_signing_key(self, key_id: str) -> RevokeSigningKeyResponse:
        """Not there: an Error."""
        return RevokeSigningKey.Error(BadRequestException(_NO_SIGNING_KEYS, Service.AUTH))

    def list_signing_keys(self) -> ListSigningKeysResponse:
        """Not there: an Error."""
        return ListSigningKeys.Error(BadRequestException(_NO_SIGNING_KEYS, Service.AUTH))

    # --- Scalars ---

    def get(self, cache_name: str, key: str | bytes) -> CacheGetResponse:
        """The value of a key: Hit, or Miss where there is none."""
        return self._call(_methods.GET, cache_name, key)

    def set(
        self, cache_name: str, key: str | bytes, value: str | bytes, ttl: Optional[timedelta] = None
    ) -> CacheSetResponse:
        """Stores a value, whether the key is there or not."""
        return self._call(_methods.SET, cache_name, key, value, ttl)

    def delete(self, cache_name: str, key: str | bytes) -> CacheDeleteResponse:
        """Deletes a key; Success also where there was none."""
        return self._call(_methods.DELETE, cache_name, key)

    def increment(
        self, cache_name: str, key: str | bytes, amount: int = 1, ttl: Optional[timedelta] = None
    ) -> CacheIncrementResponse:
        """Adds to a value that is a decimal integer of 64 bits, and answers with the sum. A missing key counts as 0;
        another value is an Error with FAILED_PRECONDITION_ERROR."""
        return self._call(_methods.INCREMENT, cache_name, key, amount, ttl)

    def get_batch(self, cache_name: str, keys: Iterable[str | bytes]) -> CacheGetBatchResponse:
        """The values of several keys: a Hit or Miss for each, in their order."""
        return self._call(_methods.GET_BATCH, cache_name, keys)

    def set_batch(
        self, cache_name: str, items: TDictionaryItems, ttl: Optional[timedelta] = None
    ) -> CacheSetBatchResponse:
        """Stores several values, one by one; where one fails, those before it stay."""
        return self._call(_methods.SET_BATCH, cache_name, ttl, items)

    def get_with_hash(self, cache_name: str, key: str | bytes) -> CacheGetWithHashResponse:
        """As `get`, with a hash of the value for the methods that compare hashes."""
        return self._call(_methods.GET_WITH_HASH, cache_name, key)

    def set_with_hash(
        self, cache_name: str, key: str | bytes, value: str | bytes, ttl: Optional[timedelta] = None
    ) -> CacheSetWithHashResponse:
        """As `set`; Stored has the hash of the value."""
        return self._call(_methods.SET_WITH_HASH, cache_name, key, value, ttl)

    def set_if_not_exists(
        self, cache_name: str, key: str | bytes, value: str | bytes, ttl: Optional[timedelta] = None
    ) -> CacheSetIfNotExistsResponse:
        """The older name of `set_if_absent`."""
        return self._call(_methods.SET_IF_NOT_EXISTS, cache_name, key, value, ttl)

    def set_if_absent(
        self, cache_name: str, key: str | bytes, value: str | bytes, ttl: Optional[timedelta] = None
    ) -> CacheSetIfAbsentResponse:
        """Stores a value if the key is not there: Stored, or NotStored."""
        return self._call(_methods.SET_IF_ABSENT, cache_name, key, value, ttl)

    def set_if_present(
        self, cache_name: str, key: str | bytes, value: str | bytes, ttl: Optional[timedelta] = None
    ) -> CacheSetIfPresentResponse:
        """Stores a value if the key is there."""
        return self._call(_methods.SET_IF_PRESENT, cache_name, key, value, ttl)

    def set_if_equal(
        self, cache_name: str, key: str | bytes, value: str | bytes, equal: str | bytes, ttl: Optional[timedelta] = None
    ) -> CacheSetIfEqualResponse:
        """Stores a value if the one that is there is equal to `equal`."""
        return self._call(_methods.SET_IF_EQUAL, cache_name, key, value, equal, ttl)

    def set_if_not_equal(
        self,
        cache_name: str,
        key: str | bytes,
        value: str | bytes,
        not_equal: str | bytes,
        ttl: Optional[timedelta] = None,
    ) -> CacheSetIfNotEqualResponse:
        """Stores a value if there is none, or one that is not equal to `not_equal`."""
        return self._call(_methods.SET_IF_NOT_EQUAL, cache_name, key, value, not_equal, ttl)

    def set_if_present_and_not_equal(
        self,
        cache_name: str,
        key: str | bytes,
        value: str | bytes,
        not_equal: str | bytes,
        ttl: Optional[timedelta] = None,
    ) -> CacheSetIfPresentAndNotEqualResponse:
        """Stores a value if there is one that is not equal to `not_equal`."""
        return self._call(_methods.SET_IF_PRESENT_AND_NOT_EQUAL, cache_name, key, value, not_equal, ttl)

    def set_if_absent_or_equal(
        self, cache_name: str, key: str | bytes, value: str | bytes, equal: str | bytes, ttl: Optional[timedelta] = None
    ) -> CacheSetIfAbsentOrEqualResponse:
        """Stores a value if there is none, or one that is equal to `equal`."""
        return self._call(_methods.SET_IF_ABSENT_OR_EQUAL, cache_name, key, value, equal, ttl)

    def set_if_present_and_hash_equal(
        self, cache_name: str, key: str | bytes, value: str | bytes, hash_equal: bytes, ttl: Optional[timedelta] = None
    ) -> CacheSetIfPresentAndHashEqualResponse:
        """Stores a value if there is one with this hash, as `get_with_hash` gave it. Stored has the new hash."""
        return self._call(_methods.SET_IF_PRESENT_AND_HASH_EQUAL, cache_name, key, value, hash_equal, ttl)

    def set_if_present_and_hash_not_equal(
        self,
        cache_name: str,
        key: str | bytes,
        value: str | bytes,
        hash_not_equal: bytes,
        ttl: Optional[timedelta] = None,
    ) -> CacheSetIfPresentAndHashNotEqualResponse:
        """Stores a value if there is one with another hash. Stored has the new hash."""
        return self._call(_methods.SET_IF_PRESENT_AND_HASH_NOT_EQUAL, cache_name, key, value, hash_not_equal, ttl)

    def set_if_absent_or_hash_equal(
        self, cache_name: str, key: str | bytes, value: str | bytes, hash_equal: bytes, ttl: Optional[timedelta] = None
    ) -> CacheSetIfAbsentOrHashEqualResponse:
        """Stores a value if there is none, or one with this hash. Stored has the new hash."""
        return self._call(_methods.SET_IF_ABSENT_OR_HASH_EQUAL, cache_name, key, value, hash_equal, ttl)

    def set_if_absent_or_hash_not_equal(
        self,
        cache_name: str,
        key: str | bytes,
        value: str | bytes,
        hash_not_equal: bytes,
        ttl: Optional[timedelta] = None,
    ) -> CacheSetIfAbsentOrHashNotEqualResponse:
        """Stores a value if there is none, or one with another hash. Stored has the new hash."""
        return self._call(_methods.SET_IF_ABSENT_OR_HASH_NOT_EQUAL, cache_name, key, value, hash_not_equal, ttl)

    def key_exists(self, cache_name: str, key: str | bytes) -> CacheKeyExistsResponse:
        """Whether a key is there."""
        return self._call(_methods.KEY_EXISTS, cache_name, key)

    def keys_exist(self, cache_name: str, keys: Iterable[str | bytes]) -> CacheKeysExistResponse:
        """Whether each of several keys is there."""
        return self._call(_methods.KEYS_EXIST, cache_name, keys)

    def item_get_type(self, cache_name: str, key: str | bytes) -> CacheItemGetTypeResponse:
        """What a key holds: a scalar or a kind of collection."""
        return self._call(_methods.ITEM_GET_TYPE, cache_name, key)

    def item_get_ttl(self, cache_name: str, key: str | bytes) -> CacheItemGetTtlResponse:
        """How long an item has yet to live."""
        return self._call(_methods.ITEM_GET_TTL, cache_name, key)

    def update_ttl(
        self, cache_name: str, key: str | bytes, ttl_milliseconds: int
    ) -> CacheUpdateTtlResponse:
        """Has an item live so long from now: Set, or Miss."""
        return self._call(_methods.UPDATE_TTL, cache_name, key, ttl_milliseconds)

    def increase_ttl(
        self, cache_name: str, key: str | bytes, ttl_milliseconds: int
    ) -> CacheIncreaseTtlResponse:
        """Has an item live so long from now if that is longer than it would: Set, NotSet or Miss."""
        return self._call(_methods.INCREASE_TTL, cache_name, key, ttl_milliseconds)

    def decrease_ttl(
        self, cache_name: str, key: str | bytes, ttl_milliseconds: int
    ) -> CacheDecreaseTtlResponse:
        """Has an item live so long from now if that is shorter than it would: Set, NotSet or Miss."""
        return self._call(_methods.DECREASE_TTL, cache_name, key, ttl_milliseconds)

    # --- Dictionaries: fields with a value each ---

    def dictionary_fetch(
        self, cache_name: str, dictionary_name: str
    ) -> CacheDictionaryFetchResponse:
        """The whole dictionary."""
        return self._call(_methods.DICTIONARY_FETCH, cache_name, dictionary_name)

    def dictionary_get_field(
        self, cache_name: str, dictionary_name: str, field: str | bytes
    ) -> CacheDictionaryGetFieldResponse:
        """The value of a field; Miss where the dictionary or the field is not there."""
        return self._call(_methods.DICTIONARY_GET_FIELD, cache_name, dictionary_name, field)

    def dictionary_get_fields(
        self, cache_name: str, dictionary_name: str, fields: Iterable[str | bytes]
    ) -> CacheDictionaryGetFieldsResponse:
        """The values of several fields: a Hit or Miss for each, in their order; Miss where there is no dictionary."""
        return self._call(_methods.DICTIONARY_GET_FIELDS, cache_name, dictionary_name, fields)

    def dictionary_increment(
        self,
        cache_name: str,
        dictionary_name: str,
        field: str | bytes,
        amount: int = 1,
        *,
        ttl: CollectionTtl = CollectionTtl.from_cache_ttl(),
    ) -> CacheDictionaryIncrementResponse:
        """Adds to a field as `increment` does to a value."""
        return self._call(_methods.DICTIONARY_INCREMENT, cache_name, dictionary_name, field, amount, ttl)

    def dictionary_remove_field(
        self, cache_name: str, dictionary_name: str, field: str | bytes
    ) -> CacheDictionaryRemoveFieldResponse:
        """Removes a field; Success also where there was none."""
        return self._call(_methods.DICTIONARY_REMOVE_FIELD, cache_name, dictionary_name, field)

    def dictionary_remove_fields(
        self, cache_name: str, dictionary_name: str, fields: Iterable[str | bytes]
    ) -> CacheDictionaryRemoveFieldsResponse:
        """Removes several fields."""
        return self._call(_methods.DICTIONARY_REMOVE_FIELDS, cache_name, dictionary_name, fields)

    def dictionary_set_field(
        self,
        cache_name: str,
        dictionary_name: str,
        field: str | bytes,
        value: str | bytes,
        *,
        ttl: CollectionTtl = CollectionTtl.from_cache_ttl(),
    ) -> CacheDictionarySetFieldResponse:
        """Stores a field."""
        return self._call(_methods.DICTIONARY_SET_FIELD, cache_name, dictionary_name, field, value, ttl)

    def dictionary_set_fields(
        self,
        cache_name: str,
        dictionary_name: str,
        items: TDictionaryItems,
        *,
        ttl: CollectionTtl = CollectionTtl.from_cache_ttl(),
    ) -> CacheDictionarySetFieldsResponse:
        """Stores several fields."""
        return self._call(_methods.DICTIONARY_SET_FIELDS, cache_name, dictionary_name, items, ttl)

    def dictionary_length(
        self, cache_name: str, dictionary_name: str
    ) -> CacheDictionaryLengthResponse:
        """How many fields a dictionary has."""
        return self._call(_methods.DICTIONARY_LENGTH, cache_name, dictionary_name)

    # --- Lists: values in an order ---

    def list_concatenate_back(
        self,
        cache_name: str,
        list_name: str,
        values: Iterable[str | bytes],
        *,
        ttl: CollectionTtl = CollectionTtl.from_cache_ttl(),
        truncate_front_to_size: Optional[int] = None,
    ) -> CacheListConcatenateBackResponse:
        """Adds values behind those in the list and answers with its length. What is over `truncate_front_to_size`
        leaves at the front."""
        return self._call(_methods.LIST_CONCATENATE_BACK, cache_name, list_name, values, ttl, truncate_front_to_size)

    def list_concatenate_front(
        self,
        cache_name: str,
        list_name: str,
        values: Iterable[str | bytes],
        *,
        ttl: CollectionTtl = CollectionTtl.from_cache_ttl(),
        truncate_back_to_size: Optional[int] = None,
    ) -> CacheListConcatenateFrontResponse:
        """Adds values before those in the list, in the order given, and answers with its length. What is over
        `truncate_back_to_size` leaves at the back."""
        return self._call(_methods.LIST_CONCATENATE_FRONT, cache_name, list_name, values, ttl, truncate_back_to_size)

    def list_fetch(
        self, cache_name: str, list_name: str, start_index: Optional[int] = None, end_index: Optional[int] = None
    ) -> CacheListFetchResponse:
        """The values from `start_index` up to but without `end_index`; all of them where neither is given. Negative
        ones count from the end."""
        return self._call(_methods.LIST_FETCH, cache_name, list_name, start_index, end_index)

    def list_length(self, cache_name: str, list_name: str) -> CacheListLengthResponse:
        """How many values a list has."""
        return self._call(_methods.LIST_LENGTH, cache_name, list_name)

    def list_pop_back(self, cache_name: str, list_name: str) -> CacheListPopBackResponse:
        """Takes the last value from the list."""
        return self._call(_methods.LIST_POP_BACK, cache_name, list_name)

    def list_pop_front(self, cache_name: str, list_name: str) -> CacheListPopFrontResponse:
        """Takes the first value from the list."""
        return self._call(_methods.LIST_POP_FRONT, cache_name, list_name)

    def list_push_back(
        self,
        cache_name: str,
        list_name: str,
        value: str | bytes,
        *,
        ttl: CollectionTtl = CollectionTtl.from_cache_ttl(),
        truncate_front_to_size: Optional[int] = None,
    ) -> CacheListPushBackResponse:
        """Adds a value at the back and answers with the length. What is over `truncate_front_to_size` leaves at the
        front."""
        return self._call(_methods.LIST_PUSH_BACK, cache_name, list_name, value, ttl, truncate_front_to_size)

    def list_push_front(
        self,
        cache_name: str,
        list_name: str,
        value: str | bytes,
        *,
        ttl: CollectionTtl = CollectionTtl.from_cache_ttl(),
        truncate_back_to_size: Optional[int] = None,
    ) -> CacheListPushFrontResponse:
        """Adds a value at the front and answers with the length. What is over `truncate_back_to_size` leaves at the
        back."""
        return self._call(_methods.LIST_PUSH_FRONT, cache_name, list_name, value, ttl, truncate_back_to_size)

    def list_remove_value(
        self, cache_name: str, list_name: str, value: str | bytes
    ) -> CacheListRemoveValueResponse:
        """Removes all values that are equal to this one."""
        return self._call(_methods.LIST_REMOVE_VALUE, cache_name, list_name, value)

    def list_retain(
        self,
        cache_name: str,
        list_name: str,
        start_index: Optional[int] = None,
        end_index: Optional[int] = None,
        *,
        ttl: CollectionTtl = CollectionTtl.from_cache_ttl(),
    ) -> CacheListRetainResponse:
        """Removes all but the values from `start_index` up to but without `end_index`."""
        return self._call(_methods.LIST_RETAIN, cache_name, list_name, start_index, end_index, ttl)

    # --- Sets: elements that are there once ---

    def set_add_element(
        self,
        cache_name: str,
        set_name: str,
        element: str | bytes,
        *,
        ttl: CollectionTtl = CollectionTtl.from_cache_ttl(),
    ) -> CacheSetAddElementResponse:
        """Adds an element."""
        return self._call(_methods.SET_ADD_ELEMENT, cache_name, set_name, element, ttl)

    def set_add_elements(
        self,
        cache_name: str,
        set_name: str,
        elements: Iterable[str | bytes],
        *,
        ttl: CollectionTtl = CollectionTtl.from_cache_ttl(),
    ) -> CacheSetAddElementsResponse:
        """Adds several elements."""
        return self._call(_methods.SET_ADD_ELEMENTS, cache_name, set_name, elements, ttl)

    def set_fetch(self, cache_name: str, set_name: str) -> CacheSetFetchResponse:
        """The whole set."""
        return self._call(_methods.SET_FETCH, cache_name, set_name)

    def set_remove_element(
        self, cache_name: str, set_name: str, element: str | bytes
    ) -> CacheSetRemoveElementResponse:
        """Removes an element; Success also where it was not there."""
        return self._call(_methods.SET_REMOVE_ELEMENT, cache_name, set_name, element)

    def set_remove_elements(
        self, cache_name: str, set_name: str, elements: Iterable[str | bytes]
    ) -> CacheSetRemoveElementsResponse:
        """Removes several elements."""
        return self._call(_methods.SET_REMOVE_ELEMENTS, cache_name, set_name, elements)

    def set_contains_element(
        self, cache_name: str, set_name: str, element: str | bytes
    ) -> CacheSetContainsElementResponse:
        """Whether an element is in the set; Miss where there is no set."""
        return self._call(_methods.SET_CONTAINS_ELEMENT, cache_name, set_name, element)

    def set_contains_elements(
        self, cache_name: str, set_name: str, elements: Iterable[str | bytes]
    ) -> CacheSetContainsElementsResponse:
        """Whether each of several elements is in the set; Miss where there is no set."""
        return self._call(_methods.SET_CONTAINS_ELEMENTS, cache_name, set_name, elements)

    def set_length(self, cache_name: str, set_name: str) -> CacheSetLengthResponse:
        """How many elements a set has."""
        return self._call(_methods.SET_LENGTH, cache_name, set_name)

    def set_sample(self, cache_name: str, set_name: str, limit: int) -> CacheSetSampleResponse:
        """Up to `limit` elements, chosen at random, none twice."""
        return self._call(_methods.SET_SAMPLE, cache_name, set_name, limit)

    def set_pop(self, cache_name: str, set_name: str, count: int) -> CacheSetPopResponse:
        """Takes up to `count` elements, chosen at random, from the set."""
        return self._call(_methods.SET_POP, cache_name, set_name, count)

    # --- Sorted sets: values with a score each, ordered by it ---

    def sorted_set_put_element(
        self,
        cache_name: str,
        sorted_set_name: str,
        value: str | bytes,
        score: float,
        *,
        ttl: CollectionTtl = CollectionTtl.from_cache_ttl(),
    ) -> CacheSortedSetPutElementResponse:
        """Adds a value, or gives it another score."""
        return self._call(_methods.SORTED_SET_PUT_ELEMENT, cache_name, sorted_set_name, value, score, ttl)

    def sorted_set_put_elements(
        self,
        cache_name: str,
        sorted_set_name: str,
        elements: TSortedSetElements,
        *,
        ttl: CollectionTtl = CollectionTtl.from_cache_ttl(),
    ) -> CacheSortedSetPutElementsResponse:
        """Adds several values with their scores, or gives them others."""
        return self._call(_methods.SORTED_SET_PUT_ELEMENTS, cache_name, sorted_set_name, elements, ttl)

    def sorted_set_fetch_by_score(
        self,
        cache_name: str,
        sorted_set_name: str,
        min_score: Optional[float] = None,
        max_score: Optional[float] = None,
        sort_order: SortOrder = SortOrder.ASCENDING,
        offset: Optional[int] = None,
        count: Optional[int] = None,
    ) -> CacheSortedSetFetchResponse:
        """The values with scores from `min_score` to `max_score`, both included: after the first `offset` of them up to
        `count`."""
        return self._call(
            _methods.SORTED_SET_FETCH_BY_SCORE,
            cache_name,
            sorted_set_name,
            min_score,
            max_score,
            sort_order,
            offset,
            count,
        )

    def sorted_set_fetch_by_rank(
        self,
        cache_name: str,
        sorted_set_name: str,
        start_rank: Optional[int] = None,
        end_rank: Optional[int] = None,
        sort_order: SortOrder = SortOrder.ASCENDING,
    ) -> CacheSortedSetFetchResponse:
        """The values of the ranks from `start_rank` up to but without `end_rank`. Negative ones count from the end."""
        return self._call(
            _methods.SORTED_SET_FETCH_BY_RANK, cache_name, sorted_set_name, start_rank, end_rank, sort_order
        )

    def sorted_set_get_score(
        self, cache_name: str, sorted_set_name: str, value: str | bytes
    ) -> CacheSortedSetGetScoreResponse:
        """The score of a value; Miss where the set or the value is not there."""
        return self._call(_methods.SORTED_SET_GET_SCORE, cache_name, sorted_set_name, value)

    def sorted_set_get_scores(
        self, cache_name: str, sorted_set_name: str, values: Iterable[str | bytes]
    ) -> CacheSortedSetGetScoresResponse:
        """The scores of several values: a Hit or Miss for each, in their order; Miss where there is no set."""
        return self._call(_methods.SORTED_SET_GET_SCORES, cache_name, sorted_set_name, values)

    def sorted_set_get_rank(
        self, cache_name: str, sorted_set_name: str, value: str | bytes, sort_order: SortOrder = SortOrder.ASCENDING
    ) -> CacheSortedSetGetRankResponse:
        """The rank of a value, from 0; Miss where the set or the value is not there."""
        return self._call(_methods.SORTED_SET_GET_RANK, cache_name, sorted_set_name, value, sort_order)

    def sorted_set_remove_element(
        self, cache_name: str, sorted_set_name: str, value: str | bytes
    ) -> CacheSortedSetRemoveElementResponse:
        """Removes a value; Success also where it was not there."""
        return self._call(_methods.SORTED_SET_REMOVE_ELEMENT, cache_name, sorted_set_name, value)

    def sorted_set_remove_elements(
        self, cache_name: str, sorted_set_name: str, values: Iterable[str | bytes]
    ) -> CacheSortedSetRemoveElementsResponse:
        """Removes several values."""
        return self._call(_methods.SORTED_SET_REMOVE_ELEMENTS, cache_name, sorted_set_name, values)

    def sorted_set_increment_score(
        self,
        cache_name: str,
        sorted_set_name: str,
        value: str | bytes,
        score: float = 1.0,
        *,
        ttl: CollectionTtl = CollectionTtl.from_cache_ttl(),
    ) -> CacheSortedSetIncrementScoreResponse:
        """Adds `score` to the score of a value and answers with the sum. A missing value counts as 0."""
        return self._call(_methods.SORTED_SET_INCREMENT_SCORE, cache_name, sorted_set_name, value, score, ttl)

    def sorted_set_length(
        self, cache_name: str, sorted_set_name: str
    ) -> CacheSortedSetLengthResponse:
        """How many values a sorted set has."""
        return self._call(_methods.SORTED_SET_LENGTH, cache_name, sorted_set_name)

    def sorted_set_length_by_score(
        self,
        cache_name: str,
        sorted_set_name: str,
        min_score: Optional[float] = None,
        max_score: Optional[float] = None,
    ) -> CacheSortedSetLengthByScoreResponse:
        """How many values have scores from `min_score` to `max_score`, both included."""
        return self._call(_methods.SORTED_SET_LENGTH_BY_SCORE, cache_name, sorted_set_name, min_score, max_score)

    def sorted_set_union_store(
        self,
        cache_name: str,
        sorted_set_name: str,
        sources: Mapping[str, float],
        *,
        aggregate: SortedSetAggregate = SortedSetAggregate.SUM,
        ttl: Optional[timedelta] = None,
    ) -> CacheSortedSetUnionStoreResponse:
        """Stores the union of `sources`, names of sorted sets with the weights that their scores are multiplied by, in
        the place of the sorted set that the name holds, if any, and answers with its length."""
        return self._call(_methods.SORTED_SET_UNION_STORE, cache_name, sorted_set_name, sources, aggregate, ttl)
