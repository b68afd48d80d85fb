"""What a breaker's measure is at one block, and why where it is unknown."""

from monitor.core.ledger import LedgerView
from monitor.engine.cascade_runner import Answer
from monitor.engine.measures import Limits, Measure, Reading
from monitor.engine.volatility import Realised, in_sigmas, realised
from monitor.simulation.results import CurveProjection


def reading_of(limits: Limits, answer: Answer, view: LedgerView) -> Reading:
    """`view`: the ledger at the answer's block."""
    if limits.measure is not Measure.CRITICAL_SHOCK_SIGMAS:
        return Reading(answer.measure(limits.measure, limits.markets))
    shock = answer.measure(Measure.CRITICAL_SHOCK, limits.markets)
    return Reading(None if shock is None else in_sigmas(shock, _volatility(answer, view)))


def unknown_of(limits: Limits, answer: Answer, view: LedgerView) -> tuple[str, ...]:
    """Why the reading is unknown, or what else of the answer is."""
    if limits.measure is not Measure.CRITICAL_SHOCK_SIGMAS or answer.unknown:
        return answer.unknown
    shock = answer.measure(Measure.CRITICAL_SHOCK, limits.markets)
    volatility = _volatility(answer, view)
    is_known = shock is None or in_sigmas(shock, volatility) is not None
    return () if is_known else (volatility.reason,)


def _volatility(answer: Answer, view: LedgerView) -> Realised:
    """How much the price of the curve's asset moved."""
    if not isinstance(answer.result, CurveProjection):
        raise TypeError(f"{answer.plan.name} is no curve: its shock is of no one asset")
    return realised(view, answer.result.curve.asset, answer.block.timestamp)
