"""Loops that are built less regularly than by steps alike, and decoys that nearly are loops.

`hops` counts pledges that were made with borrowed money: one debt pledged in two parts makes two,
two debts pledged together make one.
"""

from devnet.abi import Address

from loops.at_once import actor_of, ready
from loops.moves import (
    SHOP,
    Got,
    Pair,
    Stop,
    Walked,
    debt_raw,
    endow,
    idle,
    spend,
    turn_into,
    walk,
)
from loops.part import Acts, Part, Play
from loops.scene import SHARE, Scene, bundled
from loops.spent import pledged
from loops.stepwise import built, turns
from loops.truth import STEPWISE


def in_parts(pair: Pair, kind: str, rounds: int, usd: float) -> Play:
    """What was borrowed is turned and pledged in two parts, some time apart: two hops a round."""
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, got = part.who, Got()
        async for acts in pledged(scene, who, place, collateral, usd, got):
            yield acts
        raw = got.raw
        for _ in range(rounds):
            borrowed = debt_raw(scene, Stop(place, collateral, debt), raw, 0.9)
            yield (place.borrow(who, debt, borrowed),)
            first = borrowed * scene.rng.randint(30, 70) // 100
            raw = 0
            for amount in (first, borrowed - first):
                async for acts in turn_into(scene, who, debt, collateral, amount, got):
                    yield acts
                raw += got.raw
                yield (place.pledge(who, collateral, got.raw),)
        part.truths.append(
            built(part, turns(place, collateral, debt, 1), kind, STEPWISE, 2 * rounds)
        )

    return play


def together(pair: Pair, kind: str, rounds: int, usd: float) -> Play:
    """Borrowed twice, turned twice, and pledged in one: one hop a round."""
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, got = part.who, Got()
        async for acts in pledged(scene, who, place, collateral, usd, got):
            yield acts
        raw = got.raw
        for _ in range(rounds):
            borrowed = debt_raw(scene, Stop(place, collateral, debt), raw, 0.9)
            first = borrowed * scene.rng.randint(30, 70) // 100
            raw = 0
            for amount in (first, borrowed - first):
                yield (place.borrow(who, debt, amount),)
                async for acts in turn_into(scene, who, debt, collateral, amount, got):
                    yield acts
                raw += got.raw
            yield (place.pledge(who, collateral, raw),)
        part.truths.append(built(part, turns(place, collateral, debt, 1), kind, STEPWISE, rounds))

    return play


def around(pair: Pair, kind: str, hops: int, usd: float) -> Play:
    """The borrowed money takes a way of its own before it is pledged: over a third asset, or for
    a while into a vault.
    """
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, got = part.who, Got()
        async for acts in pledged(scene, who, place, collateral, usd, got):
            yield acts
        for _ in range(hops):
            borrowed = debt_raw(scene, Stop(place, collateral, debt), got.raw, 0.9)
            yield (place.borrow(who, debt, borrowed),)
            async for acts in _on_a_way(scene, who, debt, collateral, borrowed, got):
                yield acts
            yield (place.pledge(who, collateral, got.raw),)
        part.truths.append(built(part, turns(place, collateral, debt, 1), kind, STEPWISE, hops))

    return play


async def _on_a_way(scene: Scene, who: Address, have: str, want: str, raw: int, got: Got) -> Acts:
    if have == "USDC" and scene.rng.random() < 0.5:
        async for acts in turn_into(scene, who, have, SHARE, raw, got):
            yield acts
        for pause in idle(scene):
            yield pause
        before = await scene.balance(who, have)
        yield (scene.world.vault.redeem(who, got.raw),)
        raw = await scene.balance(who, have) - before
    else:
        other = next(each for each in ("WBTC", "DAI", "wstETH") if each not in (have, want))
        async for acts in turn_into(scene, who, have, other, raw, got):
            yield acts
        have, raw = other, got.raw
    async for acts in turn_into(scene, who, have, want, raw, got):
        yield acts


