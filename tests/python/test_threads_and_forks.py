"""Clients among threads, signals and forks."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import CACHE, HOUR, Server, code_of, poll

import mayfly
from mayfly.responses import CacheGet, CacheSet, TopicSubscribe, TopicSubscriptionItem

IS_SANITIZED = "TEST_SANITIZED" in os.environ


def make(credentials: mayfly.CredentialProvider, timeout: timedelta | None = None) -> mayfly.CacheClient:
    configuration = mayfly.Configurations.Laptop.latest()
    if timeout is not None:
        configuration = configuration.with_client_timeout(timeout)
    return mayfly.CacheClient(configuration, credentials, HOUR)


@pytest.fixture
def silent() -> Iterator[mayfly.CredentialProvider]:
    """Listen and never say anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield mayfly.CredentialProvider.for_momento_local(port=listener.getsockname()[1])


def run_all(functions: list[Callable[[], None]]) -> None:
    """Runs each in a thread of its own; what one raises is raised here."""
    failures: list[BaseException] = []

    def run(function: Callable[[], None]) -> None:
        try:
            function()
        except BaseException as e:
            failures.append(e)

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


# --- Threads ---


def test_sixty_four_threads_share_a_blocking_client(credentials: mayfly.CredentialProvider, key: str) -> None:
    with make(credentials) as client:

        def work(name: str) -> None:
            for i in range(20):
                assert isinstance(client.set(CACHE, name, f"{name} {i}"), CacheSet.Success)
                assert client.get(CACHE, name) == CacheGet.Hit(f"{name} {i}".encode())

        run_all([lambda name=f"{key}-{i}": work(name) for i in range(64)])  # type: ignore[misc]
        assert client.counts()["in_flight"] == 0


def test_a_client_is_closed_while_threads_use_it(credentials: mayfly.CredentialProvider) -> None:
    client = make(credentials)
    begun = threading.Barrier(17)

    def work() -> None:
        assert isinstance(client.get(CACHE, "absent"), CacheGet.Miss)
        begun.wait()
        while isinstance(response := client.get(CACHE, "absent"), CacheGet.Miss):
            pass
        assert code_of(response) == "FAILED_PRECONDITION_ERROR"

    def close() -> None:
        begun.wait()
        client.close()

    run_all([work] * 16 + [close])
    assert code_of(client.get(CACHE, "absent")) == "FAILED_PRECONDITION_ERROR"


def test_a_subscription_is_ended_by_another_thread(credentials: mayfly.CredentialProvider, key: str) -> None:
    with mayfly.TopicClient(mayfly.TopicConfigurations.Default.latest(), credentials) as client:
        subscription = client.subscribe(CACHE, key)
        assert isinstance(subscription, TopicSubscribe.Subscription)
        items: list[Any] = []
        reads = threading.Event()

        def read() -> None:
            reads.set()
            items.extend(subscription)

        def end() -> None:
            reads.wait()
            subscription.unsubscribe()

        run_all([read, end])
        assert [code_of(item) for item in items] == ["CANCELLED_ERROR"]


# --- Signals ---


class Interrupted(Exception):
    pass


