"""The Lido book of 2023-06-21: `monitor.incidents.lido_book`, where the set is at hand."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from builders import a_block

from monitor.core.curves import DepthCurve
from monitor.core.risk import WorldSheet
from monitor.incidents import lido_book
from monitor.incidents.lido_book import (
    ELSE,
    ETH_USD,
    NAMED,
    OTHER,
    SET,
    STETH,
    UNIT,
    V2,
    V3,
    WETH,
    WSTETH,
    Book,
    Lender,
    Scene,
    curve_pool,
)

FOLDER = Path(os.environ.get("CASCADE_MONITOR_DATA", "../shared/data")) / SET
needs_book = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"{FOLDER} is absent: the set is GPL-3 and not part of this repository; "
    "name its folder in CASCADE_MONITOR_DATA",
)


def book() -> Book:
    return lido_book.book(FOLDER)


def world_of(told: Book, curves: Sequence[DepthCurve]) -> WorldSheet:
    return lido_book.world_of(told, curves, a_block())


__all__ = [
    "ELSE",
    "ETH_USD",
    "FOLDER",
    "NAMED",
    "OTHER",
    "STETH",
    "UNIT",
    "V2",
    "V3",
    "WETH",
    "WSTETH",
    "Book",
    "Lender",
    "Scene",
    "book",
    "curve_pool",
    "needs_book",
    "world_of",
]
