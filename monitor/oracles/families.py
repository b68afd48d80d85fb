"""The kinds of price contracts that are recognised, and the arithmetic of each.

Sources: EACAggregatorProxy.sol, AccessControlledAggregator.sol (Chainlink); accounting.md 1.9 and
aave-capo for Aave's adapters; WSTETH-, RETH- and WEETHExchangeRateOracle.sol of Spark;
MorphoChainlinkOracleV2.sol and ChainlinkOracle.sol of Morpho; EIP-4626. What they divide, they
divide of numbers above 0, so that rounding down is theirs.
"""

from collections.abc import Mapping

from monitor.core.prices import PriceKind
from monitor.core.units import BPS, WAD, YEAR_SECONDS
from monitor.oracles.family import ROUND, TIME, Facts, Family, Result, Said, Slot, input_of

PROXY, VAULT = "chainlink_proxy", "erc4626_vault"
AGGREGATOR = "aggregator"
"""The getter of a proxy that names its aggregator: the one input that changes."""
IMPOSTOR = "cascadeMonitorAsksWhatNoContractAnswers"
"""Who answers this answers anything, and is none of these."""

_BASE, _ASSET, _RATE = "BASE_TO_USD_AGGREGATOR", "ASSET_TO_USD_AGGREGATOR", "RATIO_PROVIDER"
_GROWTH_SCALE = 10**6
_UINT104 = 2**104 - 1


def _fact(facts: Facts, name: str) -> int:
    found = facts[name]
    return found if isinstance(found, int) else 0


def _round(_: Facts, said: Said) -> Result:
    return Result(said[ROUND])