def with_more(pair: Pair, kind: str, hops: int, usd: float) -> Play:
    """After the loop: own money is pledged beside it, or a last debt is spent, or both."""
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, got, rng, walked = part.who, Got(), scene.rng, Walked()
        stops = turns(place, collateral, debt, hops)
        async for acts in walk(scene, part.people, stops, usd, walked):
            yield acts
        for pause in idle(scene):
            yield pause
        extras = rng.choice((("own",), ("spent",), ("own", "spent")))
        if "own" in extras:
            own = scene.raw(collateral, usd * rng.uniform(0.05, 1))
            async for acts in endow(scene, who, collateral, own, got):
                yield acts
            yield (place.pledge(who, collateral, got.raw),)
        if "spent" in extras:
            borrowed = debt_raw(scene, stops[0], walked.pledged_raw[-1], 0.8)
            yield (place.borrow(who, debt, borrowed),)
            async for acts in spend(scene, who, debt, borrowed):
                yield acts
        part.truths.append(built(part, stops, kind, STEPWISE, hops))

    return play


# Decoys


def gifted(pair: Pair, usd: float) -> Play:
    """Borrows and keeps it; meanwhile a stranger pledges as much on their behalf."""
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, friend = part.people
        got = Got()
        async for acts in pledged(scene, who, place, collateral, usd, got):
            yield acts
        raw = debt_raw(scene, Stop(place, collateral, debt), got.raw, 0.8)
        gift = scene.same_worth(debt, raw, collateral)
        async for acts in endow(scene, friend, collateral, gift, got):
            yield acts
        yield (place.borrow(who, debt, raw), place.pledge(friend, collateral, got.raw, who))

    return play


def pledged_for_another(pair: Pair, usd: float) -> Play:
    """Borrows, and pledges what it bought as somebody else's."""
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, friend = part.people
        got = Got()
        async for acts in pledged(scene, who, place, collateral, usd, got):
            yield acts
        raw = debt_raw(scene, Stop(place, collateral, debt), got.raw, 0.8)
        yield (place.borrow(who, debt, raw),)
        async for acts in turn_into(scene, who, debt, collateral, raw, got):
            yield acts
        yield (place.pledge(who, collateral, got.raw, friend),)

    return play


def own_money_at_once(pair: Pair, usd: float) -> Play:
    """In one transaction: borrows on older collateral, and pledges as much that was in the wallet
    before; the borrowed money goes to the wallet or to a shop.
    """
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, actor, rng, got = part.who, actor_of(scene, place), scene.rng, Got()
        async for acts in pledged(scene, who, place, collateral, usd, got):
            yield acts
        raw = debt_raw(scene, Stop(place, collateral, debt), got.raw, 0.8)
        async for acts in ready(scene, who, pair, usd * 0.6, got):
            yield acts
        steps = [
            place.borrow(actor, debt, raw, who),
            scene.transfer(actor, debt, rng.choice((SHOP, who)), raw),
            scene.collect(actor, collateral, who, got.raw),
            place.pledge(actor, collateral, got.raw, who),
        ]
        yield (bundled(scene, actor, who, *steps),)

    return play


def unwound_beside_a_debt(pair: Pair, usd: float) -> Play:
    """A debt whose money is gone, then a hop, and the hop back again: what was pledged with
    borrowed money is out, and what is still owed was spent.
    """
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, got, stop = part.who, Got(), Stop(place, collateral, debt)
        async for acts in pledged(scene, who, place, collateral, usd, got):
            yield acts
        gone, looped = (debt_raw(scene, stop, got.raw, share) for share in (0.3, 0.4))
        yield (place.borrow(who, debt, gone),)
        yield (scene.transfer(who, debt, SHOP, gone),)
        yield (place.borrow(who, debt, looped),)
        async for acts in turn_into(scene, who, debt, collateral, looped, got):
            yield acts
        bought = got.raw
        yield (place.pledge(who, collateral, bought),)
        for pause in idle(scene):
            yield pause
        yield (place.release(who, collateral, bought),)
        async for acts in turn_into(scene, who, collateral, debt, bought, got):
            yield acts
        # The swaps' cost comes out of their own pocket.
        yield (scene.world.mint(who, debt, looped), place.repay(who, debt, looped))

    return play


def paid_to_another(stops: list[Stop], usd: float) -> Play:
    """A chain of pledges from one person's account to another's, which only looks like theirs."""

    async def play(scene: Scene, part: Part) -> Acts:
        async for acts in walk(scene, part.people, stops, usd, Walked()):
            yield acts

    return play
