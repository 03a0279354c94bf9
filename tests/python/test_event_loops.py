"""The asyncio client in event loops: asyncio's own and uvloop. Tasks that wait, that are cancelled, that raise; loops
that come, go, and run in several threads."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import random
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import uvloop
from support import CACHE, HOUR, Server, code_of

import mayfly
from mayfly.responses import (
    CacheGet,
    CacheSet,
    CacheSetResponse,
    TopicPublish,
    TopicSubscribe,
    TopicSubscriptionItem,
)

MakeLoop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(params=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> MakeLoop:
    """Have a test run on both loops."""
    return uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop


def run(new_loop: MakeLoop, main: Any, *, debug: bool = False) -> Any:
    """As asyncio.run, on that kind of loop."""
    loop = new_loop()
    loop.set_debug(debug)
    try:
        return loop.run_until_complete(main)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def make(credentials: mayfly.CredentialProvider, timeout: timedelta | None = None) -> mayfly.CacheClientAsync:
    configuration = mayfly.Configurations.Laptop.latest()
    if timeout is not None:
        configuration = configuration.with_client_timeout(timeout)
    return mayfly.CacheClientAsync(configuration, credentials, HOUR)


@pytest.fixture
def silent() -> Iterator[mayfly.CredentialProvider]:
    """Listen and never say anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield mayfly.CredentialProvider.for_momento_local(port=listener.getsockname()[1])


# --- Answers ---


def test_a_thousand_calls_made_together_are_answered_each_with_its_own(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider, key: str
) -> None:
    async def main() -> None:
        async with make(credentials) as client:
            stored = await asyncio.gather(*(client.set(CACHE, f"{key}-{i}", f"{i}") for i in range(1000)))
            assert all(isinstance(each, CacheSet.Success) for each in stored)
            got = await asyncio.gather(*(client.get(CACHE, f"{key}-{i}") for i in range(1000)))
            assert got == [CacheGet.Hit(b"%d" % i) for i in range(1000)]

    run(new_loop, main())


def test_cancelled_tasks_leave_the_answers_of_others_where_they_belong(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider, key: str
) -> None:
    chance = random.Random(17)

    async def ask(client: mayfly.CacheClientAsync, i: int) -> bytes:
        for _ in range(5):
            response = await client.get(CACHE, f"{key}-{i}")
            assert isinstance(response, CacheGet.Hit)
            assert response.value_bytes == b"%d" % i
        return response.value_bytes

    async def main() -> None:
        async with make(credentials) as client:
            await asyncio.gather(*(client.set(CACHE, f"{key}-{i}", f"{i}") for i in range(300)))
            for _ in range(10):
                tasks = [asyncio.ensure_future(ask(client, i)) for i in range(300)]
                doomed = set(chance.sample(range(300), 150))
                for i in sorted(doomed, key=lambda _: chance.random()):
                    tasks[i].cancel()
                    if chance.random() < 0.1:
                        await client.ping()
                ends = await asyncio.gather(*tasks, return_exceptions=True)
                for i, end in enumerate(ends):
                    assert end == b"%d" % i or (i in doomed and isinstance(end, asyncio.CancelledError))
            assert client.counts()["in_flight"] == 0

    run(new_loop, main())


def test_a_call_can_be_given_to_whatever_takes_a_coroutine_or_a_future(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider, key: str
) -> None:
    async def main() -> None:
        async with make(credentials) as client:
            assert isinstance(await asyncio.create_task(client.set(CACHE, key, "v")), CacheSet.Success)
            hit = CacheGet.Hit(b"v")
            assert await asyncio.wait_for(client.get(CACHE, key), 20) == hit
            assert await asyncio.shield(client.get(CACHE, key)) == hit
            assert await asyncio.ensure_future(client.get(CACHE, key)) == hit
            done, waiting = await asyncio.wait([asyncio.ensure_future(client.get(CACHE, key)) for _ in range(3)])
            assert [each.result() for each in done] == [hit] * 3 and not waiting
            for each in asyncio.as_completed([client.get(CACHE, key) for _ in range(3)]):
                assert await each == hit
            call = client.get(CACHE, key)
            assert [await call, await call] == [hit, hit]

    run(new_loop, main())


