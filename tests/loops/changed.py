"""Loops that were built and then changed, and are still loops: borrowed money is pledged in them.

The hops move with the money: who owes another asset, has pledged another one or went to another
market has pledged borrowed money as often as before. Who took the last pledge back, and repaid
what it had been bought with, has one less.
"""

from devnet.flash_actor import FlashActor

from loops.at_once import bought_by, lent_by_aave
from loops.moves import Got, Walked, idle, turn_into, walk
from loops.part import Acts, Part, Play
from loops.places import CORE, Aave, Place
from loops.scene import Scene
from loops.stepwise import built, turns
from loops.truth import STEPWISE


def debt_swapped(place: Aave, pair: tuple[str, str], other: str, kind: str, hops: int) -> Play:
    """The debt is repaid by a flash loan, which a debt of another asset pays back."""
    collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, actor = part.who, scene.flash_actors[place.market]
        stops = turns(place, collateral, debt, hops)
        async for acts in walk(scene, part.people, stops, 5_000, Walked()):
            yield acts
        for pause in idle(scene):
            yield pause
        yield (place.delegate(who, actor, other),)
        loan = await place.owed(who, debt) * 1_002 // 1_000
        back = loan + loan * await scene.premium_bps(place) // 10_000 + 1
        owed, buy = await bought_by(scene, actor, other, debt, back)
        inner = (
            await place.repaid(actor, debt, who),
            place.borrow(actor, other, owed, who),
            *buy,
        )
        ours = FlashActor(place.view, actor)
        yield (ours.bundle(who, ours.flash_loan(debt, loan, *inner)),)
        part.truths.append(built(part, turns(place, collateral, other, 1), kind, STEPWISE, hops))

    return play


def collateral_swapped(
    place: Aave, pair: tuple[str, str], other: str, kind: str, hops: int
) -> Play:
    """All the collateral becomes another asset, by a flash loan of that."""
    collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, actor = part.who, scene.flash_actors[place.market]
        stops = turns(place, collateral, debt, hops)
        async for acts in walk(scene, part.people, stops, 5_000, Walked()):
            yield acts
        yield (place.lets_take(who, actor, collateral),)
        held = await place.pledged(who, collateral)
        loan = int(scene.same_worth(collateral, held, other) * 0.975)
        back = loan + loan * await scene.premium_bps(place) // 10_000 + 1
        paid, buy = await bought_by(scene, actor, collateral, other, back)
        inner = (
            place.pledge(actor, other, loan, who),
            *place.taken(actor, collateral, held, who),
            *buy,
            scene.transfer(actor, collateral, who, held - paid),
        )
        lent = FlashActor(place.view, actor).flash_loan(other, loan, *inner)
        yield (FlashActor(place.view, actor).bundle(who, lent),)
        if await place.pledged(who, collateral):
            yield (place.release(who, collateral),)  # the interest of some seconds
        part.truths.append(built(part, turns(place, other, debt, 1), kind, STEPWISE, hops))

    return play


def moved_on(start: Aave, end: Place, pair: tuple[str, str], kind: str, hops: int) -> Play:
    """All of it goes to another market in one transaction."""
    collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, actor = part.who, scene.flash_actors[CORE]
        stops = turns(start, collateral, debt, hops)
        async for acts in walk(scene, part.people, stops, 5_000, Walked()):
            yield acts
        yield (
            start.lets_take(who, actor, collateral),
            end.delegate(who, actor, debt),
            *end.enter(who),
        )
        loan = await start.owed(who, debt) * 1_002 // 1_000
        back = loan + loan * await scene.premium_bps(scene.core) // 10_000 + 1
        held = await start.pledged(who, collateral)
        inner = (
            await start.repaid(actor, debt, who),
            *start.taken(actor, collateral, held, who),
            end.pledge(actor, collateral, held, who),
            end.borrow(actor, debt, back, who),
        )
        yield (lent_by_aave(scene, actor, who, debt, loan, inner),)
        if await start.pledged(who, collateral):
            yield (start.release(who, collateral),)
        part.truths.append(built(part, turns(end, collateral, debt, 1), kind, STEPWISE, hops))

    return play


def partly_unwound(place: Place, pair: tuple[str, str], kind: str, hops: int) -> Play:
    """The last pledge comes out, is sold, and repays what it was bought with."""
    collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, walked, got = part.who, Walked(), Got()
        stops = turns(place, collateral, debt, hops)
        async for acts in walk(scene, part.people, stops, 5_000, walked):
            yield acts
        for pause in idle(scene):
            yield pause
        last = walked.pledged_raw[-1]
        yield (place.release(who, collateral, last),)
        async for acts in turn_into(scene, who, collateral, debt, last, got):
            yield acts
        owed = walked.borrowed_raw[-1]
        # The swaps' cost comes out of their own pocket.
        yield (scene.world.mint(who, debt, owed // 10), place.repay(who, debt, owed))
        part.truths.append(built(part, stops, kind, STEPWISE, hops - 1))

    return play


def two_at_once(first: Place, second: Place, hops: int) -> Play:
    """Two loops of one person, side by side, which share no asset."""

    async def play(scene: Scene, part: Part) -> Acts:
        plans = [
            (turns(first, "WBTC", "USDC", hops), "directional"),
            (turns(second, "wstETH", "WETH", hops), "correlated"),
        ]
        walks = [walk(scene, part.people, stops, 5_000, Walked()) for stops, _ in plans]
        while walks:
            at = scene.rng.choice(walks)
            acts = await anext(at, None)
            if acts is None:
                walks.remove(at)
            else:
                yield acts
        for stops, kind in plans:
            part.truths.append(built(part, stops, kind, STEPWISE, hops))

    return play
