"""What one transaction does: loops built with a flash loan, and what only looks like them.

The owner sends one transaction to a contract of ours, which acts on the owner's behalf: it takes
the equity, has the credit on Aave or the authorisation on Morpho, and never owns a position.
"""

from collections.abc import Sequence

from devnet import MAX
from devnet.abi import Address
from devnet.flash_actor import FlashActor
from devnet.flash_building import BUY
from devnet.morpho import callback
from devnet.transactions import Tx

from loops.moves import Got, Pair, Stop, endow, equip
from loops.part import Acts, Part, Play
from loops.places import Aave, Blue, Place
from loops.scene import SHARE, Scene, bundled
from loops.stepwise import built, turns
from loops.truth import FLASH, STEPWISE

MARGIN_BPS = 20
"""What is borrowed beyond the quote, for others who trade in the same block."""
LOANS = "flashLoan(address,address[],uint256[],uint256[],address,bytes,uint16)"


def actor_of(scene: Scene, place: Place) -> Address:
    """Who acts for others there."""
    if isinstance(place, Aave):
        return scene.flash_actors[place.market]
    return scene.world.morpho.actor


def flash(pair: Pair, kind: str, usd: float) -> Play:
    """The collateral is lent first and pledged with the equity; the debt buys it back.

    On Aave by a flash loan, on Morpho in the callback of the pledge.
    """
    place, collateral, debt = pair

    async def play(scene: Scene, part: Part) -> Acts:
        who, actor, rng, got = part.who, actor_of(scene, place), scene.rng, Got()
        async for acts in ready(scene, who, pair, usd, got):
            yield acts
        equity = got.raw
        lets = float(place.lets(collateral, debt))
        loan = int(equity * rng.uniform(0.3, 0.8) * lets / (1 - lets))
        back = loan
        if isinstance(place, Aave):
            back += loan * await scene.premium_bps(place) // 10_000 + 1
        owed, buy = await bought_by(scene, actor, debt, collateral, back)
        inner = (place.borrow(actor, debt, owed, who), *buy)
        yield (_levered(scene, who, pair, (equity, loan), inner),)
        part.truths.append(built(part, turns(place, collateral, debt, 1), kind, FLASH, 1))

    return play


def _levered(
    scene: Scene, who: Address, pair: Pair, amounts: tuple[int, int], inner: Sequence[Tx]
) -> Tx:
    """`amounts`: equity and loan."""
    place, collateral, _ = pair
    actor, (equity, loan) = actor_of(scene, place), amounts
    first = scene.collect(actor, collateral, who, equity)
    if isinstance(place, Aave):
        ours = FlashActor(place.view, actor)
        pledge = place.pledge(actor, collateral, equity + loan, who)
        lent = ours.flash_loan(collateral, loan, pledge, *inner)
        return bundled(scene, actor, who, first, lent)
    pledge = scene.world.morpho.supply_collateral(
        actor, place.name, equity + loan, on_behalf_of=who, data=callback(*inner)
    )
    return bundled(scene, actor, who, first, pledge)


def owed_by_loan(place: Aave, collateral: str, debt: str, kind: str, usd: float) -> Play:
    """The debt itself is lent: a flash loan that stays as the owner's debt, spent on collateral."""

    async def play(scene: Scene, part: Part) -> Acts:
        who, actor, rng, got = part.who, actor_of(scene, place), scene.rng, Got()
        async for acts in ready(scene, who, Pair(place, collateral, debt), usd, got):
            yield acts
        lets = float(place.lets(collateral, debt))
        bought = int(got.raw * rng.uniform(0.3, 0.8) * lets / (1 - lets))
        owed, buy = await bought_by(scene, actor, debt, collateral, bought)
        pledge = place.pledge(actor, collateral, got.raw + bought, who)
        tokens = ([scene.tokens[debt]], [owed], [2])
        inner = callback(*buy, pledge)
        pool = place.view.addresses.pool
        lent = scene.world.tx(actor, pool, LOANS, actor, *tokens, who, inner, 0)
        first = scene.collect(actor, collateral, who, got.raw)
        yield (bundled(scene, actor, who, first, lent),)
        part.truths.append(built(part, turns(place, collateral, debt, 1), kind, FLASH, 1))

    return play


