"""Decoys of one transaction: what a loop would do, with money that was theirs or is gone."""

from fractions import Fraction

from devnet.abi import Address
from devnet.flash_actor import FlashActor
from devnet.transactions import Tx

from loops.at_once import actor_of, bought_by, lent_by_aave, ready
from loops.moves import SHOP, Got, Pair, Stop, Walked, endow, equip, idle, walk
from loops.part import Acts, Part, Play
from loops.places import CORE, Aave, Place
from loops.scene import Scene, bundled
from loops.stepwise import turns


def pledged_and_spent(pair: Pair, usd: float) -> Play:
    """Pledged and borrowed in one transaction, as a loop would be; but the money goes to a shop,
    to the owner's wallet, or is swapped and goes there.
    """
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, actor, rng, got = part.who, actor_of(scene, place), scene.rng, Got()
        async for acts in ready(scene, who, pair, usd, got):
            yield acts
        lets = float(place.lets(collateral, debt)) * rng.uniform(0.4, 0.9)
        owed = int(scene.same_worth(collateral, got.raw, debt) * lets)
        first = (
            scene.collect(actor, collateral, who, got.raw),
            place.pledge(actor, collateral, got.raw, who),
            place.borrow(actor, debt, owed, who),
        )
        to = rng.choice((SHOP, who))
        last: tuple[Tx, ...] = (scene.transfer(actor, debt, to, owed),)
        if rng.random() < 0.5:
            bought = int(scene.same_worth(debt, owed, "DAI") * 0.98)
            _, buy = await bought_by(scene, actor, debt, "DAI", bought)
            last = (*buy, scene.transfer(actor, "DAI", to, bought))
        yield (bundled(scene, actor, who, *first, *last),)

    return play


def moved_at_once(start: Place, end: Place, collateral: str, debt: str, usd: float) -> Play:
    """A debt whose money is gone moves to another market: a flash loan repays it, the collateral
    follows, and the new debt repays the loan. No borrowed money is pledged.
    """

    async def play(scene: Scene, part: Part) -> Acts:
        who, actor, got = part.who, scene.flash_actors[CORE], Got()
        async for acts in pledged_and_owed(
            scene, who, Pair(start, collateral, debt), end, usd, got
        ):
            yield acts
        yield (
            start.lets_take(who, actor, collateral),
            end.delegate(who, actor, debt),
            *end.enter(who),
        )
        owed = await start.owed(who, debt)
        yield (scene.transfer(who, debt, SHOP, await scene.balance(who, debt)),)
        loan = owed * 1_002 // 1_000
        back = loan + loan * await scene.premium_bps(scene.core) // 10_000 + 1
        held = min(got.raw, await start.pledged(who, collateral))
        inner = (
            await start.repaid(actor, debt, who),
            *start.taken(actor, collateral, held, who),
            end.pledge(actor, collateral, held, who),
            end.borrow(actor, debt, back, who),
        )
        yield (lent_by_aave(scene, actor, who, debt, loan, inner),)

    return play


def undone_at_once(pair: Pair, hops: int, usd: float) -> Play:
    """A loop built by hand, and unwound in one transaction: a flash loan repays the debt, the
    collateral comes out, and a part of it is sold for the loan.
    """
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, actor = part.who, scene.flash_actors[CORE]
        async for acts in walk(
            scene, part.people, turns(place, collateral, debt, hops), usd, Walked()
        ):
            yield acts
        for pause in idle(scene):
            yield pause
        yield (place.lets_take(who, actor, collateral),)
        loan = await place.owed(who, debt) * 1_002 // 1_000
        back = loan + loan * await scene.premium_bps(scene.core) // 10_000 + 1
        held = await place.pledged(who, collateral)
        paid, sell = await bought_by(scene, actor, collateral, debt, back)
        inner = (
            await place.repaid(actor, debt, who),
            *place.taken(actor, collateral, held, who),
            *sell,
            scene.transfer(actor, collateral, who, held - paid),
        )
        yield (lent_by_aave(scene, actor, who, debt, loan, inner),)
        if isinstance(place, Aave) and await place.pledged(who, collateral):
            yield (place.release(who, collateral),)  # the interest of some seconds

    return play


def swapped_at_once(place: Aave, collateral: str, other: str, debt: str, usd: float) -> Play:
    """Collateral for other collateral while a debt stays whose money is gone: the new one is lent
    and pledged first, the old one comes out and buys back the loan.
    """

    async def play(scene: Scene, part: Part) -> Acts:
        who, actor, got = part.who, actor_of(scene, place), Got()
        pair = Pair(place, collateral, debt)
        async for acts in pledged_and_owed(scene, who, pair, place, usd, got):
            yield acts
        yield (place.lets_take(who, actor, collateral),)
        yield (scene.transfer(who, debt, SHOP, await scene.balance(who, debt)),)
        loan = int(scene.same_worth(collateral, got.raw, other) * 0.97)
        back = loan + loan * await scene.premium_bps(place) // 10_000 + 1
        paid, buy = await bought_by(scene, actor, collateral, other, back)
        held = min(got.raw, await place.pledged(who, collateral))
        inner = (
            place.pledge(actor, other, loan, who),
            *place.taken(actor, collateral, held, who),
            *buy,
            scene.transfer(actor, collateral, who, held - paid),
        )
        lent = FlashActor(place.view, actor).flash_loan(other, loan, *inner)
        yield (bundled(scene, actor, who, lent),)

    return play


async def pledged_and_owed(
    scene: Scene, who: Address, pair: Pair, later: Place, usd: float, got: Got
) -> Acts:
    """Collateral of their own and a debt on it, small enough for `later` too; `got`: pledged."""
    place, collateral, debt = pair
    async for acts in equip(scene, who, [Stop(place, collateral)], usd):
        yield acts
    async for acts in endow(scene, who, collateral, scene.raw(collateral, usd), got):
        yield acts
    lets = min(place.lets(collateral, debt), later.lets(collateral, debt))
    owed = int(scene.same_worth(collateral, got.raw, debt) * lets * Fraction(6, 10))
    yield (place.pledge(who, collateral, got.raw), place.borrow(who, debt, owed))
