"""What people do again and again, as generators of blocks; loops and decoys are made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

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


class Pair(NamedTuple):
    """Where one asset is pledged and another borrowed."""

    place: Place
    collateral: str
    debt: str

    def __str__(self) -> str:
        return f"{self.collateral}/{self.debt} on {self.place.market}"


@dataclass(frozen=True)
class Stop:
    """Where something is pledged, and what is borrowed on it; nothing at the end of a way."""

    place: Place
    asset: str
    debt: str | None = None
    person: int = 0
    """Whose account of the part's it is."""


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


async def turn_into(scene: Scene, who: Address, have: str, want: str, raw: int, got: Got) -> Acts:
    """One asset into another: by a swap or a deposit; `got`: what came of it."""
    got.raw = raw
    if have == want:
        return
    before = await scene.balance(who, want)
    yield (conversion(scene, who, have, want, raw),)
    got.raw = await scene.balance(who, want) - before


def conversion(scene: Scene, who: Address, have: str, want: str, raw: int) -> Tx:
    if want == SHARE:
        return scene.world.vault.deposit(who, raw)
    if want == CLAIM:
        return scene.core.pledge(who, "WETH", raw)
    return scene.world.trade(who, have, want, raw)


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
    people: Sequence[Address],
    stops: Sequence[Stop],
    usd: float,
    walked: Walked,
    *,
    wraps: bool = False,
) -> Acts:
    """From stop to stop: pledge, borrow, turn it into what is pledged next, pledge that.

    What was in the wallet before stays there. From one account to the next, the borrowed money is
    sent before it is turned into anything, or after.
    """
    rng, got = scene.rng, Got()
    for person in sorted({stop.person for stop in stops}):
        theirs = [stop for stop in stops if stop.person == person]
        async for acts in equip(scene, people[person], theirs, usd):
            yield acts
    raw = scene.raw(stops[0].asset, usd)
    async for acts in endow(scene, people[stops[0].person], stops[0].asset, raw, got):
        yield acts
    for stop, following in zip(stops, [*stops[1:], None], strict=True):
        raw, who = got.raw, people[stop.person]
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
        then = people[following.person]
        carried = _carried(scene, (who, then), stop.debt, following.asset, borrowed, got)
        async for acts in carried if not wraps else _wrapped(scene, who, borrowed, got):
            yield acts
        for pause in idle(scene):
            yield pause


async def _carried(
    scene: Scene, people: tuple[Address, Address], have: str, want: str, raw: int, got: Got
) -> Acts:
    """Into another asset, and to another account: sent before it is turned, or after."""
    who, then = people
    sends_first = scene.rng.random() < 0.5
    if who != then and sends_first:
        yield (scene.transfer(who, have, then, raw),)
        who = then
    async for acts in turn_into(scene, who, have, want, raw, got):
        yield acts
    if who != then:
        yield (scene.transfer(who, want, then, got.raw),)


async def _wrapped(scene: Scene, who: Address, raw: int, got: Got) -> Acts:
    """Ether into wstETH, by wrapping."""
    before = await scene.balance(who, "wstETH")
    yield (scene.allow(who, "WETH", scene.flash_actors[CORE]), _wrap(scene, who, raw))
    got.raw = await scene.balance(who, "wstETH") - before


def grouped(scene: Scene, txs: Sequence[Tx]) -> list[Sequence[Tx]]:
    """In one block, or in one each."""
    return [txs] if scene.rng.random() < 0.5 else [(tx,) for tx in txs]


async def equip(scene: Scene, who: Address, stops: Sequence[Stop], usd: float) -> Acts:
    """Categories entered, and sometimes money of their own, which has nothing to do with it all."""
    rng, txs = scene.rng, list[Tx]()
    entered = {stop.place.market: stop.place for stop in reversed(stops)}
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