@pytest.fixture
def alarm() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Have a function called by a signal soon."""
    before = signal.getsignal(signal.SIGALRM)

    def set_alarm(handler: Callable[[], None]) -> None:
        signal.signal(signal.SIGALRM, lambda _number, _frame: handler())
        signal.setitimer(signal.ITIMER_REAL, 0.1)

    yield set_alarm
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def interrupt() -> None:
    raise Interrupted


def test_an_exception_of_a_signals_handler_ends_a_blocking_call(
    silent: mayfly.CredentialProvider, alarm: Callable[[Callable[[], None]], None]
) -> None:
    with make(silent, timedelta(minutes=5)) as client:
        alarm(interrupt)
        with pytest.raises(Interrupted):
            client.get(CACHE, "key")
        assert client.counts()["in_flight"] + client.counts()["waiting"] == 0


def test_a_keyboard_interrupt_ends_a_blocking_call(silent: mayfly.CredentialProvider) -> None:
    with make(silent, timedelta(minutes=5)) as client:
        about_to_call = threading.Event()

        def press() -> None:
            about_to_call.wait()
            time.sleep(0.05)  # the call has no other way to say that it waits
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=press)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            about_to_call.set()
            client.get(CACHE, "key")
        thread.join()


def test_a_signal_whose_handler_returns_lets_the_call_go_on(
    silent: mayfly.CredentialProvider, alarm: Callable[[Callable[[], None]], None]
) -> None:
    seen: list[int] = []
    with make(silent, timedelta(milliseconds=400)) as client:
        alarm(lambda: seen.append(1))
        assert code_of(client.get(CACHE, "key")) == "TIMEOUT_ERROR"
        assert seen == [1]


def test_an_exception_of_a_signals_handler_ends_the_wait_for_an_item_and_not_the_subscription(
    credentials: mayfly.CredentialProvider, key: str, alarm: Callable[[Callable[[], None]], None]
) -> None:
    with mayfly.TopicClient(mayfly.TopicConfigurations.Default.latest(), credentials) as client:
        subscription = client.subscribe(CACHE, key)
        assert isinstance(subscription, TopicSubscribe.Subscription)
        alarm(interrupt)
        with pytest.raises(Interrupted):
            next(subscription)
        client.publish(CACHE, key, "after")
        item = next(subscription)
        assert isinstance(item, TopicSubscriptionItem.Text)
        assert item.value == "after"


def test_a_signals_handler_may_call_by_the_client_whose_call_it_interrupts(
    binary: Path
) -> None:
    own = Server(binary)
    client = make(mayfly.CredentialProvider.for_momento_local(port=own.port), timedelta(seconds=60))
    client.set(CACHE, "key", "v")
    answers: list[Any] = []

    def ask_and_let_go_on() -> None:
        own.go_on()
        answers.append(client.get(CACHE, "key"))

    signal.signal(signal.SIGALRM, lambda _number, _frame: ask_and_let_go_on())
    own.pause()
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    assert client.get(CACHE, "key") == CacheGet.Hit(b"v")
    assert answers == [CacheGet.Hit(b"v")]
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    client.close()
    own.stop()


def test_a_signals_handler_may_wait_for_other_threads_of_the_client_that_it_interrupts(
    binary: Path, alarm: Callable[[Callable[[], None]], None]
) -> None:
    own = Server(binary)
    client = make(mayfly.CredentialProvider.for_momento_local(port=own.port), timedelta(seconds=60))
    client.set(CACHE, "key", "v")
    hit = CacheGet.Hit(b"v")
    answers: list[Any] = []
    threads = ThreadPoolExecutor(2)

    def ask_by_others() -> None:
        own.go_on()
        asked = [threads.submit(client.get, CACHE, "key") for _ in range(10)]
        answers.extend(each.result() for each in asked)

    own.pause()
    alarm(ask_by_others)
    assert client.get(CACHE, "key") == hit
    assert answers == [hit] * 10
    threads.shutdown()
    client.close()
    own.stop()


def test_handlers_of_signals_may_interrupt_each_other(
    binary: Path, alarm: Callable[[Callable[[], None]], None]
) -> None:
    own = Server(binary)
    client = make(mayfly.CredentialProvider.for_momento_local(port=own.port), timedelta(seconds=60))
    client.set(CACHE, "key", "v")
    hit = CacheGet.Hit(b"v")
    answers: list[Any] = []

    def ask_third() -> None:
        own.go_on()
        answers.append(client.get(CACHE, "key"))

    def ask_second() -> None:
        alarm(ask_third)
        answers.append(client.get(CACHE, "key"))

    own.pause()
    alarm(ask_second)
    assert client.get(CACHE, "key") == hit
    assert answers == [hit, hit]
    client.close()
    own.stop()


def test_a_child_that_a_signals_handler_forks_makes_the_interrupted_call_itself(
    silent: mayfly.CredentialProvider, alarm: Callable[[Callable[[], None]], None]
) -> None:
    children: list[int] = []
    with make(silent, timedelta(milliseconds=500)) as client:
        parent = os.getpid()
        alarm(lambda: children.append(os.fork()))
        try:
            code = code_of(client.get(CACHE, "key"))
        finally:
            if os.getpid() != parent:
                os._exit(0 if code == "TIMEOUT_ERROR" and children == [0] else 1)
        assert code == "TIMEOUT_ERROR"
        assert_ended_well(children[0])


# --- Forks ---


def fork(child: Callable[[], bool]) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads are the point
        process = os.fork()
    if process == 0:
        is_well = False
        try:
            is_well = child()
        finally:
            os._exit(0 if is_well else 1)
    return process


def assert_ended_well(process: int) -> None:
    assert os.waitpid(process, 0)[1] == 0


def test_a_child_uses_its_parents_clients_as_its_own(credentials: mayfly.CredentialProvider, key: str) -> None:
    with make(credentials) as client:
        client.set(CACHE, key, "v")
        hit = CacheGet.Hit(b"v")

        def ask() -> bool:
            is_hit = client.get(CACHE, key) == hit and client.counts()["connections"] == 1
            client.close()
            return is_hit

        for _ in range(5):
            assert_ended_well(fork(ask))
            assert client.get(CACHE, key) == hit
        assert client.counts()["disconnects"] == 0


def test_a_child_is_told_that_a_subscription_is_over_even_if_its_parent_reads_it(
    credentials: mayfly.CredentialProvider, key: str
) -> None:
    with mayfly.TopicClient(mayfly.TopicConfigurations.Default.latest(), credentials) as client:
        subscription = client.subscribe(CACHE, key)
        assert isinstance(subscription, TopicSubscribe.Subscription)
        items: list[Any] = []
        reader = threading.Thread(target=lambda: items.append(next(subscription)))
        reader.start()
        poll(lambda: any(frame.f_code.co_name == "__next__" for frame in sys._current_frames().values()))
        assert_ended_well(fork(lambda: code_of(next(subscription)) == "CANCELLED_ERROR"))
        client.publish(CACHE, key, "after")
        reader.join()
        assert [item.value for item in items] == ["after"]


def test_a_child_that_forks_again_does_too(credentials: mayfly.CredentialProvider, key: str) -> None:
    with make(credentials) as client:
        client.set(CACHE, key, "v")

        def ask_in_grandchild() -> bool:
            assert_ended_well(fork(lambda: client.get(CACHE, key) == CacheGet.Hit(b"v")))
            return client.get(CACHE, key) == CacheGet.Hit(b"v")

        assert_ended_well(fork(ask_in_grandchild))


def test_a_child_runs_a_loop_of_its_own_on_its_parents_client(
    credentials: mayfly.CredentialProvider, key: str
) -> None:
    client = mayfly.CacheClientAsync(mayfly.Configurations.Laptop.latest(), credentials, HOUR)

    async def ask() -> Any:
        return await client.get(CACHE, key)

    async def main() -> None:
        await client.set(CACHE, key, "v")
        for _ in range(3):
            under_way = asyncio.ensure_future(client.get(CACHE, key))
            await asyncio.sleep(0)

            def run_in_child() -> bool:
                asyncio.events._set_running_loop(None)
                return asyncio.run(ask()) == CacheGet.Hit(b"v")

            assert_ended_well(fork(run_in_child))
            assert await under_way == CacheGet.Hit(b"v")
        await client.close()

    asyncio.run(main())


def test_a_thousand_forks_with_calls_in_flight_leave_parent_and_children_well(
    credentials: mayfly.CredentialProvider, key: str
) -> None:
    forks = 50 if IS_SANITIZED else 1000
    over = threading.Event()
    client = make(credentials)
    looped = mayfly.CacheClientAsync(mayfly.Configurations.Laptop.latest(), credentials, HOUR)
    client.set(CACHE, key, "v")
    hit = CacheGet.Hit(b"v")

    def keep_calling() -> None:
        while not over.is_set():
            assert client.get(CACHE, key) == hit

    async def keep_calling_in_loop() -> None:
        while not over.is_set():
            assert await asyncio.gather(*(looped.get(CACHE, key) for _ in range(20))) == [hit] * 20
        await looped.close()

    def fork_all() -> None:
        try:
            for i in range(forks):
                assert_ended_well(fork(lambda: client.get(CACHE, key) == hit))
                if i % 50 == 0:
                    assert_ended_well(fork(lambda: asyncio.run(_ask(looped, key)) == hit))
        finally:
            over.set()

    if IS_SANITIZED:  # whose allocator must not be forked while another thread is in it
        fork_all()
        asyncio.run(keep_calling_in_loop())
    else:
        run_all([fork_all, keep_calling, keep_calling, lambda: asyncio.run(keep_calling_in_loop())])
    client.close()


async def _ask(client: mayfly.CacheClientAsync, key: str) -> Any:
    return await client.get(CACHE, key)
