"""Which requests are sent again, and how often: as the server, which fails on order, and middleware see it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Optional

import mayfly
import pytest
from support import CACHE, Caller, code_of, is_kind
from watching import Watch, middleware_of

from mayfly.errors import StatusCode
from mayfly.internal import _methods
from mayfly.responses import CacheGet
from mayfly.retry import (
    EligibilityStrategy,
    FixedCountRetryStrategy,
    FixedTimeoutRetryStrategy,
    RetryableProps,
    RetryStrategy,
)

GET, INCREMENT = "/cache_client.Scs/Get", "/cache_client.Scs/Increment"
UNAVAILABLE, OK = StatusCode.UNAVAILABLE, StatusCode.OK
A_MINUTE = timedelta(minutes=1)


def faults(methods: str, status: str = "unavailable", count: Optional[int] = None) -> dict[str, str]:
    """Return metadata that has calls of these methods fail."""
    made = {"request-id": str(uuid.uuid4()), "error-rpcs": methods, "return-error": status}
    return made if count is None else {**made, "error-count": str(count)}


@pytest.fixture
def retrying(kind: str, open_client: Callable[..., Caller]) -> Callable[..., Caller]:
    """Open clients with a retry strategy, whose attempts a watch sees."""

    def open_retrying(strategy: RetryStrategy, watch: Watch, timeout: timedelta = A_MINUTE) -> Caller:
        settings = mayfly.Configurations.Laptop.latest().with_client_timeout(timeout)
        return open_client(settings.with_retry_strategy(strategy).add_middleware(middleware_of(kind, watch)))

    return open_retrying


class Asked(RetryStrategy):
    """An application's own strategy: again after each of the pauses that it is given."""

    def __init__(self, *pauses_s: float) -> None:
        self.pauses_s = list(pauses_s)
        self.props: list[RetryableProps] = []

    def determine_when_to_retry(self, props: RetryableProps) -> Optional[float]:
        self.props.append(props)
        return self.pauses_s.pop(0) if self.pauses_s else None


class Everything(EligibilityStrategy):
    """May be sent again, whatever it is."""

    def is_eligible_for_retry(self, props: RetryableProps) -> bool:
        return True


# --- A fixed count ---


@pytest.mark.parametrize("attempts", [0, 1, 3])
def test_a_fixed_count_sends_again_so_often(retrying: Callable[..., Caller], key: str, attempts: int) -> None:
    watch = Watch(metadata=faults("get"))
    response = retrying(FixedCountRetryStrategy(max_attempts=attempts), watch).get(CACHE, key)
    assert code_of(response) == "SERVER_UNAVAILABLE"
    assert watch.statuses == [UNAVAILABLE] * (1 + attempts)


def test_a_request_that_works_at_last_succeeds(retrying: Callable[..., Caller], key: str) -> None:
    watch = Watch(metadata=faults("get", count=2))
    assert isinstance(retrying(FixedCountRetryStrategy(), watch).get(CACHE, key), CacheGet.Miss)
    assert watch.statuses == [UNAVAILABLE, UNAVAILABLE, OK]


@pytest.mark.parametrize(("status", "code", "count"), [
    ("internal", "INTERNAL_SERVER_ERROR", 4), ("unavailable", "SERVER_UNAVAILABLE", 4),
    ("resource-exhausted", "LIMIT_EXCEEDED_ERROR", 1), ("not-found", "NOT_FOUND_ERROR", 1),
    ("permission-denied", "PERMISSION_ERROR", 1), ("unauthenticated", "AUTHENTICATION_ERROR", 1),
    ("deadline-exceeded", "TIMEOUT_ERROR", 1), ("cancelled", "CANCELLED_ERROR", 1),
    ("invalid-argument", "INVALID_ARGUMENT_ERROR", 1), ("failed-precondition", "FAILED_PRECONDITION_ERROR", 1),
    ("already-exists", "ALREADY_EXISTS_ERROR", 1), ("unimplemented", "BAD_REQUEST_ERROR", 1),
    ("out-of-range", "BAD_REQUEST_ERROR", 1), ("aborted", "INTERNAL_SERVER_ERROR", 1),
    ("data-loss", "INTERNAL_SERVER_ERROR", 1), ("unknown", "BAD_REQUEST_ERROR", 1),
])
def test_a_status_has_a_code_and_may_be_one_to_try_again(
    retrying: Callable[..., Caller], key: str, status: str, code: str, count: int
) -> None:
    watch = Watch(metadata=faults("get", status))
    assert code_of(retrying(FixedCountRetryStrategy(), watch).get(CACHE, key)) == code
    assert len(watch.statuses) == count


