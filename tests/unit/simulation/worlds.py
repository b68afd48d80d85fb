"""Small worlds for the simulation's tests: one market, a few assets, pools of a chosen depth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from monitor.core.blocks import BlockRef
from monitor.core.curves import DepthCurve, TickCurve
from monitor.core.prices import Edge, Price, PriceKind
from monitor.core.risk import (
    AssetSheet,
    CollateralLeg,
    DebtLeg,
    Exposure,
    MarketSheet,
    PartialTerms,
    WorldSheet,
)
from monitor.core.units import (
    Address,
    AssetId,
    BaseValue,
    BlockHash,
    Bps,
    MarketId,
    RawAmount,
    Wad,
    wad_of_bps,
)
from monitor.simulation.scenarios import Scenario

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

ETH_FEED, WSTETH_FEED, USDC_FEED, RATE, ADAPTER, ORACLE = (
    Address(f"0x{number:040x}") for number in range(0xA0, 0xA6)
)
ETH = Edge(ETH_FEED, PriceKind.MARKET, "ETH / USD", asset=WETH)
DOLLAR = Edge(USDC_FEED, PriceKind.MARKET, "USDC / USD", asset=USDC)
RATE_EDGE = Edge(RATE, PriceKind.EXCHANGE_RATE, "stETH per wstETH")
BY_RATE = (Edge(ADAPTER, PriceKind.EXCHANGE_RATE, "rate", (ETH_FEED, RATE)), ETH, RATE_EDGE)


PARAMETERS = frozenset(
    f"{name}_bps"
    for name in ("liquidation_threshold", "liquidation_bonus", "liquidation_fee", "close_factor")
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
    scheme: str = "",
) -> CollateralLeg:
    return CollateralLeg(
        asset,
        raw(asset, amount),
        wad_of_bps(threshold_bps),
        wad_of_bps(bonus_bps),
        Bps(fee_bps),
        seizable,
        scheme,
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
        schemes=("e-mode-1",),
        parameters=PARAMETERS,
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


def priced(
    asset: AssetId,
    kind: PriceKind | None,
    *path: Edge,
    cap: int | None = None,
    cap_follows: bool = False,
) -> AssetSheet:
    """An asset of a USD market with its path."""
    sheet = sheet_of(asset)
    value = BaseValue(PRICES[asset] * USD)
    ceiling = None if cap is None else BaseValue(cap)
    price = Price(value, kind=kind, path=path, cap_value=ceiling, cap_follows=cap_follows)
    return replace(sheet, price=price)


def pair(
    collateral: AssetId,
    loan: AssetId,
    ratio: Fraction,
    *path: Edge,
    number: int = 1,
    exposures: tuple[Exposure, ...] = (),
) -> MarketSheet:
    """A market that counts in its loan; `ratio`: whole loan tokens per whole collateral token."""
    decimals = {asset: sheet_of(asset).decimals or 0 for asset in (collateral, loan)}
    unit = 10**36
    value = int(ratio * unit * Fraction(10) ** (decimals[loan] - decimals[collateral]))
    price = Price(BaseValue(value), source=ORACLE, path=path)
    assets = (
        AssetSheet(collateral, SYMBOLS[collateral], decimals[collateral], value, ORACLE,
                   RawAmount(10**40), price),
        AssetSheet(loan, SYMBOLS[loan], decimals[loan], unit, None, RawAmount(10**40)),
    )  # fmt: skip
    terms = replace(
        TERMS,
        close_factor_bps=Bps(10_000),
        full_close_health_wad=Wad(10**18),
        full_close_value_base=0,
        dust_value_base=0,
    )
    return MarketSheet(
        market=MarketId("morpho"),
        sub_market=f"0x{number:064x}",
        base_unit=unit,
        terms=terms,
        assets={asset.asset: asset for asset in assets},
        exposures=exposures,
        numeraire=loan,
    )
