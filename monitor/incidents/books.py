"""Positions that are at hand, as worlds in a row: what breakers can be asked about without a node.

The sets are others' and lie where `--data` says; two of them are known here. None is part of this
project, and each has its limits, which every report of it tells first.
"""

import csv
import gzip
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from monitor.core.blocks import BlockRef
from monitor.core.risk import WorldSheet
from monitor.core.units import AssetId, BlockHash
from monitor.errors import QuestionError
from monitor.incidents import lido_book, xusd_book

ROUNDS = "chainlink_rounds"
STETH_IN_ETHER = "stETHETH_0x86392dC19c0b719886221c78AB11eb8Cf5c52812.csv.gz"
STETH_DECIMALS = 18


@dataclass(frozen=True, slots=True)
class Point:
    """A world from one time on. `quotes`: what it is drawn beside, by name."""

    unix: int
    quotes: Mapping[str, Decimal]
    world: Callable[[BlockRef], WorldSheet]


@dataclass(frozen=True, slots=True)
class Course:
    """A set, read. `limits`: what it is not. `files`: SHA-256 by name, of what was read."""

    named: Mapping[str, AssetId]
    points: Sequence[Point]
    limits: Sequence[str]
    files: Mapping[str, str]


Read = Callable[[Path, int, int], Course]


def lido(data: Path, begins: int, ends: int) -> Course:
    """The pure loops of 2023-06-21 at the prices of stETH in ETH of other days."""
    told = lido_book.book(data / lido_book.SET)
    bare = lido_book.world_of(told, (), moment(begins))
    scene = lido_book.Scene(told, bare)

    def world_at(peg: Decimal) -> Callable[[BlockRef], WorldSheet]:
        return lambda block: _dated(scene.at(peg, lido_book.ETH_USD), block)

    points = [
        Point(unix, {"stETH in ETH": peg}, world_at(peg))
        for unix, peg in _rounds(data / ROUNDS / STETH_IN_ETHER)
        if begins <= unix <= ends
    ]
    return Course(
        lido_book.NAMED,
        points,
        (
            "The positions are of 2023-06-21, a year after: 395 accounts of Aave V2 and V3 that "
            "pledge stETH and owe ether. Those of 2022-06 are not at hand.",
            "They stand still: nobody closes, opens or tops up, whatever the price.",
            "The price of stETH in ETH is Chainlink's, every round of those days; ETH stands at "
            f"{lido_book.ETH_USD:.2f} USD, as in the set, since loops in ether do not feel it.",
            "stETH is sold into the pool of Curve as it was in 2023, brought to the price.",
        ),
        _digests(data, [f"{lido_book.SET}/positions.json", f"{ROUNDS}/{STETH_IN_ETHER}"]),
    )


def xusd(data: Path, begins: int, ends: int) -> Course:
    """The markets of xUSD on Morpho Blue, hour by hour."""
    book = xusd_book.XusdBook(data / xusd_book.SET)

    def world_at(unix: int) -> Callable[[BlockRef], WorldSheet]:
        return lambda block: book.world(unix, block)

    points = [
        Point(
            unix,
            {
                "xUSD traded, USD": book.price_usd(unix),
                "xUSD by the oracle, USD": book.oracle_usd(),
            },
            world_at(unix),
        )
        for unix in book.hours(begins, ends)
    ]
    return Course(
        book.named,
        points,
        (
            "Who held what is of 2026-02-13, three months after; what the markets owed is of each "
            "hour. An account's debt is its share of 2026-02-13 of that: an estimate.",
            "One account owes nearly all of it. Collateral is that of 2026-02-13.",
            "How deep xUSD traded is not in the set: 10,000,000 USD on either side stand for it. "
            "Prices are those of the token on mainnet.",
            "Two markets of Arbitrum are in it: those of which the set has a debt and an answer of "
            "the oracle.",
        ),
        _digests(
            data,
            [
                f"{xusd_book.SET}/{name}"
                for name in (
                    "block3_market_utilization_hourly.csv.gz",
                    "block5_asset_prices.csv.gz",
                    "block5_borrower_positions.csv",
                    "block5_oracle_configs.csv",
                )
            ],
        ),
    )


BOOKS: Mapping[str, Read] = {lido_book.SET: lido, xusd_book.SET: xusd}
"""By the name of the set's folder."""


def read_course(name: str, data: Path, begins: int, ends: int) -> Course:
    """Raises QuestionError where the set is not at hand, or is another than it was."""
    if not (data / name).is_dir():
        raise QuestionError(
            f"{data / name} is no folder: expected the set {name}, which is others' and not part "
            "of cascade-monitor. Name the folder it lies in with --data."
        )
    try:
        found = BOOKS[name](data, begins, ends)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise QuestionError(f"the set {name} in {data} does not read: {error}") from error
    if not found.points:
        raise QuestionError(f"the set {name} has nothing between the incident's begin and end")
    return found


def moment(unix: int, before: int | None = None) -> BlockRef:
    """What stands for a block where there is none: a time. Its number and hash say nothing."""
    return BlockRef(unix, _hash(unix), _hash(unix - 1 if before is None else before), unix)


def _hash(unix: int) -> BlockHash:
    return BlockHash(f"0x{unix:064x}")


def _dated(world: WorldSheet, block: BlockRef) -> WorldSheet:
    return WorldSheet(block, world.markets, world.curves, world.correlated)


def _rounds(path: Path) -> Iterator[tuple[int, Decimal]]:
    """Oldest first; rounds that were never answered have no time."""
    with gzip.open(path, "rt") as table:
        rows = [(int(row["update"]), int(row["answer"])) for row in csv.DictReader(table)]
    for unix, answer in sorted(rows):
        if unix:
            yield unix, Decimal(answer).scaleb(-STETH_DECIMALS)


def _digests(data: Path, names: Sequence[str]) -> dict[str, str]:
    return {name: hashlib.sha256((data / name).read_bytes()).hexdigest() for name in names}
