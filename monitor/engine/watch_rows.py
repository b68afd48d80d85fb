"""The watched positions as the faces show them: also those that are well, and who holds nothing."""

from collections.abc import Callable, Mapping
from typing import Any

from monitor.core.alerts import BreakerPhase, BreakerState
from monitor.core.blocks import BlockRef
from monitor.core.ledger import LedgerView
from monitor.engine.watching import SAFE, Wards, health_of, shown, state_name


def watch_rows(
    wards: Wards,
    view: LedgerView,
    block: BlockRef,
    states: Mapping[str, BreakerState],
    checksum: Callable[[str], str],
) -> list[dict[str, Any]]:
    """A row a watch, with its positions in the order of the configuration's markets."""
    rows = []
    for watch in wards.watches:
        positions = []
        for place, held in wards.held(view, block, watch, states):
            health, state = health_of(held), states.get(state_name(watch, place), SAFE)
            positions.append(
                {
                    "market": place.market,
                    "sub_market": place.sub_market or None,
                    "account": checksum(place.account),
                    "health_factor": None if health.wad is None else str(health.wad),
                    "below": state.phase is BreakerPhase.WARNED,
                    "unknown": list(health.reasons),
                }
            )
        rows.append(
            {
                "name": watch.name,
                "health_below": shown(watch.below_wad),
                "recover_above": shown(watch.recover_wad),
                "positions": positions,
            }
        )
    return rows
