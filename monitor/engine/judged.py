"""The newest projection of each scenario, as it was judged: nothing is asked anew for a look."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from monitor.engine.cascade_runner import Answer, Plan
from monitor.engine.paging import block_json
from monitor.simulation.report import document_of

NOT_YET = "not projected yet"


def judged_rows(
    plans: Iterable[Plan], answers: Mapping[str, Answer], checksum: Callable[[str], str]
) -> list[dict[str, Any]]:
    """One a scenario, in the order of the configuration.

    `document`: as `/api/v1/cascade/{scenario}` has it; null with the `fault` that kept it from
    being asked. `block`: of which it is judged, or null before the first.
    """
    return [_row(plan, answers.get(plan.name), checksum) for plan in plans]


def _row(plan: Plan, answer: Answer | None, checksum: Callable[[str], str]) -> dict[str, Any]:
    curve = None
    if plan.curve is not None:
        curve = {"asset": plan.curve.asset, "to": str(plan.curve.to), "steps": plan.curve.steps}
    row = {"name": plan.name, "shocks": dict(plan.shocks), "curve": curve}
    if answer is None:
        return row | {"block": None, "document": None, "fault": NOT_YET}
    block = block_json(answer.block)
    if answer.result is None:
        return row | {"block": block, "document": None, "fault": answer.fault}
    document = document_of(answer.result, block, checksum, answer.snapshot)
    return row | {"block": block, "document": document, "fault": ""}
