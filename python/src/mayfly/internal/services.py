"""The services a request can belong to."""

from enum import Enum


class Service(Enum):
    """Named in every exception: which service the request was for."""

    CACHE = "cache"
    TOPICS = "topics"
    INDEX = "index"
    AUTH = "auth"
