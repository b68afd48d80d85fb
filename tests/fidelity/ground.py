"""What a world stands on: prices, risk terms, pools and markets, drawn from anything plausible."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from devnet import (
    USD,
    AssetTerms,
    CapTerms,
    EModeTerms,
    PairTerms,
    PoolTerms,
    VaultTerms,
    WideTerms,
)
from devnet.configuration import AAVE_3_0, AAVE_CORE
from devnet.terms import ASSETS, POOLS, RangeTerms
from devnet.wide_terms import PAIRS, WAD

RATE = 1.2
"""What one wstETH is worth in ether when a world begins: as the doubles of the devnet have it."""
VOLATILE, PEGGED = ("WETH", "WBTC", "wstETH"), ("USDC", "DAI")
LLTVS = (0.625, 0.77, 0.86, 0.915, 0.945)
FAMILY_CHANCE = 0.3
DEPTH_USD = {"thin": (400_000, 4_000_000), "deep": (4_000_000, 40_000_000)}
THIN_CHANCE = 0.6
"""Books owe half a million to ten million USD."""
DIRECT = PoolTerms("WBTC", "USDC", 500, 10, 0, ())
"""A second way for WBTC, in some worlds: then its market price is this pool's."""
FURTHER_PAIRS = (
    PairTerms("wstETH", "USDC", 0),
    PairTerms("USDC", "WETH", 0),
    PairTerms("WBTC", "WETH", 0),
    PairTerms("DAI", "USDC", 0),
)
CLAIM_CHANCE, SCARCE_CHANCE = 0.5, 0.08
BARE_CHANCE = 0.15
"""That a pool has nothing beyond its ranges."""
VAULT = "Devnet USDC"
CLAIMED = (
    (VAULT, "USDC", "USDC"),
    (AAVE_CORE, "WETH", "USDC"),
    (AAVE_3_0, "WETH", "USDC"),
    (AAVE_CORE, "USDC", "WETH"),
    (AAVE_3_0, "WBTC", "USDC"),
)
"""Whose shares or aTokens may be pledged on Morpho: of the vault, or of what on which Aave; and for
which loan.
"""


@dataclass(frozen=True, slots=True)
class ClaimTerms:
    """A market of Morpho in which a claim on an asset is pledged."""

    issuer: str
    collateral: str
    loan: str
    lltv_wad: int

    @property
    def name(self) -> str:
        return f"{self.collateral} in {self.issuer}/{self.loan}"


@dataclass(frozen=True, slots=True)
class Ground:
    """`depth` is the scale its pools are drawn on; `has_families`: a V2 pair and StableSwaps.

    `cash_left`: what of the cash of a reserve, (market, asset), nobody borrows.
    """

    terms: WideTerms
    depth: str
    has_families: bool
    claims: tuple[ClaimTerms, ...]
    cash_left: Mapping[tuple[str, str], float]


def draw_ground(rng: random.Random) -> Ground:
    depth = "thin" if rng.random() < THIN_CHANCE else "deep"
    terms = WideTerms(
        assets=_assets(rng),
        pools=_pools(rng, depth),
        e_modes=(_e_mode(rng),),
        pairs=_pairs(rng),
        vaults=(_vault(rng),),
    )
    return Ground(terms, depth, rng.random() < FAMILY_CHANCE, _claims(rng, terms), _cash_left(rng))


