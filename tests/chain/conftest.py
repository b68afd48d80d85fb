"""A world of one's own for every test: saved once, loaded in some milliseconds."""

from collections.abc import AsyncIterator

import pytest
from devnet import World, open_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened
