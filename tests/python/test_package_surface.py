"""The public surface is that of Momento's Python SDK: a program changes its imports and nothing else.

What is compared: each public module; in it each public class, function and constant that it defines or, being a
package, offers; of these each public method and attribute, and the names, order, kinds and defaults of parameters.
mayfly may have more of everything, as long as it is optional.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import pkgutil
import subprocess
import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any

import mayfly
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that the logging level TRACE is there already
    import momento

# What is not there, and why.
EXCEPTIONS = {
    "momento.errors.error_converter.grpc_status_to_exception": "a table of grpcio's statuses; mayfly has no grpcio",
    "momento.errors.error_converter.INTERNAL_SERVER_ERROR_MESSAGE": "a text of that function's",
    "momento.errors.error_converter.SDK_ERROR_MESSAGE": "a text of that function's",
    "momento.errors.exceptions.LIMIT_EXCEEDED_ERROR_TO_MESSAGE_WRAPPER": "a table that only the module itself reads",
    "momento.errors.exceptions.determineLimitExceededMessageWrapper": "reads that table",
    "momento.auth.momento_endpoint_resolver.resolve": "named alike, and its result is private",
    "momento.responses.pubsub.subscribe.TopicSubscribe.Subscription.__init__": "made by clients alone",
    "momento.responses.pubsub.subscribe.TopicSubscribe.SubscriptionAsync.__init__": "made by clients alone",
}
FROM_GRPC = "from_grpc_response"  # makes a response of a message of grpcio's


def public(name: str) -> bool:
    """Whether a name is for applications."""
    return not name.startswith("_")


def modules() -> list[str]:
    """Return the SDK's public modules."""
    found = [module.name for module in pkgutil.walk_packages(momento.__path__, "momento.")]
    offered = [name for name in found if all(public(part) and part != "internal" for part in name.split("."))]
    return ["momento", *offered]


