"""What holds for every test here: nothing of it runs or is mounted when they are done."""

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from deploy.cache import CACHE

MARK = "DEPLOY_TESTS_RUN"


@pytest.fixture(scope="session", autouse=True)
def leaves_nothing() -> Iterator[None]:
    """Whatever is started inherits a mark, also who leaves its parent, as containers do."""
    run, mounted = uuid.uuid4().hex, _mounts()
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "in-use").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        os.environ[MARK] = run
        yield
        del os.environ[MARK]
        assert _running(f"{MARK}={run}") == []
        # A mount has no mark: whose it is can be told only where nobody else tests.
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            assert _mounts() - mounted == set()


def _running(mark: str) -> list[str]:
    """Command lines of processes that have it in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
            if mark.encode() in variables:
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def _mounts() -> set[str]:
    """Of what lies in the cache."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return {line for line in lines if str(CACHE) in line}
