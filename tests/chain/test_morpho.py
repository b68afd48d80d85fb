"""Morpho Blue followed on real bytecode: at every block the ledger is the contract's."""

import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from devnet import (
    USD,
    ZERO_ADDRESS,
    MarketParams,
    Receipt,
    Tx,
    WideWorld,
    account,
    event_topic,
    new_wide_world,
)
from devnet.chain import BLOCK_SECONDS
from devnet.morpho_deployment import MORPHO_FEE_RECIPIENT
from eth_abi.abi import decode
from morpho_following import MARKET, Life, compare, id_of, market_of, new_life

from monitor.core.keys import Kind, market_key, pair_key, position_key
from monitor.core.ledger import Ledger, Market, Position, find
from monitor.core.pairs import Pair
from monitor.core.units import Address, RawAmount, ScaledAmount, Wad
from monitor.errors import ConfigError, LedgerCorrupt, RpcInconsistent
from monitor.protocols.morpho_blue.accrual import totals_at
from monitor.protocols.morpho_blue.liquidation import slice_by_repaid, slice_by_seized
from monitor.store.codec import digest

ALICE, BOB, CAROL, LENDER = (account(name) for name in ("alice", "bob", "carol", "lender"))
WETH_USDC, WBTC_USDC, WSTETH_WETH, WETH_DAI = "WETH/USDC", "WBTC/USDC", "wstETH/WETH", "WETH/DAI"
DAY_SECONDS = 86_400
LIQUIDATED = event_topic(
    "Liquidate(bytes32,address,address,uint256,uint256,uint256,uint256,uint256)"
)


def people(wide: WideWorld) -> list[str]:
    vaults = wide.addresses.morpho.vaults.values()
    return [ALICE, BOB, CAROL, LENDER, MORPHO_FEE_RECIPIENT, *vaults]


@pytest.fixture
async def life(wide: WideWorld) -> AsyncIterator[Life]:
    """It begins with the head of the wide world."""
    async with new_life(wide, market_of(wide.addresses.morpho.morpho)) as life:
        await life.begin()
        yield life


