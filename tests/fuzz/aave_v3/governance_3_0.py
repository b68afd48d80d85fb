"""What those who run a market of Aave 3.0.2 do, where that differs."""

from devnet import ADMIN, ZERO_ADDRESS, Tx
from devnet.chain import MULTICALL3

from fuzz.aave_v3.governance import LABELS, used
from fuzz.aave_v3.props import IDLE
from fuzz.aave_v3.scene import AaveScene
from fuzz.bundling import bundled

NEW_CATEGORY, NEW_TERMS = 3, (8_600, 8_900, 10_400)
"""What the play adds: (LTV, threshold, bonus) in bps."""
E_MODE = "setEModeCategory(uint8,uint16,uint16,uint16,address,string)"
MEMBER = "setAssetEModeCategory(address,uint8)"
COLLATERAL = "configureReserveAsCollateral(address,uint256,uint256,uint256)"


def rates(scene: AaveScene) -> Tx | None:
    """Another curve; nothing accrues before it."""
    signature = "setReserveInterestRateStrategyAddress(address,address)"
    asset = scene.world.token(scene.rng.choice(used(scene)))
    return _set(scene, signature, asset, scene.rng.choice(scene.props.strategies))


def flash_premium(scene: AaveScene) -> Tx | None:
    """All of it, or the treasury's share: the rest raises the suppliers' index."""
    if scene.rng.random() < 0.5:
        bps = scene.rng.choice([0, 3_000, 10_000])
        return _set(scene, "updateFlashloanPremiumToProtocol(uint128)", bps)
    return _set(scene, "updateFlashloanPremiumTotal(uint128)", scene.rng.choice([0, 1, 9, 250]))


def bridge_fee(scene: AaveScene) -> Tx | None:
    return _set(scene, "updateBridgeProtocolFee(uint256)", scene.rng.choice([0, 2_000, 10_000]))


def e_mode_terms(scene: AaveScene) -> Tx | None:
    """A category's own terms and its price source; the play adds one."""
    rng = scene.rng
    if rng.random() < 0.4:
        number = rng.choice([1, 2])
        seen = scene.sight.categories[number]
        threshold = seen.threshold_bps + rng.choice([-10, 0, 5])
        terms, source = (seen.ltv_bps, threshold, seen.bonus_bps), seen.price_source
        return _set(scene, E_MODE, number, *terms, source, rng.choice(LABELS))
    source = rng.choice([ZERO_ADDRESS, ZERO_ADDRESS, scene.world.token("USDC")])
    ltv, threshold, bonus = NEW_TERMS
    step = rng.randint(-50, 50)
    return _set(scene, E_MODE, NEW_CATEGORY, ltv, threshold + step, bonus, source, "new")


def e_mode_lists(scene: AaveScene) -> Tx | None:
    """An asset belongs to one category, or to none."""
    symbol = scene.rng.choice(used(scene))
    numbers = [0, *(n for n, seen in scene.sight.categories.items() if seen.threshold_bps)]
    return _set(scene, MEMBER, scene.world.token(symbol), scene.rng.choice(numbers))


def halt(scene: AaveScene) -> Tx | None:
    """A reserve is frozen until the next halt."""
    frozen = [s for s in used(scene) if scene.sight.reserves[s].terms["is_frozen"]]
    asset = scene.world.token(scene.rng.choice(frozen or used(scene)))
    return _set(scene, "setReserveFreeze(address,bool)", asset, not frozen)


def pause(scene: AaveScene) -> Tx | None:
    """A reserve until the next pause; or all of them, and open again."""
    paused = [s for s in used(scene) if scene.sight.reserves[s].terms["is_paused"]]
    if paused or scene.rng.random() < 0.5:
        asset = scene.world.token(scene.rng.choice(paused or used(scene)))
        return _set(scene, "setReservePause(address,bool)", asset, not paused)
    configurator, everything = scene.world.addresses.configurator, "setPoolPause(bool)"
    off_and_on = [
        scene.world.tx(MULTICALL3, configurator, everything, is_on) for is_on in (True, False)
    ]
    return bundled(scene.world, ADMIN, off_and_on)


def ltv_zero(scene: AaveScene) -> Tx | None:
    """An asset secures what it secured, but nothing new, until the next time."""
    zeroed = [s for s in used(scene) if not scene.sight.reserves[s].terms["ltv_bps"]]
    symbol = scene.rng.choice(zeroed or used(scene))
    seen, first = scene.sight.reserves[symbol].terms, scene.world.terms.asset(symbol)
    terms = (seen["liquidation_threshold_bps"], seen["liquidation_bonus_bps"])
    ltv = min(first.ltv_bps, terms[0]) if zeroed else 0
    return _set(scene, COLLATERAL, scene.world.token(symbol), ltv, *terms)


def idle_reserve(scene: AaveScene) -> Tx | None:
    """All that may be done only to a reserve without suppliers, and its end and return."""
    world, rng = scene.world, scene.rng
    reserve = scene.sight.reserves.get(IDLE)
    if reserve is None:
        return scene.props.listings[IDLE]
    asset, is_active = world.token(IDLE), bool(reserve.terms["is_active"])
    changes: list[tuple[str, *tuple[object, ...]]] = [
        ("dropReserve(address)",),
        ("dropReserve(address)",),
        ("setReserveActive(address,bool)", not is_active),
        ("setDebtCeiling(address,uint256)", rng.choice([0, 1_000_000])),
        (MEMBER, rng.choice([0, 1])),
        ("setSiloedBorrowing(address,bool)", rng.random() < 0.5),
        ("setReserveBorrowing(address,bool)", rng.random() < 0.5),
        (COLLATERAL, 0, 0, 0),
        (COLLATERAL, 4_000, 6_000, 10_900),
    ]
    signature, *args = rng.choice(changes)
    return world.tx(ADMIN, world.addresses.configurator, signature, asset, *args)


def _set(scene: AaveScene, signature: str, *args: object) -> Tx:
    return scene.world.tx(ADMIN, scene.world.addresses.configurator, signature, *args)
