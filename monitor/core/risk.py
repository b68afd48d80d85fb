"""The shapes in which rules and pools reach the simulation. No protocol is named beyond here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from monitor.core.blocks import BlockRef
from monitor.core.curves import DepthCurve
from monitor.core.prices import Price
from monitor.core.rates import RateCurve
from monitor.core.units import Address, AssetId, Bps, MarketId, RawAmount, Wad


@dataclass(frozen=True, slots=True)
class AccountRisk:
    """What a market's own contract says of an account.

    Values are in the market's base currency. `health_factor_wad` is None without debt, and when
    `unknown` is not empty: then nothing is known but that.
    """

    collateral_value_base: int
    debt_value_base: int
    health_factor_wad: Wad | None
    liquidatable: bool | None
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PartialTerms:
    """Liquidation by slices (Aave V3 from 3.3, accounting.md 1.8).

    One call repays at most all of one debt asset; but where that reserve's collateral *and* debt
    of the account are each worth at least `full_close_value_base` and health is above
    `full_close_health_wad`, at most `close_factor_bps` of the account's whole debt; with
    `of_one_debt` (Aave before 3.3), of what it owes of that asset. What a call leaves behind on
    either side must be worth at least `dust_value_base`, unless one side is cleared. Where
    `writes_off` is not set, debt that no collateral is left for stays. With `averages_threshold`
    (Aave before 3.5) all collateral counts at its average threshold, in whole bps: what is lost by
    that is up to 1.4e-4 of the health of who pledges several assets.
    """

    close_factor_bps: Bps
    full_close_health_wad: Wad
    full_close_value_base: int
    dust_value_base: int
    of_one_debt: bool = False
    writes_off: bool = True
    averages_threshold: bool = False


LiquidationTerms = PartialTerms


@dataclass(frozen=True, slots=True)
class CollateralLeg:
    """A pledged asset with the terms that apply to this account (its e-mode's, if listed).

    The bonus is what a liquidator gets in all: 1.05e18 takes collateral worth 105 % of the debt.
    `scheme`: whose threshold and bonus they are; empty where they are the asset's own.
    """

    asset: AssetId
    amount_raw: RawAmount
    liquidation_threshold_wad: Wad
    liquidation_bonus_wad: Wad
    liquidation_fee_bps: Bps
    seizable: bool = True
    scheme: str = ""


@dataclass(frozen=True, slots=True)
class DebtLeg:
    """An owed asset."""

    asset: AssetId
    amount_raw: RawAmount
    repayable: bool = True


@dataclass(frozen=True, slots=True)
class Exposure:
    """An account with debt. Only collateral in use is listed."""

    account: Address
    collateral: tuple[CollateralLeg, ...]
    debt: tuple[DebtLeg, ...]


@dataclass(frozen=True, slots=True)
class Rates:
    """What an asset earns and costs in one market now: shares of it a year, not compounded.

    `utilisation`: the borrowed share of what is lent. None where it is not known; what is not lent
    at all earns 0, and has no `borrow` and no `utilisation`.
    """

    supply: Fraction | None = None
    borrow: Fraction | None = None
    utilisation: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Lending:
    """How an asset that is lent grows while its utilisation is held.

    `curve`: None where it is not known. `debt_raw`: all that is owed of it. `fee_wad`: the part of
    the interest that suppliers do not get. `secures`: whether what is lent secures debts; else
    what is pledged earns nothing. `socialises`: whether those who lent lose at once what is written
    off; else it is booked, and what they have stays.
    """

    curve: RateCurve | None
    debt_raw: RawAmount
    fee_wad: Wad
    secures: bool
    socialises: bool = False


@dataclass(frozen=True, slots=True)
class AssetSheet:
    """One asset as one market sees it. `price_base` is None when the oracle is unknown.

    `decimals` is None where the token does not tell: only a numeraire can price it then. `price`:
    the whole record, with what can move it; None where the market needs no oracle for it.
    `lending`: None where it is not lent.
    """

    asset: AssetId
    symbol: str
    decimals: int | None
    price_base: int | None
    source: Address | None
    cash_raw: RawAmount
    price: Price | None = None
    lending: Lending | None = None


@dataclass(frozen=True, slots=True)
class MarketSheet:
    """Everything a projection needs of one market, at one block.

    Without a `numeraire` prices are of whole tokens, in a currency (Aave: USD) of which `base_unit`
    is one. With one, the market counts in that asset of its own (Morpho Blue: the loan): prices are
    of raw units, in raw units of the numeraire times `base_unit`.

    `is_permissionless`: anybody could have made it, with any tokens: what these call themselves is
    no name where others are called so. `unknown`: what makes any answer doubtful; `left_out`: what
    is not looked at, and matters to nobody else. `schemes`: names of terms accounts may choose.
    `parameters`: the names of those that somebody can change; all others hold for ever.
    """

    market: MarketId
    sub_market: str
    base_unit: int
    terms: LiquidationTerms
    assets: Mapping[AssetId, AssetSheet]
    exposures: tuple[Exposure, ...]
    unknown: tuple[str, ...] = ()
    numeraire: AssetId | None = None
    is_permissionless: bool = False
    left_out: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    parameters: frozenset[str] = frozenset()


class Lent(NamedTuple):
    """What a claim has lent in one market, in raw units of its underlying.

    `place`: as results name it, "market" or "market/sub_market".
    """

    place: str
    amount_raw: RawAmount


@dataclass(frozen=True, slots=True)
class ClaimSheet:
    """A token that can be given back for what stands behind it: shares of a vault, an aToken.

    A raw unit is worth `rate` raw units of the underlying. It is paid out of `idle_raw` first, then
    of what is `lent`, in this order, as far as the markets there have cash. `total_raw`: what all
    claims together are worth. `bears_losses`: whether they are worth less when a market writes off
    what was lent there. `rebases`: of interest its holders have more of it, instead of its being
    worth more. `reason`: why nobody knows what can be had; empty where it is known.
    """

    token: AssetId
    underlying: AssetId
    rate: Fraction
    total_raw: RawAmount
    idle_raw: RawAmount
    lent: tuple[Lent, ...]
    bears_losses: bool
    reason: str = ""
    rebases: bool = False


class DebtSpot(NamedTuple):
    """One debt: its market as results name it, who owes, and what."""

    place: str
    account: Address
    asset: AssetId


@dataclass(frozen=True, slots=True)
class WorldSheet:
    """All markets (in configuration order) and pools (in configuration order) at one block.

    `correlated`: which assets follow an unnamed price shock of the key in the market. `usd`: what a
    raw unit is worth of the assets in which markets count, None where that is unknown now; those
    that nothing is to tell the worth of are not in it. `claims`: by token. `looped`: the kind of
    loop that a debt is part of. `growth`: by how much a token grows against what it is a claim on,
    a share of 1 a year; what is not known is not in it.
    """

    block: BlockRef
    markets: tuple[MarketSheet, ...]
    curves: tuple[DepthCurve, ...]
    correlated: Mapping[AssetId, frozenset[AssetId]]
    usd: Mapping[AssetId, Fraction | None] = field(default_factory=dict)
    claims: Mapping[AssetId, ClaimSheet] = field(default_factory=dict)
    looped: Mapping[DebtSpot, str] = field(default_factory=dict)
    growth: Mapping[AssetId, Fraction] = field(default_factory=dict)
