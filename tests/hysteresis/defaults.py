"""The breakers that the product ships, read as a user's configuration is."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from monitor.engine.breaker import BreakerRule
from monitor.engine.cascade_runner import Plan
from monitor.parts import parts_of, watchers_of
from monitor.settings import load

SHIPPED = Path(__file__).resolve().parents[2] / "deploy/breakers.toml"
ETHER, STAKED = "eth-fall", "steth-depeg"
AROUND = """
[chain]
chain_id = 1
endpoints = ["http://127.0.0.1:1"]
[[markets]]
name = "aave-core"
protocol = "aave_v3"
address = "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"
"""
"""What a configuration needs beside them."""


@dataclass(frozen=True, slots=True)
class Default:
    """A breaker of one measure, and the scenario that it looks at."""

    rule: BreakerRule
    plan: Plan


def defaults() -> dict[str, Default]:
    """By the breaker's name."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "monitor.toml"
        config.write_text(AROUND + SHIPPED.read_text())
        settings = load(config, {})
    plans = {plan.name: plan for plan in parts_of(settings).runner.plans}
    rules = watchers_of(settings, genesis="hysteresis")
    return {rule.name: Default(rule, plans[rule.limits[0].scenario]) for rule in rules}