async def test_every_verb__block_by_block__leaves_the_ledger_equal(
    wide: WideWorld, life: Life
) -> None:
    morpho, weth, usdc = wide.morpho, wide.raw("WETH", 10), wide.raw("USDC", 1_000_000)
    await wide.fund(ALICE, WETH=10 * weth, USDC=usdc)
    await wide.fund(LENDER, USDC=usdc)
    for acts in (
        [morpho.supply(LENDER, WETH_USDC, usdc // 2)],
        [morpho.supply(LENDER, WETH_USDC, shares=10**15 + 7)],
        [morpho.supply_collateral(ALICE, WETH_USDC, weth)],
        [morpho.borrow(ALICE, WETH_USDC, usdc // 100)],
        [morpho.borrow(ALICE, WETH_USDC, shares=10**14 + 1)],
        [morpho.accrue_interest(BOB, WETH_USDC)],
        [morpho.repay(ALICE, WETH_USDC, 12_345_678)],
        [morpho.repay(ALICE, WETH_USDC, shares=10**13 + 9)],
        [morpho.withdraw(LENDER, WETH_USDC, 77_777_777)],
        [morpho.withdraw(LENDER, WETH_USDC, shares=10**12 + 3)],
        [morpho.withdraw_collateral(ALICE, WETH_USDC, weth // 100)],
        [morpho.set_fee(WETH_USDC, 25 * 10**16)],
        [wide.move_feed("WETH", 900 * USD)],
        [morpho.liquidate(LENDER, WETH_USDC, ALICE, seized_raw=weth // 7)],
        [morpho.liquidate(LENDER, WETH_USDC, ALICE, repaid_shares=10**15)],
    ):
        await wide.jump(DAY_SECONDS // 3)
        await wide.block(*acts)
        await compare(life, morpho, people(wide))
    await life.records()


async def lend_everywhere(wide: WideWorld) -> None:
    await wide.fund(
        LENDER,
        USDC=wide.raw("USDC", 5_000_000),
        WETH=wide.raw("WETH", 5_000),
        DAI=wide.raw("DAI", 5_000_000),
    )
    amounts = {
        WETH_USDC: wide.raw("USDC", 500_000),
        WBTC_USDC: wide.raw("USDC", 500_000),
        WSTETH_WETH: wide.raw("WETH", 500),
        WETH_DAI: wide.raw("DAI", 500_000),
    }
    await wide.block(*(wide.morpho.supply(LENDER, m, raw) for m, raw in amounts.items()))


class Crowd:
    """Draws what three people and the owner do next; much of it the contract refuses."""

    def __init__(self, wide: WideWorld, seed: int) -> None:
        self._wide = wide
        self._draw = random.Random(seed)

    async def block(self) -> list[Receipt]:
        """Of some of them, some time after the last; now and then the prices move."""
        seconds = self._draw.choice([1, 12, 12, 3_600, 9 * DAY_SECONDS])
        acts = [self._act() for _ in range(self._draw.randrange(5))]
        if self._draw.random() < 0.2:
            price = self._draw.randrange(900, 3_000) * USD
            acts.append(self._wide.move_feed("WETH", price))
        if self._draw.random() < 0.1:
            price = self._draw.choice([0, 10**33, 1_000 * 10**36, 2_000 * 10**36])
            acts.append(self._wide.morpho.set_price(WETH_DAI, price))
        head = await self._wide.head()
        return await self._wide.block(*acts, timestamp=head.timestamp + seconds, check=False)

    def _act(self) -> Tx:
        morpho, draw = self._wide.morpho, self._draw
        who, other = draw.choice([ALICE, BOB, CAROL]), draw.choice([ALICE, BOB, CAROL])
        market = draw.choice([WETH_USDC, WBTC_USDC, WSTETH_WETH, WETH_DAI])
        collateral, loan = (self._wide.terms.asset(name) for name in market.split("/"))
        some = int(draw.lognormvariate(0, 2) * 10**loan.decimals * USD * 5_000) // loan.price_e8
        pledge = int(draw.lognormvariate(0, 2) * 10**collateral.decimals)
        pledge = pledge * USD * 10_000 // collateral.price_e8
        by_assets = draw.random() < 0.5
        assets, shares = (some, 0) if by_assets else (0, some * 10**6 + 1)
        seized, repaid = (pledge // 10 + 1, 0) if by_assets else (0, some * 10**5 + 1)
        acts = (
            morpho.supply(who, market, assets, shares=shares, on_behalf_of=other),
            morpho.withdraw(who, market, assets, shares=shares),
            morpho.supply_collateral(who, market, pledge, on_behalf_of=other),
            morpho.supply_collateral(who, market, pledge),
            morpho.withdraw_collateral(who, market, pledge),
            morpho.borrow(who, market, assets, shares=shares),
            morpho.borrow(who, market, assets, shares=shares),
            morpho.repay(who, market, assets, shares=shares, on_behalf_of=other),
            morpho.liquidate(who, market, other, seized_raw=seized, repaid_shares=repaid),
            morpho.accrue_interest(who, market),
            morpho.set_fee(market, draw.randrange(25 * 10**16)),
            morpho.set_fee_recipient(draw.choice([ALICE, MORPHO_FEE_RECIPIENT])),
        )
        return draw.choice(acts)


async def fund_crowd(wide: WideWorld) -> None:
    amounts = {name: wide.raw(name, 10**7) for name in ("WETH", "USDC", "DAI", "WBTC", "wstETH")}
    for who in (ALICE, BOB, CAROL):
        await wide.fund(who, **amounts)


@pytest.mark.parametrize("seed", [1, 2])
async def test_crowd__every_block__leaves_the_ledger_equal_and_a_snapshot_the_same(
    wide: WideWorld, life: Life, seed: int
) -> None:
    await lend_everywhere(wide)
    await fund_crowd(wide)
    crowd, done = Crowd(wide, seed), 0
    for number in range(60):
        done += sum(receipt.succeeded for receipt in await crowd.block())
        await compare(life, wide.morpho, people(wide))
        if number % 20 == 19:
            await life.records()
    assert done > 40


async def indebted(wide: WideWorld, life: Life) -> None:
    """Alice owes in WETH/USDC what a lower price no longer covers."""
    await lend_everywhere(wide)
    await fund_crowd(wide)
    await wide.block(
        wide.morpho.supply_collateral(ALICE, WETH_USDC, wide.raw("WETH", 10)),
        wide.morpho.borrow(ALICE, WETH_USDC, wide.raw("USDC", 15_000)),
    )
    await wide.move_feed("WETH", 1_700 * USD)
    assert await wide.morpho.healthy(WETH_USDC, [ALICE]) == [False]


@pytest.mark.parametrize("by_seized", [True, False])
async def test_liquidation__by_either_amount__is_as_reckoned(
    wide: WideWorld, life: Life, by_seized: bool
) -> None:
    await indebted(wide, life)
    ledger, morpho = await life.ledger(), wide.morpho
    pair = find(ledger, pair_key(MARKET, id_of(morpho, WETH_USDC)), Pair)
    assert pair is not None
    totals = totals_at(pair, life.tail[-1].timestamp + BLOCK_SECONDS)
    assert totals is not None
    terms = (await morpho.price_e36(WETH_USDC), pair.lltv_wad, totals.debt_raw, totals.debt_shares)
    if by_seized:
        seized = wide.raw("WETH", 1) + 7
        expected = slice_by_seized(seized, *terms)
        act = morpho.liquidate(BOB, WETH_USDC, ALICE, seized_raw=seized)
    else:
        expected = slice_by_repaid(10**15 + 7, *terms)
        act = morpho.liquidate(BOB, WETH_USDC, ALICE, repaid_shares=10**15 + 7)
    (log,) = (await act).logs_of(morpho.addresses.morpho, LIQUIDATED)
    assert tuple(decode(["uint256"] * 5, log.data)) == (*expected, 0, 0)


async def test_sheets__of_all_market_ids__have_the_debts_of_the_statements(
    wide: WideWorld, life: Life
) -> None:
    await indebted(wide, life)
    await wide.jump(30 * DAY_SECONDS)
    ledger, at_unix = await life.ledger(), life.tail[-1].timestamp
    told = {
        (key.sub_market, key.subject): said
        for key in ledger.keys(Kind.POSITION, MARKET)
        if (said := await life.statement(key.sub_market, key.subject)) and said.debt
    }
    sheets = life.market.sheets(ledger, at_unix)
    assert {sheet.sub_market for sheet in sheets} == {
        id_of(wide.morpho, name) for name in wide.addresses.morpho.markets
    }
    seen = {(s.sub_market, e.account): (s, e) for s in sheets for e in s.exposures}
    assert seen.keys() == told.keys()
    assert seen
    for place, (sheet, exposure) in seen.items():
        said = told[place]
        assert [leg.amount_raw for leg in exposure.debt] == [line.amount_raw for line in said.debt]
        (leg,), (line,) = exposure.collateral, said.collateral
        assert leg.amount_raw == line.amount_raw
        price = sheet.assets[leg.asset].price_base
        assert price is not None
        limit = leg.amount_raw * price // sheet.base_unit * leg.liquidation_threshold_wad // 10**18
        assert said.risk.health_factor_wad == limit * 10**18 // exposure.debt[0].amount_raw


async def test_chain__turns_back__the_ledger_with_it(wide: WideWorld, life: Life) -> None:
    await lend_everywhere(wide)
    await fund_crowd(wide)
    crowd = Crowd(wide, 3)
    for depth in (1, 3, 6):
        for _ in range(depth):
            await crowd.block()
        await compare(life, wide.morpho, people(wide))
        await wide.rollback(depth)
        for _ in range(depth + 1):
            await crowd.block()
        await compare(life, wide.morpho, people(wide))
        assert life.undone >= depth
    await life.records()


async def test_replay__from_before_the_deployment__ends_in_the_snapshot() -> None:
    async with new_wide_world() as wide:
        morpho, made = wide.morpho, market_of(wide.addresses.morpho.morpho)
        await lend_everywhere(wide)
        await fund_crowd(wide)
        crowd = Crowd(wide, 4)
        for _ in range(25):
            await crowd.block()
        head = await wide.head()
        for begin in (1, head.number - 12):
            async with new_life(wide, made) as life:
                await life.begin(begin)
                await compare(life, morpho, people(wide))
                records = await life.records()
                snapshot = await life.read(life.tail[-1])
                assert digest(records) == digest(dict(snapshot.records()))


async def test_start__with_what_another_life_left__goes_on(wide: WideWorld, life: Life) -> None:
    await lend_everywhere(wide)
    left, at = (await life.ledger()).copy(), life.tail[-1]
    await wide.fund(ALICE, WETH=wide.raw("WETH", 10))
    await wide.morpho.supply_collateral(ALICE, WETH_USDC, wide.raw("WETH", 10))
    async with new_life(wide, market_of(wide.addresses.morpho.morpho)) as again:
        await again.resume(left, at)
        assert await again.records() == await life.records()


def tampered(ledger: Ledger, wide: WideWorld, kind: str) -> Ledger:
    """With one record that is not the contract's."""
    pair_at = pair_key(MARKET, id_of(wide.morpho, WETH_USDC))
    pair = find(ledger, pair_at, Pair)
    assert pair is not None
    lender = position_key(MARKET, Address(LENDER), pair_at.sub_market)
    wrong = ledger.copy()
    if kind == "totals":
        wrong.put(pair_at, replace(pair, debt_raw=RawAmount(pair.debt_raw + 1)))
    elif kind == "rate":
        wrong.put(pair_at, replace(pair, rate_at_target_wad=Wad(1)))
    elif kind == "recipient":
        wrong.put(market_key(MARKET), Market("morpho_blue", Address(wide.addresses.morpho.morpho)))
    elif kind == "position":
        found = find(ledger, lender, Position)
        assert found is not None
        less = replace(found.lent[0], scaled=ScaledAmount(found.lent[0].scaled - 1))
        wrong.put(lender, replace(found, lent=(less,)))
    else:
        wrong.put(lender, None)
    return wrong


@pytest.mark.parametrize("kind", ["totals", "rate", "recipient", "position", "account"])
async def test_start__what_was_stored_is_wrong__is_said_twice_then_stops(
    wide: WideWorld, life: Life, kind: str
) -> None:
    await lend_everywhere(wide)
    wrong, at = tampered(await life.ledger(), wide, kind), life.tail[-1]
    await wide.mine()
    async with new_life(wide, market_of(wide.addresses.morpho.morpho)) as again:
        await again.resume(wrong, at)
        if kind != "account":  # what adds up to no total is wrong at the first sight
            with pytest.raises(RpcInconsistent, match="asked again"):
                await again.ledger()
            again.events = again.node.follower.follow([at], lambda: again.folder.addresses(wrong))
        with pytest.raises(LedgerCorrupt, match="store rebuild"):
            await again.ledger()


async def test_market_ids__only_some__are_all_that_is_followed(wide: WideWorld) -> None:
    chosen = id_of(wide.morpho, WBTC_USDC)
    async with new_life(wide, market_of(wide.addresses.morpho.morpho, ids=[chosen])) as life:
        await life.begin()
        await lend_everywhere(wide)
        await fund_crowd(wide)
        crowd = Crowd(wide, 5)
        for _ in range(15):
            await crowd.block()
        keys = {k for k in await life.records() if k.kind in (Kind.PAIR, Kind.POSITION, Kind.PRICE)}
        assert {key.sub_market for key in keys} == {chosen}
        ledger = await life.ledger()
        assert [sheet.sub_market for sheet in life.market.sheets(ledger, 2**40)] == [chosen]


async def test_market_id__of_no_loan_at_all__is_read_as_it_is_followed(
    wide: WideWorld, life: Life
) -> None:
    morpho, weth = wide.morpho, wide.raw("WETH", 1)
    params = MarketParams(
        *(ZERO_ADDRESS, wide.token("WETH"), ZERO_ADDRESS, ZERO_ADDRESS),
        morpho.params(WETH_USDC).lltv_wad,
    )
    morpho.addresses.markets["nothing"] = params
    await morpho.create_market(BOB, params)
    await wide.fund(ALICE, WETH=weth)
    await wide.block(morpho.supply_collateral(ALICE, "nothing", weth))
    await compare(life, morpho, people(wide))
    await life.records()


@pytest.mark.parametrize("ids", [None, ["0x" + "1" * 64]])
async def test_from_block__after_the_creation__is_refused(
    wide: WideWorld, ids: list[str] | None
) -> None:
    await lend_everywhere(wide)
    head = await wide.head()
    async with new_life(wide, market_of(wide.addresses.morpho.morpho, head.number, ids)) as life:
        with pytest.raises(ConfigError, match="Set from_block to the block"):
            await life.begin()


@pytest.mark.parametrize(
    ("place", "found"), [("token", "answer as one"), ("nobody", "no contract")]
)
async def test_address__of_something_else__is_refused(
    wide: WideWorld, place: str, found: str
) -> None:
    address = wide.token("WETH") if place == "token" else account("nobody")
    async with new_life(wide, market_of(address)) as life:
        with pytest.raises(ConfigError, match=found):
            await life.begin()
