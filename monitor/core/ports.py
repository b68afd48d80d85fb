"""The few interfaces the engine talks through. Each has a real and a fake implementation."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from monitor.core.abi import FunctionAbi
from monitor.core.alerts import Alert, BreakerState, ConditionState, Judgement, Silence
from monitor.core.blocks import BlockRef, ChainEvent, RawLog
from monitor.core.delta import BlockDelta
from monitor.core.keys import Key
from monitor.core.ledger import Record
from monitor.core.risk import WorldSheet
from monitor.core.snapshot import Filed
from monitor.core.units import Address, BlockHash


class ViewCall(NamedTuple):
    """A contract view to be read at a block."""

    to: Address
    function: FunctionAbi
    args: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class ViewFailed:
    """A view that reverted, or a contract that is not there. Never a value."""

    reason: str


NO_CODE = "no contract code"
"""The reason where there is no contract."""
ViewResult = tuple[Any, ...] | ViewFailed
"""The decoded return values, one element per ABI output. Addresses are lower case."""
Readings = Mapping[ViewCall, ViewResult]


@dataclass(frozen=True, slots=True)
class Code:
    """The code of an account: keccak of it, and its first 64 bytes (all of it if it is shorter).

    Both are empty where there is none. `hash` is 0x + 64 lower-case hex digits.
    """

    hash: str
    head: bytes


class ContractReader(Protocol):
    """Reads contracts and past logs.

    Raises TransientError, StateUnavailable for old blocks, BlockUnknown for those that are gone.
    """

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        """The views at that block hash, in the order asked. A revert fails its own call only."""
        ...

    async def has_code(self, at: BlockRef, contract: Address) -> bool:
        """Whether there is a contract at the address."""
        ...

    async def past_logs(
        self,
        addresses: Sequence[Address],
        topics: Sequence[str],
        from_block: int,
        to_block: int,
    ) -> list[RawLog]:
        """Logs with one of these first topics, in log order, over a range of old blocks."""
        ...


class ChainFeed(Protocol):
    """The chain as a list of events. Raises DeepReorg when the tail cannot be joined."""

    @property
    def newest_head(self) -> BlockRef | None:
        """The newest head heard of, applied or not."""
        ...

    def follow(
        self, tail: Sequence[BlockRef], addresses: Callable[[], frozenset[Address]]
    ) -> AsyncGenerator[ChainEvent, None]:
        """Every event after the newest block of `tail` (oldest first, linked, not empty).

        `addresses` is asked anew for each block: whose logs are wanted.
        """
        ...

    async def has(self, block: BlockRef) -> bool:
        """Whether the block may still be there: False once every endpoint says that it is not."""
        ...

    async def logs_of(self, block: BlockRef, addresses: frozenset[Address]) -> tuple[RawLog, ...]:
        """The logs of one block again, for a watch list that grew while it was read."""
        ...


class AccountReader(Protocol):
    """Looks at accounts themselves. Raises what a ContractReader raises."""

    async def codes(self, at: BlockRef, accounts: Sequence[Address]) -> list[Code]:
        """What code each account has, in the order asked."""
        ...

    async def storage(self, at: BlockRef, slots: Sequence[tuple[Address, int]]) -> list[int]:
        """Words of storage, unsigned, by account and slot, in the order asked."""
        ...

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        """As of a ContractReader."""
        ...


@dataclass(frozen=True, slots=True)
class Simulated:
    """A transaction that was not sent. `outcome`: "ok", "reverted: …" or "unknown: …"."""

    calldata: str
    outcome: str


class CallSimulator(Protocol):
    """Tries transactions at a block, as if an account sent them. Nothing is signed or sent."""

    async def simulate(
        self, at: BlockRef, sender: Address, calls: Sequence[ViewCall]
    ) -> list[Simulated]:
        """In the order asked, each alone. What cannot be asked is told as unknown, never raised."""
        ...


class TransferFeed(Protocol):
    """Tells of tokens that move between wallets."""

    async def transfers_of(
        self, block: BlockRef, accounts: frozenset[Address]
    ) -> tuple[RawLog, ...]:
        """The ERC-20 Transfer logs of one block, of any token, from or to these; in log order."""
        ...


@dataclass(frozen=True, slots=True)
class StoredState:
    """What a store holds. `cursor` is None in an empty store, and only there.

    `tail` is linked, oldest first, and ends in the cursor. All but its first block can be undone:
    that one is the base, the newest block that is final here. `evaluated` is the newest judged
    block, at most the cursor; the block a store began with counts as judged.
    """

    cursor: BlockRef | None = None
    evaluated: BlockRef | None = None
    tail: tuple[BlockRef, ...] = ()
    records: Mapping[Key, Record] = field(default_factory=dict)
    breakers: Mapping[str, BreakerState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UndoRecord:
    """All that one block did: its delta, and its judgement with the breaker states before it."""

    delta: BlockDelta
    judgement: Judgement | None
    breakers_before: Mapping[str, BreakerState]


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert with what became of it per webhook: pending, delivered, dead or dropped."""

    alert: Alert
    deliveries: Mapping[str, str]


