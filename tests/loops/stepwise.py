"""Loops built by hand: on one market, along several, on claims."""

from collections.abc import Sequence

from loops.moves import Stop, Walked, pay_in, spend, walk
from loops.part import Acts, Part, Play
from loops.places import Place
from loops.scene import CLAIM, SHARE, Scene
from loops.truth import STEPWISE, UNKNOWN, Line, Truth


def built(part: Part, stops: Sequence[Stop], kind: str, made: str, hops: int | None) -> Truth:
    """The truth of a walk along these stops: every place and asset of it, once."""
    people = part.people
    return Truth(
        kind,
        made,
        hops,
        part.owner(people[stops[0].person]),
        frozenset(Line(stop.place, people[stop.person], stop.asset) for stop in stops),
        frozenset(
            Line(stop.place, people[stop.person], stop.debt) for stop in stops[:-1] if stop.debt
        ),
    )


def stepwise(
    stops: Sequence[Stop], kind: str, usd: float, *, wraps: bool = False, beside: bool = False
) -> Play:
    """A loop of one hop less than it has stops, all of them seen by the monitor.

    One market: its stops are all alike. A chain: each lies elsewhere. A cycle: it comes back.
    `beside`: the same people also owe what they have spent, on another market.
    """

    async def play(scene: Scene, part: Part) -> Acts:
        if beside:
            async for acts in _beside(scene, part, stops, usd):
                yield acts
        async for acts in walk(scene, part.people, stops, usd, Walked(), wraps=wraps):
            yield acts
        part.truths.append(built(part, stops, kind, STEPWISE, len(stops) - 1))

    return play


def early(stops: Sequence[Stop], kind: str, usd: float) -> Play:
    """Built before the monitor began: by what stands there it is a loop, its steps are unseen."""

    async def play(scene: Scene, part: Part) -> Acts:
        async for acts in walk(scene, part.people, stops, usd, Walked()):
            yield acts
        part.truths.append(built(part, stops, kind, UNKNOWN, None))

    return play


def turns(place: Place, collateral: str, debt: str, hops: int) -> list[Stop]:
    return [Stop(place, collateral, debt)] * hops + [Stop(place, collateral)]


def claims_of_shares(scene: Scene, hops: int) -> list[Stop]:
    """USDC borrowed on the vault's shares, and paid into the vault."""
    return turns(scene.blue(f"{SHARE}/USDC"), SHARE, "USDC", hops)


def claims_of_deposits(scene: Scene, hops: int) -> list[Stop]:
    """WETH borrowed on aWETH, and supplied to Aave for more of it."""
    return turns(scene.blue(f"{CLAIM}/WETH"), CLAIM, "WETH", hops)


async def _beside(scene: Scene, part: Part, stops: Sequence[Stop], usd: float) -> Acts:
    """A debt on a market that the loop does not touch, for money that is gone."""
    taken = {stop.place.market for stop in stops}
    free: list[Place] = [
        place
        for place in (scene.core, scene.spark, scene.blue("WBTC/USDC"))
        if place.market not in taken
    ]
    if not free:
        return
    place = scene.rng.choice(free)
    async for acts in pay_in(scene, part.who, place, "WBTC", usd):
        yield acts
    debt = scene.raw("USDC", usd * 0.4)
    yield (place.borrow(part.who, "USDC", debt),)
    async for acts in spend(scene, part.who, "USDC", debt):
        yield acts
