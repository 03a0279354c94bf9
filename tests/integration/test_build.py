"""The build as others use it: what is installed can be built upon, and a forbidden include does not compile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import REPOSITORY, Server

BUILD_TIMEOUT_S = 300

PROGRAM = """
#include <mayfly/mayfly.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    mayfly_configuration configuration = mayfly_configuration_laptop();
    mayfly_credentials credentials = mayfly_credentials_local("127.0.0.1", (uint16_t)atoi(argv[argc - 1]));
    mayfly_client *client;
    mayfly_error error;
    if (mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLER, &client, &error) != MAYFLY_OK) {
        fprintf(stderr, "%s\\n", error.message);
        return 1;
    }
    mayfly_request request = mayfly_ping();
    mayfly_reply *reply;
    mayfly_status status = mayfly_call(client, &request, &reply);
    puts(mayfly_status_name(status));
    mayfly_reply_free(reply);
    mayfly_client_close(client);
    return 0;
}
"""

CMAKE = """
cmake_minimum_required(VERSION 3.22)
project(user C)
find_package(mayfly 0.1 REQUIRED)
add_executable(user user.c)
target_link_libraries(user PRIVATE mayfly::mayfly)
"""


def run(*command: object, **options: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=BUILD_TIMEOUT_S,
                          **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def prefix(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release build, installed in a folder of its own."""
    if binary.parent.name != "release":
        pytest.skip("what is installed is the release build")
    where = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", binary.parent, "--prefix", where)
    return where


def test_everything_that_is_promised_is_installed(prefix: Path) -> None:
    installed = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()}
    names = {Path(path).name for path in installed}
    assert {"mayfly", "libmayfly.a", "mayfly.h", "mayfly.pc", "mayflyConfig.cmake", "mayfly.1", "libmayfly.3",
            "epoll.h", "glib.h", "libuv.h"} <= names
    assert any(name.startswith("libmayfly.so.") for name in names)
    assert "mayfly 0.1.0" in run(prefix / "bin/mayfly", "version")


def test_the_shared_library_shows_its_own_names_only(prefix: Path) -> None:
    library = next(prefix.rglob("libmayfly.so"))
    symbols = [line.split()[-1] for line in run("nm", "-D", "--defined-only", library).splitlines()]
    assert symbols and all(symbol.startswith("mayfly_") for symbol in symbols), symbols


def test_a_program_builds_with_pkg_config_and_runs(prefix: Path, server: Server, tmp_path: Path) -> None:
    (tmp_path / "user.c").write_text(PROGRAM)
    libraries = next(prefix.rglob("mayfly.pc"))
    environment = {**os.environ, "PKG_CONFIG_PATH": str(libraries.parent)}
    flags = run("pkg-config", "--cflags", "--libs", "mayfly", env=environment).split()
    run("cc", "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "user.c", "-o", "user", *flags, cwd=tmp_path)
    found = {**os.environ, "LD_LIBRARY_PATH": str(libraries.parent.parent)}
    assert run(tmp_path / "user", server.port, env=found) == "OK\n"


def test_the_archive_can_be_linked_by_any_compiler(prefix: Path, server: Server, tmp_path: Path) -> None:
    (tmp_path / "user.c").write_text(PROGRAM)
    archive = next(prefix.rglob("libmayfly.a"))
    assert ".gnu.lto" not in run("readelf", "-SW", archive)
    environment = {**os.environ, "PKG_CONFIG_PATH": str(archive.parent / "pkgconfig")}
    flags = run("pkg-config", "--static", "--cflags", "--libs", "mayfly", env=environment).split()
    flags = [str(archive) if flag == "-lmayfly" else flag for flag in flags]
    for compiler in ("cc", "clang"):
        run(compiler, "-std=c17", "user.c", "-o", "user", *flags, cwd=tmp_path)
        assert run(tmp_path / "user", server.port) == "OK\n"


@pytest.mark.parametrize("compiler", [("cc", "-xc", "-std=gnu17"), ("clang++", "-xc++", "-std=c++17")])
def test_every_header_stands_by_itself_in_c_and_in_cpp(prefix: Path, compiler: tuple[str, ...]) -> None:
    others = run("pkg-config", "--cflags", "glib-2.0", "libuv").replace("-I", "-isystem ").split()
    headers = sorted((prefix / "include").rglob("*.h"))
    assert len(headers) > 10
    for header in headers:
        run(*compiler, "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", "-fsyntax-only",
            f"-I{prefix / 'include'}", *others, "-include", header, "/dev/null")


def test_a_program_builds_with_cmake_and_runs(prefix: Path, server: Server, tmp_path: Path) -> None:
    (tmp_path / "user.c").write_text(PROGRAM)
    (tmp_path / "CMakeLists.txt").write_text(CMAKE)
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", tmp_path / "build")
    assert run(tmp_path / "build/user", server.port) == "OK\n"


@pytest.mark.parametrize(("room", "forbidden"), [
    ("base", "rpc/h2.h"), ("rpc", "net/loop.h"), ("rpc", "store/store.h"), ("store", "rpc/h2.h"),
    ("client", "store/store.h"), ("client", "server/server.h"), ("net", "server/server.h"),
    ("net", "client/client.h"), ("server", "client/client.h"), ("server", "mayfly/mayfly.h"),
])
def test_a_room_cannot_include_what_it_may_not_see(tmp_path: Path, room: str, forbidden: str) -> None:
    """The compile command of a file of the room, for a file that includes another room's header, fails."""
    entries = json.loads((REPOSITORY / "build/release/compile_commands.json").read_text())
    entry = next(entry for entry in entries if f"/src/{room}/" in entry["file"])
    intruder = tmp_path / "intruder.c"

    def compiles(header: str) -> bool:
        intruder.write_text(f'#include "{header}"\nint intruder;\n')
        command = entry["command"].replace(entry["file"], str(intruder)) + " -fsyntax-only -Wno-error"
        return subprocess.run(command, shell=True, cwd=entry["directory"], capture_output=True).returncode == 0

    assert compiles("base/bytes.h"), "the command itself works"
    assert not compiles(forbidden)


def test_no_file_climbs_out_of_its_room() -> None:
    sources = run("git", "ls-files", "src", "proto", "include", cwd=REPOSITORY).split()
    climbing = [path for path in sources if path.endswith((".c", ".h")) and '#include "../' in
                (REPOSITORY / path).read_text()]
    assert climbing == []


def test_nghttp2_is_in_no_product(binary: Path) -> None:
    assert shutil.which("git") is not None
    users = subprocess.run(["git", "grep", "-l", "nghttp2/nghttp2.h", "--", "src"], cwd=REPOSITORY,
                           capture_output=True, text=True, check=True).stdout.split()
    assert users and all(path.startswith("src/rpc/nghttp2/") for path in users)
    assert "nghttp2" not in run("ldd", binary)


def test_servers_and_clients_can_be_built_on_nghttp2(binary: Path, tmp_path: Path) -> None:
    if binary.parent.name != "release":
        pytest.skip("once is enough")
    run("cmake", "-S", REPOSITORY, "-B", tmp_path, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DMAYFLY_NGHTTP2=ON")
    run("cmake", "--build", tmp_path, "--target", "mayfly")
    assert "nghttp2" in run("ldd", tmp_path / "mayfly")
    server = Server(tmp_path / "mayfly")
    try:
        run(tmp_path / "mayfly", "bench", "--endpoint", f"127.0.0.1:{server.port}", "--requests", "1000", "--json",
            tmp_path / "result.json")
    finally:
        server.stop()
    assert json.loads((tmp_path / "result.json").read_text())["errors"] == {}
