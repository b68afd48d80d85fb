"""What people do again and again, as generators of blocks; loops and decoys are made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from devnet.abi import Address, account
from devnet.transactions import Tx

from loops.part import Acts
from loops.places import CORE, Place
from loops.scene import CLAIM, SHARE, Scene, bundled

SHOP, EXCHANGE = account("a shop"), account("an exchange")
BASES = {SHARE: "USDC", CLAIM: "WETH"}
"""What a claim is bought with."""
WAITS = 0.3


@dataclass
class Got:
    """How much a move brought in; generators cannot return it."""

    raw: int = 0


@dataclass(frozen=True)
class Stop:
    """Where something is pledged, and what is borrowed on it; nothing at the end of a way."""

    place: Place
    asset: str
    debt: str | None = None


@dataclass
class Walked:
    """What a walk did, for who goes on from there."""

    pledged_raw: list[int] = field(default_factory=list)
    borrowed_raw: list[int] = field(default_factory=list)


def idle(scene: Scene) -> list[Sequence[Tx]]:
    """Nothing for a block, or for none."""
    return [()] if scene.rng.random() < WAITS else []


async def endow(scene: Scene, who: Address, asset: str, raw: int, got: Got) -> Acts:
    """`raw` of an asset out of nothing, or about so much of a claim, bought."""
    base = BASES.get(asset, asset)
    amount = raw if base == asset else scene.same_worth(asset, raw, base)
    yield (scene.world.mint(who, base, amount),)
    got.raw = amount
    async for acts in turn_into(scene, who, base, asset, amount, got):
        yield acts


async def turn_into(
    scene: Scene, who: Address, have: str, want: str, raw: int, got: Got, *, wraps: bool = False
) -> Acts:
    """One asset into another: by a swap, a wrap or a deposit; `got`: what came of it."""
    got.raw = raw
    if have == want:
        return
    before = await scene.balance(who, want)
    yield conversion(scene, who, have, want, raw, wraps=wraps)
    got.raw = await scene.balance(who, want) - before


def conversion(
    scene: Scene, who: Address, have: str, want: str, raw: int, *, wraps: bool = False
) -> tuple[Tx, ...]:
    if want == SHARE:
        return (scene.world.vault.deposit(who, raw),)
    if want == CLAIM:
        return (scene.core.pledge(who, "WETH", raw),)
    if wraps:
        return (
            scene.allow(who, have, scene.flash_actors[CORE]),
            _wrap(scene, who, raw),
        )
    return (scene.world.trade(who, have, want, raw),)


def _wrap(scene: Scene, who: Address, raw: int) -> Tx:
    """Ether to wstETH itself, which mints in return; our double does not take it by itself."""
    actor, wrapped = scene.flash_actors[CORE], scene.tokens["wstETH"]
    minted = scene.same_worth("WETH", raw, "wstETH")
    mint = scene.world.tx(actor, wrapped, "mint(address,uint256)", who, minted)
    return bundled(
        scene,
        actor,
        who,
        scene.collect(actor, "WETH", who, raw),
        scene.transfer(actor, "WETH", wrapped, raw),
        mint,
    )


def debt_raw(scene: Scene, stop: Stop, pledged_raw: int, share: float) -> int:
    """A share of the most that the pledge allows."""
    assert stop.debt is not None
    lets = stop.place.lets(stop.asset, stop.debt)
    value_raw = scene.same_worth(stop.asset, pledged_raw, stop.debt)
    return int(value_raw * lets * Fraction(share))


async def walk(
    scene: Scene,
    who: Address,
    stops: Sequence[Stop],
    usd: float,
    walked: Walked,
    *,
    wraps: bool = False,
) -> Acts:
    """From stop to stop: pledge, borrow, turn it into what is pledged next, pledge that.

    What was in the wallet before stays there.
    """
    rng, got = scene.rng, Got()
    async for acts in equip(scene, who, stops, usd):
        yield acts
    raw = scene.raw(stops[0].asset, usd)
    async for acts in endow(scene, who, stops[0].asset, raw, got):
        yield acts
    for stop, following in zip(stops, [*stops[1:], None], strict=True):
        raw = got.raw
        walked.pledged_raw.append(raw)
        pledge = stop.place.pledge(who, stop.asset, raw)
        if following is None or stop.debt is None:
            yield (pledge,)
            return
        borrowed = debt_raw(scene, stop, raw, rng.uniform(0.75, 0.95))
        walked.borrowed_raw.append(borrowed)
        borrow = stop.place.borrow(who, stop.debt, borrowed)
        for block in grouped(scene, (pledge, borrow)):
            yield block
        for pause in idle(scene):
            yield pause
        want = following.asset
        async for acts in turn_into(scene, who, stop.debt, want, borrowed, got, wraps=wraps):
            yield acts
        for pause in idle(scene):
            yield pause


def grouped(scene: Scene, txs: Sequence[Tx]) -> list[Sequence[Tx]]:
    """In one block, or in one each."""
    return [txs] if scene.rng.random() < 0.5 else [(tx,) for tx in txs]


async def equip(scene: Scene, who: Address, stops: Sequence[Stop], usd: float) -> Acts:
    """Categories entered, and sometimes money of their own, which has nothing to do with it all."""
    rng, txs = scene.rng, list[Tx]()
    entered = {stop.place.market: stop.place for stop in stops}
    for place in entered.values():
        txs += place.enter(who)
    moving = {asset for stop in stops for asset in (stop.asset, stop.debt) if asset}
    for asset in sorted(moving - set(BASES)):
        if rng.random() < 0.4:
            txs.append(scene.world.mint(who, asset, scene.raw(asset, usd * rng.uniform(0.01, 2))))
    if txs:
        yield tuple(txs)


async def pay_in(scene: Scene, who: Address, place: Place, asset: str, usd: float) -> Acts:
    """Pledges money of their own."""
    got = Got()
    async for acts in equip(scene, who, [Stop(place, asset)], usd):
        yield acts
    async for acts in endow(scene, who, asset, scene.raw(asset, usd), got):
        yield acts
    yield (place.pledge(who, asset, got.raw),)


async def spend(scene: Scene, who: Address, asset: str, raw: int) -> Acts:
    """Gone: to a shop, to an exchange in parts, or into something else that then goes there."""
    rng = scene.rng
    for pause in idle(scene):
        yield pause
    match rng.randrange(3):
        case 0:
            yield (scene.transfer(who, asset, SHOP, raw),)
        case 1:
            part = raw // rng.randint(2, 5)
            yield (scene.transfer(who, asset, EXCHANGE, part),)
            yield (scene.transfer(who, asset, EXCHANGE, raw - part),)
        case _:
            other = rng.choice([each for each in ("USDC", "DAI", "WETH", "WBTC") if each != asset])
            got = Got()
            async for acts in turn_into(scene, who, asset, other, raw, got):
                yield acts
            yield (scene.transfer(who, other, SHOP, got.raw),)