def _vault(rng: random.Random) -> VaultTerms:
    markets = rng.sample(("WETH/USDC", "WBTC/USDC"), 2)
    # What the first market has no room for goes into the second.
    caps = (CapTerms(markets[0], rng.randint(50_000, 1_000_000)), CapTerms(markets[1], 10**9))
    deposits = tuple((f"vault depositor {n}", rng.randint(10_000, 400_000)) for n in range(2))
    return VaultTerms(VAULT, "USDC", fee_wad=WAD // 20, caps=caps, deposits=deposits)


def _claims(rng: random.Random, terms: WideTerms) -> tuple[ClaimTerms, ...]:
    if rng.random() > CLAIM_CHANCE:
        return ()
    chosen = rng.sample(CLAIMED, rng.randint(1, 3))
    return tuple(ClaimTerms(*each, rng.choice(terms.pairs).lltv_wad) for each in chosen)


def _cash_left(rng: random.Random) -> dict[tuple[str, str], float]:
    """Most reserves have all the cash that nobody of the book borrows."""
    return {
        (market, symbol): between(rng, 0.003, 0.3)
        for market in (AAVE_CORE, AAVE_3_0)
        for symbol in ("WETH", "WBTC", "USDC")
        if rng.random() < SCARCE_CHANCE
    }


def between(rng: random.Random, least: float, most: float) -> float:
    """Every order of magnitude alike."""
    return math.exp(rng.uniform(math.log(least), math.log(most)))


def _assets(rng: random.Random) -> tuple[AssetTerms, ...]:
    ether = int(between(rng, 1_000, 5_000) * USD)
    prices = {
        "WETH": ether,
        "wstETH": round(ether * RATE),
        "WBTC": int(between(rng, 15, 40) * ether),
        "USDC": USD,
        "DAI": USD + rng.randint(-100_000, 100_000),
    }
    return tuple(_asset(rng, asset, prices[asset.symbol]) for asset in ASSETS)


def _asset(rng: random.Random, asset: AssetTerms, price_e8: int) -> AssetTerms:
    bonus_bps = rng.randint(10_300, 11_000)
    # Aave lets nobody list an asset whose threshold times bonus is above 1.
    threshold_bps = min(rng.randint(7_000, 8_700), 10_000 * 10_000 // bonus_bps - 50)
    return replace(
        asset,
        price_e8=price_e8,
        bonus_bps=bonus_bps,
        threshold_bps=threshold_bps,
        ltv_bps=threshold_bps - rng.randint(20, 300),
        reserve_factor_bps=rng.randint(500, 3_000),
        protocol_fee_bps=rng.choice((0, 500, 1_000, 2_000)),
    )


def _e_mode(rng: random.Random) -> EModeTerms:
    threshold_bps, bonus_bps = rng.randint(9_200, 9_600), rng.randint(10_050, 10_200)
    ltv_bps = threshold_bps - rng.randint(20, 200)
    assets = ("WETH", "wstETH")
    return EModeTerms(1, "ETH correlated", ltv_bps, threshold_bps, bonus_bps, assets, ("WETH",))


def _pools(rng: random.Random, depth: str) -> tuple[PoolTerms, ...]:
    pools = [*POOLS, DIRECT] if rng.random() < 0.3 else POOLS
    return tuple(
        replace(
            pool, depth_usd=int(between(rng, *DEPTH_USD[depth])), ranges=_ranges(rng, pool.name)
        )
        for pool in pools
    )


def _ranges(rng: random.Random, name: str) -> tuple[RangeTerms, ...]:
    """In most pools some of it everywhere, the rest in a few ranges around the first price."""
    widths = (60, 200, 500, 2_000) if name in ("wstETH/WETH", "DAI/USDC") else (300, 1_500, 6_000)
    chosen: list[int | None] = [*rng.sample(widths, rng.randint(0, 3))]
    if not chosen or rng.random() > BARE_CHANCE:
        chosen.append(None)
    shares = [rng.uniform(0.1, 1) for _ in chosen]
    percents = [round(100 * share / sum(shares)) for share in shares]
    percents[0] += 100 - sum(percents)
    return tuple(
        RangeTerms(percent, width) for percent, width in zip(percents, chosen, strict=True)
    )


def _pairs(rng: random.Random) -> tuple[PairTerms, ...]:
    chosen = rng.sample(FURTHER_PAIRS, rng.randint(0, len(FURTHER_PAIRS)))
    return tuple(_pair(rng, pair) for pair in (*PAIRS, *chosen))


def _pair(rng: random.Random, pair: PairTerms) -> PairTerms:
    lltv_wad = round(rng.choice(LLTVS) * 1_000) * WAD // 1_000
    oracle = "feeds" if rng.random() < 0.3 else pair.oracle
    return replace(
        pair, lltv_wad=lltv_wad, oracle=oracle, fee_wad=rng.choice((0, 0, WAD // 10, WAD // 4))
    )
