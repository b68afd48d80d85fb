"""All that a projection used, frozen: enough to repeat it elsewhere, without node or store."""

from dataclasses import dataclass

from monitor.core.risk import WorldSheet
from monitor.core.units import AssetId

Words = tuple[tuple[str, str], ...]
"""(key, value) in the order they were written. Values as on a command line, so they are exact."""


@dataclass(frozen=True, slots=True)
class FrozenCurve:
    """`curve` of a scenario. `to`: a ratio in decimal."""

    asset: str
    to: str
    steps: int


@dataclass(frozen=True, slots=True)
class FrozenScenario:
    """A configured scenario: `shocks`, or a curve; with all options it is projected with."""

    name: str
    shocks: Words
    curve: FrozenCurve | None
    options: Words


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A world with the configuration it was asked by. No address or secret of a service is in it.

    `version`: the program's that wrote it. `named`: the user's names of assets. `options`: what
    `[projection]` says.
    """

    version: str
    chain_id: int
    named: tuple[tuple[str, AssetId], ...]
    scenarios: tuple[FrozenScenario, ...]
    options: Words
    world: WorldSheet


@dataclass(frozen=True, slots=True)
class Filed:
    """A snapshot that was kept under a name, or why there is none."""

    id: str | None = None
    name: str = ""
    reason: str = ""