def test_what_would_count_twice_is_not_sent_again(retrying: Callable[..., Caller], key: str) -> None:
    watch = Watch(metadata=faults("increment list-push-back dictionary-increment set-if list-pop-front set-pop"))
    client = retrying(FixedCountRetryStrategy(), watch)
    for response in (
        client.increment(CACHE, key), client.list_push_back(CACHE, key, "v"),
        client.dictionary_increment(CACHE, key, "f"), client.set_if_absent(CACHE, key, "v"),
        client.list_pop_front(CACHE, key), client.set_pop(CACHE, key, 1),
    ):
        assert code_of(response) == "SERVER_UNAVAILABLE"
    assert len(watch.statuses) == 6


def test_an_applications_word_on_what_may_be_sent_again_counts(retrying: Callable[..., Caller], key: str) -> None:
    watch = Watch(metadata=faults("increment", count=2))
    strategy = FixedCountRetryStrategy(max_attempts=2, eligibility_strategy=Everything())
    assert retrying(strategy, watch).increment(CACHE, key).value == 1
    assert watch.statuses == [UNAVAILABLE, UNAVAILABLE, OK]


def test_a_generator_is_sent_whole_again(retrying: Callable[..., Caller], key: str) -> None:
    watch = Watch(metadata=faults("get-batch", count=1))
    client = retrying(FixedCountRetryStrategy(), watch)
    assert len(client.get_batch(CACHE, (name for name in (key, "other"))).results) == 2
    assert watch.statuses == [UNAVAILABLE, OK]


@pytest.mark.parametrize("attempts", [0, 1, 3])
def test_without_middleware_the_core_sends_again_as_often(
    open_client: Callable[..., Caller], key: str, attempts: int
) -> None:
    strategy = FixedCountRetryStrategy(max_attempts=attempts)
    client = open_client(mayfly.Configurations.Laptop.latest().with_retry_strategy(strategy))
    core = Caller(client.raw._core, client.loop)
    metadata = list(faults("get increment").items())

    def send(method: Any, *arguments: Any) -> Any:
        async def wait() -> Any:
            return await core.raw.call_raw(method, arguments, metadata, 60_000)

        is_asyncio = hasattr(client.raw, "__aenter__")
        raw = client.loop.run_until_complete(wait()) if is_asyncio else core.raw.call_raw(
            method, arguments, metadata, 60_000)
        return raw[0]

    assert code_of(send(_methods.GET, CACHE, key)) == "SERVER_UNAVAILABLE"
    assert client.counts().get("retries", attempts) == attempts
    assert code_of(send(_methods.INCREMENT, CACHE, key, 1, None)) == "SERVER_UNAVAILABLE"
    assert client.counts().get("retries", attempts) == attempts


# --- A fixed timeout ---


def test_an_attempt_that_ran_out_of_its_time_is_followed_by_another(retrying: Callable[..., Caller], key: str) -> None:
    slow = {"request-id": str(uuid.uuid4()), "delay-rpcs": "get", "delay-ms": "60000", "delay-count": "1"}
    watch = Watch(metadata=slow)
    strategy = FixedTimeoutRetryStrategy(retry_timeout_millis=50, retry_delay_interval_millis=1)
    assert isinstance(retrying(strategy, watch).get(CACHE, key), CacheGet.Miss)
    assert watch.statuses[0] is StatusCode.DEADLINE_EXCEEDED
    assert watch.statuses[-1] is OK


