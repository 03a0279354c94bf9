import mayfly, gc
from datetime import timedelta
def test_unclosed(credentials):
    c = mayfly.CacheClient(mayfly.Configurations.Laptop.latest(), credentials, timedelta(minutes=1)); c.ping()
    del c
def test_nothing(): pass
