"""An account in the ledger against Morpho: what it stores, and what an accrual makes of that now.

Interest is reckoned from Morpho's own totals, at the rate its model answers: Morpho's owner enables
models. Oracles are anybody's, and read anew every block: of them there is nothing to compare.
"""

from functools import partial

from monitor.core.events import Place
from monitor.core.inspection import Answers, Entry, Told
from monitor.core.keys import market_key, pair_key
from monitor.core.ledger import LedgerView, Market, find
from monitor.core.pairs import Pair
from monitor.core.ports import ViewCall
from monitor.core.sources import Line, RiskRules
from monitor.core.units import ZERO_ADDRESS
from monitor.protocols.morpho_blue.accrual import Totals, accrued, totals_at
from monitor.protocols.morpho_blue.contracts import MorphoAbi, Scope
from monitor.protocols.morpho_blue.positions import held_at
from monitor.protocols.morpho_blue.rules import RATE_UNKNOWN
from monitor.protocols.morpho_blue.shares import to_assets_down, to_assets_up
from monitor.protocols.morpho_blue.views import (
    held_from,
    pair_calls,
    pair_from,
    position_call,
    rate_call,
)

SIDES = ("supply shares", "debt shares", "collateral")
LENT, OWED = "supply with interest", "debt with interest"


class MorphoInspection:
    """Of one entry's market ids."""

    def __init__(self, scope: Scope, abi: MorphoAbi, rules: RiskRules) -> None:
        self._scope = scope
        self._abi = abi
        self._rules = rules

    def entries(self, view: LedgerView, place: Place, at_unix: int) -> tuple[Entry, ...]:
        contracts = find(view, market_key(self._scope.market), Market)
        pair = find(view, pair_key(self._scope.market, place.sub_market), Pair)
        if contracts is None or pair is None:
            return ()
        stored = position_call(self._abi, self._scope.entry, place.sub_market, place.account)
        held = held_at(view, place)
        sides = (
            Entry(what, ours, (stored,), partial(_side, number=number))
            for number, (what, ours) in enumerate(zip(SIDES, held, strict=True))
        )
        if totals_at(pair, at_unix) is None:
            return (*sides, Entry(LENT, unknown=RATE_UNKNOWN), Entry(OWED, unknown=RATE_UNKNOWN))
        said = self._rules.statement(view, place, at_unix)
        lent, owed = (0, 0) if said is None else (_raw(said.lent), _raw(said.debt))
        totals = pair_calls(self._abi, self._scope.entry, place.sub_market)
        calls = (stored, *totals, *self._rate_calls(pair))
        reading = _Reading(pair, at_unix, is_paid=place.account == contracts.fee_recipient)
        return (
            *sides,
            Entry(LENT, lent, calls, reading.lent),
            Entry(OWED, owed, calls, reading.owed),
        )

    def _rate_calls(self, pair: Pair) -> tuple[ViewCall, ...]:
        """None without interest, or of a model not ours: that is asked in every block anyway."""
        if pair.rate_model == ZERO_ADDRESS or pair.rate_at_target_wad is None:
            return ()
        return (rate_call(self._abi, pair),)


class _Reading:
    """What Morpho's answers come to after an accrual. `is_paid`: to whom the fee goes."""

    def __init__(self, pair: Pair, at_unix: int, *, is_paid: bool) -> None:
        self._pair = pair
        self._at_unix = at_unix
        self._is_paid = is_paid

    def lent(self, answers: Answers) -> Told:
        totals = self._totals(answers)
        shares = held_from(answers[0]).lent_shares + (totals.fee_shares if self._is_paid else 0)
        return to_assets_down(shares, totals.supply_raw, totals.supply_shares)

    def owed(self, answers: Answers) -> Told:
        totals = self._totals(answers)
        shares = held_from(answers[0]).debt_shares
        return to_assets_up(shares, totals.debt_raw, totals.debt_shares)

    def _totals(self, answers: Answers) -> Totals:
        pair = pair_from(answers[1:3])
        rate_wad = answers[3][0] if len(answers) > 3 else self._pair.borrow_rate_wad or 0
        return accrued(pair, rate_wad, self._at_unix - pair.updated_unix)


def _side(answers: Answers, number: int) -> Told:
    return held_from(answers[0])[number]


def _raw(lines: tuple[Line, ...]) -> int:
    return sum(line.amount_raw for line in lines)