class StateStore(Protocol):
    """Exact state: one writer, one block, one transaction.

    Raises StoreUnavailable (retry), WriterFenced, LedgerCorrupt.
    """

    async def load(self) -> StoredState:
        """Everything, once, at start."""
        ...

    async def begin(self, block: BlockRef, records: Mapping[Key, Record]) -> None:
        """Fill an empty store with the state at the end of `block`; it is judged as nothing."""
        ...

    async def commit(self, delta: BlockDelta) -> None:
        """Apply a block on top of the cursor, with its undo record, or nothing at all.

        Committing the block that already is the cursor does nothing (a retry after a lost answer).
        """
        ...

    async def judge(self, judgement: Judgement, webhooks: Mapping[str, Sequence[str]]) -> None:
        """Record what was decided about a block after `evaluated`, and queue its alerts.

        `webhooks`: alert id to the names of its receivers.
        """
        ...

    async def undo_record(self, block: BlockHash) -> UndoRecord:
        """What the block did. Raises DeepReorg when it is no longer kept."""
        ...

    async def revert(
        self, undo: UndoRecord, retractions: Mapping[str, tuple[Alert, Sequence[str]]]
    ) -> tuple[Alert, ...]:
        """Take back the newest block, whole.

        `retractions`: alert id of the dead block to its retraction and that one's webhooks. An
        alert no receiver can have seen is dropped unsent; for the others the retraction is queued.
        Returns the retractions that were queued.
        """
        ...

    async def forget(self, number: int) -> None:
        """Drop undo records of blocks up to `number`: they are final."""
        ...

    async def recent_alerts(self, limit: int) -> list[StoredAlert]:
        """The newest alerts, newest first."""
        ...

    async def silences(self) -> Mapping[str, Silence]:
        """By breaker what somebody asked not to hear, expired or not."""
        ...

    async def conditions(self) -> Mapping[str, ConditionState]:
        """In which ways the monitor was blind when that was last written down."""
        ...

    async def announce(
        self,
        conditions: Mapping[str, ConditionState],
        alerts: Sequence[Alert],
        webhooks: Mapping[str, Sequence[str]],
    ) -> None:
        """Write down ways of being blind, and queue what is to be said of them: at once."""
        ...


class Archive(Protocol):
    """Keeps what alerts rest on."""

    async def keep(self, world: WorldSheet) -> Filed:
        """Never raises, and takes some seconds at most: an alert is not lost to a full disk."""
        ...


@dataclass(frozen=True, slots=True)
class PositionFilter:
    """The filters of `GET /api/v1/positions`. USD as the user wrote it; `limit` 1 to 1,000."""

    market: str | None = None
    account: str | None = None
    owner: str | None = None
    min_debt_usd: str | None = None
    liquidatable: bool | None = None
    cursor: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class LoopFilter:
    """The filters of `GET /api/v1/loops`, as the user wrote them; `limit` 1 to 1,000."""

    owner: str | None = None
    market: str | None = None
    kind: str | None = None
    min_leverage: str | None = None
    cursor: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class ClaimFilter:
    """The filters of `GET /api/v1/claims`: `asset` is an address or a symbol."""

    asset: str | None = None
    cursor: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Probe:
    """The answer of a health check: whether all is well, and if not, why."""

    ok: bool
    reasons: tuple[str, ...] = ()


class Answers(Protocol):
    """What HTTP and the command line ask. Every answer is JSON-ready, in the contract's shapes.

    Raises QuestionError for what the asker got wrong.
    """

    async def status(self) -> dict[str, Any]: ...

    async def positions(self, wanted: PositionFilter) -> dict[str, Any]: ...

    async def loops(self, wanted: LoopFilter) -> dict[str, Any]: ...

    def position_pages(self, wanted: PositionFilter) -> AsyncIterator[dict[str, Any]]:
        """All pages of the list, of one block, however many; where `wanted` begins is passed over.

        Raises at the first one.
        """
        ...

    def loop_pages(self, wanted: LoopFilter) -> AsyncIterator[dict[str, Any]]: ...

    async def claims(self, wanted: ClaimFilter) -> dict[str, Any]: ...

    async def prices(self, market: str | None) -> dict[str, Any]: ...

    async def cascade(self, scenario: str) -> dict[str, Any]: ...

    async def judged(self) -> list[dict[str, Any]]:
        """Every scenario as it was projected last, `document` as `cascade` has it: at once."""
        ...

    async def project(
        self, shocks: Mapping[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]: ...

    async def breakers(self) -> dict[str, Any]: ...

    async def alerts(self, limit: int) -> dict[str, Any]: ...

    def alive(self) -> Probe:
        """Whether the event loop and the pipeline make progress."""
        ...

    def ready(self) -> Probe:
        """Whether answers can be trusted now: caught up, head fresh, nothing unknown."""
        ...
