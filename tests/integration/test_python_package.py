"""The Python package as its users get it: a wheel that carries what it needs, in an environment with nothing else, and
what README, docs and examples show of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY, Server

BUILD_TIMEOUT_S = 600
RUN_TIMEOUT_S = 120
LOCAL = "for_momento_local()"


def run(*command: object) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=BUILD_TIMEOUT_S,
                          cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel where nothing else is."""
    if binary.parent.name != "release":
        pytest.skip("a wheel is of the release build")
    run("scripts/wheel")
    wheels = list((REPOSITORY / "build/wheel").glob("mayfly-*.whl"))
    assert len(wheels) == 1
    environment = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", environment)
    run(environment / "bin/pip", "install", "-q", "--disable-pip-version-check", "--no-index", wheels[0])
    return environment / "bin/python"


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (REPOSITORY / page).read_text(), re.DOTALL)


def test_the_wheel_brings_its_libraries(python: Path) -> None:
    extension = run(python, "-c", "from mayfly import _core; print(_core.__file__)").strip()
    needed = run("ldd", extension)
    for library in ("libuv", "libssl", "libcrypto", "protobuf-c"):
        assert re.search(rf"{library}\S* => \S*/mayfly\.libs/", needed), needed
    assert "nghttp2" not in needed


def test_the_wheel_installs_nothing_else(python: Path) -> None:
    names = run(python, "-m", "pip", "list", "--disable-pip-version-check", "--format=freeze")
    assert {line.split("==")[0] for line in names.splitlines()} <= {"mayfly", "pip", "setuptools"}


def test_package_wheel_and_library_are_of_one_version(python: Path) -> None:
    told = run(python, "-c", "import mayfly, importlib.metadata as m; from mayfly import _core;"
               "print(mayfly.__version__, m.version('mayfly'), _core.library_version)").split()
    assert len(told) == 3 and len(set(told)) == 1


def test_the_tour_of_the_readme_is_as_it_says(python: Path, server: Server, tmp_path: Path) -> None:
    tours = [block for block in blocks("README.md") if ">>>" in block and "mayfly" in block]
    assert len(tours) == 1 and LOCAL in tours[0]
    tour = tmp_path / "tour.txt"
    tour.write_text(tours[0].replace(LOCAL, f"for_momento_local(port={server.port})"))
    run(python, "-m", "doctest", tour)


def test_the_packages_own_page_runs(python: Path, server: Server) -> None:
    program, = blocks("python/README.md")
    assert LOCAL in program
    assert run(python, "-c", program.replace(LOCAL, f"for_momento_local(port={server.port})")) == "signed-in\n"


def test_the_example_of_several_processes_runs(python: Path, binary: Path, server: Server) -> None:
    run(binary, "cache", "create", "shared", "--endpoint", f"127.0.0.1:{server.port}")
    told = run(python, "examples/python/processes.py", "127.0.0.1", server.port, "shared", 2)
    assert re.search(r"[\d,]+ requests/s", told), told
