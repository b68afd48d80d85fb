"""The two breakers that are shipped, each with its feed, its book, and the day it is for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from hysteresis.books import ETH_USD, Scene, everybody, loops
from hysteresis.defaults import ETHER, STAKED, Default, defaults
from hysteresis.measuring import Observed, Readings
from hysteresis.rounds import ETHER_IN_USD, STETH_IN_ETHER, Round, rounds_of
from hysteresis.tuning import Setting
from monitor.core.risk import WorldSheet


def unix(text: str) -> int:
    """Of "2023-08-17 21:00", in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True)
class Case:
    """`key`: the scenario's one shock. `step`: prices are asked about in multiples of it.

    `shocks`: what is tried besides. `crash`: what it has to be in alert at, and when.
    """

    default: Default
    feed: str
    scene: Scene
    key: str
    step: Decimal
    shocks: Sequence[Decimal]
    crash: tuple[str, int]

    @property
    def shipped(self) -> Setting:
        shock = Decimal(str(self.default.plan.shocks[self.key]))
        return Setting(shock, self.default.rule, shipped=True)

    def rounds(self) -> tuple[Round, ...]:
        return rounds_of(self.feed)

    def observed(self, rounds: Sequence[Round], shock: Decimal) -> list[Observed]:
        plan = replace(self.default.plan, shocks={self.key: float(shock)})
        readings = Readings(plan, self.default.rule.limits[0], self._world_at, self.step)
        return readings.of(rounds)

    def _world_at(self, price: Decimal) -> WorldSheet:
        if self.feed == STETH_IN_ETHER:
            return self.scene.at(price, ETH_USD)
        return self.scene.at(self.scene.told.peg, price)


def staked() -> Case:
    """stETH in ETH, on the pure loops. What is liquidated there is nothing or nearly all that can
    be: no threshold tells these apart, so that the depth of the scenario is what is tuned.
    """
    return Case(
        default=defaults()[STAKED],
        feed=STETH_IN_ETHER,
        scene=loops(),
        key="peg:stETH/WETH",
        step=Decimal("0.0005"),
        shocks=tuple(map(Decimal, ("-0.01", "-0.02", "-0.03", "-0.04"))),
        crash=("the low of 2022-06-18", unix("2022-06-18 09:09:38")),
    )


def ether() -> Case:
    """ETH in USD, on everybody."""
    return Case(
        default=defaults()[ETHER],
        feed=ETHER_IN_USD,
        scene=everybody(),
        key="WETH",
        step=Decimal(2),
        shocks=(Decimal("-0.1"),),
        crash=("the crash of 2023-08-17", unix("2023-08-17 22:00")),
    )