def test_a_call_may_be_awaited_by_several_tasks(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider, key: str
) -> None:
    async def wait_for_it(call: Any) -> Any:
        return await call

    async def main() -> None:
        async with make(credentials) as client:
            await client.set(CACHE, key, "v")
            call = client.get(CACHE, key)
            assert await asyncio.gather(*(wait_for_it(call) for _ in range(5))) == [CacheGet.Hit(b"v")] * 5

    run(new_loop, main())


def test_a_refused_call_can_be_awaited_and_made_a_task_of(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider
) -> None:
    async def main() -> None:
        async with make(credentials) as client:
            assert code_of(await client.get("", "key")) == "INVALID_ARGUMENT_ERROR"
            assert code_of(await asyncio.create_task(client.get("", "key"))) == "INVALID_ARGUMENT_ERROR"
            assert code_of(await asyncio.wait_for(client.get(CACHE, ""), 20)) == "INVALID_ARGUMENT_ERROR"

    run(new_loop, main())


def test_a_call_made_where_no_loop_runs_is_made_where_it_is_awaited(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider, key: str
) -> None:
    loop = new_loop()
    client = make(credentials)
    assert isinstance(loop.run_until_complete(client.set(CACHE, key, "v")), CacheSet.Success)
    assert loop.run_until_complete(client.get(CACHE, key)) == CacheGet.Hit(b"v")
    loop.run_until_complete(client.close())
    loop.close()


def test_other_work_of_the_loop_has_its_turn(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider, key: str
) -> None:
    async def work(client: mayfly.CacheClientAsync, over: asyncio.Event) -> int:
        count = 0
        while not over.is_set():
            await client.set(CACHE, key, "v")
            count += 1
        return count

    async def main() -> None:
        async with make(credentials) as client:
            over = asyncio.Event()
            workers = [asyncio.ensure_future(work(client, over)) for _ in range(100)]
            for _ in range(200):
                await asyncio.sleep(0)
            await asyncio.sleep(0.05)
            over.set()
            assert min(await asyncio.gather(*workers)) > 0

    run(new_loop, main())


def test_debug_mode_finds_nothing_to_complain_of(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider, key: str
) -> None:
    async def main() -> None:
        async with make(credentials) as client:
            await asyncio.gather(*(client.set(CACHE, key, "v") for _ in range(50)))

    run(new_loop, main(), debug=True)


def test_context_variables_and_the_current_task_are_those_of_who_waits(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider, key: str
) -> None:
    who = contextvars.ContextVar("who", default=-1)

    async def ask(client: mayfly.CacheClientAsync, i: int) -> None:
        task = asyncio.current_task()
        who.set(i)
        for _ in range(20):
            await client.get(CACHE, key)
            assert who.get() == i
            assert asyncio.current_task() is task

    async def main() -> None:
        async with make(credentials) as client:
            await asyncio.gather(*(ask(client, i) for i in range(20)))
            assert who.get() == -1

    run(new_loop, main())


# --- Cancelling and closing ---


def test_a_cancelled_task_cancels_its_call(new_loop: MakeLoop, silent: mayfly.CredentialProvider) -> None:
    async def main() -> None:
        async with make(silent) as client:
            task = asyncio.ensure_future(client.get(CACHE, "key"))
            await asyncio.sleep(0)
            assert client.counts()["waiting"] + client.counts()["in_flight"] == 1
            task.cancel("enough")
            with pytest.raises(asyncio.CancelledError):
                await task
            assert task.cancelled()
            assert client.counts()["waiting"] + client.counts()["in_flight"] == 0

    run(new_loop, main())


