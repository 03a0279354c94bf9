"""The same load from several processes, for one process uses one core: each has its own event loop, client and workers.

They open and warm up by themselves, meet at a barrier, and measure at once. Each sends the parent what a second counted
as it goes, and its result at the end. Signals are the parent's alone, since a terminal sends them to all of them: it
tells the others to stop.
"""

from __future__ import annotations

import math
import multiprocessing
import threading
from multiprocessing.connection import Connection, wait
from multiprocessing.synchronize import Event
from typing import Protocol

from .clients import Problem
from .interruption import IsInterrupted, held_back
from .load import Progress, Result, Second, Settings, run

MEETING_S = 120.0  # until all have opened and warmed up, at most, beside the time to warm up
LOOK_S = 0.1  # after an interruption
OTHERS = "another process could not begin"


class _Barrier(Protocol):
    def wait(self, timeout: float | None = None) -> int: ...
    def abort(self) -> None: ...


def _child(settings: Settings, barrier: _Barrier, stop: Event, to_parent: Connection) -> None:
    def meet() -> None:
        barrier.wait(MEETING_S + settings.warmup_s)

    message: Result | Problem
    try:
        message = run(settings, to_parent.send, stop.is_set, meet)
    except threading.BrokenBarrierError:
        message = Problem(OTHERS)
    except Exception as error:
        barrier.abort()
        message = error if isinstance(error, Problem) else Problem(f"{error.__class__.__name__}: {error}")
    to_parent.send(message)


class _Seconds:
    """Passes a second on when every process has told what it counted in it, or has ended."""

    def __init__(self, processes: int, progress: Progress) -> None:
        self._progress = progress
        self._told = [-1.0] * processes  # the last second of each
        self._merged: dict[int, Second] = {}

    def take(self, process: int, second: Second) -> None:
        if second.number in self._merged:
            self._merged[second.number].merge(second)
        else:
            self._merged[second.number] = second
        self._tell(process, second.number)

    def end(self, process: int) -> None:
        self._tell(process, math.inf)

    def _tell(self, process: int, number: float) -> None:
        self._told[process] = number
        told_by_all = min(self._told)
        for complete in sorted(second for second in self._merged if second <= told_by_all):
            self._progress(self._merged.pop(complete))


def run_processes(settings: Settings, progress: Progress, is_interrupted: IsInterrupted) -> Result:
    """Measure in `settings.processes` processes. Raises Problem."""
    context = multiprocessing.get_context("spawn")  # a child is as one that was started by itself
    barrier, stop = context.Barrier(settings.processes), context.Event()
    numbers: dict[Connection, int] = {}
    processes = []
    problems: list[Problem] = []
    total, seconds = Result(), _Seconds(settings.processes, progress)
    try:
        with held_back():
            for number in range(settings.processes):
                from_child, to_parent = context.Pipe(duplex=False)
                process = context.Process(target=_child, args=(settings, barrier, stop, to_parent), daemon=True)
                process.start()
                to_parent.close()  # so that its end is seen if the process dies
                numbers[from_child] = number
                processes.append(process)
        while numbers:
            if is_interrupted() and not stop.is_set():
                stop.set()
                barrier.abort()  # some may wait there for others, who will not come
            for ready in wait(list(numbers), LOOK_S):
                assert isinstance(ready, Connection)
                try:
                    message = ready.recv()
                except EOFError:
                    barrier.abort()
                    message = Problem("a process ended before it was done")
                if isinstance(message, Second):
                    seconds.take(numbers[ready], message)
                    continue
                if isinstance(message, Result):
                    total.merge(message)
                else:
                    problems.append(message)
                seconds.end(numbers.pop(ready))
    finally:
        for process in processes:
            if numbers:
                process.kill()  # the gentler signal is held back
            process.join()
    if stop.is_set():
        total.is_partial = total.is_partial or bool(problems)
    elif problems:
        raise min(problems, key=lambda problem: str(problem) == OTHERS)
    return total
