"""SIGINT and SIGTERM end a measurement early, and what was measured until then is told all the same.

A signal is only noted, and the load looks for the note as often as it folds what it recorded. So nothing is torn in the
middle, whatever is going on when the signal comes and whichever event loop runs.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from .clients import Problem

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

IsInterrupted = Callable[[], bool]


class Interrupted(Problem):
    """The signal came before there was anything to tell."""

    def __str__(self) -> str:
        return "interrupted before anything was measured"


class Interruption:
    """Notes the first signal."""

    def __init__(self) -> None:
        self._number = 0
        for number in _SIGNALS:
            signal.signal(number, self._note)

    def _note(self, number: int, _: FrameType | None) -> None:
        self._number = self._number or number

    def has_come(self) -> bool:
        return self._number != 0

    @property
    def exit_status(self) -> int:
        """What a shell says of a process that such a signal ended; 0 if none has come."""
        return 128 + self._number if self._number else 0


@contextmanager
def held_back() -> Iterator[None]:
    """Let the signals wait meanwhile. A process that is started in it never gets them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
