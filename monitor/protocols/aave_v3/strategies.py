"""By which curve the rates of each reserve are set: asked until it is known.

Logs tell that it changed, and whose it is now; the reads at the end of that block tell the rest.
Source: DefaultReserveInterestRateStrategyV2.sol of aave-v3-origin 3.6,
DefaultReserveInterestRateStrategy.sol of `@aave/core-v3` 1.19.3 (3.0.2).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from monitor.core.events import DomainEvent, RateTermsChanged
from monitor.core.keys import Kind, market_key, rate_key
from monitor.core.ledger import LedgerView, Market, each, find
from monitor.core.ports import Readings, ViewCall, ViewResult
from monitor.core.rates import KinkedCurve, RateTerms
from monitor.core.reserves import Reserve
from monitor.core.units import BPS, RAY, Address, AssetId, MarketId, Ray
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.versions import FORMER, pool_rules

STRATEGY_WORD = 11
"""Of `getReserveData`, in every release."""
FORMER_GETTERS = (
    "OPTIMAL_USAGE_RATIO",
    "getBaseVariableBorrowRate",
    "getVariableRateSlope1",
    "getVariableRateSlope2",
)
NO_CURVE = "the contract that sets its rates does not tell by which curve"


class Strategies:
    """Asks, and says what is new."""

    def __init__(self, market: MarketId, abi: AaveAbi) -> None:
        self._market = market
        self._abi = abi

    def calls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        whose = [call for _, _, call in self._whose(view)]
        return (*whose, *(call for _, _, calls in self._curves(view) for call in calls))

    def events(self, view: LedgerView, told: Readings) -> Iterator[DomainEvent]:
        for asset, known, call in self._whose(view):
            answer = told.get(call)
            if not isinstance(answer, tuple):
                continue
            strategy = answer[0][STRATEGY_WORD]
            if known is None or known.strategy != strategy:
                yield RateTermsChanged(self._market, asset, RateTerms(strategy))
        for asset, known, calls in self._curves(view):
            answers = [told[call] for call in calls if call in told]
            if len(answers) == len(calls):
                yield RateTermsChanged(self._market, asset, _with_curve(known, answers))

    def _whose(self, view: LedgerView) -> Iterator[tuple[AssetId, RateTerms | None, ViewCall]]:
        """Reserves of which it is not known who sets their rates; new code may name another."""
        contracts = find(view, market_key(self._market), Market)
        if contracts is None:
            return
        is_new = contracts.pool not in dict(contracts.revisions)
        data = self._abi.pool.functions["getReserveData"]
        for _, reserve in each(view, Kind.RESERVE, self._market, Reserve):
            known = find(view, rate_key(self._market, reserve.asset), RateTerms)
            if known is None or is_new:
                yield reserve.asset, known, ViewCall(contracts.pool, data, (reserve.asset,))

    def _curves(self, view: LedgerView) -> Iterator[tuple[AssetId, RateTerms, list[ViewCall]]]:
        """Reserves whose curve was never asked for."""
        contracts = find(view, market_key(self._market), Market)
        if contracts is None:
            return
        is_former = pool_rules(contracts).release == FORMER
        functions = self._abi.strategy.functions
        for key, terms in each(view, Kind.RATE, self._market, RateTerms):
            if terms.curve is not None or terms.reason:
                continue
            asset = Address(key.subject)
            now = functions["getInterestRateDataBps"]
            calls = [ViewCall(terms.strategy, now, (asset,))]
            if is_former:
                calls = [ViewCall(terms.strategy, functions[name]) for name in FORMER_GETTERS]
            yield asset, terms, calls


def _with_curve(terms: RateTerms, answers: Sequence[ViewResult]) -> RateTerms:
    """From the four getters of a 3.0 strategy, in ray; else from one struct in basis points."""
    values = [answer[0] for answer in answers if isinstance(answer, tuple)]
    if len(values) == 1 and len(answers) == 1:
        values = [value * (RAY // BPS) for value in values[0]]
    if len(values) < len(FORMER_GETTERS) or not 0 < values[0] <= RAY:
        return replace(terms, reason=NO_CURVE)
    optimal, base, slope1, slope2 = map(Ray, values)
    return replace(terms, curve=KinkedCurve(base, slope1, slope2, optimal))
