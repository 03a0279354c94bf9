"""Attempts with a timeout of their own, until the time is up."""

import random
from datetime import datetime, timedelta
from typing import Optional

from mayfly.errors.status_code import StatusCode
from mayfly.logs import logger

from .default_eligibility_strategy import DefaultEligibilityStrategy
from .eligibility_strategy import EligibilityStrategy
from .retry_strategy import RetryStrategy
from .retryable_props import RetryableProps


class FixedTimeoutRetryStrategy(RetryStrategy):
    """Gives each attempt `retry_timeout_millis` and pauses about `retry_delay_interval_millis` between attempts, until
    the caller's time is up."""

    def __init__(
        self,
        *,
        retry_timeout_millis: int,
        retry_delay_interval_millis: int,
        eligibility_strategy: EligibilityStrategy = DefaultEligibilityStrategy(),
    ):
        self._retry_timeout_millis = retry_timeout_millis
        self._retry_delay_interval_millis = retry_delay_interval_millis
        self._eligibility_strategy = eligibility_strategy

    def determine_when_to_retry(self, props: RetryableProps) -> Optional[float]:
        """The pause in seconds; None when the call is not eligible or has no overall deadline. An attempt that ran out
        of its own time is repeated while there is time of the caller's left."""
        if props.overall_deadline is None:
            logger.debug("%s has no overall deadline: it is not sent again", props.grpc_method)
            return None
        is_out_of_time = props.attempt_number > 0 and props.grpc_status == StatusCode.DEADLINE_EXCEEDED
        if is_out_of_time and props.overall_deadline > datetime.now():
            return self.get_jitter_in_millis(props)
        if self._eligibility_strategy.is_eligible_for_retry(props):
            return self.get_jitter_in_millis(props)
        logger.debug("%s failed with %s: it is not sent again", props.grpc_method, props.grpc_status)
        return None

    def get_jitter_in_millis(self, props: RetryableProps) -> float:
        """The pause with its jitter, in seconds whatever the name says."""
        pause_millis = self.add_jitter(self._retry_delay_interval_millis)
        logger.debug("%s failed with %s: it is sent again in %d ms", props.grpc_method, props.grpc_status, pause_millis)
        return pause_millis / 1000.0

    def add_jitter(self, base_delay: int) -> int:
        """The delay times a random factor from 0.9 to 1.1, rounded towards zero."""
        return int(random.uniform(0.9, 1.1) * base_delay)

    def calculate_retry_deadline(self, overall_deadline: datetime) -> Optional[float]:
        """The milliseconds for the next attempt: the attempt's own time, or what is left of the caller's if less."""
        left_millis = (overall_deadline - datetime.now()) / timedelta(milliseconds=1)
        return min(float(self._retry_timeout_millis), left_millis)
