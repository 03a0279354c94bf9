"""Whether a call may be sent again at all."""

from abc import ABC, abstractmethod

from .retryable_props import RetryableProps


class EligibilityStrategy(ABC):
    """Decides whether a call may be sent again at all."""

    @abstractmethod
    def is_eligible_for_retry(self, props: RetryableProps) -> bool:
        """Whether it may: a question of what failed and of what a second execution would do."""
