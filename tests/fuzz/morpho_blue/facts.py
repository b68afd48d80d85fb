"""What the monitor says of Morpho Blue: the same table that its sight makes."""

from collections.abc import Mapping

from fuzz.facts import Facts, Told, of
from monitor.core.events import Place
from monitor.core.keys import Kind, market_key, price_key, receipt_key
from monitor.core.ledger import Holding, LedgerView, Market, Position, each, find
from monitor.core.pairs import Pair
from monitor.core.prices import Price
from monitor.core.receipts import Receipt
from monitor.core.sources import Line, RiskRules, Statement
from monitor.core.units import ZERO_ADDRESS, Address


class MonitorFacts:
    """The monitor's side of the table. `names`: of market ids, as hexadecimal text."""

    def __init__(self, rules: RiskRules, names: Mapping[str, str]) -> None:
        self._rules = rules
        self._names = names

    def at(self, view: LedgerView, at_unix: int) -> Facts:
        """Of every pair and every position that the ledger holds, whoever it is."""
        entry = find(view, market_key(self._rules.market), Market)
        if entry is None:
            return {}
        facts: Facts = {("Morpho", "fee_recipient"): int(entry.fee_recipient, 16)}
        pairs = {
            key.sub_market: pair for key, pair in each(view, Kind.PAIR, self._rules.market, Pair)
        }
        for market_id, pair in pairs.items():
            facts.update(of(self._name(market_id), self._pair(view, market_id, pair)))
        positions = dict(each(view, Kind.POSITION, self._rules.market, Position))
        places = {
            Place(key.market, Address(key.subject), key.sub_market): position
            for key, position in positions.items()
        }
        for place in self._rules.places(view):
            places.setdefault(place, Position())
        for place, position in places.items():
            said = self._rules.statement(view, place, at_unix)
            if said is not None or position != Position():
                subject = f"{self._name(place.sub_market)}, {place.account}"
                facts.update(of(subject, _account(position, said)))
        return facts

    def _name(self, market_id: str) -> str:
        return self._names.get(market_id, market_id)

    def _pair(self, view: LedgerView, market_id: str, pair: Pair) -> Told:
        for field in ("loan", "collateral", "oracle", "rate_model"):
            yield field, int(getattr(pair, field), 16)
        for field in (
            *("lltv_wad", "supply_raw", "supply_shares", "debt_raw", "debt_shares"),
            *("collateral_raw", "fee_wad", "rate_at_target_wad"),
        ):
            yield field, getattr(pair, field)
        if pair.rate_model != ZERO_ADDRESS:
            yield "updated_unix", pair.updated_unix
        price = find(view, price_key(self._rules.market, pair.collateral, market_id), Price)
        yield "price_e36", price.value if price else None


def vault_facts(view: LedgerView, claim: Address) -> Facts:
    """Of a vault's shares, as a receipt."""
    receipt = find(view, receipt_key(claim), Receipt)
    if receipt is None:
        return {}
    told = {
        "underlying": int(receipt.underlying or "0x0", 16),
        "assets_raw": receipt.assets_raw,
        "supply": receipt.supply,
        "unit_shares": receipt.unit_shares,
        "unit_assets_raw": receipt.unit_assets_raw,
        "idle_raw": receipt.idle_raw,
        "queue": int("".join(key.removeprefix("0x") for key in receipt.queue or ()) or "0", 16),
    }
    return dict(of("vault", told.items()))


def _account(position: Position, said: Statement | None) -> Told:
    yield "supply_shares", _scaled(position.lent)
    yield "borrow_shares", _scaled(position.debts)
    yield "collateral_raw", _scaled(position.supplies)
    # No statement: whatever shares there are claim not a wei, and are no row.
    yield "lent_raw", _raw(said.lent) if said else 0
    yield "owed_raw", _raw(said.debt) if said else 0
    verdict = said.risk.liquidatable if said else False
    yield "is_liquidatable", None if verdict is None else int(verdict)
    if position.debts:
        yield "health_factor_wad", said.risk.health_factor_wad if said else None


def _scaled(side: tuple[Holding, ...]) -> int:
    return sum(held.scaled for held in side)


def _raw(lines: tuple[Line, ...]) -> int:
    return sum(line.amount_raw for line in lines)
