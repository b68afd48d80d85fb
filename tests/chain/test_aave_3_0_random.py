"""Whatever people and admins may think of, drawn at random, on 3.0.2 and under Spark's rounding.

Half of the runs begin after years at absurd rates: an index of a thousand rays and more rounds
whole balances away, and leaves flags behind that nothing tells of.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from aave_acts import ALICE, BOB, CAROL, DAVE, LIQUIDATOR, flash, lend, simple_flash
from aave_told import compared, judged
from aave_versions import Version, open_market
from devnet import ADMIN, MAX, USD, Address, Deployer, Tx, World, account
from devnet.aave_3_0_deployment import COLLATERAL, deploy_rates
from devnet.aave_deployment import TREASURY
from devnet.terms import RateTerms
from devnet.world import NO_REFERRAL, VARIABLE_RATE
from following import following

SYMBOLS = ("WETH", "wstETH", "WBTC", "USDC", "DAI")
BUSY = ("WETH", "USDC", "DAI")
PEOPLE = tuple(account(f"random {number}") for number in range(8))
BRIDGE, RICH = account("bridge"), account("rich")
EVERYBODY = (*PEOPLE, ALICE, BOB, CAROL, DAVE, LIQUIDATOR, TREASURY, RICH)
STEEP = RateTerms(5_000, 2_000, 10_000, 20_000)
BLOCKS, SNAPSHOT_BLOCKS = 80, 16
YEAR_SECONDS, DAY_SECONDS = 31_536_000, 86_400
STEPS_SECONDS = (1, 12, 12, 12, 3_600, DAY_SECONDS - 1, 30 * DAY_SECONDS)
LEAST_DONE = 60
"""Of what was tried, how much must have succeeded for a run to mean anything."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Draws the next transaction."""

    market: World
    rng: random.Random

    def draw(self) -> Tx:
        make = self.rng.choice((*VERBS, *VERBS, *VERBS, *RARE))
        return make(self, self.rng.choice(PEOPLE), self.rng.choice(SYMBOLS))

    def amount(self, symbol: str) -> int:
        """From one unit to 3,000 USD's worth."""
        one = self.market.raw(symbol, 1)
        worth = 3_000 * USD * one // self.market.terms.asset(symbol).price_e8
        most = self.rng.choice((3, 100, one // 1_000, worth))
        return self.rng.randint(1, max(1, most))

    def some(self, symbol: str) -> int:
        return self.rng.choice((MAX, self.amount(symbol)))

    def other(self) -> Address:
        return self.rng.choice(PEOPLE)

    def configure(self, signature: str, symbol: str, *args: object) -> Tx:
        at = self.market.addresses
        return self.market.tx(ADMIN, at.configurator, signature, self.market.token(symbol), *args)


Make = Callable[[Scene, Address, str], Tx]


def unbacked(scene: Scene, _: Address, __: str) -> Tx:
    pool, token = scene.market.addresses.pool, scene.market.token("DAI")
    if scene.rng.random() < 0.5:
        signature = "mintUnbacked(address,uint256,address,uint16)"
        args = (token, scene.amount("DAI"), scene.other(), NO_REFERRAL)
        return scene.market.tx(BRIDGE, pool, signature, *args)
    fee = scene.rng.choice((0, 1, 10**15))
    signature = "backUnbacked(address,uint256,uint256)"
    return scene.market.tx(BRIDGE, pool, signature, token, scene.amount("DAI"), fee)


def flash_loans(scene: Scene, who: Address, symbol: str) -> Tx:
    others = [other for other in SYMBOLS if other != symbol]
    modes = (0, VARIABLE_RATE)
    loans = {symbol: (scene.amount(symbol), scene.rng.choice(modes))}
    loans[scene.rng.choice(others)] = (1_000, scene.rng.choice(modes))
    return flash(scene.market, who, loans)


def terms(scene: Scene, _: Address, symbol: str) -> Tx:
    known = scene.market.terms.asset(symbol)
    ltv_bps = scene.rng.choice((0, known.ltv_bps))
    return scene.configure(COLLATERAL, symbol, ltv_bps, known.threshold_bps, known.bonus_bps)


def e_mode_of(scene: Scene, _: Address, symbol: str) -> Tx:
    number = scene.rng.choice((0, 1, 2))
    return scene.configure("setAssetEModeCategory(address,uint8)", symbol, number)


def price(scene: Scene, _: Address, symbol: str) -> Tx:
    usual = scene.market.terms.asset(symbol).price_e8
    return scene.market.move_feed(symbol, usual * scene.rng.randint(40, 150) // 100)


def to_treasury(scene: Scene, who: Address, symbol: str) -> Tx:
    at, tokens = scene.market.addresses, [scene.market.token(symbol)]
    return scene.market.tx(who, at.pool, "mintToTreasury(address[])", tokens)


def liquidation(scene: Scene, who: Address, symbol: str) -> Tx:
    collateral, in_receipts = scene.rng.choice(SYMBOLS), scene.rng.random() < 0.5
    amount = scene.some(symbol)
    return scene.market.liquidate(
        who, scene.other(), collateral, symbol, amount, receive_atoken=in_receipts
    )


VERBS: Sequence[Make] = (
    lambda s, who, x: s.market.supply(who, x, s.amount(x), s.other()),
    lambda s, who, x: s.market.borrow(who, x, s.amount(x)),
    lambda s, who, x: s.market.withdraw(who, x, s.some(x), s.other()),
    lambda s, who, x: s.market.repay(who, x, s.some(x)),
    lambda s, who, x: s.market.repay_with_atokens(who, x, s.some(x)),
    lambda s, who, x: s.market.transfer_atoken(who, x, s.other(), s.amount(x)),
    liquidation,
)
RARE: Sequence[Make] = (
    lambda s, who, x: s.market.repay(who, x, s.amount(x), s.other()),
    lambda s, who, x: s.market.set_collateral(who, x, s.rng.random() < 0.7),
    lambda s, who, _: s.market.set_emode(who, s.rng.choice((0, 1, 2))),
    lambda s, _, x: simple_flash(s.market, x, s.amount(x)),
    lambda s, _, x: s.market.mint(s.market.addresses.atokens[x], x, s.amount(x)),
    lambda s, _, x: s.configure("setReserveFactor(address,uint256)", x, s.rng.choice((0, 9_999))),
    flash_loans,
    unbacked,
    terms,
    e_mode_of,
    price,
    to_treasury,
)


async def settle(market: World, rng: random.Random) -> None:
    """Everybody has money and has supplied some of it; there is a bridge."""
    await lend(market)
    for who in PEOPLE:
        await market.fund(who, **{symbol: market.raw(symbol, 10**6) for symbol in SYMBOLS})
        worth = [(x, rng.randint(1, 20_000) * USD) for x in rng.sample(SYMBOLS, 3)]
        for symbol, value_e8 in worth:
            raw = value_e8 * market.raw(symbol, 1) // market.terms.asset(symbol).price_e8
            await market.supply(who, symbol, raw)
    await market.fund(BRIDGE, DAI=10**24)
    roles = market.addresses.acl_manager
    scene = Scene(market, rng)
    await market.block(
        market.tx(ADMIN, roles, "addBridge(address)", BRIDGE),
        scene.configure("setUnbackedMintCap(address,uint256)", "DAI", 10**6),
    )


async def age(market: World, rng: random.Random) -> None:
    """Years pass while most of what can be lent is lent, at rates beyond all measure."""
    provider, scene = market.addresses.addresses_provider, Scene(market, rng)
    steep = await deploy_rates(Deployer(market), provider, STEEP)
    await market.fund(RICH, WBTC=10**13, USDC=10**14, DAI=10**26)
    await market.supply(RICH, "WBTC", 10**12)
    setter = "setReserveInterestRateStrategyAddress(address,address)"
    for symbol in BUSY:
        await scene.configure(setter, symbol, steep)
        cash = await market.balance_of(market.token(symbol), market.addresses.atokens[symbol])
        await market.borrow(RICH, symbol, cash * 7 // 10)
    for _ in range(2):
        await market.jump(YEAR_SECONDS)
        await market.block(*(market.repay(RICH, symbol, 10**6) for symbol in BUSY))


@pytest.mark.parametrize("is_old", [False, True], ids=["young", "old"])
@pytest.mark.parametrize("version", [Version.V3_0, Version.SPARK])
@pytest.mark.timeout(180)
async def test_blocks__drawn_at_random__ledger_equals_the_contracts_after_each(
    version: Version, is_old: bool, tmp_path: Path
) -> None:
    rng = random.Random(f"{version} {is_old}")
    async with open_market(version) as market:
        await settle(market, rng)
        if is_old:
            await age(market, rng)
        scene, done = Scene(market, rng), 0
        async with following(market, tmp_path) as monitored:
            for number in range(BLOCKS):
                txs = [scene.draw() for _ in range(rng.randint(1, 4))]
                timestamp = (await market.head()).timestamp + rng.choice(STEPS_SECONDS)
                receipts = await market.block(*txs, timestamp=timestamp, check=False)
                done += sum(receipt.succeeded for receipt in receipts)
                check = compared if number % SNAPSHOT_BLOCKS else judged
                await check(market, version, EVERYBODY, monitored)
        assert done >= LEAST_DONE
