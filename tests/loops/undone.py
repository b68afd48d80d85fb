"""Decoys that were or might have been loops: unwound, liquidated, moved, swapped."""

from devnet import MAX
from devnet.abi import account

from loops.moves import SHOP, Got, Pair, Stop, Walked, debt_raw, idle, turn_into, walk
from loops.part import Acts, Part, Play
from loops.places import Aave, Place
from loops.scene import FALLING, Scene, bundled
from loops.spent import pledged
from loops.stepwise import turns

LIQUIDATOR = account("liquidator of loops")
KEPT_BPS = 300
"""How far above its limit a position stays while it is unwound."""


def unwound(pair: Pair, hops: int, usd: float) -> Play:
    """A loop, and then back by hand: out comes what may, is sold, and repays; until nothing is
    owed. All of the collateral comes out, or what is left stays pledged without a debt.
    """
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, walked, got = part.who, Walked(), Got()
        async for acts in walk(
            scene, part.people, turns(place, collateral, debt, hops), usd, walked
        ):
            yield acts
        for pause in idle(scene):
            yield pause
        while owed := await place.owed(who, debt):
            free = await _free(scene, place, who, collateral, debt)
            enough = scene.same_worth(debt, owed * 102 // 100, collateral)
            raw = min(free, enough)
            yield (place.release(who, collateral, raw),)
            async for acts in turn_into(scene, who, collateral, debt, raw, got):
                yield acts
            has = await scene.balance(who, debt)
            if raw == enough or has > owed * 101 // 100:
                yield (await place.repaid(who, debt),)
            else:
                yield (place.repay(who, debt, got.raw),)
        if scene.rng.random() < 0.6:
            everything = MAX if isinstance(place, Aave) else await place.pledged(who, collateral)
            yield (place.release(who, collateral, everything),)

    return play


async def _free(scene: Scene, place: Place, who: str, collateral: str, debt: str) -> int:
    """How much collateral may be taken out now."""
    held = await place.pledged(who, collateral)
    owed = await place.owed(who, debt)
    lets = place.lets(collateral, debt)
    bound = scene.same_worth(debt, owed, collateral) / lets * (10_000 + KEPT_BPS) / 10_000
    return max(held - int(bound), 0)


def liquidated(hops: int, usd: float) -> Play:
    """A loop whose price falls so far that all of its debt is liquidated, or written off."""

    async def play(scene: Scene, part: Part) -> Acts:
        who, place = part.who, scene.blue(FALLING)
        async for acts in walk(
            scene, part.people, turns(place, "WETH", "USDC", hops), usd, Walked()
        ):
            yield acts
        morpho = scene.world.morpho
        held = await morpho.position(FALLING, who)
        owed = await place.owed(who, "USDC")
        before = await morpho.price_e36(FALLING)
        is_written_off = scene.rng.random() < 0.5
        # Just below its limit, or so far that the collateral does not pay for the debt.
        percent = 60 if is_written_off else 112
        price_e36 = owed * 10**36 * percent // (held.collateral_raw * 100)
        seized = held.collateral_raw if is_written_off else 0
        shares = 0 if is_written_off else held.borrow_shares
        actor = morpho.actor
        # In one transaction, or others would be liquidated at this price too.
        yield (
            scene.world.mint(actor, "USDC", owed * 2),
            bundled(
                scene,
                actor,
                LIQUIDATOR,
                morpho.set_price(FALLING, price_e36),
                morpho.liquidate(actor, FALLING, who, seized_raw=seized, repaid_shares=shares),
                morpho.set_price(FALLING, before),
            ),
        )

    return play


def swapped(place: Place, start: str, end: str, debt: str | None, usd: float) -> Play:
    """Collateral taken out, sold, and what it bought is pledged; beside a debt whose money is
    gone, as much as that lets out.
    """

    async def play(scene: Scene, part: Part) -> Acts:
        who, got = part.who, Got()
        async for acts in pledged(scene, who, place, start, usd, got):
            yield acts
        out = MAX if isinstance(place, Aave) else got.raw
        if debt is not None:
            raw = debt_raw(scene, Stop(place, start, debt), got.raw, 0.4)
            yield (place.borrow(who, debt, raw),)
            yield (scene.transfer(who, debt, SHOP, await scene.balance(who, debt)),)
            out = got.raw * 4 // 10
        for pause in idle(scene):
            yield pause
        before = await scene.balance(who, start)
        yield (place.release(who, start, out),)
        released = await scene.balance(who, start) - before
        async for acts in turn_into(scene, who, start, end, released, got):
            yield acts
        yield (place.pledge(who, end, got.raw),)

    return play


def borrowed_for_a_swap(place: Aave, start: str, end: str, usd: float) -> Play:
    """The new collateral is borrowed and pledged, the old one sold, and that loan repaid: for a
    while it was a loop, in the end it is none.
    """

    async def play(scene: Scene, part: Part) -> Acts:
        who, got = part.who, Got()
        async for acts in pledged(scene, who, place, start, usd, got):
            yield acts
        held = got.raw
        raw = debt_raw(scene, Stop(place, start, end), held, 0.5)
        yield (place.borrow(who, end, raw),)
        yield (place.pledge(who, end, raw),)
        for pause in idle(scene):
            yield pause
        out = scene.same_worth(end, raw * 103 // 100, start)
        yield (place.release(who, start, out),)
        async for acts in turn_into(scene, who, start, end, out, got):
            yield acts
        yield (await place.repaid(who, end),)

    return play


def moved(start: Place, end: Aave, collateral: str, debt: str, usd: float) -> Play:
    """A debt whose money is gone, repaid by a debt elsewhere on collateral of their own."""

    async def play(scene: Scene, part: Part) -> Acts:
        who, got = part.who, Got()
        async for acts in pledged(scene, who, start, collateral, usd, got):
            yield acts
        raw = debt_raw(scene, Stop(start, collateral, debt), got.raw, 0.6)
        yield (start.borrow(who, debt, raw),)
        yield (scene.transfer(who, debt, SHOP, await scene.balance(who, debt)),)
        async for acts in pledged(scene, who, end, collateral, usd * 1.5, got):
            yield acts
        owed = await start.owed(who, debt) * 1_002 // 1_000
        yield (end.borrow(who, debt, owed),)
        for pause in idle(scene):
            yield pause
        yield (await start.repaid(who, debt),)

    return play


def repaid_with_claims(place: Aave, asset: str, hops: int, usd: float) -> Play:
    """A loop of one asset with itself, whose debt is paid with what was pledged."""

    async def play(scene: Scene, part: Part) -> Acts:
        who = part.who
        async for acts in walk(scene, part.people, turns(place, asset, asset, hops), usd, Walked()):
            yield acts
        for pause in idle(scene):
            yield pause
        yield (place.view.repay_with_atokens(who, asset),)

    return play
