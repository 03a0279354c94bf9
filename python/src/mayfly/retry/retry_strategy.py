"""When a call that failed is sent again."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Optional

from .retryable_props import RetryableProps


class RetryStrategy(ABC):
    """Decides whether and when a call is sent again."""

    @abstractmethod
    def determine_when_to_retry(self, props: RetryableProps) -> Optional[float]:
        """The seconds to wait before the next attempt; None for no more attempts."""

    def calculate_retry_deadline(self, overall_deadline: datetime) -> Optional[float]:
        """The milliseconds that the next attempt may take; None for all that is left of the caller's time."""
        return None
