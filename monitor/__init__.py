"""cascade-monitor: sees liquidation cascades coming and says so before they happen."""

__version__ = "0.1.0"
