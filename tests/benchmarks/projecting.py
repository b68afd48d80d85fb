"""What a cascade costs: visits to those whom they may pay, against visits to all in danger."""

from decimal import Decimal

from benchmarks.indebted_world import ACCOUNTS, ETHER, indebted_world
from benchmarks.timing import Row, Spread, at_least, computed, interleaved, millis, ratio
from monitor.simulation.cascade import Outcome, play
from monitor.simulation.columns import columns_of
from monitor.simulation.options import Options
from monitor.simulation.projection import factors_of
from monitor.simulation.scenarios import Curve

STEPS = 2
ROUNDS = 5


async def projecting_rows() -> list[Row]:
    """Steps of a curve down to -50 %, each a cascade of its own; both ways come to the same."""
    world = indebted_world()
    columns = columns_of(world)
    steps = Curve(ETHER.asset, ETHER.symbol, Decimal("-0.5"), STEPS).scenarios()
    factors = [factors_of(world, columns, step) for step in steps]

    def played(*, everybody: bool) -> list[Outcome]:
        return [play(columns, each, Options(), everybody=everybody) for each in factors]

    some = played(everybody=False)
    if repr(some) != repr(played(everybody=True)):
        raise AssertionError("both ways to play a cascade differ, expected the same bits")
    ours, plain = await interleaved(
        computed(lambda: played(everybody=False)),
        computed(lambda: played(everybody=True)),
        rounds=ROUNDS,
    )
    rounds = sum(len(each.rounds) for each in some)
    what = f"CPU time. {ACCOUNTS:,} accounts, {STEPS} steps of a curve, {rounds} rounds in all"
    return [
        at_least(
            "cascade: visit everybody in danger / ours",
            ratio(plain, ours),
            3,
            f"{what}: {millis(plain)}; only those whom a visit may pay: {millis(ours)}",
        ),
        at_least(
            "cascade: accounts x steps",
            Spread.of([ACCOUNTS * STEPS / seconds for seconds in ours]),
            None,
            f"{what}, without the figures made of it",
            unit="/s",
        ),
    ]
