"""Makes the blocking clients of the asyncio ones, which are the same but for the waiting.

    python python/tools/make_blocking.py [--check]

With --check nothing is written; exit status 1 says that a file is not what its asyncio side makes it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "src/mayfly"
CLIENTS = ("cache_client", "topic_client", "leaderboard_client")

# What is said of awaiting, in the order in which it is looked for.
SENTENCES = (
    (
        r"A client of caches for asyncio, on any event loop of its kind\.",
        "A client of caches whose methods wait for their answers. Any number of threads may use one at once.",
    ),
    (
        r"A method gives an awaitable of its response: an object of one of the classes that the response's name holds\."
        r" Match\n    on it,",
        "A method gives its response: an object of one of the classes that the response's name holds. Match on it,\n   ",
    ),
    (
        r"    The request is on its way when the method returns.*?`asyncio\.create_task`\. Keys, fields,\n",
        "    A signal whose handler raises, as KeyboardInterrupt, ends the wait and the request. Keys, fields,\n",
    ),
    (r"A client of topics for asyncio:", "A client of topics:"),
    (r"The asyncio client", "The blocking client"),
)
WORDS = (
    (r"Coroutine\[Any, Any, (\w+)\]", r"\1"),
    (r"\bawait ", ""),
    (r"from mayfly\.responses\.pubsub\.subscribe import next_event\n", ""),
    (r"\bnext_event\((\w+)\)", r"\1.next()"),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"__a(enter|exit)__", r"__\1__"),
    (r"(Client|Subscription|Leaderboard)Async\b", r"\1"),
    (r"\bLoop(Cache)?Base\b", r"Blocking\1Base"),
    (r"\bopen_topics_loop\b", "open_topics_blocking"),
)


def blocking(text: str) -> str:
    """The blocking side of a module."""
    for pattern, replacement in SENTENCES + WORDS:
        text = re.sub(pattern, replacement, text, flags=re.DOTALL)
    if text.count("Coroutine") == 1:
        text = text.replace("Callable, Coroutine", "Callable").replace("Coroutine, ", "")
        text = text.replace("from collections.abc import Coroutine\n", "")
    if not re.search(r"\bAny\b(?!, Optional)", text):
        text = text.replace("from typing import Any, Optional\n", "from typing import Optional\n")
    first, rest = text.split("\n", 1)
    return f"{first}\n\n# Made of its asyncio side by tools/make_blocking.py; change that one.\n{rest}"


def main() -> int:
    is_checking = sys.argv[1:] == ["--check"]
    stale = []
    for name in CLIENTS:
        made = blocking((PACKAGE / f"{name}_async.py").read_text())
        to = PACKAGE / f"{name}.py"
        if is_checking and (not to.exists() or to.read_text() != made):
            stale.append(to.name)
        elif not is_checking:
            to.write_text(made)
    for name in stale:
        print(f"{name} is not what tools/make_blocking.py makes of its asyncio side", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
