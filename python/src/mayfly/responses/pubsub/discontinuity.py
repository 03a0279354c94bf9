"""A gap in a subscription."""

from dataclasses import dataclass


@dataclass
class TopicDiscontinuity:
    """Items of a topic were lost, or its numbers start anew."""

    last_sequence_number: int
    """The last item before the gap."""
    new_sequence_number: int
    """The first item behind it."""
    new_sequence_page: int
    """The page of that item."""