def test_a_call_that_is_cancelled_before_its_task_began_is_cancelled_too(
    new_loop: MakeLoop, silent: mayfly.CredentialProvider
) -> None:
    async def main() -> None:
        async with make(silent) as client:
            tasks = [asyncio.create_task(client.get(CACHE, "key")) for _ in range(3)]
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(end) for end in ends] == [asyncio.CancelledError] * 3
            assert client.counts()["waiting"] + client.counts()["in_flight"] == 0

    run(new_loop, main())


def test_a_gather_that_is_cancelled_cancels_its_calls(new_loop: MakeLoop, silent: mayfly.CredentialProvider) -> None:
    async def main() -> None:
        async with make(silent) as client:
            together = asyncio.gather(*(client.get(CACHE, "key") for _ in range(3)))
            await asyncio.sleep(0)
            together.cancel()
            with pytest.raises(asyncio.CancelledError):
                await together
            await asyncio.sleep(0)
            assert client.counts()["waiting"] + client.counts()["in_flight"] == 0

    run(new_loop, main())


def test_a_wait_for_an_item_that_is_cancelled_loses_none(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider, key: str
) -> None:
    async def publish(client: mayfly.TopicClientAsync) -> None:
        for i in range(100):
            assert isinstance(await client.publish(CACHE, key, f"{i}"), TopicPublish.Success)

    async def main() -> None:
        async with mayfly.TopicClientAsync(mayfly.TopicConfigurations.Default.latest(), credentials) as client:
            subscription = await client.subscribe(CACHE, key)
            assert isinstance(subscription, TopicSubscribe.SubscriptionAsync)
            publishing = asyncio.ensure_future(publish(client))
            values: list[str] = []
            while len(values) < 100:
                reading = asyncio.ensure_future(subscription.__anext__())
                for _ in range(2):
                    await asyncio.sleep(0)
                reading.cancel()
                try:
                    item = await reading
                except asyncio.CancelledError:
                    continue
                assert isinstance(item, TopicSubscriptionItem.Text)
                values.append(item.value)
            assert values == [f"{i}" for i in range(100)]
            await publishing

    run(new_loop, main())


def test_a_wait_that_times_out_cancels_its_call(new_loop: MakeLoop, silent: mayfly.CredentialProvider) -> None:
    async def main() -> None:
        async with make(silent) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.get(CACHE, "key"), 0.05)
            assert client.counts()["waiting"] + client.counts()["in_flight"] == 0

    run(new_loop, main())


def test_a_deadline_passes_though_nothing_is_heard(new_loop: MakeLoop, silent: mayfly.CredentialProvider) -> None:
    async def main() -> None:
        async with make(silent, timedelta(milliseconds=50)) as client:
            ends = await asyncio.gather(*(client.get(CACHE, "key") for _ in range(20)))
            assert [code_of(end) for end in ends] == ["TIMEOUT_ERROR"] * 20

    run(new_loop, main())


def test_closing_ends_what_is_under_way(new_loop: MakeLoop, silent: mayfly.CredentialProvider) -> None:
    async def main() -> None:
        client = make(silent)
        tasks = [asyncio.ensure_future(client.get(CACHE, "key")) for _ in range(20)]
        await asyncio.sleep(0)
        await client.close()
        assert [code_of(end) for end in await asyncio.gather(*tasks)] == ["CANCELLED_ERROR"] * 20
        await client.close()

    run(new_loop, main())


def test_a_closed_client_says_so(new_loop: MakeLoop, credentials: mayfly.CredentialProvider) -> None:
    async def main() -> None:
        client = make(credentials)
        assert isinstance(await client.get(CACHE, "absent"), CacheGet.Miss)
        await client.close()
        assert code_of(await client.get(CACHE, "key")) == "FAILED_PRECONDITION_ERROR"

    run(new_loop, main())