def _ratio_cap(facts: Facts, said: Said, growth_scale: int) -> Result:
    """A base price times a ratio, held under a line that rises by a share of a snapshot a year."""
    base, ratio, unit = said[_BASE], said[_RATE], 10 ** _fact(facts, "RATIO_DECIMALS")
    snapshot = said["getSnapshotRatio"]
    yearly = snapshot * said["getMaxYearlyGrowthRatePercent"]
    growth = yearly * growth_scale // BPS // YEAR_SECONDS & _UINT104
    elapsed = said[TIME] - said["getSnapshotTimestamp"]
    highest = snapshot + growth * elapsed // growth_scale
    if base <= 0 or ratio <= 0:
        return Result(0, binds=ratio > highest)
    answer = base * min(ratio, highest) // unit
    return Result(answer, base * highest // unit, base * ratio // unit, ratio > highest)


def _ratio_cap_fine(facts: Facts, said: Said) -> Result:
    return _ratio_cap(facts, said, _GROWTH_SCALE)


def _ratio_cap_coarse(facts: Facts, said: Said) -> Result:
    return _ratio_cap(facts, said, 1)


def _price_cap(_: Facts, said: Said) -> Result:
    price, cap = said[_ASSET], said["getPriceCap"]
    return Result(min(price, cap), cap, price, price > cap)


def _feed_cap(facts: Facts, said: Said) -> Result:
    """Under a ratio to a second feed. A negative cap is rounded towards 0, as Solidity does."""
    price, limit = said[_ASSET], said[_BASE] * said["getPriceCapRatio"]
    cap = abs(limit) // 10 ** _fact(facts, "RATIO_DECIMALS") * (-1 if limit < 0 else 1)
    return Result(min(price, cap), cap, price, price > cap)


def _discounted(_: Facts, said: Said) -> Result:
    price = said[_ASSET]
    return Result(0 if price <= 0 else price * (WAD - said["getCurrentDiscount"]) // WAD)


def _pegged(facts: Facts, said: Said) -> Result:
    asset, peg = said["ASSET_TO_PEG"], said["PEG_TO_BASE"]
    if asset <= 0 or peg <= 0:
        return Result(0)
    return Result(asset * peg * 10 ** _fact(facts, "decimals") // _fact(facts, "DENOMINATOR"))


def _staked(facts: Facts, said: Said) -> Result:
    ether = said["ethSource"]
    rate = next(said[name] for name in _STAKED if name in facts)
    return Result(0 if ether <= 0 or rate <= 0 else rate * ether // WAD)


def _composed(facts: Facts, said: Said) -> Result:
    """Scale times the base side by the quote side; what is not there counts as 1."""
    above = below = 1
    for slot in (_BASE_VAULT, _ONLY_VAULT, _QUOTE_VAULT, *_FEEDS):
        answer = 1 if input_of(slot, facts) is None else said[slot.getter]
        if slot.exponent > 0:
            above *= answer
        else:
            below *= answer
    return Result(_fact(facts, "SCALE_FACTOR") * above // below)


def _rate(getter: str, view: str, sample: int | str | None = None, exponent: int = 1) -> Slot:
    """An input whose view tells a rate."""
    kind = PriceKind.EXCHANGE_RATE
    return Slot(getter, view, exponent, sample=sample, kind=kind)


_STAKED: Mapping[str, Slot] = {
    "steth": _rate("steth", "getPooledEthByShares", WAD),
    "reth": _rate("reth", "getExchangeRate"),
    "weeth": _rate("weeth", "getRate"),
}
_FEEDS = (
    Slot("BASE_FEED_1", ROUND),
    Slot("BASE_FEED_2", ROUND),
    Slot("QUOTE_FEED_1", ROUND, -1),
    Slot("QUOTE_FEED_2", ROUND, -1),
)
_BASE_VAULT = _rate("BASE_VAULT", "convertToAssets", "BASE_VAULT_CONVERSION_SAMPLE")
_ONLY_VAULT = _rate("VAULT", "convertToAssets", "VAULT_CONVERSION_SAMPLE")
_QUOTE_VAULT = _rate("QUOTE_VAULT", "convertToAssets", "QUOTE_VAULT_CONVERSION_SAMPLE", -1)
_RATIO_SLOTS = (
    Slot(_BASE),
    Slot(_RATE, "getRatio", is_own=True, kind=PriceKind.EXCHANGE_RATE),
)
_RATIO_MARKS = (_RATE, _BASE, "RATIO_DECIMALS", "getSnapshotRatio", "getSnapshotTimestamp")
_RATIO_MOVING = (
    *("getSnapshotRatio", "getSnapshotTimestamp", "getMaxYearlyGrowthRatePercent"),
    *("isCapped", TIME),
)
_RATIO_KEEPS = ("RATIO_DECIMALS", "decimals", "description")


def _composed_family(name: str, slots: tuple[Slot, ...]) -> Family:
    """The marks are all that names an input, and the samples."""
    keeps = ("SCALE_FACTOR",)
    named = [slot.getter for slot in slots]
    samples = [slot.sample for slot in slots if isinstance(slot.sample, str)]
    marks = ("SCALE_FACTOR", *named, *samples)
    title = "composed oracle of Morpho"
    return Family(name, title, PriceKind.MARKET, marks, slots, keeps=keeps, result=_composed)


FAMILIES: tuple[Family, ...] = (
    Family(
        PROXY,
        "Chainlink proxy",
        PriceKind.MARKET,
        marks=(AGGREGATOR, "phaseId"),
        moving=(AGGREGATOR, "phaseId", ROUND, "decimals", "description"),
        keeps=(),
        result=_round,
    ),
    Family(
        "ratio_cap",
        "price under a cap on its ratio",
        PriceKind.CAPPED,
        marks=(*_RATIO_MARKS, "getMaxRatioGrowthPerSecondScaled"),
        slots=_RATIO_SLOTS,
        moving=_RATIO_MOVING,
        keeps=_RATIO_KEEPS,
        cap_reads=(_BASE,),
        result=_ratio_cap_fine,
    ),
    Family(
        "ratio_cap_coarse",
        "price under a cap on its ratio",
        PriceKind.CAPPED,
        marks=_RATIO_MARKS,
        slots=_RATIO_SLOTS,
        moving=_RATIO_MOVING,
        keeps=_RATIO_KEEPS,
        cap_reads=(_BASE,),
        result=_ratio_cap_coarse,
    ),
    Family(
        "feed_cap",
        "price under a ratio to another",
        PriceKind.CAPPED,
        marks=(_ASSET, _BASE, "RATIO_DECIMALS", "getPriceCapRatio"),
        slots=(Slot(_ASSET), Slot(_BASE, exponent=0)),
        moving=("getPriceCapRatio", "isCapped"),
        keeps=_RATIO_KEEPS,
        cap_reads=(_BASE,),
        result=_feed_cap,
    ),
    Family(
        "price_cap",
        "price under a cap",
        PriceKind.CAPPED,
        marks=(_ASSET, "getPriceCap"),
        slots=(Slot(_ASSET),),
        moving=("getPriceCap", "isCapped"),
        result=_price_cap,
    ),
    Family(
        "discount",
        "price less a discount that shrinks until maturity",
        PriceKind.EXCHANGE_RATE,
        marks=(_ASSET, "PENDLE_PRINCIPAL_TOKEN", "MATURITY"),
        slots=(Slot(_ASSET),),
        moving=("getCurrentDiscount",),
        result=_discounted,
    ),
    Family(
        "pegged",
        "two prices, one times the other",
        PriceKind.MARKET,
        marks=("ASSET_TO_PEG", "PEG_TO_BASE", "DENOMINATOR"),
        slots=(Slot("ASSET_TO_PEG"), Slot("PEG_TO_BASE")),
        keeps=("DENOMINATOR", "decimals", "description"),
        result=_pegged,
    ),
    *(
        Family(
            f"staked_{name}",
            "ether's price times a rate",
            PriceKind.EXCHANGE_RATE,
            marks=("ethSource", name),
            slots=(Slot("ethSource"), slot),
            keeps=("decimals",),
            result=_staked,
        )
        for name, slot in _STAKED.items()
    ),
    Family(
        "rate_feed",
        "a rate told as a feed",
        PriceKind.EXCHANGE_RATE,
        marks=("ST_ETH", "decimals"),
        slots=(_rate("ST_ETH", "getPooledEthByShares", WAD),),
    ),
    _composed_family("composed", (_BASE_VAULT, _QUOTE_VAULT, *_FEEDS)),
    _composed_family("composed_1", (_ONLY_VAULT, *_FEEDS)),
    Family(
        "fixed",
        "a price that governance says",
        PriceKind.FIXED,
        marks=("DECIMALS", "price"),
    ),
    Family("constant", "a constant", PriceKind.FIXED, marks=("DECIMALS", "PRICE")),
    Family(
        "aggregator",
        "Chainlink aggregator",
        PriceKind.MARKET,
        marks=("minAnswer", "maxAnswer"),
        moving=(ROUND,),
    ),
    Family(
        "older_aggregator",
        "Chainlink aggregator",
        PriceKind.MARKET,
        marks=("minSubmissionValue", "maxSubmissionValue"),
        moving=(ROUND,),
    ),
    Family(VAULT, "vault", PriceKind.EXCHANGE_RATE, marks=("asset",), keeps=("asset",)),
)
"""In the order in which a contract is held against them: the first whose marks all answer."""

BY_NAME: Mapping[str, Family] = {family.name: family for family in FAMILIES}
