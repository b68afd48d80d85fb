"""A world of one's own for every test: saved once, loaded in some milliseconds."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from devnet import World, open_world
from stage import Stage, new_stage


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with new_stage(tmp_path) as made:
        yield made
