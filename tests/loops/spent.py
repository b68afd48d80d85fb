"""Decoys of one person who owes, and whose borrowed money is pledged nowhere."""

from collections.abc import Sequence

from loops.moves import (
    EXCHANGE,
    SHOP,
    Got,
    Pair,
    Stop,
    debt_raw,
    endow,
    equip,
    grouped,
    idle,
    pay_in,
    spend,
    turn_into,
)
from loops.part import Acts, Part, Play
from loops.places import Aave, Place
from loops.scene import Scene


def borrowed_and_spent(pair: Pair, usd: float, times: int) -> Play:
    """As often as a loop would borrow. Whatever the pair: two assets that are pegged, or the same
    one, look like a loop by state alone.
    """
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, got = part.who, Got()
        async for acts in pledged(scene, who, place, collateral, usd, got):
            yield acts
        most = debt_raw(scene, Stop(place, collateral, debt), got.raw, 0.9)
        for _ in range(times):
            raw = most // times
            yield (place.borrow(who, debt, raw),)
            async for acts in spend(scene, who, debt, raw):
                yield acts

    return play


def unrelated_deposits(pair: Pair, usd: float, times: int) -> Play:
    """Borrows, and pledges about as much again; but that was in the wallet from the beginning,
    and the borrowed money is spent, or still there.
    """
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, got, rng = part.who, Got(), scene.rng
        saved = scene.raw(collateral, usd * 3)
        yield (scene.world.mint(who, collateral, saved),)
        async for acts in pledged(scene, who, place, collateral, usd, got):
            yield acts
        raw, spends = got.raw, rng.random() < 0.6
        for _ in range(times):
            borrowed = debt_raw(scene, Stop(place, collateral, debt), raw, rng.uniform(0.7, 0.9))
            raw = min(int(scene.same_worth(debt, borrowed, collateral) * rng.uniform(0.97, 1)), raw)
            borrow = place.borrow(who, debt, borrowed)
            for block in grouped(scene, (borrow, place.pledge(who, collateral, raw))):
                yield block
            if spends:
                async for acts in spend(scene, who, debt, borrowed):
                    yield acts

    return play


def wages(pair: Pair, usd: float) -> Play:
    """Borrows and spends it; later as much is earned, and that is turned into collateral."""
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, got = part.who, Got()
        async for acts in pledged(scene, who, place, collateral, usd, got):
            yield acts
        raw = debt_raw(scene, Stop(place, collateral, debt), got.raw, 0.8)
        yield (place.borrow(who, debt, raw),)
        # All there is of it, so that what comes later is nothing but the wages.
        yield (scene.transfer(who, debt, SHOP, await scene.balance(who, debt)),)
        for pause in idle(scene):
            yield pause
        yield (scene.world.mint(EXCHANGE, debt, raw), scene.transfer(EXCHANGE, debt, who, raw))
        async for acts in turn_into(scene, who, debt, collateral, raw, got):
            yield acts
        yield (place.pledge(who, collateral, got.raw),)

    return play


def lent_on(pair: Pair, lends: str, usd: float) -> Play:
    """Borrowed money is lent on, but secures nothing: in a vault whose shares stay in the wallet,
    in a market of Morpho as its loan, or on Aave with its use as collateral switched off.
    """
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, got = part.who, Got()
        async for acts in pledged(scene, who, place, collateral, usd, got):
            yield acts
        raw = debt_raw(scene, Stop(place, collateral, debt), got.raw, 0.8)
        yield (place.borrow(who, debt, raw),)
        for pause in idle(scene):
            yield pause
        match lends:
            case "vault":
                yield (scene.world.vault.deposit(who, raw),)
            case "morpho":
                yield (scene.world.morpho.supply(who, "WETH/USDC", raw),)
            case _:
                spark: Aave = scene.spark
                supply = spark.pledge(who, debt, raw)
                off = spark.view.set_collateral(who, debt, on=False)
                for block in grouped(scene, (supply, off)):
                    yield block

    return play


def both_sides(
    places: Sequence[Place], assets: Sequence[str], usd: float, debt: str | None
) -> Play:
    """Lends several assets of their own, on one market or on several. With a debt, too: it is of
    an asset that they had pledged before on their own account, and its money is gone.
    """

    async def play(scene: Scene, part: Part) -> Acts:
        who = part.who
        for place, asset in zip(places, assets, strict=True):
            async for acts in pay_in(scene, who, place, asset, usd):
                yield acts
        if debt is None:
            return
        raw = scene.raw(debt, usd * scene.rng.uniform(0.2, 0.5))
        yield (places[0].borrow(who, debt, raw),)
        async for acts in spend(scene, who, debt, raw):
            yield acts

    return play


def traded(pair: Pair, bought: str, usd: float) -> Play:
    """Borrows, buys, sells again, and repays what came of it: nothing was pledged meanwhile."""
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, got = part.who, Got()
        async for acts in pledged(scene, who, place, collateral, usd, got):
            yield acts
        raw = debt_raw(scene, Stop(place, collateral, debt), got.raw, 0.8)
        yield (place.borrow(who, debt, raw),)
        async for acts in turn_into(scene, who, debt, bought, raw, got):
            yield acts
        for pause in idle(scene):
            yield pause
        if scene.rng.random() < 0.5:
            return  # still holds it
        async for acts in turn_into(scene, who, bought, debt, got.raw, got):
            yield acts
        yield (place.repay(who, debt, min(got.raw, raw)),)

    return play


async def pledged(
    scene: Scene, who: str, place: Place, collateral: str, usd: float, got: Got
) -> Acts:
    """Money of their own, pledged; `got`: how much."""
    async for acts in equip(scene, who, [Stop(place, collateral)], usd):
        yield acts
    async for acts in endow(scene, who, collateral, scene.raw(collateral, usd), got):
        yield acts
    yield (place.pledge(who, collateral, got.raw),)
