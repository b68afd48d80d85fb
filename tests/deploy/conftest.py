"""What holds for every test here: nothing of it runs or is mounted when they are done."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.cache import CACHE

MARK = "DEPLOY_TESTS_RUN="


@pytest.fixture(scope="session", autouse=True)
def leaves_nothing() -> Iterator[None]:
    """Whatever is started inherits a mark, also who leaves its parent, as containers do."""
    run, mounted = uuid.uuid4().hex, _mounts()
    os.environ[MARK[:-1]] = run
    yield
    del os.environ[MARK[:-1]]
    assert _running(MARK + run) == []
    # A mount has no mark: whose it is can be told only where nobody else tests.
    assert _mounts() - mounted == set() or _running(MARK)


def _running(mark: str) -> list[str]:
    """Command lines of processes that have it in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
            if any(each.startswith(mark.encode()) for each in variables):
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def _mounts() -> set[str]:
    """Of what lies in the cache."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return {line for line in lines if str(CACHE) in line}
