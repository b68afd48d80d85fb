"""Decoys of several people, whose money goes from one to the other."""

from loops.moves import Got, Pair, Stop, debt_raw, grouped, idle, turn_into
from loops.part import Acts, Part, Play
from loops.places import Place
from loops.scene import Scene
from loops.spent import pledged


def crossing(places: tuple[Place, Place], collateral: str, debt: str, usd: float) -> Play:
    """Two strangers pay each other as much as each has borrowed, at the same time, and each
    pledges what came from the other. Nobody pledges what they owe.
    """

    async def play(scene: Scene, part: Part) -> Acts:
        got = Got()
        for who, place in zip(part.people, places, strict=True):
            async for acts in pledged(scene, who, place, collateral, usd, got):
                yield acts
        # Both have pledged as much, so that the one's collateral stands for the other's too.
        most = [debt_raw(scene, Stop(place, collateral, debt), got.raw, 0.8) for place in places]
        raw = min(most)
        first, second = part.people
        yield (places[0].borrow(first, debt, raw), places[1].borrow(second, debt, raw))
        for pause in idle(scene):
            yield pause
        paid = (
            scene.transfer(first, debt, second, raw),
            scene.transfer(second, debt, first, raw),
        )
        for block in grouped(scene, paid):
            yield block
        for who, place in zip(part.people, places, strict=True):
            async for acts in turn_into(scene, who, debt, collateral, raw, got):
                yield acts
            yield (place.pledge(who, collateral, got.raw),)

    return play


def lent_to_a_friend(pair: Pair, usd: float, *, returned: bool) -> Play:
    """One borrows for the other, who pledges it and borrows on it, for what they buy. It comes
    back, or not; what comes back repays.
    """
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        lender, friend = part.people
        got = Got()
        async for acts in pledged(scene, lender, place, collateral, usd, got):
            yield acts
        raw = debt_raw(scene, Stop(place, collateral, debt), got.raw, 0.7)
        yield (place.borrow(lender, debt, raw),)
        yield (scene.transfer(lender, debt, friend, raw),)
        async for acts in turn_into(scene, friend, debt, collateral, raw, got):
            yield acts
        yield (place.pledge(friend, collateral, got.raw),)
        back = debt_raw(scene, Stop(place, collateral, debt), got.raw, 0.7)
        yield (place.borrow(friend, debt, back),)
        if returned:
            yield (scene.transfer(friend, debt, lender, back),)
            for pause in idle(scene):
                yield pause
            yield (place.repay(lender, debt, back),)

    return play
