"""So many further attempts, at once."""

from typing import Optional

from mayfly.logs import logger

from .default_eligibility_strategy import DefaultEligibilityStrategy
from .eligibility_strategy import EligibilityStrategy
from .retry_strategy import RetryStrategy
from .retryable_props import RetryableProps


class FixedCountRetryStrategy(RetryStrategy):
    """Sends an eligible call again at once, `max_attempts` times after the first."""

    def __init__(
        self, *, max_attempts: int = 3, eligibility_strategy: EligibilityStrategy = DefaultEligibilityStrategy()
    ):
        self._max_attempts = max_attempts
        self._eligibility_strategy = eligibility_strategy

    def determine_when_to_retry(self, props: RetryableProps) -> Optional[float]:
        """0.0, or None when the call is not eligible or its attempts are used up."""
        is_left = props.attempt_number <= self._max_attempts
        is_retried = is_left and self._eligibility_strategy.is_eligible_for_retry(props)
        logger.debug(
            "%s failed with %s at attempt %d of %d more after the first: %s",
            props.grpc_method,
            props.grpc_status,
            props.attempt_number,
            self._max_attempts,
            "it is sent again" if is_retried else "it is not sent again",
        )
        return 0.0 if is_retried else None