def flash_on_shares(usd: float, kind: str) -> Play:
    """USDC lent by Morpho buys the vault's shares, which are pledged for the USDC to pay back."""

    async def play(scene: Scene, part: Part) -> Acts:
        who, morpho, got = part.who, scene.world.morpho, Got()
        place, actor = scene.blue(f"{SHARE}/USDC"), morpho.actor
        async for acts in ready(scene, who, Pair(place, SHARE, "USDC"), usd, got):
            yield acts
        loan = int(scene.same_worth(SHARE, got.raw, "USDC") * scene.rng.uniform(1, 3))
        # A little less than the loan buys, since the vault's rate grows by then.
        bought = scene.same_worth("USDC", loan, SHARE) * 9_999 // 10_000
        inner = (
            scene.world.vault.mint(actor, bought),
            scene.collect(actor, SHARE, who, got.raw),
            place.pledge(actor, SHARE, got.raw + bought, who),
            place.borrow(actor, "USDC", loan, who),
        )
        lent = morpho.flash_loan(scene.tokens["USDC"], loan, *inner)
        yield (bundled(scene, actor, who, lent),)
        part.truths.append(built(part, turns(place, SHARE, "USDC", 1), kind, FLASH, 1))

    return play


def flash_across(lender: Aave, pledged: Blue, kind: str, usd: float) -> Play:
    """Pledged on Morpho with money lent for the moment, which a debt on Aave then pays back."""

    async def play(scene: Scene, part: Part) -> Acts:
        who, actor, got = part.who, scene.world.morpho.actor, Got()
        async for acts in ready(scene, who, Pair(lender, "WBTC", "USDC"), usd, got, actor):
            yield acts
        want = pledged.collateral
        bought = scene.raw(want, scene.usd("WBTC", got.raw) * scene.rng.uniform(0.3, 0.6))
        owed, buy = await bought_by(scene, actor, "USDC", want, bought)
        inner = (
            *buy,
            pledged.pledge(actor, want, bought, who),
            scene.collect(actor, "WBTC", who, got.raw),
            lender.pledge(actor, "WBTC", got.raw, who),
            lender.borrow(actor, "USDC", owed, who),
        )
        lent = scene.world.morpho.flash_loan(scene.tokens["USDC"], owed, *inner)
        yield (bundled(scene, actor, who, lent),)
        stops = [Stop(lender, "WBTC", "USDC"), Stop(pledged, want)]
        part.truths.append(built(part, stops, kind, FLASH, 1))

    return play


def across_in_one(lender: Aave, pledged: Blue, kind: str, usd: float) -> Play:
    """One transaction, but by steps and with no money lent for the moment: pledged and borrowed on
    Aave, swapped, pledged on Morpho.
    """

    async def play(scene: Scene, part: Part) -> Acts:
        who, actor, got = part.who, actor_of(scene, lender), Got()
        async for acts in ready(scene, who, Pair(lender, "WBTC", "USDC"), usd, got, actor):
            yield acts
        want = pledged.collateral
        bought = scene.raw(want, scene.usd("WBTC", got.raw) * scene.rng.uniform(0.3, 0.6))
        owed, buy = await bought_by(scene, actor, "USDC", want, bought)
        steps = (
            scene.collect(actor, "WBTC", who, got.raw),
            lender.pledge(actor, "WBTC", got.raw, who),
            lender.borrow(actor, "USDC", owed, who),
            *buy,
            pledged.pledge(actor, want, bought, who),
        )
        yield (bundled(scene, actor, who, *steps),)
        stops = [Stop(lender, "WBTC", "USDC"), Stop(pledged, want)]
        part.truths.append(built(part, stops, kind, STEPWISE, 1))

    return play


def lent_by_aave(
    scene: Scene, actor: Address, who: Address, asset: str, raw: int, inner: Sequence[Tx]
) -> Tx:
    """Aave 3.6 lends for the moment, for what is done on any market; `who` sends it."""
    ours = FlashActor(scene.world, actor)
    return ours.bundle(who, ours.flash_loan(asset, raw, *inner))


async def ready(
    scene: Scene, who: Address, pair: Pair, usd: float, got: Got, by: Address | None = None
) -> Acts:
    """The equity in the owner's wallet, and all that the actor must be allowed."""
    place, collateral, debt = pair
    actor = by or actor_of(scene, place)
    async for acts in equip(scene, who, [Stop(place, collateral, debt)], usd):
        yield acts
    async for acts in endow(scene, who, collateral, scene.raw(collateral, usd), got):
        yield acts
    yield (place.delegate(who, actor, debt), scene.allow(who, collateral, actor))


async def bought_by(
    scene: Scene, actor: Address, have: str, want: str, wanted_raw: int
) -> tuple[int, tuple[Tx, ...]]:
    """What it takes to buy exactly so much, and the purchase."""
    if have == want:
        return wanted_raw, ()
    most = await scene.quoted(have, want, wanted_raw) * (10_000 + MARGIN_BPS) // 10_000
    order = (scene.world.path(want, have), actor, MAX, wanted_raw, most)
    return most, (scene.world.tx(actor, scene.world.addresses.router, BUY, order),)
