"""Small worlds for the simulation's tests: one market, a few assets, pools of a chosen depth."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

from monitor.core.blocks import BlockRef
from monitor.core.risk import (
    AssetSheet,
    CollateralLeg,
    DebtLeg,
    DepthCurve,
    Exposure,
    MarketSheet,
    PartialTerms,
    TickCurve,
    WorldSheet,
)
from monitor.core.units import (
    Address,
    AssetId,
    BlockHash,
    Bps,
    MarketId,
    RawAmount,
    Wad,
    wad_of_bps,
)
from monitor.simulation.shocks import Scenario

USD = 10**8
WETH, WBTC, USDC, DAI, WSTETH = (AssetId(Address("0x" + digit * 40)) for digit in "abcde")
DECIMALS = {WETH: 18, WBTC: 8, USDC: 6, DAI: 18, WSTETH: 18}
PRICES = {WETH: 2000, WBTC: 40_000, USDC: 1, DAI: 1, WSTETH: 2400}
SYMBOLS = {WETH: "WETH", WBTC: "WBTC", USDC: "USDC", DAI: "DAI", WSTETH: "wstETH"}
BLOCK = BlockRef(1, BlockHash("0x01"), BlockHash("0x00"), 1_700_000_000)
TERMS = PartialTerms(
    close_factor_bps=Bps(5000),
    full_close_health_wad=Wad(95 * 10**16),
    full_close_value_base=2000 * USD,
    dust_value_base=1000 * USD,
)


def account_number(number: int) -> Address:
    return Address(f"0x{number:040x}")


def raw(asset: AssetId, amount: float) -> RawAmount:
    """Whole tokens to raw units."""
    return RawAmount(int(Decimal(str(amount)) * 10 ** DECIMALS[asset]))


def sheet_of(
    asset: AssetId,
    *,
    price_base: int | None = -1,
    source: Address | None = None,
    cash_raw: int | None = None,
) -> AssetSheet:
    """An asset at its usual price, quoted by a source of its own, with plenty of cash."""
    return AssetSheet(
        asset=asset,
        symbol=SYMBOLS[asset],
        decimals=DECIMALS[asset],
        price_base=PRICES[asset] * USD if price_base == -1 else price_base,
        source=source or Address("0xfeed" + asset[6:]),
        cash_raw=RawAmount(10**40 if cash_raw is None else cash_raw),
    )


def pledge(
    asset: AssetId,
    amount: float,
    *,
    bonus_bps: int = 10_500,
    fee_bps: int = 0,
    threshold_bps: int = 8000,
    seizable: bool = True,
) -> CollateralLeg:
    return CollateralLeg(
        asset,
        raw(asset, amount),
        wad_of_bps(threshold_bps),
        wad_of_bps(bonus_bps),
        Bps(fee_bps),
        seizable,
    )


def debt(asset: AssetId, amount: float, *, repayable: bool = True) -> DebtLeg:
    return DebtLeg(asset, raw(asset, amount), repayable)


def borrower(
    number: int,
    collateral: Sequence[CollateralLeg] | CollateralLeg,
    debts: Sequence[DebtLeg] | DebtLeg,
) -> Exposure:
    return Exposure(
        account_number(number),
        (collateral,) if isinstance(collateral, CollateralLeg) else tuple(collateral),
        (debts,) if isinstance(debts, DebtLeg) else tuple(debts),
    )


def pool(
    base: AssetId,
    quote: AssetId,
    depth_usd: float,
    *,
    fee_ppm: int = 3000,
    mid_factor: float = 1.0,
    half_width_ticks: int | None = None,
    number: int = 1,
) -> TickCurve:
    """A pool with `depth_usd` on each side of a full range, or of a range around its mid."""
    token0, token1 = sorted((base, quote))
    price = PRICES[base] * mid_factor / PRICES[quote]
    raw_price = price * 10.0 ** (DECIMALS[quote] - DECIMALS[base])
    sqrt = math.sqrt(raw_price if base == token0 else 1 / raw_price)
    tick = math.floor(math.log(sqrt) * 2 / math.log(1.0001))
    token1_raw = depth_usd / PRICES[token1] * 10 ** DECIMALS[token1]
    liquidity = int(token1_raw / sqrt)
    lower, upper = -887_220, 887_220
    if half_width_ticks is not None:
        lower, upper = (tick - half_width_ticks, tick + half_width_ticks)
        liquidity = int(token1_raw / (sqrt - 1.0001 ** (lower / 2)))
    return TickCurve(
        pool=Address(f"0x{number:040x}"),
        token0=token0,
        token1=token1,
        fee_ppm=fee_ppm,
        sqrt_price_x96=int(sqrt * 2**96),
        tick=tick,
        liquidity=liquidity,
        ticks=((lower, liquidity), (upper, -liquidity)),
    )


def market(
    exposures: Sequence[Exposure],
    *,
    assets: Sequence[AssetSheet] | None = None,
    name: str = "core",
    terms: PartialTerms = TERMS,
    unknown: tuple[str, ...] = (),
) -> MarketSheet:
    sheets = [sheet_of(asset) for asset in DECIMALS] if assets is None else assets
    return MarketSheet(
        market=MarketId(name),
        sub_market="",
        base_unit=USD,
        terms=terms,
        assets={sheet.asset: sheet for sheet in sheets},
        exposures=tuple(exposures),
        unknown=unknown,
    )


def world(
    markets: Sequence[MarketSheet] | MarketSheet,
    curves: Sequence[DepthCurve] = (),
    correlated: Mapping[AssetId, frozenset[AssetId]] | None = None,
) -> WorldSheet:
    sheets = (markets,) if isinstance(markets, MarketSheet) else tuple(markets)
    return WorldSheet(BLOCK, sheets, tuple(curves), correlated or {})


def scenario(**moves: float) -> Scenario:
    """Price moves by symbol."""
    assets = {symbol: asset for asset, symbol in SYMBOLS.items()}
    return Scenario(
        {assets[symbol]: Decimal(str(ratio)) for symbol, ratio in moves.items()}, dict(moves)
    )
