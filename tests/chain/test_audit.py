"""A ledger that is wrong says so: at the first log that shows it, or at the next start."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from devnet import World, account
from following import NAMESPACE, market_of
from fuzz.monitored import MARKET, Monitored

from monitor.core.blocks import BlockRef
from monitor.core.keys import position_key, reserve_key
from monitor.core.ledger import Ledger, Position, find
from monitor.core.ports import ViewCall, ViewResult
from monitor.core.reserves import Reserve
from monitor.core.units import Address, AssetId, Bps, RawAmount, ScaledAmount
from monitor.errors import LedgerCorrupt
from monitor.store.embedded import EmbeddedRedis

ALICE, BOB = account("alice"), account("bob")
DAY_SECONDS = 86_400

Damage = Callable[[World, Ledger], None]


class Misled(Monitored):
    """A monitor whose first reading of the contracts is damaged."""

    def __init__(self, world: World, redis_url: str, damage: Damage) -> None:
        super().__init__(market_of(world), redis_url, NAMESPACE)
        self._damage = damage
        self._seen = world

    async def _bootstrap(self, block: BlockRef) -> Ledger:
        ledger = await super()._bootstrap(block)
        self._damage(self._seen, ledger)
        return ledger


def without_alice(_: World, ledger: Ledger) -> None:
    ledger.put(position_key(MARKET, Address(ALICE)), None)


def without_bob(_: World, ledger: Ledger) -> None:
    ledger.put(position_key(MARKET, Address(BOB)), None)


def usdc(world: World, ledger: Ledger) -> tuple[AssetId, Reserve]:
    asset = AssetId(Address(world.token("USDC")))
    reserve = find(ledger, reserve_key(MARKET, asset), Reserve)
    assert reserve is not None
    return asset, reserve


def with_more_cash(world: World, ledger: Ledger) -> None:
    asset, reserve = usdc(world, ledger)
    richer = replace(reserve, cash_raw=RawAmount(reserve.cash_raw + 1))
    ledger.put(reserve_key(MARKET, asset), richer)


def with_other_terms(world: World, ledger: Ledger) -> None:
    asset, reserve = usdc(world, ledger)
    terms = replace(reserve.terms, liquidation_threshold_bps=Bps(7_799))
    ledger.put(reserve_key(MARKET, asset), replace(reserve, terms=terms))


def with_more_debt(world: World, ledger: Ledger) -> None:
    """Alice and the total agree with one another, but not with the token."""
    asset, reserve = usdc(world, ledger)
    key = position_key(MARKET, Address(ALICE))
    position = find(ledger, key, Position)
    assert position is not None
    debts = tuple(replace(held, scaled=ScaledAmount(held.scaled + 1)) for held in position.debts)
    ledger.put(key, replace(position, debts=debts))
    debt = ScaledAmount(reserve.debt_scaled + 1)
    ledger.put(reserve_key(MARKET, asset), replace(reserve, debt_scaled=debt))


@pytest.fixture
async def lent(world: World) -> World:
    """Alice owes Bob's USDC against WETH; a day passes."""
    await world.fund(BOB, USDC=10**12)
    await world.fund(ALICE, WETH=10**20, USDC=10**10)
    await world.supply(BOB, "USDC", 10**11)
    await world.supply(ALICE, "WETH", 10**19)
    await world.borrow(ALICE, "USDC", 5_000 * 10**6)
    await world.jump(DAY_SECONDS)
    return world


@pytest.mark.parametrize(
    ("damage", "who", "verb"),
    [
        (without_alice, ALICE, lambda w: w.repay(ALICE, "USDC", 10**6)),
        (without_alice, ALICE, lambda w: w.borrow(ALICE, "USDC", 10**6)),
        (without_bob, BOB, lambda w: w.supply(BOB, "USDC", 10**6)),
        (without_bob, BOB, lambda w: w.withdraw(BOB, "USDC", 10**6)),
        (without_bob, BOB, lambda w: w.transfer_atoken(BOB, "USDC", ALICE, 10**6)),
        (without_bob, BOB, lambda w: w.transfer_atoken(ALICE, "USDC", BOB, 10**6)),
        # Nobody owes WETH, so it has no interest that would tell.
        (without_alice, ALICE, lambda w: w.withdraw(ALICE, "WETH", 10**18)),
        (without_alice, ALICE, lambda w: w.transfer_atoken(ALICE, "WETH", BOB, 10**18)),
    ],
    ids=["repays", "borrows", "supplies", "withdraws", "gives", "takes", "withdraws", "gives"],
)
async def test_account__missed_at_the_start__is_named_at_its_first_log(
    lent: World, tmp_path: Path, damage: Damage, who: str, verb: Callable[[World], object]
) -> None:
    await lent.supply(ALICE, "USDC", 10**7)
    await lent.jump(DAY_SECONDS)
    async with EmbeddedRedis(tmp_path) as redis:
        monitored = Misled(lent, redis.url, damage)
        await monitored.begin((await lent.head()).number)
        await verb(lent)  # type: ignore[misc]
        with pytest.raises(LedgerCorrupt, match=who) as caught:
            await monitored.ledger_at((await lent.head()).hash)
        assert "cascade-monitor store rebuild" in str(caught.value)
        await monitored.end()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without_alice, "the accounts hold 0 scaled of token"),
        (with_more_cash, "cash_raw of USDC is"),
        (with_other_terms, "terms of USDC is"),
        (with_more_debt, "debt_scaled of USDC is"),
    ],
)
async def test_start__stored_ledger_is_wrong__stops_and_says_where(
    lent: World, tmp_path: Path, damage: Damage, said: str
) -> None:
    async with EmbeddedRedis(tmp_path) as redis:
        misled = Misled(lent, redis.url, damage)
        await misled.begin((await lent.head()).number)
        await misled.end()
        monitored = Monitored(market_of(lent), redis.url, NAMESPACE)
        await monitored.resume()
        await lent.mine()
        with pytest.raises(LedgerCorrupt, match=said):
            await monitored.ledger_at((await lent.head()).hash)
        await monitored.end()


async def test_start__stored_ledger_is_right__goes_on(lent: World, tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path) as redis:
        first = Monitored(market_of(lent), redis.url, NAMESPACE)
        await first.begin((await lent.head()).number)
        await first.end()
        await lent.repay(ALICE, "USDC", 10**6)
        monitored = Monitored(market_of(lent), redis.url, NAMESPACE)
        await monitored.resume()
        head = await lent.head()
        records = dict((await monitored.ledger_at(head.hash)).records())
        assert records == await monitored.snapshot(head.number)
        await monitored.end()


async def test_start__views_once_of_a_later_block__are_asked_again(
    lent: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """anvil answers a view at its newest block from the next one's state, while it mines that."""
    async with EmbeddedRedis(tmp_path) as redis:
        first = Monitored(market_of(lent), redis.url, NAMESPACE)
        await first.begin((await lent.head()).number)
        await first.end()
        await lent.mine()
        await lent.supply(ALICE, "USDC", 10**7)
        monitored = Monitored(market_of(lent), redis.url, NAMESPACE)
        reader, later = monitored._node.reader, await monitored._node.block_by("latest")
        read, asked = reader.read, list[BlockRef]()

        async def hasty(at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
            asked.append(at)
            return await read(later if len(asked) == 1 else at, calls)

        monkeypatch.setattr(reader, "read", hasty)
        await monitored.resume()
        records = dict((await monitored.ledger_at(later.hash)).records())
        assert asked.count(asked[0]) > 1
        assert records == await monitored.snapshot(later.number)
        await monitored.end()
