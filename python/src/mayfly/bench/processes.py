"""The same load from several processes, for one process uses one core: each has its own event loop, client and workers.

They open and warm up by themselves, meet at a barrier, and measure at once. Each sends the parent what a second counted
as it goes, and its result at the end.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Protocol

from .clients import Problem
from .load import Progress, Result, Settings, run

MEETING_S = 120.0  # until all have opened and warmed up, at most, beside the time to warm up
OTHERS = "another process could not begin"


class _Barrier(Protocol):
    def wait(self, timeout: float | None = None) -> int: ...
    def abort(self) -> None: ...


def _child(settings: Settings, barrier: _Barrier, to_parent: Connection) -> None:
    def meet() -> None:
        barrier.wait(MEETING_S + settings.warmup_s)

    message: Result | Problem
    try:
        message = run(settings, to_parent.send, meet)
    except threading.BrokenBarrierError:
        message = Problem(OTHERS)
    except Exception as error:
        barrier.abort()
        message = error if isinstance(error, Problem) else Problem(f"{error.__class__.__name__}: {error}")
    to_parent.send(message)


class _Seconds:
    """Passes a second on when every process has told what it counted in it."""

    def __init__(self, processes: int, progress: Progress) -> None:
        self._processes = processes
        self._progress = progress
        self._told = [0] * processes
        self._merged: list[Counter[int]] = []
        self._shown = 0

    def take(self, process: int, counts: Counter[int]) -> None:
        number = self._told[process]
        self._told[process] += 1
        if number == len(self._merged):
            self._merged.append(Counter())
        self._merged[number].update(counts)
        while self._shown < min(self._told):
            self._progress(self._merged[self._shown])
            self._merged[self._shown].clear()
            self._shown += 1


def run_processes(settings: Settings, progress: Progress) -> Result:
    """Measure in `settings.processes` processes. Raises Problem."""
    context = multiprocessing.get_context("spawn")  # a child is as one that was started by itself
    barrier = context.Barrier(settings.processes)
    numbers: dict[Connection, int] = {}
    processes = []
    problems: list[Problem] = []
    total, seconds = Result(), _Seconds(settings.processes, progress)
    try:
        for number in range(settings.processes):
            from_child, to_parent = context.Pipe(duplex=False)
            process = context.Process(target=_child, args=(settings, barrier, to_parent), daemon=True)
            process.start()
            to_parent.close()  # so that its end is seen if the process dies
            numbers[from_child] = number
            processes.append(process)
        while numbers:
            for ready in wait(list(numbers)):
                assert isinstance(ready, Connection)
                try:
                    message = ready.recv()
                except EOFError:
                    barrier.abort()
                    message = Problem("a process ended before it was done")
                if isinstance(message, Counter):
                    seconds.take(numbers[ready], message)
                    continue
                if isinstance(message, Result):
                    total.merge(message)
                else:
                    problems.append(message)
                del numbers[ready]
    finally:
        for process in processes:
            if numbers:
                process.terminate()
            process.join()
    if problems:
        raise min(problems, key=lambda problem: str(problem) == OTHERS)
    return total
