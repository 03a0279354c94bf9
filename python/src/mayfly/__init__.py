"""A cache client that nobody has to tune, for servers that speak the Momento protocol.

    from datetime import timedelta
    from mayfly import CacheClient, Configurations, CredentialProvider

    with CacheClient(
        Configurations.Laptop.latest(), CredentialProvider.for_momento_local(), timedelta(minutes=10)
    ) as client:
        client.create_cache("sessions")
        client.set("sessions", "user-17", "signed-in")
        print(client.get("sessions", "user-17"))

`CacheClientAsync` is the same for asyncio; `TopicClient` and `LeaderboardClient` have what their names say. An
application on the Python SDK of Momento changes its imports from `momento` to `mayfly`.
"""

import logging

from mayfly import logs

from .auth import CredentialProvider
from .auth_client import AuthClient
from .auth_client_async import AuthClientAsync
from .cache_client import CacheClient
from .cache_client_async import CacheClientAsync
from .config import Configurations, TopicConfigurations
from .leaderboard_client import LeaderboardClient
from .leaderboard_client_async import LeaderboardClientAsync
from .topic_client import TopicClient
from .topic_client_async import TopicClientAsync

__version__ = "0.1.0"

logs.logger.addHandler(logging.NullHandler())
logs.initialize_momento_logging()

__all__ = [
    "AuthClient",
    "AuthClientAsync",
    "CacheClient",
    "CacheClientAsync",
    "Configurations",
    "CredentialProvider",
    "LeaderboardClient",
    "LeaderboardClientAsync",
    "TopicClient",
    "TopicClientAsync",
    "TopicConfigurations",
    "__version__",
]
