from dataclasses import dataclass


@dataclass
class TopicHeartbeat:
    """The service tells that a subscription stands though no items come."""
