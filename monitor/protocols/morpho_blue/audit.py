"""The ledger against Morpho at a start: what was stored may be wrong.

Totals, rates and the fee recipient are asked whole, accounts by sample, and all of them must add up
to the totals. From then on every log is a check of its own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from monitor.core.events import Place
from monitor.core.keys import Kind, market_key
from monitor.core.ledger import LedgerView, Market, Position, each, find
from monitor.core.pairs import Pair
from monitor.core.ports import Readings, ViewCall, ViewResult
from monitor.core.units import Address
from monitor.errors import LedgerCorrupt, MonitorError, RpcInconsistent
from monitor.protocols.morpho_blue.contracts import MorphoAbi, Scope
from monitor.protocols.morpho_blue.positions import Held, held_at, held_in, sums
from monitor.protocols.morpho_blue.views import (
    held_from,
    pair_calls,
    pair_from,
    position_call,
    target_call,
    totals_alone,
    values_of,
)

START_AGAIN = (
    "The state cannot be trusted: build it anew (cascade-monitor store rebuild --config F), and "
    "report this with the block's number."
)
SAMPLE = 500
"""How many accounts are asked, evenly spread over all."""


@dataclass(frozen=True, slots=True)
class _Question:
    """`read` makes of the answers what is to equal `ours`."""

    what: str
    ours: object
    calls: tuple[ViewCall, ...]
    read: Callable[[Sequence[ViewResult]], object]


class Audit:
    """Its memory: whether this process looked, and what it last found wrong.

    A difference is believed when it is found twice: a node that takes a view's state from a later
    block than it was asked for (anvil 1.7.1 does while it mines the next) looks the same once.
    """

    def __init__(self, scope: Scope, abi: MorphoAbi) -> None:
        self._scope = scope
        self._abi = abi
        self._is_done = False
        self._disputed = ""

    def spare_start(self) -> None:
        """The state was read from the contract just now: there is nothing to hold it against."""
        self._is_done = True

    def calls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        if self._is_done:
            return ()
        return tuple(call for asked in self._questions(view) for call in asked.calls)

    def check(self, view: LedgerView, readings: Readings) -> None:
        """Raises RpcInconsistent at the first sight of a difference, LedgerCorrupt at the second.

        Where the node has forgotten the block's state, the next block is asked.
        """
        if self._is_done:
            return
        asked = list(self._questions(view))
        if not asked or not all(call in readings for each in asked for call in each.calls):
            return
        for question in asked:
            theirs = question.read([readings[call] for call in question.calls])
            if theirs != question.ours:
                raise self._difference(
                    f"{question.what} is {question.ours} by the ledger, but Morpho says {theirs}."
                )
        self._add_up(view)
        self._is_done = True

    def _questions(self, view: LedgerView) -> Iterator[_Question]:
        contracts = find(view, market_key(self._scope.market), Market)
        pairs = {k.sub_market: p for k, p in each(view, Kind.PAIR, self._scope.market, Pair)}
        if contracts is None or not pairs:
            return
        entry, abi = self._scope.entry, self._abi
        call = ViewCall(entry, abi.morpho.functions["feeRecipient"])
        yield _Question("the fee recipient", contracts.fee_recipient, (call,), _first)
        for market_id, pair in pairs.items():
            calls = pair_calls(abi, entry, market_id)
            yield _Question(f"market {market_id}", totals_alone(pair), calls, pair_from)
            if pair.rate_at_target_wad is not None:
                target = (target_call(abi, market_id, pair),)
                what = f"rate at target of {market_id}"
                yield _Question(what, pair.rate_at_target_wad, target, _first)
        for market_id, account in self._sample(view):
            place = Place(self._scope.market, account, market_id)
            yield _Question(
                f"position of {account} in {market_id}",
                held_at(view, place),
                (position_call(abi, entry, market_id, account),),
                lambda answers: held_from(answers[0]),
            )

    def _sample(self, view: LedgerView) -> list[tuple[str, Address]]:
        keys = sorted(view.keys(Kind.POSITION, self._scope.market))
        step = max(1, len(keys) // SAMPLE)
        return [(key.sub_market, Address(key.subject)) for key in keys[::step]]

    def _add_up(self, view: LedgerView) -> None:
        """An account that is missing, or there too much, is wrong for ever: say so at the start."""
        held: dict[str, list[Held]] = defaultdict(list)
        for key, position in each(view, Kind.POSITION, self._scope.market, Position):
            held[key.sub_market].append(held_in(position))
        for key, pair in each(view, Kind.PAIR, self._scope.market, Pair):
            ours = sums(held[key.sub_market])
            totals = Held(pair.supply_shares, pair.debt_shares, pair.collateral_raw)
            if ours != totals:
                raise LedgerCorrupt(
                    f"{self._scope.market}: the accounts in {key.sub_market} hold {ours}, but its "
                    f"totals are {totals}. {START_AGAIN}"
                )

    def _difference(self, said: str) -> MonitorError:
        if said == self._disputed:
            return LedgerCorrupt(f"{self._scope.market}: {said} {START_AGAIN}")
        self._disputed = said
        return RpcInconsistent(f"{self._scope.market}: {said} It is asked again.")


def _first(answers: Sequence[ViewResult]) -> object:
    return values_of(answers[0])[0]
