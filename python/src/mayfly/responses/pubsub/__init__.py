from .discontinuity import TopicDiscontinuity
from .heartbeat import TopicHeartbeat

__all__ = ["TopicDiscontinuity", "TopicHeartbeat"]
