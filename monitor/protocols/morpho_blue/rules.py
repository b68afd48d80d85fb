"""Morpho Blue's own verdict on an account, to the wei.

Values are raw units of the loan asset. Source: Morpho.sol (_isHealthy, liquidate) of morpho-blue
1.0.0.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

from monitor.core.events import Place
from monitor.core.keys import Kind, pair_key, price_key, token_key
from monitor.core.ledger import LedgerView, contracts_of, each, find
from monitor.core.pairs import Pair, Token
from monitor.core.prices import Price
from monitor.core.risk import AccountRisk, Rates
from monitor.core.sources import Line, Listing, Statement
from monitor.core.units import (
    MAX_UINT256,
    WAD,
    ZERO_ADDRESS,
    Address,
    AssetId,
    MarketId,
    RawAmount,
    Wad,
)
from monitor.errors import LedgerCorrupt
from monitor.protocols.morpho_blue.accrual import Totals, totals_at, yearly_rates
from monitor.protocols.morpho_blue.liquidation import ORACLE_SCALE
from monitor.protocols.morpho_blue.positions import Held, held_at
from monitor.protocols.morpho_blue.shares import to_assets_down, to_assets_up

RATE_UNKNOWN = "interest: the rate model does not answer, amounts are those of its last accrual"
OVERFLOW = "the collateral's value: at this price Morpho's own arithmetic overflows, and reverts"


class _Account(NamedTuple):
    """One account in one market id. `is_exact`: whether its interest is known."""

    pair: Pair
    held: Held
    debt_raw: int
    is_exact: bool


class MorphoRules:
    """The arithmetic of one entry's market ids."""

    def __init__(self, market: MarketId, *, is_permissionless: bool = False) -> None:
        """`is_permissionless`: all market ids are followed, whoever made them."""
        self._market = market
        self._is_permissionless = is_permissionless

    def places(self, view: LedgerView) -> Iterator[Place]:
        """Everybody who holds anything, and the fee recipient wherever a fee may have accrued."""
        recipient = contracts_of(view, self._market).fee_recipient
        due = {
            key.sub_market
            for key, pair in each(view, Kind.PAIR, self._market, Pair)
            if pair.fee_wad and pair.debt_shares and recipient != ZERO_ADDRESS
        }
        for key in view.keys(Kind.POSITION, self._market):
            if key.subject == recipient:
                due.discard(key.sub_market)
            yield Place(self._market, Address(key.subject), key.sub_market)
        for market_id in due:
            yield Place(self._market, recipient, market_id)

    def statement(self, view: LedgerView, place: Place, at_unix: int) -> Statement | None:
        """The fee recipient has its part of what accrued, also before anything was logged."""
        pair = find(view, pair_key(self._market, place.sub_market), Pair)
        held = held_at(view, place)
        is_recipient = place.account == contracts_of(view, self._market).fee_recipient
        if pair is None or not (any(held) or is_recipient):
            return None
        known = totals_at(pair, at_unix)
        totals = known or _stored(pair)
        lent_shares = held.lent_shares + (totals.fee_shares if is_recipient else 0)
        lent = to_assets_down(lent_shares, totals.supply_raw, totals.supply_shares)
        debt = to_assets_up(held.debt_shares, totals.debt_raw, totals.debt_shares)
        if not (held.collateral_raw or debt or lent):
            return None
        return Statement(
            account=place.account,
            sub_market=place.sub_market,
            collateral=_lines(pair.collateral, held.collateral_raw, used=True),
            debt=_lines(pair.loan, debt),
            e_mode=0,
            risk=self._assess(view, place, _Account(pair, held, debt, known is not None)),
            lent=_lines(pair.loan, lent),
        )

    def _assess(self, view: LedgerView, place: Place, account: _Account) -> AccountRisk:
        """Whether a liquidation would be let through now. Who owes nothing is asked no price."""
        pair, held, debt_raw, is_exact = account
        price = find(view, price_key(self._market, pair.collateral, place.sub_market), Price)
        value = None if price is None else price.value
        worth = None if value is None else held.collateral_raw * value
        unknown: tuple[str, ...] = ()
        if not is_exact and (held.debt_shares or held.lent_shares):
            unknown = (RATE_UNKNOWN,)
        if held.debt_shares == 0:
            collateral = (worth or 0) // ORACLE_SCALE
            return AccountRisk(collateral, 0, None, liquidatable=False, unknown=unknown)
        if worth is None:
            symbol = symbol_in(view, pair.collateral)
            unknown += (f"price of {symbol}: {price.reason if price else 'not read yet'}",)
        elif worth > MAX_UINT256 or worth // ORACLE_SCALE * pair.lltv_wad > MAX_UINT256:
            unknown += (OVERFLOW,)
        if worth is None or unknown:
            return AccountRisk(0, 0, None, None, unknown)
        collateral = worth // ORACLE_SCALE
        limit = collateral * pair.lltv_wad // WAD
        health = Wad(limit * WAD // debt_raw)
        return AccountRisk(collateral, debt_raw, health, liquidatable=limit < debt_raw)

    def listings(self, view: LedgerView) -> Iterator[Listing]:
        """Where there is no oracle nobody can owe anything: no price is unknown there."""
        tokens: dict[AssetId, Token | None] = {}  # a loan asset is lent in hundreds of market ids
        for key, pair in each(view, Kind.PAIR, self._market, Pair):
            at, price = key.sub_market, None
            if pair.oracle != ZERO_ADDRESS:
                price = find(view, price_key(self._market, pair.collateral, at), Price)
            cash = RawAmount(pair.supply_raw - pair.debt_raw)  # accrual adds to both
            for asset, told, free in ((pair.collateral, price, None), (pair.loan, None, cash)):
                if asset not in tokens:
                    tokens[asset] = find(view, token_key(asset), Token)
                token = tokens[asset]
                yield Listing(
                    sub_market=at,
                    asset=asset,
                    symbol=token.symbol if token else asset,
                    decimals=token.decimals if token else None,
                    price=told,
                    base_unit=ORACLE_SCALE,
                    numeraire=pair.loan,
                    cash_raw=free,
                    is_permissionless=self._is_permissionless,
                )

    def utilisation(self, view: LedgerView, at_unix: int) -> Mapping[AssetId, Fraction]:
        """Over all market ids that lend an asset; left out where a rate among them is unknown."""
        lent: dict[AssetId, int] = defaultdict(int)
        owed: dict[AssetId, int] = defaultdict(int)
        unknown: set[AssetId] = set()
        for _, pair in each(view, Kind.PAIR, self._market, Pair):
            totals = totals_at(pair, at_unix)
            if totals is None:
                unknown.add(pair.loan)
                continue
            lent[pair.loan] += totals.supply_raw
            owed[pair.loan] += totals.debt_raw
        known = (asset for asset, raw in lent.items() if raw and asset not in unknown)
        return {asset: Fraction(owed[asset], lent[asset]) for asset in known}

    def rates(self, view: LedgerView, sub_market: str, asset: AssetId, at_unix: int) -> Rates:
        """The loan's; the collateral lies idle and earns nothing."""
        pair = find(view, pair_key(self._market, sub_market), Pair)
        if pair is None:
            raise LedgerCorrupt(f"{self._market} has no market id {sub_market}")
        return yearly_rates(pair, at_unix) if asset == pair.loan else Rates(Fraction(0))


def symbol_in(view: LedgerView, asset: AssetId) -> str:
    """A token's symbol, or its address where none was told."""
    token = find(view, token_key(asset), Token)
    return token.symbol if token else asset


def _lines(asset: AssetId, raw: int, used: bool | None = None) -> tuple[Line, ...]:
    return (Line(asset, RawAmount(raw), used),) if raw else ()


def _stored(pair: Pair) -> Totals:
    return Totals(pair.supply_raw, pair.supply_shares, pair.debt_raw, pair.debt_shares, 0)
