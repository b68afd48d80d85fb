"""The ways in which the monitor can be blind."""

from enum import StrEnum

from monitor.core.alerts import MONITOR


class Condition(StrEnum):
    """Names where breakers have theirs: in alerts, in the API and as label values."""

    HEAD = f"{MONITOR}head"
    """No newer block, or no node answers."""
    ENDPOINTS = f"{MONITOR}endpoints"
    """Endpoints have different blocks at a height."""
    LOGS = f"{MONITOR}logs"
    """A log of a recent block was not understood."""
    PRICES = f"{MONITOR}prices"
    """A price is unknown, or its feed is overdue."""
    DRIFT = f"{MONITOR}drift"
    """The ledger may differ from the contracts."""
    LAG = f"{MONITOR}lag"
    """Blocks wait to be judged."""
    SCENARIOS = f"{MONITOR}scenarios"
    """A projection has no end, or could not be asked, and no breaker measures it."""
    STORE = f"{MONITOR}store"
    """Redis is away, slow or not durable."""
    OUTBOX = f"{MONITOR}outbox"
    """A receiver does not take its alerts."""
    CLOCK = f"{MONITOR}clock"
    """The wall clock jumps, or blocks come from its future."""
    STOPPED = f"{MONITOR}stopped"
    """The daemon ended because something that must hold does not."""