def test_a_fixed_timeout_sends_again_until_it_works(retrying: Callable[..., Caller], key: str) -> None:
    watch = Watch(metadata=faults("get", count=5))
    strategy = FixedTimeoutRetryStrategy(retry_timeout_millis=60_000, retry_delay_interval_millis=1)
    assert isinstance(retrying(strategy, watch).get(CACHE, key), CacheGet.Miss)
    assert watch.statuses == [UNAVAILABLE] * 5 + [OK]


def test_a_fixed_timeout_ends_with_the_callers_time(retrying: Callable[..., Caller], key: str) -> None:
    watch = Watch(metadata=faults("get"))
    strategy = FixedTimeoutRetryStrategy(retry_timeout_millis=1000, retry_delay_interval_millis=5)
    response = retrying(strategy, watch, timedelta(milliseconds=200)).get(CACHE, key)
    assert code_of(response) in ("SERVER_UNAVAILABLE", "TIMEOUT_ERROR")
    assert len(watch.statuses) > 1


def test_a_fixed_timeout_sends_nothing_twice_that_must_not_be(retrying: Callable[..., Caller], key: str) -> None:
    watch = Watch(metadata=faults("increment"))
    strategy = FixedTimeoutRetryStrategy(retry_timeout_millis=1000, retry_delay_interval_millis=1)
    assert code_of(retrying(strategy, watch).increment(CACHE, key)) == "SERVER_UNAVAILABLE"
    assert watch.statuses == [UNAVAILABLE]


def test_the_pause_of_a_fixed_timeout_has_a_jitter_of_a_tenth() -> None:
    strategy = FixedTimeoutRetryStrategy(retry_timeout_millis=100, retry_delay_interval_millis=1000)
    pauses = [strategy.add_jitter(1000) for _ in range(200)]
    assert 900 <= min(pauses) < max(pauses) <= 1100
    props = RetryableProps(UNAVAILABLE, GET, 1, datetime.now() + A_MINUTE)
    pause_s = strategy.determine_when_to_retry(props)
    assert pause_s is not None
    assert 0.9 <= pause_s <= 1.1


def test_the_time_of_an_attempt_is_the_less_of_its_own_and_the_callers() -> None:
    strategy = FixedTimeoutRetryStrategy(retry_timeout_millis=100, retry_delay_interval_millis=1)
    assert strategy.calculate_retry_deadline(datetime.now() + A_MINUTE) == 100.0
    left_ms = strategy.calculate_retry_deadline(datetime.now() - A_MINUTE)
    assert left_ms is not None
    assert left_ms < 0


@pytest.mark.parametrize(("status", "method", "deadline", "is_retried"), [
    (UNAVAILABLE, GET, A_MINUTE, True), (UNAVAILABLE, INCREMENT, A_MINUTE, False), (UNAVAILABLE, GET, None, False),
    (StatusCode.DEADLINE_EXCEEDED, INCREMENT, A_MINUTE, True), (StatusCode.DEADLINE_EXCEEDED, GET, -A_MINUTE, False),
    (StatusCode.NOT_FOUND, GET, A_MINUTE, False),
])
def test_a_fixed_timeout_decides_by_status_method_and_deadline(
    status: StatusCode, method: str, deadline: Optional[timedelta], is_retried: bool
) -> None:
    strategy = FixedTimeoutRetryStrategy(retry_timeout_millis=100, retry_delay_interval_millis=10)
    props = RetryableProps(status, method, 1, None if deadline is None else datetime.now() + deadline)
    assert (strategy.determine_when_to_retry(props) is not None) == is_retried


@pytest.mark.parametrize(("attempt", "status", "method", "pause_s"), [
    (1, UNAVAILABLE, GET, 0.0), (2, UNAVAILABLE, GET, 0.0), (3, UNAVAILABLE, GET, None),
    (1, StatusCode.INTERNAL, GET, 0.0), (1, StatusCode.NOT_FOUND, GET, None), (1, UNAVAILABLE, INCREMENT, None),
])
def test_a_fixed_count_decides_by_attempt_status_and_method(
    attempt: int, status: StatusCode, method: str, pause_s: Optional[float]
) -> None:
    strategy = FixedCountRetryStrategy(max_attempts=2)
    assert strategy.determine_when_to_retry(RetryableProps(status, method, attempt)) == pause_s


