"""Looks back at the other tests: nothing public of the clients was left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from arguments import OF_METHOD
from support import called

import mayfly
from mayfly.leaderboard_client import Leaderboard
from mayfly.leaderboard_client_async import LeaderboardAsync
from mayfly.responses import TopicSubscribe

CLASSES = [
    mayfly.AuthClient, mayfly.AuthClientAsync, mayfly.CacheClient, mayfly.CacheClientAsync, mayfly.LeaderboardClient,
    mayfly.LeaderboardClientAsync, mayfly.TopicClient, mayfly.TopicClientAsync, Leaderboard, LeaderboardAsync,
    TopicSubscribe.Subscription, TopicSubscribe.SubscriptionAsync,
]


def public_methods(made: type) -> set[str]:
    """Return the names of a class's public methods."""
    return {name for name in dir(made) if not name.startswith("_") and callable(getattr(made, name))}


@pytest.mark.parametrize("made", CLASSES)
def test_every_public_method_was_called(made: type, request: pytest.FixtureRequest) -> None:
    of_clients = {path.name for path in Path(__file__).parent.glob("test_client_*.py")}
    if not of_clients <= {item.path.name for item in request.session.items} or request.config.option.keyword:
        pytest.skip("only some of the tests were asked for")
    assert public_methods(made) - {name for owner, name in called if owner == made.__name__} == set()


def test_every_method_of_a_cache_is_among_those_with_arguments() -> None:
    nameless = {"close", "counts", "create", "create_signing_key", "list_caches", "list_signing_keys", "ping",
                "revoke_signing_key"}
    assert public_methods(mayfly.CacheClient) == set(OF_METHOD) | nameless


@pytest.mark.parametrize("made", CLASSES)
def test_every_class_has_methods(made: type) -> None:
    assert public_methods(made)
