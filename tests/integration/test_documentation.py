"""The pages on libmayfly keep up with its headers: every public function and every setting is named, links lead somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from conftest import REPOSITORY

HEADERS = sorted((REPOSITORY / "include/mayfly").rglob("*.h"))
PAGES = sorted((REPOSITORY / "docs/client").glob("*.md"))
OTHER_PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")])
MANUAL = REPOSITORY / "docs/libmayfly.3"


def without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def public_functions() -> list[str]:
    text = "".join(without_comments(path.read_text()) for path in HEADERS)
    return sorted(set(re.findall(r"MAYFLY_API\b[^;{]*?\b(mayfly_\w+)\(", text)))


def adapter_functions() -> list[str]:
    """Those of the adapters that a user calls, known by the comment above them."""
    names = []
    for path in (REPOSITORY / "include/mayfly/adapters").glob("*.h"):
        names += re.findall(r"\*/\nstatic inline [\w ]+?\*?\b(mayfly_\w+)\(", path.read_text())
    return [name for name in names if "_on_" not in name]


def test_every_public_function_is_in_the_manual() -> None:
    functions = public_functions()
    manual = MANUAL.read_text()
    assert len(functions) > 25
    assert [name for name in functions if not re.search(rf"\b{name}\b", manual)] == []


def test_the_manual_names_no_function_that_there_is_not() -> None:
    text = "".join(path.read_text() for path in HEADERS)
    named = set(re.findall(r"\b(mayfly_\w+)\b", MANUAL.read_text())) - {"mayfly_"}
    assert [name for name in sorted(named) if not re.search(rf"\b{name}\b", text)] == []


def test_every_function_of_the_adapters_is_explained() -> None:
    page = (REPOSITORY / "docs/client/event-loops.md").read_text()
    functions = adapter_functions()
    assert len(functions) >= 8
    assert [name for name in functions if name not in page] == []


@pytest.mark.parametrize(("header", "structure", "page"), [
    ("configuration.h", "mayfly_configuration", "configuration.md"),
    ("observe.h", "mayfly_client_counts", "observing.md"),
    ("types.h", "mayfly_status", "errors.md"),
])
def test_every_member_is_explained(header: str, structure: str, page: str) -> None:
    text = without_comments((REPOSITORY / "include/mayfly" / header).read_text())
    found = re.search(rf"typedef (?:struct|enum) {structure} {{(.*?)}} {structure};", text, re.DOTALL)
    assert found is not None
    members = re.findall(r"\b(?:MAYFLY_)?(\w+)(?:;| = \d+)", found[1])
    explained = (REPOSITORY / "docs/client" / page).read_text()
    assert len(members) > 8
    assert [name for name in members if name != "OK" and not re.search(rf"\b{name}\b", explained)] == []


def test_links_lead_somewhere() -> None:
    broken = []
    for page in PAGES + OTHER_PAGES:
        for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
            if not link.startswith("http") and not (page.parent / link).exists():
                broken.append(f"{page.name}: {link}")
    assert broken == []


@pytest.mark.skipif(shutil.which("man") is None, reason="there is no man here")
@pytest.mark.parametrize("page", ["mayfly.1", "libmayfly.3"])
def test_the_manuals_are_written_well(page: str) -> None:
    done = subprocess.run(["man", "--warnings", "-l", str(REPOSITORY / "docs" / page)], capture_output=True, text=True,
                          env={"LC_ALL": "C.UTF-8", "MANWIDTH": "100", "PATH": "/usr/bin:/bin"}, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stderr
