"""The official Python SDK, as a program of its own. MOMENTO_API_KEY and MOMENTO_ENDPOINT say where it goes, with what.

Its argument is what to do: `work` uses a cache and a topic, `refused` expects to be turned away.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta

from momento import CacheClient, Configurations, CredentialProvider, TopicClient, TopicConfigurations
from momento.errors import MomentoErrorCode
from momento.responses import CacheGet, CacheSet, CreateCache, DeleteCache, ListCaches, TopicPublish

CACHE = "secure-python"


def credentials() -> CredentialProvider:
    """Read the key in whichever form it is."""
    if "." in os.environ["MOMENTO_API_KEY"]:
        return CredentialProvider.from_environment_variables_v2()
    return CredentialProvider.from_environment_variable("MOMENTO_API_KEY")


def expect(response: object, kind: type) -> None:
    """Hold a response to its type."""
    assert isinstance(response, kind), response


def work() -> None:
    """Use the control plane, the data plane and topics."""
    with CacheClient.create(Configurations.Laptop.latest(), credentials(), timedelta(seconds=60)) as client:
        expect(client.create_cache(CACHE), CreateCache.Success)
        expect(client.set(CACHE, "key", "value"), CacheSet.Success)
        got = client.get(CACHE, "key")
        assert isinstance(got, CacheGet.Hit) and got.value_string == "value", got
        listed = client.list_caches()
        assert isinstance(listed, ListCaches.Success) and CACHE in [cache.name for cache in listed.caches], listed
        with TopicClient(TopicConfigurations.Default.latest(), credentials()) as topics:
            expect(topics.publish(CACHE, "topic", "message"), TopicPublish.Success)
        expect(client.delete_cache(CACHE), DeleteCache.Success)


def refused() -> None:
    """Be told that the key is not known."""
    with CacheClient.create(Configurations.Laptop.latest(), credentials(), timedelta(seconds=60)) as client:
        for response in (client.create_cache(CACHE), client.get(CACHE, "key")):
            assert isinstance(response, (CreateCache.Error, CacheGet.Error)), response
            assert response.error_code == MomentoErrorCode.AUTHENTICATION_ERROR, response


if __name__ == "__main__":
    {"work": work, "refused": refused}[sys.argv[1]]()
