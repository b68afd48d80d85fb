"""What holds for every test here: nothing of it runs or is mounted when they are done."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_process import running_in

from deploy.cache import CACHE


@pytest.fixture(scope="session", autouse=True)
def leaves_nothing() -> Iterator[None]:
    """All that is started and mounted here has to do with the cache."""
    yield
    assert running_in(CACHE) == []
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    assert [line for line in mounts if str(CACHE) in line] == []
