"""What a shipped scenario says of the book at a price; asked once of each price."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from hysteresis.books import NAMED
from hysteresis.rounds import Round
from monitor.core.risk import WorldSheet
from monitor.engine.cascade_runner import Answer, Plan
from monitor.engine.measures import Limits, Reading
from monitor.simulation.projection import names_of, project
from monitor.simulation.scenarios import scenario_of
from monitor.simulation.shocks import parse_shocks


@dataclass(frozen=True, slots=True)
class Observed:
    """What a breaker reads from `unix` on, at that price."""

    unix: int
    price: Decimal
    reading: Reading


@dataclass
class Readings:
    """`world_at`: the book at a price. `step`: prices are asked about in multiples of this."""

    plan: Plan
    limits: Limits
    world_at: Callable[[Decimal], WorldSheet]
    step: Decimal
    known: dict[Decimal, Reading] = field(default_factory=dict)

    def of(self, rounds: Sequence[Round]) -> list[Observed]:
        return [Observed(each.unix, each.answer, self._at(each.answer)) for each in rounds]

    def _at(self, price: Decimal) -> Reading:
        price = round(price / self.step) * self.step
        if price not in self.known:
            world = self.world_at(price)
            scenario = scenario_of(parse_shocks(self.plan.shocks), names_of(world, NAMED))
            answer = Answer(self.plan, world.block, project(world, scenario, self.plan.options))
            value = answer.measure(self.limits.measure, self.limits.markets)
            self.known[price] = Reading(value)
        return self.known[price]
