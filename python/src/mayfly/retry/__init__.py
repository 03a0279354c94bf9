"""Whether and when a request that failed is sent again."""

from .default_eligibility_strategy import DefaultEligibilityStrategy
from .eligibility_strategy import EligibilityStrategy
from .fixed_count_retry_strategy import FixedCountRetryStrategy
from .fixed_timeout_retry_strategy import FixedTimeoutRetryStrategy
from .retry_strategy import RetryStrategy
from .retryable_props import RetryableProps

__all__ = [
    "DefaultEligibilityStrategy",
    "EligibilityStrategy",
    "FixedCountRetryStrategy",
    "FixedTimeoutRetryStrategy",
    "RetryStrategy",
    "RetryableProps",
]
