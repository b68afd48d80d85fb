"""Reserves that come and go, and contracts that get other code."""

from devnet import ADMIN, Tx, pool_upgrade, token_upgrade
from devnet.listing import Side

from fuzz.aave_v3.governance import NEW_CATEGORIES
from fuzz.aave_v3.props import IDLE
from fuzz.aave_v3.scene import AaveScene


def list_reserve(scene: AaveScene) -> Tx | None:
    """With its price source and all terms, in one transaction."""
    missing = [
        symbol
        for symbol in scene.props.listings
        if symbol not in scene.sight.reserves and symbol != IDLE
    ]
    return scene.props.listings[scene.rng.choice(missing)] if missing else None


def idle_reserve(scene: AaveScene) -> Tx | None:
    """All that may be done only to a reserve without suppliers, and its end and return."""
    world, rng = scene.world, scene.rng
    reserve = scene.sight.reserves.get(IDLE)
    if reserve is None:
        return scene.props.listings[IDLE]
    asset, is_active = world.token(IDLE), bool(reserve.terms["is_active"])
    number, is_on = rng.choice(list(NEW_CATEGORIES)), rng.random() < 0.7
    changes: list[tuple[str, *tuple[object, ...]]] = [
        ("dropReserve(address)",),
        ("dropReserve(address)",),
        ("setReserveActive(address,bool)", not is_active),
        ("setDebtCeiling(address,uint256)", rng.choice([0, 1_000_000])),
        # The bits stay when the reserve goes, and are those of the next one in its place.
        ("setAssetCollateralInEMode(address,uint8,bool)", number, is_on),
        ("setAssetBorrowableInEMode(address,uint8,bool)", number, is_on),
        ("setSiloedBorrowing(address,bool)", rng.random() < 0.5),
        ("setReserveBorrowing(address,bool)", rng.random() < 0.5),
        ("configureReserveAsCollateral(address,uint256,uint256,uint256)", 0, 0, 0),
        ("configureReserveAsCollateral(address,uint256,uint256,uint256)", 4_000, 6_000, 10_900),
    ]
    signature, *args = rng.choice(changes)
    return world.tx(ADMIN, world.addresses.configurator, signature, asset, *args)


def upgrade(scene: AaveScene) -> Tx | None:
    """The same code at another address, behind a token or behind the pool."""
    if scene.rng.random() < 0.25 and scene.props.pool_code:
        return pool_upgrade(scene.world, scene.props.pool_code)
    side: Side = scene.rng.choice(("supply", "debt"))
    symbol = scene.rng.choice(list(scene.sight.reserves))
    return token_upgrade(scene.world, symbol, side, scene.props.token_codes[side])
