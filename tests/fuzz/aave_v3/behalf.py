"""What is done for somebody else, or in somebody's name."""

from devnet import MAX, Address, Tx
from devnet.world import NO_REFERRAL, VARIABLE_RATE

from fuzz.aave_v3.scene import AaveScene
from fuzz.aave_v3.verbs import new_e_mode, new_flag
from fuzz.people import delegate_of, manager_of


def supply_for_another(scene: AaveScene) -> Tx | None:
    who = scene.actor()
    assert who is not None
    symbol = scene.rng.choice(scene.open_reserves)
    amount = max(2, scene.amount(scene.raw_of_usd(symbol, 1, 100_000)))
    return scene.world.supply(who, symbol, amount, on_behalf_of=scene.other(who))


def approve_delegation(scene: AaveScene) -> Tx | None:
    """Logs at a debt token that move no debt."""
    who = scene.actor()
    assert who is not None
    token = scene.sight.reserves[scene.rng.choice(scene.open_reserves)].debt_token
    signature = "approveDelegation(address,uint256)"
    return scene.world.tx(who, token, signature, delegate_of(who), MAX)


def borrow_on_credit(scene: AaveScene) -> Tx | None:
    """The debt is one's, the money another's."""

    def lends(who: Address) -> list[str]:
        return [s for s in scene.borrowable(who) if s in scene.early_reserves]

    def fits(who: Address) -> bool:
        return scene[who].data.available_borrows_e8 > 10**8 and bool(lends(who))

    who = scene.actor(fits)
    if who is None:
        return None
    symbol = scene.rng.choice(lends(who))
    room = scene.raw(symbol, scene[who].data.available_borrows_e8 * 0.98)
    amount = max(1, scene.amount(min(room, scene.sight.reserves[symbol].cash_raw)))
    signature = "borrow(address,uint256,uint256,uint16,address)"
    args = (scene.world.token(symbol), amount, VARIABLE_RATE, NO_REFERRAL, who)
    return scene.world.tx(delegate_of(who), scene.world.addresses.pool, signature, *args)


def transfer_from(scene: AaveScene) -> Tx | None:
    def movable(who: Address) -> list[str]:
        early = scene.early_reserves
        return [s for s in scene.supplied(who) if s in early and scene.free_raw(who, s)]

    who = scene.actor(lambda who: bool(movable(who)))
    if who is None:
        return None
    symbol = scene.rng.choice(movable(who))
    token = scene.sight.reserves[symbol].supply_token
    args = (who, scene.other(who), scene.amount(scene.free_raw(who, symbol)))
    signature = "transferFrom(address,address,uint256)"
    return scene.world.tx(delegate_of(who), token, signature, *args)


def position_manager(scene: AaveScene) -> Tx | None:
    """Appointed, dismissed, or resigned."""
    managed_one = scene.actor(lambda who: scene[who].has_manager)
    if managed_one is None or scene.rng.random() < 0.6:
        who = scene.actor()
        assert who is not None
        return appointment(scene, who)
    if scene.rng.random() < 0.5:
        return appointment(scene, managed_one, is_on=False)
    signature = "renouncePositionManagerRole(address)"
    pool = scene.world.addresses.pool
    return scene.world.tx(manager_of(managed_one), pool, signature, managed_one)


def appointment(scene: AaveScene, who: Address, *, is_on: bool = True) -> Tx:
    signature = "approvePositionManager(address,bool)"
    return scene.world.tx(who, scene.world.addresses.pool, signature, manager_of(who), is_on)


def managed(scene: AaveScene) -> Tx | None:
    """A manager changes a flag or the category of somebody who appointed it."""
    managed_by_now = [who for who in scene.actors if scene[who].has_manager]
    for who in scene.rng.sample(managed_by_now, len(managed_by_now)):
        if tx := _managed(scene.acting(who), who):
            return tx
    return None


def _managed(scene: AaveScene, who: Address) -> Tx | None:
    pool, world = scene.world.addresses.pool, scene.world
    flag, mode = new_flag(scene), new_e_mode(scene)
    if mode and (not flag or scene.rng.random() < 0.5):
        signature = "setUserEModeOnBehalfOf(uint8,address)"
        return world.tx(manager_of(who), pool, signature, mode[1], who)
    if not flag:
        return None
    signature = "setUserUseReserveAsCollateralOnBehalfOf(address,bool,address)"
    args = (world.token(flag[1]), flag[2], who)
    return world.tx(manager_of(who), pool, signature, *args)