def test_a_task_may_close_the_client_that_has_just_answered_it(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider
) -> None:
    async def ask(client: mayfly.CacheClientAsync) -> Any:
        response = await client.get(CACHE, "absent")
        await client.close()
        return response

    async def main() -> None:
        client = make(credentials)
        ends = await asyncio.gather(*(ask(client) for _ in range(50)))
        assert all(isinstance(end, CacheGet.Miss) or code_of(end) == "CANCELLED_ERROR" for end in ends)
        assert any(isinstance(end, CacheGet.Miss) for end in ends)

    run(new_loop, main())


def test_a_forgotten_client_warns_and_goes(new_loop: MakeLoop, credentials: mayfly.CredentialProvider) -> None:
    async def main() -> None:
        client = make(credentials)
        await client.get(CACHE, "absent")
        with pytest.warns(ResourceWarning, match="unclosed <mayfly.cache_client_async.CacheClientAsync"):
            del client
            gc.collect()

    run(new_loop, main())


def test_a_client_that_is_dropped_at_once_still_answers(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider
) -> None:
    async def main() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            assert isinstance(await make(credentials).get(CACHE, "absent"), CacheGet.Miss)

    run(new_loop, main())


# --- What tasks raise ---


def test_an_exception_in_a_callback_is_the_loops_to_handle_and_stops_nobody(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider
) -> None:
    handled: list[dict[str, Any]] = []

    def fail(_call: Any) -> None:
        raise ValueError("of the test")

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: handled.append(context))
        async with make(credentials) as client:
            await client.ping()
            calls = [client.get(CACHE, "absent") for _ in range(10)]
            for call in calls[::2]:
                asyncio.ensure_future(call).add_done_callback(fail)
            assert await asyncio.gather(*calls) == [CacheGet.Miss()] * 10

    run(new_loop, main())
    assert [str(context["exception"]) for context in handled] == ["of the test"] * 5


def test_a_keyboard_interrupt_in_one_of_several_callbacks_stops_the_loop_and_the_others_are_called(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider
) -> None:
    loop = new_loop()
    client = make(credentials)
    told: list[int] = []

    def press(_call: Any) -> None:
        raise KeyboardInterrupt

    async def wait() -> None:
        await client.ping()
        call: Any = client.get(CACHE, "absent")
        call.add_done_callback(press)
        for i in range(3):
            call.add_done_callback(lambda _call, i=i: told.append(i))
        await asyncio.Event().wait()

    main = loop.create_task(wait())
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(main)
    main.cancel()
    loop.run_until_complete(client.close())
    assert told == [0, 1, 2]
    loop.close()


def test_a_keyboard_interrupt_stops_the_loop_and_loses_no_answer(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider, key: str
) -> None:
    loop = new_loop()
    client = make(credentials)

    async def ask(i: int) -> Any:
        response = await client.get(CACHE, f"{key}-{i}")
        if i == 10:
            raise KeyboardInterrupt
        return response

    async def fill() -> None:
        await asyncio.gather(*(client.set(CACHE, f"{key}-{i}", f"{i}") for i in range(20)))

    tasks: list[asyncio.Task[Any]] = []

    async def start_and_wait() -> None:
        tasks.extend(asyncio.ensure_future(ask(i)) for i in range(20))
        await asyncio.Event().wait()

    loop.run_until_complete(fill())
    main = loop.create_task(start_and_wait())
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(main)
    main.cancel()
    rest = [task for i, task in enumerate(tasks) if i != 10]
    answers = loop.run_until_complete(asyncio.wait_for(_all(rest), 20))
    assert answers == [CacheGet.Hit(b"%d" % i) for i in range(20) if i != 10]
    assert isinstance(tasks[10].exception(), KeyboardInterrupt)
    loop.run_until_complete(client.close())
    loop.close()


async def _all(tasks: list[asyncio.Task[Any]]) -> list[Any]:
    return await asyncio.gather(*tasks)


# --- Several loops ---