# --- An application's own ---


def test_an_applications_strategy_is_asked_and_obeyed(retrying: Callable[..., Caller], key: str) -> None:
    watch, strategy = Watch(metadata=faults("increment")), Asked(0.0, 0.001)
    assert code_of(retrying(strategy, watch).increment(CACHE, key)) == "SERVER_UNAVAILABLE"
    assert watch.statuses == [UNAVAILABLE] * 3
    assert [(each.grpc_status, each.grpc_method, each.attempt_number) for each in strategy.props] == [
        (UNAVAILABLE, INCREMENT, 1), (UNAVAILABLE, INCREMENT, 2), (UNAVAILABLE, INCREMENT, 3)]
    deadlines = {each.overall_deadline for each in strategy.props}
    assert len(deadlines) == 1
    assert isinstance(deadlines.pop(), datetime)


def test_an_applications_strategy_is_asked_without_middleware_too(
    open_client: Callable[..., Caller]
) -> None:
    strategy = Asked()
    client = open_client(mayfly.Configurations.Laptop.latest().with_retry_strategy(strategy))
    assert code_of(client.get("no-such-cache", "k")) == "NOT_FOUND_ERROR"
    assert [each.grpc_status for each in strategy.props] == [StatusCode.NOT_FOUND]
    assert is_kind(client.ping(), "Success")
    assert len(strategy.props) == 1


def test_a_pause_beyond_the_callers_time_is_not_taken(retrying: Callable[..., Caller], key: str) -> None:
    watch = Watch(metadata=faults("get"))
    assert code_of(retrying(Asked(3600.0), watch).get(CACHE, key)) == "SERVER_UNAVAILABLE"
    assert watch.statuses == [UNAVAILABLE]


def test_a_strategy_that_raises_is_an_error(open_client: Callable[..., Caller]) -> None:
    class Broken(RetryStrategy):
        def determine_when_to_retry(self, props: RetryableProps) -> Optional[float]:
            raise RuntimeError("it broke")

    client = open_client(mayfly.Configurations.Laptop.latest().with_retry_strategy(Broken()))
    response = client.get("no-such-cache", "k")
    assert code_of(response) == "UNKNOWN_ERROR"
    assert "RuntimeError: it broke" in response.message


def test_a_generator_is_sent_whole_again_without_middleware_too(
    open_client: Callable[..., Caller], credentials: mayfly.CredentialProvider, key: str
) -> None:
    class MakeCache(RetryStrategy):
        """Repairs what failed, and has it sent again."""

        def determine_when_to_retry(self, props: RetryableProps) -> Optional[float]:
            return 0.0 if is_kind(helper.create_cache(key), "Success") else None

    with mayfly.CacheClient(mayfly.Configurations.Laptop.latest(), credentials, A_MINUTE) as helper:
        client = open_client(mayfly.Configurations.Laptop.latest().with_retry_strategy(MakeCache()))
        assert is_kind(client.set_add_elements(key, "s", (value for value in "ab")), "Success")
        assert client.set_fetch(key, "s").value_set_string == {"a", "b"}
        helper.delete_cache(key)


# --- Deadlines ---


def test_a_request_ends_at_its_deadline(retrying: Callable[..., Caller], key: str) -> None:
    slow = {"request-id": str(uuid.uuid4()), "delay-rpcs": "get", "delay-ms": "60000"}
    client = retrying(FixedCountRetryStrategy(max_attempts=0), Watch(metadata=slow), timedelta(milliseconds=50))
    assert code_of(client.get(CACHE, key)) == "TIMEOUT_ERROR"


def test_calls_of_caches_have_their_own_deadline_whatever_the_configuration(
    retrying: Callable[..., Caller], key: str, caller: Caller
) -> None:
    slow = {"request-id": str(uuid.uuid4()), "delay-rpcs": "create-cache", "delay-ms": "200"}
    client = retrying(FixedCountRetryStrategy(), Watch(metadata=slow), timedelta(milliseconds=50))
    assert is_kind(client.create_cache(key), "Success")
    caller.delete_cache(key)
