"""A vault of USDC that lends in markets of its own, and whose shares are pledged: by hand."""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from unit.simulation.worlds import (
    DAI,
    DOLLAR,
    ETH,
    ORACLE,
    PRICES,
    TERMS,
    USDC,
    WETH,
    market,
    pool,
    priced,
    raw,
    scenario,
    sheet_of,
    world,
)

from monitor.core.curves import TickCurve
from monitor.core.prices import Edge, Price, PriceKind
from monitor.core.risk import (
    AssetSheet,
    ClaimSheet,
    CollateralLeg,
    Exposure,
    Lending,
    Lent,
    MarketSheet,
    WorldSheet,
)
from monitor.core.units import (
    Address,
    AssetId,
    BaseValue,
    Bps,
    MarketId,
    RawAmount,
    Wad,
    wad_of_bps,
)
from monitor.simulation.cascade import Outcome, play
from monitor.simulation.columns import columns_of
from monitor.simulation.options import Options
from monitor.simulation.projection import factors_of

SHARE = AssetId(Address("0x" + "5" * 40))
"""A vault's share: 18 decimals, worth 1.25 USDC before the shock."""
OTHER = AssetId(Address("0x" + "6" * 40))
PER_SHARE = Fraction(125 * 10**4, 10**18)
"""Raw USDC per raw share."""
VAULT_EDGE = Edge(SHARE, PriceKind.EXCHANGE_RATE, "vault")
FREE = Options(gas_usd=0.0)
UNIT = 10**36
FIRST, SECOND, SHARES = "morpho/0x01", "morpho/0x02", "morpho/0x09"
"""Where the vault lends: against WETH. Where its shares are pledged."""


def lending_market(
    number: int,
    collateral: AssetSheet,
    exposures: Sequence[Exposure] = (),
    *,
    cash: float = 0,
    owed: float = 0,
) -> MarketSheet:
    """A market of USDC alone, in which losses are shared out."""
    lending = Lending(None, raw(USDC, owed), Wad(0), secures=False, socialises=True)
    loan = AssetSheet(USDC, "USDC", 6, UNIT, None, raw(USDC, cash), lending=lending)
    terms = replace(
        TERMS,
        close_factor_bps=Bps(10_000),
        full_close_value_base=0,
        dust_value_base=0,
    )
    return MarketSheet(
        market=MarketId("morpho"),
        sub_market=f"0x{number:02x}",
        base_unit=UNIT,
        terms=terms,
        assets={collateral.asset: collateral, USDC: loan},
        exposures=tuple(exposures),
        numeraire=USDC,
    )


def ether_in_dollars() -> AssetSheet:
    """WETH as a market that lends USDC prices it."""
    value = BaseValue(PRICES[WETH] * 10**6 * UNIT // 10**18)
    price = Price(value, source=ORACLE, path=(ETH, replace(DOLLAR, exponent=-1)))
    return AssetSheet(WETH, "WETH", 18, value, ORACLE, RawAmount(10**40), price)


def share_sheet(*path: Edge) -> AssetSheet:
    """The share as such a market prices it: by what the vault says it is worth."""
    value = BaseValue(int(PER_SHARE * UNIT))
    price = Price(value, source=ORACLE, path=path or (VAULT_EDGE,))
    return AssetSheet(SHARE, "vUSDC", 18, value, ORACLE, RawAmount(10**40), price)


def shares(amount: float, *, bonus_bps: int = 10_500, threshold_bps: int = 9000) -> CollateralLeg:
    raw_shares = RawAmount(int(amount * 10**18))
    return CollateralLeg(
        SHARE, raw_shares, wad_of_bps(threshold_bps), wad_of_bps(bonus_bps), Bps(0)
    )


def dollars() -> MarketSheet:
    """A market that lists USDC and WETH in USD, by their feeds, and lends to nobody."""
    assets = [
        priced(WETH, PriceKind.MARKET, ETH),
        priced(USDC, PriceKind.MARKET, DOLLAR),
        sheet_of(DAI),
    ]
    return market([], assets=assets)


def vault(
    *lent: tuple[str, float],
    idle: float = 0,
    total: float | None = None,
    bears_losses: bool = True,
    reason: str = "",
) -> ClaimSheet:
    whole = sum(amount for _, amount in lent) + idle if total is None else total
    return ClaimSheet(
        token=SHARE,
        underlying=USDC,
        rate=PER_SHARE,
        total_raw=raw(USDC, whole),
        idle_raw=raw(USDC, idle),
        lent=tuple(Lent(place, raw(USDC, amount)) for place, amount in lent),
        bears_losses=bears_losses,
        reason=reason,
    )


def pledged(claim: ClaimSheet, *markets: MarketSheet, depth_usd: float = 1e9) -> WorldSheet:
    """A deep pool of WETH and USDC, and none of shares."""
    sheet = world((dollars(), *markets), [pool(WETH, USDC, depth_usd)])
    return replace(sheet, claims={claim.token: claim})


def run(sheet: WorldSheet, **moves: float) -> Outcome:
    columns = columns_of(sheet)
    return play(columns, factors_of(sheet, columns, scenario(**moves)), FREE)


def quote_at(sheet: WorldSheet, label: str, asset: AssetId) -> int:
    columns = columns_of(sheet)
    return next(
        at
        for at, quote in enumerate(columns.quotes)
        if quote.asset == asset and columns.markets[quote.market].label == label
    )


def share_pool(other: AssetId = USDC, per_share: float = 1.25e-12) -> TickCurve:
    """Shares, deep, without a fee. `per_share`: raw units of the other token a raw share."""
    token0, token1 = sorted((SHARE, other))
    price = per_share if token0 == SHARE else 1 / per_share
    liquidity = 10**25
    return TickCurve(
        pool=Address("0x" + "7" * 40),
        token0=token0,
        token1=token1,
        fee_ppm=0,
        sqrt_price_x96=int(price**0.5 * 2**96),
        tick=math.floor(math.log(price) / math.log(1.0001)),
        liquidity=liquidity,
        ticks=((-887_220, liquidity), (887_220, -liquidity)),
    )
