"""A world of its own for every seed: its terms, who lends there, and what things are worth."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction

from devnet import (
    MAX,
    Deployer,
    MarketParams,
    StakingTerms,
    Tx,
    WideTerms,
    WideWorld,
    account,
    arbitrage_pools,
    new_wide_world,
    oracle_prices,
)
from devnet.abi import Address
from devnet.chain import View
from devnet.flash_building import PREMIUM, QUOTE
from devnet.loops import PRICE
from devnet.morpho_deployment import deploy_mock_oracle
from devnet.share_market import open_share_market
from devnet.terms import USD
from devnet.wide_terms import WAD, PairTerms
from devnet.world import BALANCE

from loops.places import CORE, SPARK, Aave, Blue

SHARE, CLAIM = "Devnet USDC", "aWETH"
"""The vault's share, and what Aave 3.6 gives for WETH."""
FALLING = "WETH/USDC, and falling"
"""A market of Morpho whose price is set by hand, for those who are liquidated."""
LENT_USD = 30_000_000
CLAIM_LLTV_WAD, SHARE_LLTV_WAD = 945 * WAD // 1000, 86 * WAD // 100
SAMPLE = 10**36


@dataclass
class Scene:
    """What the people of a world act on. `prices_e8` are as of the last block."""

    world: WideWorld
    rng: random.Random
    tokens: dict[str, Address]
    decimals: dict[str, int]
    flash_actors: dict[str, Address]
    prices_e8: dict[str, int] = field(default_factory=dict)
    share_rate: Fraction = Fraction(1)

    @property
    def core(self) -> Aave:
        return Aave(CORE, self.world)

    @property
    def spark(self) -> Aave:
        return Aave(SPARK, self.world.aave_3_0)

    def blue(self, name: str) -> Blue:
        """A market of Morpho."""
        if name == FALLING:
            return Blue(self.world, name, "WETH", "USDC")
        return Blue(self.world, name, *name.split("/"))

    async def look(self) -> None:
        """Prices as they are now."""
        self.prices_e8 = await oracle_prices(self.world)
        self.share_rate = await self._rate(None)

    def raw(self, asset: str, usd: float) -> int:
        """So many dollars' worth."""
        return int(Fraction(usd) / self._usd(asset))

    def usd(self, asset: str, raw: int) -> float:
        return float(raw * self._usd(asset))

    def same_worth(self, have: str, raw: int, want: str) -> int:
        return int(raw * self._usd(have) / self._usd(want))

    async def balance(self, who: Address, asset: str) -> int:
        (held,) = await self.world.read([View(self.tokens[asset], BALANCE, (who,))])
        return int(held)

    async def quoted(self, token_in: str, token_out: str, wanted_raw: int) -> int:
        """What the pools ask for so much of `token_out` now."""
        path = self.world.path(token_out, token_in)
        quoter = self.world.addresses.quoter
        return int((await self.world.call(quoter, QUOTE, path, wanted_raw))[0])

    async def premium_bps(self, place: Aave) -> int:
        return int(await self.world.call(place.view.addresses.pool, PREMIUM))

    def transfer(self, who: Address, asset: str, to: Address, raw: int) -> Tx:
        return self.world.tx(who, self.tokens[asset], "transfer(address,uint256)", to, raw)

    def collect(self, by: Address, asset: str, owner: Address, raw: int) -> Tx:
        """`by` takes what the owner has approved."""
        signature = "transferFrom(address,address,uint256)"
        return self.world.tx(by, self.tokens[asset], signature, owner, by, raw)

    def allow(self, who: Address, asset: str, spender: Address) -> Tx:
        return self.world.tx(who, self.tokens[asset], "approve(address,uint256)", spender, MAX)

    def arbitrage(self) -> list[Tx]:
        """Every pool back to the feeds' prices."""
        return arbitrage_pools(self.world, self.prices_e8)

    async def usd_per_raw(self, asset: str, block: str) -> Fraction:
        """As the contract values: the first Aave market's oracle, else a claim by its rate."""
        if asset == SHARE:
            return await self._rate(block) * await self.usd_per_raw("USDC", block)
        if asset == CLAIM:
            return await self.usd_per_raw("WETH", block)
        ask = View(self.world.addresses.oracle, PRICE, (self.tokens[asset],))
        (price_e8,) = await self.world.read([ask], block)
        return Fraction(price_e8, USD * 10 ** self.decimals[asset])

    async def _rate(self, block: str | None) -> Fraction:
        """Raw underlying per raw share, by a sample large enough to be exact."""
        return Fraction(await self.world.vault.assets_of(SAMPLE, block), SAMPLE)

    def _usd(self, asset: str) -> Fraction:
        if asset == SHARE:
            return self.share_rate * self._usd("USDC")
        symbol = "WETH" if asset == CLAIM else asset
        return Fraction(self.prices_e8[symbol], USD * 10 ** self.decimals[asset])


