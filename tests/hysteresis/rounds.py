"""Every round of two Chainlink feeds, oldest first.

Source: sajanrajdev/ape-chainlink-fetcher @ d897493 (no licence: read where it lies, never copied).
"""

import csv
import gzip
import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("CASCADE_MONITOR_DATA", "../shared/data")) / "chainlink_rounds"
needs_rounds = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"{FOLDER} is absent: the set has no licence and is not part of this repository; "
    "name its folder in CASCADE_MONITOR_DATA",
)
STETH_IN_ETHER = "stETHETH_0x86392dC19c0b719886221c78AB11eb8Cf5c52812"
ETHER_IN_USD = "ETHUSD_0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419"
DIGITS = {STETH_IN_ETHER: 18, ETHER_IN_USD: 8}


@dataclass(frozen=True, slots=True)
class Round:
    """`answer`: the price of a whole token, exactly."""

    unix: int
    answer: Decimal


def rounds_of(feed: str) -> tuple[Round, ...]:
    """Those that were answered."""
    unit = Decimal(10) ** DIGITS[feed]
    with gzip.open(FOLDER / f"{feed}.csv.gz", "rt") as file:
        rows = [(int(row["update"]), int(row["answer"])) for row in csv.DictReader(file)]
    return tuple(Round(unix, answer / unit) for unix, answer in sorted(rows) if unix)
