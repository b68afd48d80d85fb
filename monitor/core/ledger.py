"""The ledger: every record the monitor keeps, by key. What is stored, undone and simulated.

Amounts are *scaled*: real balances follow from the reserve's index when they are read, so one
index move touches one record. Records are immutable; a change replaces a record whole.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from monitor.core.keys import Key, Kind, market_key
from monitor.core.loops import Loops
from monitor.core.owners import Ownership
from monitor.core.packed import PackedMap
from monitor.core.pairs import Pair, Token
from monitor.core.pools import ProductPool, StablePool, TickPool
from monitor.core.prices import Feed, HourlyPrices, Price
from monitor.core.rates import RateTerms
from monitor.core.receipts import Growth, Holder, Receipt
from monitor.core.reserves import Category, Reserve
from monitor.core.slots import slotwise
from monitor.core.trails import Trail
from monitor.core.units import (
    ZERO_ADDRESS,
    Address,
    AssetId,
    Bps,
    MarketId,
    Ray,
    ScaledAmount,
)
from monitor.errors import LedgerCorrupt


@slotwise
@dataclass(frozen=True, slots=True)
class Holding:
    """One asset on one side of a position.

    `scaled` is what the market itself keeps: a scaled balance (Aave), shares, or a raw amount
    (Morpho Blue). `checkpoint_ray` is the index at the account's last token event: without it the
    next event cannot be decoded (Aave: `getPreviousIndex`); one ray where there are no indices.
    """

    asset: AssetId
    scaled: ScaledAmount
    checkpoint_ray: Ray
    used_as_collateral: bool = False


@slotwise
@dataclass(frozen=True, slots=True)
class Position:
    """All that one account holds in one market. Holdings are sorted by asset; none is empty.

    `supplies` may secure debt; `lent` never can (Morpho Blue's loan asset).
    """

    supplies: tuple[Holding, ...] = ()
    debts: tuple[Holding, ...] = ()
    e_mode: int = 0
    lent: tuple[Holding, ...] = ()


@dataclass(frozen=True, slots=True)
class Market:
    """The contracts of a market and the scale of its base currency.

    A role the protocol does not have is the zero address, and so is one nobody fills. `base_unit`
    is 0 where there is no base currency. `revisions`: (contract, revision of its code) where that
    was read and is one we follow, sorted. A contract that is missing here was upgraded, or was
    never asked: the next block asks. `pool_version`, `token_version`: whose rules hold, where the
    revisions alone do not say. `…_fee_to_treasury_bps`: the treasury's part of a flash loan's
    premium and of a bridge's fee (Aave before 3.4); suppliers get the rest.
    """

    protocol: str
    entry: Address
    pool: Address = ZERO_ADDRESS
    configurator: Address = ZERO_ADDRESS
    oracle: Address = ZERO_ADDRESS
    base_unit: int = 0
    revisions: tuple[tuple[Address, int], ...] = ()
    fee_recipient: Address = ZERO_ADDRESS
    pool_version: str = ""
    token_version: str = ""
    flash_fee_to_treasury_bps: Bps = Bps(0)
    bridge_fee_to_treasury_bps: Bps = Bps(0)


@dataclass(frozen=True, slots=True)
class Fault:
    """What of a block could not be understood: while it stands, positions may be wrong."""

    block_number: int
    logs: int
    first: str


Record = (
    Market
    | Reserve
    | RateTerms
    | Pair
    | Token
    | Receipt
    | Holder
    | Growth
    | HourlyPrices
    | Category
    | Position
    | Price
    | Feed
    | TickPool
    | ProductPool
    | StablePool
    | Fault
    | Ownership
    | Trail
    | Loops
)
RecordT = TypeVar(
    "RecordT",
    Market,
    Reserve,
    RateTerms,
    Pair,
    Token,
    Receipt,
    Holder,
    Growth,
    HourlyPrices,
    Category,
    Position,
    Price,
    Feed,
    TickPool,
    ProductPool,
    StablePool,
    Fault,
    Ownership,
    Trail,
    Loops,
)

RECORD_OF: Mapping[Kind, type[Record]] = {
    Kind.MARKET: Market,
    Kind.RESERVE: Reserve,
    Kind.RATE: RateTerms,
    Kind.PAIR: Pair,
    Kind.TOKEN: Token,
    Kind.RECEIPT: Receipt,
    Kind.HOLDER: Holder,
    Kind.GROWTH: Growth,
    Kind.HOURLY: HourlyPrices,
    Kind.CATEGORY: Category,
    Kind.POSITION: Position,
    Kind.PRICE: Price,
    Kind.FEED: Feed,
    Kind.POOL: TickPool,
    Kind.PRODUCT_POOL: ProductPool,
    Kind.STABLE_POOL: StablePool,
    Kind.FAULT: Fault,
    Kind.OWNER: Ownership,
    Kind.TRAIL: Trail,
    Kind.LOOPS: Loops,
}


class LedgerView(Protocol):
    """Read-only access: a `Ledger`, or an `Overlay` in the middle of a block."""

    def get(self, key: Key) -> Record | None: ...

    def keys(self, kind: Kind, market: MarketId) -> Iterator[Key]:
        """Keys of one kind and market, in no particular order."""
        ...

    def items(self, kind: Kind, market: MarketId) -> Iterator[tuple[Key, Record]]:
        """The same keys with their records."""
        ...


def find(view: LedgerView, key: Key, record: type[RecordT]) -> RecordT | None:
    """The record at `key`, which must be of the given type."""
    found = view.get(key)
    if found is None or isinstance(found, record):
        return found
    raise other_record(key, found, record)


def each(
    view: LedgerView, kind: Kind, market: MarketId, record: type[RecordT]
) -> Iterator[tuple[Key, RecordT]]:
    """All records of one kind in one market."""
    for key, found in view.items(kind, market):
        if not isinstance(found, record):
            raise other_record(key, found, record)
        yield key, found


def contracts_of(view: LedgerView, market: MarketId) -> Market:
    """The market's own record. Raises LedgerCorrupt before it was bootstrapped."""
    found = find(view, market_key(market), Market)
    if found is None:
        raise LedgerCorrupt(f"{market} was never bootstrapped")
    return found


def other_record(key: Key, found: object, record: type[Record]) -> TypeError:
    return TypeError(f"{key} holds a {type(found).__name__}, not a {record.__name__}")


Group = dict[Key, Record] | PackedMap[Key, Record]
"""The records of one kind in one market."""


class GroupedRecords(Mapping[Key, Record]):
    """Records as a store loads them: grouped, and packed as long as nobody looks."""

    def __init__(self, groups: dict[tuple[Kind, MarketId], Group] | None = None) -> None:
        self.groups = {} if groups is None else groups

    def copy(self) -> "GroupedRecords":
        """Its own groups; the records, which never change, are shared."""
        return GroupedRecords({name: group.copy() for name, group in self.groups.items()})

    def __getitem__(self, key: Key) -> Record:
        return self.groups[key.kind, key.market][key]

    def __iter__(self) -> Iterator[Key]:
        for group in self.groups.values():
            yield from group

    def __len__(self) -> int:
        return sum(map(len, self.groups.values()))

    def put(self, key: Key, record: Record | None) -> None:
        """Replace a record; None removes it."""
        group = self.groups.setdefault(key[:2], {})
        if record is None:
            group.pop(key, None)
        else:
            group[key] = record


class Ledger:
    """The records in memory, grouped by (kind, market) so that a market can be walked."""

    def __init__(self, records: Mapping[Key, Record] | None = None) -> None:
        """Records as loaded are taken over group by group, still packed; others one by one."""
        if isinstance(records, GroupedRecords):
            self._records = records.copy()
            return
        self._records = GroupedRecords()
        for key, record in (records or {}).items():
            self.put(key, record)

    def get(self, key: Key) -> Record | None:
        group = self._records.groups.get(key[:2])
        return None if group is None else group.get(key)

    def keys(self, kind: Kind, market: MarketId) -> Iterator[Key]:
        return iter(self._records.groups.get((kind, market), {}))

    def items(self, kind: Kind, market: MarketId) -> Iterator[tuple[Key, Record]]:
        return iter(self._records.groups.get((kind, market), {}).items())

    def put(self, key: Key, record: Record | None) -> None:
        """Replace a record; None removes it."""
        self._records.put(key, record)

    def records(self) -> Iterator[tuple[Key, Record]]:
        for group in self._records.groups.values():
            yield from group.items()

    def copy(self) -> "Ledger":
        """A snapshot that later blocks leave alone (records are immutable and shared)."""
        return Ledger(self._records)
