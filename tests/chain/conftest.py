"""A world of one's own for every test, loaded in some milliseconds; and fake nodes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from devnet import WideWorld, World, open_wide_world, open_world
from fake_node import FakeNode
from stage import Stage, new_stage


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


@pytest.fixture
async def wide() -> AsyncIterator[WideWorld]:
    async with open_wide_world() as opened:
        yield opened


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with new_stage(tmp_path) as made:
        yield made


@pytest.fixture
async def fake() -> AsyncIterator[FakeNode]:
    async with FakeNode() as fake:
        yield fake


@pytest.fixture
async def other(fake: FakeNode) -> AsyncIterator[FakeNode]:
    """A second node with the same blocks, until one of them mines."""
    async with FakeNode(blocks=list(fake.blocks)) as other:
        yield other
