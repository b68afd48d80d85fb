"""How much prices moved of late: seen on the way, since no contract says what a price was before.

Realised volatility is the standard deviation of hourly log returns of the price in USD over the
last seven days, times √24 for a day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from functools import lru_cache
from itertools import pairwise

from monitor.core.blocks import BlockRef
from monitor.core.keys import hourly_key
from monitor.core.ledger import LedgerView, find
from monitor.core.overlay import Overlay
from monitor.core.prices import HourlyPrices, PriceSample
from monitor.core.sources import RiskRules
from monitor.core.units import AssetId, Wad
from monitor.engine.measures import NOTHING_CRITICAL
from monitor.engine.valuation import Valuation, list_all
from monitor.errors import QuestionError
from monitor.simulation.names import book_of

HOUR_SECONDS, HOURS_OF_A_DAY = 3600, 24
SLACK_SECONDS = 600
"""A return over an hour, this much more or less, is an hourly one; over a gap it is none."""
SPAN_SECONDS = 7 * 24 * HOUR_SECONDS
FEWEST_RETURNS = 24
_USD_SCALE = 10**36
"""A price is kept as wads of USD for 1e18 raw units: only how it changes counts."""
_REAL = Context(prec=40)
_DIGITS = Decimal("0.0001")


class PriceLog:
    """Notes prices once an hour, of the assets somebody asks for."""

    def __init__(
        self, rules: Sequence[RiskRules], named: Mapping[str, AssetId], wanted: Sequence[str]
    ) -> None:
        """`wanted`: what the assets are called, as in a curve; `named`: the [assets] entries."""
        self._rules = tuple(rules)
        self._named = named
        self.wanted = tuple(dict.fromkeys(wanted))
        self._assets: dict[str, AssetId] = {}

    def observe(self, block: BlockRef, overlay: Overlay) -> None:
        """Note the prices of the first block of each hour that knows them."""
        hour = block.timestamp // HOUR_SECONDS
        assets = [self._assets.get(name) for name in self.wanted]
        if all(asset is not None and _newest_hour(overlay, asset) == hour for asset in assets):
            return
        listings = list_all(overlay, self._rules)
        told = ((one.asset, one.symbol, one.is_permissionless) for one in listings)
        names, valuation = book_of(told, self._named), Valuation(overlay, listings)
        for name in self.wanted:
            if name not in self._assets:
                try:
                    self._assets[name] = names.resolve(name)
                except QuestionError:  # the scenario itself says so
                    continue
            asset = self._assets[name]
            price = valuation.usd(asset, _USD_SCALE)
            if _newest_hour(overlay, asset) != hour and price is not None and price >= 1:
                _note(overlay, asset, PriceSample(block.timestamp, Wad(price.__floor__())))


def _newest_hour(view: LedgerView, asset: AssetId) -> int | None:
    known = find(view, hourly_key(asset), HourlyPrices)
    return known.samples[-1].at_unix // HOUR_SECONDS if known else None


def _note(overlay: Overlay, asset: AssetId, sample: PriceSample) -> None:
    place = hourly_key(asset)
    known = find(overlay, place, HourlyPrices)
    kept = _since(known, sample.at_unix - SPAN_SECONDS - SLACK_SECONDS)
    overlay.put(place, HourlyPrices((*kept, sample)))


def _since(known: HourlyPrices | None, unix: int) -> tuple[PriceSample, ...]:
    samples = known.samples if known else ()
    return tuple(sample for sample in samples if sample.at_unix >= unix)


@dataclass(frozen=True, slots=True)
class Realised:
    """The volatility of a day, a share of 1. None: `reason` says why it is unknown."""

    daily: Decimal | None
    reason: str = ""


def realised(view: LedgerView, asset: AssetId, now_unix: int) -> Realised:
    """How much the price of an asset moved in the seven days before."""
    known = find(view, hourly_key(asset), HourlyPrices)
    return _realised(_since(known, now_unix - SPAN_SECONDS - SLACK_SECONDS))


@lru_cache(32)
def _realised(samples: tuple[PriceSample, ...]) -> Realised:
    with localcontext(_REAL):
        return _realised_of(
            [
                _REAL.divide(Decimal(new.usd_wad), Decimal(old.usd_wad)).ln()
                for old, new in pairwise(samples)
                if abs(new.at_unix - old.at_unix - HOUR_SECONDS) <= SLACK_SECONDS
            ]
        )


def _realised_of(returns: Sequence[Decimal]) -> Realised:
    """The sample's standard deviation, for a day."""
    if len(returns) < FEWEST_RETURNS:
        seen = f"{len(returns)} hourly returns of the last 7 days were seen"
        return Realised(None, f"volatility unknown: {seen}, {FEWEST_RETURNS} are needed")
    mean = _REAL.divide(sum(returns, Decimal(0)), len(returns))
    squares = sum(((one - mean) ** 2 for one in returns), Decimal(0))
    variance = _REAL.divide(squares, len(returns) - 1)
    if not variance:
        still = f"in {len(returns)} hours the price did not move, or always alike"
        return Realised(None, f"volatility unknown: {still}")
    return Realised((variance * HOURS_OF_A_DAY).sqrt())


def in_sigmas(shock: Decimal, volatility: Realised) -> Decimal | None:
    """A shock in multiples of a day's volatility, to four digits; None where that is unknown.

    That no shock is critical is known without it.
    """
    if shock == NOTHING_CRITICAL:
        return NOTHING_CRITICAL
    if not volatility.daily:
        return None
    return _REAL.divide(shock, volatility.daily).quantize(_DIGITS, context=_REAL)