def draw_terms(rng: random.Random) -> WideTerms:
    """Prices over an order of magnitude, loan-to-values as markets have had them."""
    eth = rng.randint(600, 6_000)
    rate_wad = rng.randint(105, 135) * WAD // 100
    prices = {
        "WETH": eth * USD,
        "wstETH": eth * USD * rate_wad // WAD,
        "WBTC": eth * rng.randint(15, 35) * USD,
    }
    plain = WideTerms()
    assets = []
    for asset in plain.assets:
        lower_bps = rng.randint(0, 500)
        assets.append(
            replace(
                asset,
                price_e8=prices.get(asset.symbol, asset.price_e8),
                ltv_bps=asset.ltv_bps - lower_bps,
                threshold_bps=asset.threshold_bps - lower_bps // 2,
            )
        )
    return replace(plain, assets=tuple(assets), staking=StakingTerms(rate_wad=rate_wad))


@asynccontextmanager
async def new_scene(rng: random.Random) -> AsyncIterator[Scene]:
    """The wide world on terms of its own, with more markets of Morpho and money to borrow."""
    async with new_wide_world(draw_terms(rng)) as world:
        deployer = Deployer(world)
        actors = {place: await deployer.deploy("FlashActor") for place in (CORE, SPARK)}
        tokens = {
            **world.addresses.tokens,
            SHARE: world.addresses.morpho.vaults[SHARE],
            CLAIM: world.addresses.atokens["WETH"],
        }
        decimals = {asset.symbol: asset.decimals for asset in world.terms.assets}
        scene = Scene(world, rng, tokens, decimals | {SHARE: 18, CLAIM: 18}, actors)
        await scene.look()
        await _open_markets(scene)
        await _lend(scene)
        await _equip(scene)
        yield scene


async def _open_markets(scene: Scene) -> None:
    world = scene.world
    lender = account("lender of the share's market")
    lent = {lender: scene.raw("USDC", LENT_USD)}
    await open_share_market(world, SHARE, "USDC", SHARE_LLTV_WAD, lent)
    deployer = Deployer(world)
    # One aWETH is one WETH, so that a price of 1 is the truth.
    one = await deployer.deploy("OracleMock")
    await deployer.send(one, "setPrice(uint256)", 10**36)
    await _open(scene, f"{CLAIM}/WETH", one, CLAIM_LLTV_WAD, scene.blue(f"{CLAIM}/WETH"))
    pair = PairTerms("WETH", "USDC", SHARE_LLTV_WAD, "mock")
    falling = await deploy_mock_oracle(deployer, world.terms, pair)
    await _open(scene, FALLING, falling, SHARE_LLTV_WAD, scene.blue(FALLING))


async def _open(scene: Scene, name: str, oracle: Address, lltv_wad: int, place: Blue) -> None:
    morpho = scene.world.morpho
    loan, collateral = (scene.tokens[asset] for asset in (place.loan, place.collateral))
    params = MarketParams(loan, collateral, oracle, morpho.addresses.rate_model, lltv_wad)
    morpho.addresses.markets[name] = params
    await morpho.create_market(Deployer(scene.world).admin, params)


async def _lend(scene: Scene) -> None:
    """Everything that can be borrowed is there; who lends it borrows nothing."""
    world, txs = scene.world, list[Tx]()
    for asset in world.addresses.tokens:
        for place in (scene.core, scene.spark):
            lender, raw = account(f"lender {place.market} {asset}"), scene.raw(asset, LENT_USD)
            txs += [
                world.mint(lender, asset, raw),
                scene.allow(lender, asset, place.spender),
                place.pledge(lender, asset, raw),
            ]
    for name in world.addresses.morpho.markets:
        blue = scene.blue(name)
        lender, raw = account(f"lender {name}"), scene.raw(blue.loan, LENT_USD)
        txs += [
            world.mint(lender, blue.loan, raw),
            scene.allow(lender, blue.loan, blue.spender),
            world.morpho.supply(lender, name, raw),
        ]
    await world.block(*txs)


async def _equip(scene: Scene) -> None:
    """The actors approve whom they pay."""
    world = scene.world
    spenders = approved(scene)
    calls = [
        (actor, asset, to)
        for actor in (*scene.flash_actors.values(), world.morpho.actor)
        for asset, to in spenders
    ]
    by_actor: dict[Address, list[Tx]] = {}
    for actor, asset, to in calls:
        by_actor.setdefault(actor, []).append(scene.allow(actor, asset, to))
    sender = account("whoever equips the actors")
    await world.block(*(bundled(scene, actor, sender, *txs) for actor, txs in by_actor.items()))


def approved(scene: Scene) -> list[tuple[str, Address]]:
    """Asset and spender: what everybody approves once, and never thinks of again."""
    world = scene.world
    pairs = [(asset, to) for asset in world.addresses.tokens for to in world.spenders]
    return [*pairs, *((claim, world.addresses.morpho.morpho) for claim in (SHARE, CLAIM))]


def bundled(scene: Scene, actor: Address, sender: Address, *actions: Tx) -> Tx:
    """Actions of an actor in one transaction, which `sender` sends."""
    calls = [(action.to, action.data) for action in actions]
    return scene.world.tx(sender, actor, "run((address,bytes)[])", calls, gas=12_000_000)
