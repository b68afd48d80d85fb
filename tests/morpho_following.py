"""Morpho followed beside a chain, and held against the contract block by block.

The plug-in, the folding and the follower are the daemon's; the ledger is in memory, and a block
that turns out to be gone is undone by its delta. What the contract says is asked of it by
`devnet.Morpho`, which shares nothing with the monitor.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

from devnet import Address as Account
from devnet import Morpho, RevertError
from devnet.chain import Chain

from monitor.chain.node import Node, NodeSettings
from monitor.core.blocks import BlockAdded, BlockRef, BlocksReverted, ChainEvent
from monitor.core.delta import BlockDelta, apply
from monitor.core.events import Place
from monitor.core.keys import Key, pair_key
from monitor.core.ledger import Ledger, Record, find
from monitor.core.pairs import Pair
from monitor.core.sources import Line, Statement
from monitor.core.units import Address, MarketId
from monitor.engine.folding import Folder, bootstrap
from monitor.library import abi_library
from monitor.protocols.morpho_blue.accrual import totals_at
from monitor.protocols.morpho_blue.positions import held_at
from monitor.protocols.registry import PROTOCOLS, MarketPlan, ProtocolMarket

MARKET = MarketId("morpho")
POLL_SECONDS = 0.05


@dataclass
class Life:
    """A ledger that follows the chain: `begin` first, then `ledger` as often as there are heads."""

    chain: Chain
    market: ProtocolMarket
    node: Node
    folder: Folder
    kept: Ledger = field(default_factory=Ledger)
    tail: list[BlockRef] = field(default_factory=list)
    done: list[BlockDelta] = field(default_factory=list)
    undone: int = 0
    events: AsyncGenerator[ChainEvent, None] | None = None

    async def begin(self, number: int | str = "latest") -> None:
        block = await self.node.block_by(number)
        self.kept, self.tail = await self.read(block), [block]
        self.events = self.node.follower.follow(self.tail[:], self._addresses)

    async def resume(self, ledger: Ledger, block: BlockRef) -> None:
        """With what another life left, as a daemon that starts again."""
        self.kept, self.tail = ledger, [block]
        self.events = self.node.follower.follow([block], self._addresses)

    async def read(self, block: BlockRef) -> Ledger:
        """The state at a block as the contracts alone tell it, by a plug-in of its own."""
        head = await self.node.block_by("latest")
        return await bootstrap([self.market], self.folder, self.node.reader, block, head)

    async def ledger(self) -> Ledger:
        """The ledger at the head."""
        assert self.events is not None
        head = await self.chain.head()
        while self.tail[-1].hash != head.hash:
            match await anext(self.events):
                case BlockAdded() as added:
                    folded = await self.folder.fold(self.kept, added)
                    for _, fault in folded.undecodable:
                        raise fault
                    apply(self.kept, folded.delta)
                    self.done.append(folded.delta)
                    self.tail.append(added.block)
                case BlocksReverted(blocks=blocks):
                    for block in blocks:
                        assert self.tail.pop() == block
                        apply(self.kept, self.done.pop().inverse())
                        self.undone += 1
        return self.kept

    async def records(self) -> Mapping[Key, Record]:
        """At the head. They equal what the contracts alone tell of that block."""
        records = dict((await self.ledger()).records())
        told = dict((await self.read(self.tail[-1])).records())
        assert records == told
        return records

    async def statement(self, market_id: str, account: str) -> Statement | None:
        """A position as users see it, at the head."""
        ledger = await self.ledger()
        place = Place(MARKET, Address(account), market_id)
        return self.market.statement(ledger, place, self.tail[-1].timestamp)

    def _addresses(self) -> frozenset[Address]:
        return self.folder.addresses(self.kept)


def market_of(
    morpho: Account, from_block: int = 0, ids: Sequence[str] | None = None
) -> ProtocolMarket:
    chosen = None if ids is None else frozenset(ids)
    plan = MarketPlan(MARKET, Address(morpho), from_block, chosen)
    return PROTOCOLS["morpho_blue"](plan, abi_library)


@asynccontextmanager
async def new_life(chain: Chain, market: ProtocolMarket) -> AsyncIterator[Life]:
    """It has not begun yet."""
    anvil = chain.anvil
    aggregate3 = abi_library("multicall3/Multicall3").functions["aggregate3"]
    urls = (anvil.ws_url, anvil.http_url)
    settings = NodeSettings(urls, anvil.chain_id, poll_seconds=POLL_SECONDS)
    node = Node(settings, aggregate3, lambda *_: None)
    life = Life(chain, market, node, Folder([market], node.follower, node.reader))
    try:
        yield life
    finally:
        if life.events is not None:
            async with aclosing(life.events):
                pass
        await node.close()


def id_of(morpho: Morpho, market: str) -> str:
    return "0x" + morpho.params(market).id.hex()


async def compare(life: Life, morpho: Morpho, accounts: Sequence[Account]) -> None:
    """The ledger at the head against the contract: stored state, and everything after interest."""
    ledger = await life.ledger()
    block = life.tail[-1]
    for market in morpho.addresses.markets:
        await _compare_totals(ledger, morpho, market, block)
        await _compare_accounts(life, ledger, morpho, market, accounts)


async def _compare_totals(ledger: Ledger, morpho: Morpho, market: str, block: BlockRef) -> None:
    pair = find(ledger, pair_key(MARKET, id_of(morpho, market)), Pair)
    assert pair is not None, market
    params, stored = morpho.params(market), await morpho.market(market, block.hash)
    assert (pair.loan, pair.collateral, pair.oracle, pair.rate_model, pair.lltv_wad) == (
        params.encoded
    )
    assert (
        *(pair.supply_raw, pair.supply_shares, pair.debt_raw, pair.debt_shares, pair.fee_wad),
    ) == (
        *(stored.supply_raw, stored.supply_shares, stored.borrow_raw, stored.borrow_shares),
        stored.fee_wad,
    ), market
    if int(pair.rate_model, 16):
        assert pair.updated_unix == stored.updated_unix, market
    if pair.rate_at_target_wad is not None:
        target = await morpho.chain.call(
            pair.rate_model, "rateAtTarget(bytes32)(int256)", params.id, block=block.hash
        )
        assert pair.rate_at_target_wad == target, market
    accrued = (await morpho.accrued(market, block=block.hash)).state
    totals = totals_at(pair, block.timestamp)
    assert totals is not None, market
    assert totals[:4] == (
        *(accrued.supply_raw, accrued.supply_shares, accrued.borrow_raw, accrued.borrow_shares),
    ), market


async def _compare_accounts(
    life: Life, ledger: Ledger, morpho: Morpho, market: str, accounts: Sequence[Account]
) -> None:
    block, market_id = life.tail[-1], id_of(morpho, market)
    stored = await morpho.positions(market, accounts, block.hash)
    accrued = await morpho.accrued(market, accounts, block.hash)
    healthy = await _healthy(morpho, market, accounts, block)
    for n, account in enumerate(accounts):
        what, place = f"{account} in {market}", Place(MARKET, Address(account), market_id)
        held, real = held_at(ledger, place), stored[n]
        assert held == (real.supply_shares, real.borrow_shares, real.collateral_raw), what
        said, now = life.market.statement(ledger, place, block.timestamp), accrued.positions[n]
        lent = accrued.state.supplied_raw(now.supply_shares)
        assert (said is None) == (not (now.collateral_raw or now.borrow_shares or lent)), what
        if said is None:
            continue
        what = f"{what}: {said}"
        assert _raw(said.lent) == lent, what
        assert _raw(said.debt) == accrued.state.owed_raw(now.borrow_shares), what
        assert _raw(said.collateral) == now.collateral_raw, what
        if healthy is not None:
            assert said.risk.unknown == (), what
            assert said.risk.liquidatable is not healthy[n], what
        elif now.borrow_shares:
            assert said.risk.liquidatable is None, what


async def _healthy(
    morpho: Morpho, market: str, accounts: Sequence[Account], block: BlockRef
) -> list[bool] | None:
    """None where the contract itself cannot say."""
    try:
        return await morpho.healthy(market, accounts, block.hash)
    except RevertError:
        return None


def _raw(lines: Sequence[Line]) -> int:
    return sum(line.amount_raw for line in lines)
