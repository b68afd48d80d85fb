"""The whole book of Aave accounts with (w)stETH collateral and debt of 2023-06-21, classified.

Source: lidofinance/aave-liquidation-model @ a44561e (GPL-3, read where it lies, never copied). The
publisher's bin 1 is at least 80 % of collateral in liquid staked ether and at least 80 % of debt in
ether. What else an account has is given in sum alone, so it stands as one other asset a side.
"""

import csv
import os
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import pytest
from builders import WETH, an_address

from monitor.core.events import Place
from monitor.core.ledger import Ledger
from monitor.core.loops import LoopKind
from monitor.core.reserves import Category
from monitor.core.trails import Side
from monitor.core.units import WAD, Address, AssetId, Bps, MarketId
from monitor.leverage.claims import Claims
from monitor.leverage.concentration import Worths, counted
from monitor.leverage.loops import loops_of
from monitor.leverage.standings import Standing
from monitor.leverage.ties import Ties, ties_of

DATA = Path(os.environ.get("CASCADE_MONITOR_DATA", "../shared/data"))
FOLDER = DATA / "lido_steth_positions_2023"
needs_data = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"{FOLDER} is absent: the set is GPL-3 and not part of this repository; "
    "name its folder in CASCADE_MONITOR_DATA",
)

Row = Mapping[str, str]
V2, V3 = MarketId("aave-v2"), MarketId("aave-v3")
STETH, CBETH, RETH, OTHER, ELSE = (
    an_address(name) for name in ("stETH", "cbETH", "rETH", "other collateral", "other debt")
)
STAKED = {"steth": STETH, "cbeth": CBETH, "reth": RETH}
TIES = ties_of(Ledger(), [], {WETH: frozenset(STAKED.values())})
"""As an operator says it: in 2023 Aave took the market's word for stETH in ETH."""
ETH_CORRELATED = Category(
    *(1, "ETH correlated", Bps(9000), Bps(9300), Bps(10_100)),
    collateral=(STETH, CBETH, RETH, WETH),
    borrowable=(STETH, CBETH, RETH, WETH),
)
LEAST = Fraction(4, 5)

WITHOUT_E_MODE = "the publisher keeps bin 1 outside e-mode in a file of its own, b12_v3.csv"
DIFFERENCES_V3 = dict.fromkeys(
    [
        "0x4319fa75",
        "0x4282890f",
        "0x4bfbd479",
        "0x78d2b460",
        "0x5541a763",
        "0x2de7351d",
        "0x067080ce",
        "0x4b97d90f",
        "0xeec46f4a",
        "0xfa4d3cd4",
        "0xae4d09c7",
        "0x693a0f3d",
        "0x7aed4270",
        "0xeb16a13b",
        "0xee92af3e",
        "0x300b9ab2",
        "0xbbc833c6",
        "0x3aac9362",
        "0xe0db4570",
    ],
    WITHOUT_E_MODE,
)
"""Accounts (their first digits) that we call a loop and b1_v3.csv does not list, and why."""


def rows(name: str) -> list[Row]:
    with (FOLDER / name).open() as table:
        return list(csv.DictReader(table))


def users(name: str) -> set[str]:
    return {row["user"] for row in rows(name)}


def held(row: Row) -> Iterator[tuple[AssetId, Fraction]]:
    """Collateral by asset, in what the file counts in; the rest of the sum is another."""
    rest = Fraction(row["collateral"])
    for name, asset in STAKED.items():
        worth = Fraction(row.get(f"collateral_{name}_calc", 0))
        rest -= worth
        yield asset, worth
    yield OTHER, rest


def owed(row: Row) -> Iterator[tuple[AssetId, Fraction]]:
    """Debt by asset: `ethdebt_calc` is the ether in USD where the file counts in USD."""
    ether = Fraction(row["ethdebt_calc" if "ethdebt_calc" in row else "ethdebt"])
    yield WETH, ether
    yield ELSE, Fraction(row["debt"]) - ether


def kinds(market: MarketId, row: Row, ties: Ties) -> list[LoopKind]:
    """What the product takes one account for."""
    account = Address(row["user"])
    pledged = {asset: worth for asset, worth in held(row) if worth > 0}
    debts = {asset: worth for asset, worth in owed(row) if worth > 0}
    standing = Standing(
        Place(market, account),
        tuple(sorted(pledged)),
        tuple(sorted((asset, int(worth * WAD)) for asset, worth in debts.items())),
        ETH_CORRELATED if row.get("emode") == "1" else None,
    )
    loops = loops_of(account, [standing], None, ties, Claims({}))
    if loops is None:
        return []
    worths = Worths(
        {Side(market, "", account, asset): worth for asset, worth in pledged.items()},
        {Side(market, "", account, asset): worth for asset, worth in debts.items()},
    )
    return [loop.kind for loop in counted(loops, worths, Claims({}), LEAST)]


def classified(market: MarketId, name: str, ties: Ties = TIES) -> set[str]:
    found = {row["user"]: kinds(market, row, ties) for row in rows(name)}
    assert all(kind == [LoopKind.CORRELATED] for kind in found.values() if kind)
    return {user for user, kind in found.items() if kind}


@needs_data
def test_lido_book__of_aave_v2__is_classified_as_its_publisher_did() -> None:
    assert len(rows("steth_aave.csv")) == 1309
    found, published = classified(V2, "steth_aave.csv"), users("b1.csv")
    assert len(published) == 271
    assert found == published


@needs_data
def test_lido_book__of_aave_v3__is_classified_as_its_publisher_did() -> None:
    assert len(rows("steth_aave_v3.csv")) == 502
    found, published = classified(V3, "steth_aave_v3.csv"), users("b1_v3.csv")
    assert len(published) == 124
    assert published <= found
    assert {user[:10] for user in found - published} == set(DIFFERENCES_V3)
    assert found - published == users("b12_v3.csv")
    modes = {row["user"]: row["emode"] for row in rows("steth_aave_v3.csv")}
    assert {user for user in found if modes[user] == "1"} == published


@needs_data
def test_lido_book__of_aave_v3__follows_from_the_e_mode_alone() -> None:
    """What Aave itself takes for a pair is one, without any word of the operator."""
    assert classified(V3, "steth_aave_v3.csv", Ties()) == users("b1_v3.csv")