def own(module: types.ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield what a module offers: what it defines, and what a package gathers from its modules."""
    is_package = hasattr(module, "__path__")
    for name, value in vars(module).items():
        if not public(name) or inspect.ismodule(value):
            continue
        origin = getattr(value, "__module__", None)
        if inspect.isclass(value) or inspect.isfunction(value):
            if origin == module.__name__ or (is_package and str(origin).startswith("momento.")):
                yield name, value
        elif name.isupper() or name in getattr(module, "__all__", ()) or module.__name__ == "momento.typing":
            yield name, value


def text_of(default: Any) -> str:
    """Return a default as text, without addresses and with one package's name."""
    if type(default).__repr__ is object.__repr__:
        return type(default).__name__
    return repr(default).replace("mayfly", "momento")


def parameters(function: Any) -> list[tuple[str, str, str]]:
    """Return the parameters of a function: name, kind, default."""
    return [
        (each.name, each.kind.name, "" if each.default is each.empty else text_of(each.default))
        for each in inspect.signature(function).parameters.values()
    ]


def members(theirs: type) -> Iterator[tuple[str, Any]]:
    """Yield the public members that a class of the SDK itself defines, and its constructor if that has parameters."""
    for name, value in vars(theirs).items():
        if name == "__init__" and inspect.isfunction(value) and len(parameters(value)) > 1:
            yield name, value
        elif public(name) and name != FROM_GRPC:
            yield name, value


def values(members_of: Any) -> list[tuple[str, Any]]:
    """Return the members of an enumeration; texts are the packages' own."""
    return [(each.name, text_of(None if isinstance(each.value, str) else each.value)) for each in members_of]


def differences(path: str, theirs: Any, ours: Any) -> Iterator[str]:
    """Yield what a program would stumble upon."""
    if path in EXCEPTIONS:
        return
    if inspect.isclass(theirs):
        if not inspect.isclass(ours):
            yield f"{path} is no class"
            return
        for name, value in members(theirs):
            below = f"{path}.{name}"
            if not hasattr(ours, name):
                if below not in EXCEPTIONS:
                    yield f"{below} is missing"
                continue
            yield from differences(below, getattr(value, "__func__", value), getattr(ours, name))
        if issubclass(theirs, enum.Enum):
            if values(theirs) != values(ours):
                yield f"{path} has other members"
    elif inspect.isfunction(theirs):
        wanted, given = parameters(theirs), parameters(ours)
        if inspect.ismethod(ours):
            wanted = wanted[1:]
        if given[: len(wanted)] != wanted:
            yield f"{path} takes {given}, and not {wanted}"
        for name, kind, default in given[len(wanted):]:
            if not default and not kind.startswith("VAR"):
                yield f"{path} needs {name}, which the SDK's does not"


@pytest.mark.parametrize("name", modules())
def test_a_module_offers_all_that_the_sdks_does(name: str) -> None:
    theirs = importlib.import_module(name)
    ours = importlib.import_module(name.replace("momento", "mayfly", 1))
    found = []
    for each, value in own(theirs):
        path = f"{name}.{each}"
        if not hasattr(ours, each):
            found += [] if path in EXCEPTIONS else [f"{path} is missing"]
            continue
        origin = getattr(value, "__qualname__", each)
        found += differences(f"{getattr(value, '__module__', name)}.{origin}", value, getattr(ours, each))
    assert found == []


def test_what_is_compared_is_most_of_the_sdk() -> None:
    assert len(modules()) > 80
    assert sum(1 for name in modules() for _ in own(importlib.import_module(name))) > 300


def test_every_exception_is_about_something_that_the_sdk_has() -> None:
    for path in EXCEPTIONS:
        module, _, rest = path.partition(".TopicSubscribe")
        owner = importlib.import_module(module if rest else module.rpartition(".")[0])
        for part in ["TopicSubscribe", *rest.split(".")[1:]] if rest else [module.rpartition(".")[2]]:
            assert hasattr(owner, part), path
            owner = getattr(owner, part)


@pytest.mark.parametrize("name", mayfly.__all__)
def test_what_the_package_says_it_offers_is_there(name: str) -> None:
    assert hasattr(mayfly, name)


@pytest.mark.parametrize("name", [
    "mayfly.responses", "mayfly.config", "mayfly.errors", "mayfly.requests", "mayfly.retry", "mayfly.utilities",
    "mayfly.config.middleware", "mayfly.auth",
])
def test_what_a_module_says_it_offers_is_there(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__all__
    assert [each for each in module.__all__ if not hasattr(module, each)] == []


@pytest.mark.parametrize("client", ["CacheClient", "LeaderboardClient", "TopicClient", "AuthClient"])
def test_the_two_kinds_of_a_client_have_the_same_methods(client: str) -> None:
    blocking, loop = getattr(mayfly, client), getattr(mayfly, client + "Async")
    assert {name for name in dir(blocking) if public(name)} == {name for name in dir(loop) if public(name)}
    for name in filter(public, dir(blocking)):
        if callable(getattr(blocking, name)):
            assert parameters(getattr(blocking, name)) == parameters(getattr(loop, name)), name


@pytest.mark.parametrize("client", ["CacheClient", "LeaderboardClient", "TopicClient", "AuthClient"])
def test_every_public_method_is_documented(client: str) -> None:
    for made in (getattr(mayfly, client), getattr(mayfly, client + "Async")):
        assert inspect.getdoc(made)
        assert [name for name in dir(made) if public(name) and not inspect.getdoc(getattr(made, name))] == []


@pytest.mark.parametrize("order", [("mayfly", "momento"), ("momento", "mayfly")])
def test_both_packages_can_be_imported_in_one_program(order: tuple[str, str]) -> None:
    program = f"import {order[0]}, {order[1]}, logging; assert logging.TRACE == 5; print('well')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "well\n"), done.stderr


def test_the_package_needs_neither_grpcio_nor_the_sdk() -> None:
    program = ("import sys, mayfly, mayfly.responses, mayfly.config.middleware, mayfly.auth_client\n"
               "print(sorted(name for name in sys.modules if name.partition('.')[0] in ('grpc', 'momento', 'google', "
               "'momento_wire_types')))")
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
