"""The ways to liquidate, and how to make somebody ready for one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from devnet import MAX, Address, Tx
from devnet.chain import MULTICALL3

from fuzz.aave_v3.scene import AaveScene
from fuzz.bundling import bundled

Fits = Callable[[AaveScene, "Pair"], bool]


@dataclass(frozen=True, slots=True)
class Pair:
    """A debtor with one collateral and one debt of its."""

    who: Address
    collateral: str
    debt: str


def pairs(scene: AaveScene) -> Iterator[Pair]:
    """Everything that could be named in a liquidation if its debtor's health were below 1."""
    for who in scene.actors:
        for debt in scene.owed(who):
            for collateral in scene.pledged(who):
                yield Pair(who, collateral, debt)


def is_plain(scene: AaveScene, pair: Pair) -> bool:
    return pair.collateral != pair.debt


def is_same_asset(scene: AaveScene, pair: Pair) -> bool:
    return pair.collateral == pair.debt


def takes_supplies(scene: AaveScene, pair: Pair) -> bool:
    """Same-asset, of a reserve that is open."""
    return is_same_asset(scene, pair) and pair.debt in scene.open_reserves


def ends_in_deficit(scene: AaveScene, pair: Pair) -> bool:
    """The only collateral, and worth less than a liquidator would have to get for the debt."""
    debt_e8 = scene.value_e8(pair.debt, scene[pair.who].owed[pair.debt])
    collateral_e8 = scene.value_e8(pair.collateral, scene[pair.who].supplied[pair.collateral])
    # Also what is paused secures a debt.
    supplied = scene[pair.who].supplied.items()
    secured = [symbol for symbol, raw in supplied if raw and scene.sight.uses(pair.who, symbol)]
    return secured == [pair.collateral] and collateral_e8 < 0.98 * debt_e8


def any_way(scene: AaveScene) -> Tx | None:
    return _liquidate(scene, is_plain, receive_atoken=False)


def for_atokens(scene: AaveScene) -> Tx | None:
    """Accrues the collateral's reserve without a log of it."""
    return _liquidate(scene, is_plain, receive_atoken=True)


def same_asset(scene: AaveScene) -> Tx | None:
    return _liquidate(scene, is_same_asset, receive_atoken=scene.rng.random() < 0.4)


def into_deficit(scene: AaveScene) -> Tx | None:
    pair = _victim(scene, ends_in_deficit)
    if pair is None:
        return None
    receive = scene.rng.random() < 0.4
    return scene.world.liquidate(
        scene.other(pair.who), pair.who, pair.collateral, pair.debt, receive_atoken=receive
    )


def in_a_bundle(scene: AaveScene) -> Tx | None:
    """A same-asset liquidation in a transaction that has accrued that reserve already."""
    pair = _victim(scene, takes_supplies)
    if pair is None:
        return None
    world, debt = scene.world, pair.debt
    amount = 2 * scene[pair.who].owed[debt] + 10
    calls = [
        world.mint(MULTICALL3, debt, amount),
        world.approve(MULTICALL3, debt, world.addresses.pool),
        world.supply(MULTICALL3, debt, amount // 4),
        world.liquidate(MULTICALL3, pair.who, pair.collateral, debt),
    ]
    return bundled(scene.world, scene.other(pair.who), calls)


def _liquidate(scene: AaveScene, fits: Fits, *, receive_atoken: bool) -> Tx | None:
    pair = _victim(scene, fits)
    if pair is None:
        return None
    amount = MAX
    if scene.rng.random() < 0.35:
        owed = scene[pair.who].owed[pair.debt]
        amount = max(1, int(owed * scene.rng.uniform(0.02, 0.7)))
    return scene.world.liquidate(
        scene.other(pair.who),
        *(pair.who, pair.collateral, pair.debt, amount),
        receive_atoken=receive_atoken,
    )


def _victim(scene: AaveScene, fits: Fits) -> Pair | None:
    ready = [p for p in pairs(scene) if scene[p.who].is_liquidatable and fits(scene, p)]
    return scene.rng.choice(ready) if ready else None