def test_a_client_is_used_in_one_loop_after_another(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider, key: str
) -> None:
    client = make(credentials)

    async def main(i: int) -> None:
        assert isinstance(await client.set(CACHE, key, f"{i}"), CacheSet.Success)
        assert await client.get(CACHE, key) == CacheGet.Hit(b"%d" % i)

    for i in range(5):
        run(new_loop, main(i))
    run(new_loop, client.close())


def test_four_loops_in_four_threads_share_a_client(
    new_loop: MakeLoop, credentials: mayfly.CredentialProvider, key: str
) -> None:
    client = make(credentials)
    failures: list[BaseException] = []

    async def work(name: str) -> None:
        for i in range(20):
            stored: list[CacheSetResponse] = await asyncio.gather(
                *(client.set(CACHE, f"{name}-{j}", f"{name} {i} {j}") for j in range(25))
            )
            assert all(isinstance(each, CacheSet.Success) for each in stored)
            got = await asyncio.gather(*(client.get(CACHE, f"{name}-{j}") for j in range(25)))
            assert got == [CacheGet.Hit(f"{name} {i} {j}".encode()) for j in range(25)]

    def run_in_thread(name: str) -> None:
        try:
            run(new_loop, work(name))
        except BaseException as e:
            failures.append(e)

    threads = [threading.Thread(target=run_in_thread, args=(f"{key}-{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    run(new_loop, client.close())


def test_a_loop_that_closes_with_calls_pending_harms_nobody(
    new_loop: MakeLoop, silent: mayfly.CredentialProvider
) -> None:
    client = make(silent, timedelta(milliseconds=50))
    loop = new_loop()

    async def start() -> None:
        client.get(CACHE, "key")

    loop.run_until_complete(start())
    loop.close()

    async def main() -> None:
        assert code_of(await client.get(CACHE, "key")) == "TIMEOUT_ERROR"
        await client.close()

    run(new_loop, main())


def test_a_client_with_calls_pending_in_a_closed_loop_can_be_closed_and_forgotten(
    new_loop: MakeLoop, silent: mayfly.CredentialProvider
) -> None:
    for is_closed in (True, False):
        client = make(silent)
        loop = new_loop()

        async def start(client: mayfly.CacheClientAsync = client) -> None:
            client.get(CACHE, "key")

        loop.run_until_complete(start())
        loop.close()
        if is_closed:
            run(new_loop, client.close())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            del client, start
            gc.collect()


def test_a_client_whose_loop_was_stopped_is_closed_from_elsewhere(
    new_loop: MakeLoop, silent: mayfly.CredentialProvider
) -> None:
    client = make(silent)
    loop = new_loop()

    async def start() -> asyncio.Task[Any]:
        task = asyncio.ensure_future(client.get(CACHE, "key"))
        await asyncio.sleep(0)
        return task

    task = loop.run_until_complete(start())
    run(asyncio.new_event_loop, client.close())
    assert code_of(loop.run_until_complete(task)) == "CANCELLED_ERROR"
    loop.close()


NESTED = """
import asyncio, sys
from datetime import timedelta
import nest_asyncio
import mayfly
from mayfly.responses import CacheGet

cache, key, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
loop = asyncio.new_event_loop()
nest_asyncio.apply(loop)

async def main():
    credentials = mayfly.CredentialProvider.for_momento_local(port=port)
    async with mayfly.CacheClientAsync(mayfly.Configurations.Laptop.latest(), credentials, timedelta(hours=1)) as client:
        await client.set(cache, key, "v")
        assert loop.run_until_complete(client.get(cache, key)) == CacheGet.Hit(b"v")
        assert await client.get(cache, key) == CacheGet.Hit(b"v")

loop.run_until_complete(main())
loop.close()
"""


def test_a_loop_runs_within_a_loop_that_allows_it(server: Server, key: str) -> None:
    # In a process of its own: nest_asyncio changes asyncio for all.
    subprocess.run([sys.executable, "-c", NESTED, CACHE, key, str(server.port)], check=True, timeout=60)
