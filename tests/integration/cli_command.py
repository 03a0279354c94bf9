"""The command `mayfly` for tests that use it as a person does."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

COMMAND_TIMEOUT_S = 60

OK, MISS, USAGE, FAILED, UNREACHABLE, LOCAL, UNMET = range(7)
INTERRUPTED = 130  # by SIGINT


class Mayfly:
    """The command, pointed at one server."""

    def __init__(self, binary: Path, endpoint: str) -> None:
        self.binary = binary
        self.environment = {**os.environ, "MAYFLY_ENDPOINT": endpoint}

    def __call__(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([str(self.binary), *arguments], input=stdin, capture_output=True,
                              env=self.environment, timeout=COMMAND_TIMEOUT_S)

    def ok(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run a command that has to succeed, and return what it printed."""
        done = self(*arguments, stdin=stdin)
        assert (done.returncode, done.stderr) == (OK, b""), done
        return done.stdout

    def json(self, *arguments: str, stdin: bytes = b"") -> Any:
        """Run a command that has to succeed, and return the one JSON value that it printed."""
        return json.loads(self.ok(*arguments, "--json", stdin=stdin))

    def fails(self, code: int, *arguments: str) -> str:
        """Run a command that has to fail with this code, and return its one sentence."""
        done = self(*arguments)
        assert (done.returncode, done.stdout) == (code, b""), done
        sentence = done.stderr.decode()
        assert sentence.startswith("mayfly: ") and sentence.count("\n") == 1, sentence
        return sentence

    def misses(self, *arguments: str) -> bytes:
        """Run a command whose answer is in part or wholly "not there", said by the exit code and what it prints."""
        done = self(*arguments)
        assert (done.returncode, done.stderr) == (MISS, b""), done
        return done.stdout

    def misses_json(self, *arguments: str) -> Any:
        """Likewise, for the JSON value that it prints."""
        return json.loads(self.misses(*arguments, "--json"))

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command that goes on until it is told to stop."""
        return subprocess.Popen([str(self.binary), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=self.environment)
