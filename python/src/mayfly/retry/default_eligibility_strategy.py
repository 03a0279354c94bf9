"""What may be sent again: the rules of the service."""

from __future__ import annotations

from mayfly.errors.status_code import StatusCode

from .eligibility_strategy import EligibilityStrategy
from .retryable_props import RetryableProps

RETRYABLE_STATUS_CODES: set[StatusCode] = {StatusCode.INTERNAL, StatusCode.UNAVAILABLE}

# Calls that change nothing when they are executed twice.
RETRYABLE_REQUEST_TYPES: set[str] = {
    "/cache_client.Scs/Get",
    "/cache_client.Scs/GetBatch",
    "/cache_client.Scs/Set",
    "/cache_client.Scs/SetBatch",
    "/cache_client.Scs/Delete",
    "/cache_client.Scs/KeysExist",
    "/cache_client.Scs/ItemGetTtl",
    "/cache_client.Scs/ItemGetType",
    "/cache_client.Scs/DictionaryGet",
    "/cache_client.Scs/DictionaryFetch",
    "/cache_client.Scs/DictionarySet",
    "/cache_client.Scs/DictionaryDelete",
    "/cache_client.Scs/DictionaryLength",
    "/cache_client.Scs/SetFetch",
    "/cache_client.Scs/SetSample",
    "/cache_client.Scs/SetUnion",
    "/cache_client.Scs/SetDifference",
    "/cache_client.Scs/SetContains",
    "/cache_client.Scs/SetLength",
    "/cache_client.Scs/ListRemove",
    "/cache_client.Scs/ListFetch",
    "/cache_client.Scs/ListLength",
    "/cache_client.Scs/SortedSetPut",
    "/cache_client.Scs/SortedSetFetch",
    "/cache_client.Scs/SortedSetGetScore",
    "/cache_client.Scs/SortedSetRemove",
    "/cache_client.Scs/SortedSetGetRank",
    "/cache_client.Scs/SortedSetLength",
    "/cache_client.Scs/SortedSetLengthByScore",
    "/cache_client.pubsub.Pubsub/Subscribe",
}


class DefaultEligibilityStrategy(EligibilityStrategy):
    """Calls that failed on the server's side and that may be executed twice."""

    def is_eligible_for_retry(self, props: RetryableProps) -> bool:
        """Whether both the status and the method are in the tables above."""
        return props.grpc_status in RETRYABLE_STATUS_CODES and props.grpc_method in RETRYABLE_REQUEST_TYPES
