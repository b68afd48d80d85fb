"""What those who run the market do: its risk parameters, and its bad debts."""

from devnet import ADMIN, Tx
from devnet.chain import MULTICALL3

from fuzz.aave_v3.props import IDLE
from fuzz.aave_v3.scene import AaveScene
from fuzz.aave_v3.stances import new_rates
from fuzz.bundling import bundled
from fuzz.people import UMBRELLA

NEW_CATEGORIES = {2: (9_000, 9_300, 10_200), 3: (8_600, 8_900, 10_400)}
"""(LTV, threshold, bonus) in bps of e-mode categories that the play adds."""
LABELS = ("stable", "", "Stablecoins, and what should be", "ETH καὶ ἄλλα")


def reserve_factor(scene: AaveScene) -> Tx | None:
    """What has accrued so far is shared by the old factor: most often of a reserve in debt."""
    reserves, rng = scene.sight.reserves, scene.rng
    owing = [symbol for symbol, reserve in reserves.items() if reserve.debt_scaled]
    symbol = rng.choice(owing or list(reserves))
    factor = rng.choice([0, 1, rng.randint(0, 5_000), 5_000])
    return _set(scene, "setReserveFactor(address,uint256)", scene.world.token(symbol), factor)


def risk_parameters(scene: AaveScene) -> Tx | None:
    """One term of one reserve, moved a little."""
    rng, world = scene.rng, scene.world
    symbol = rng.choice(used(scene))
    asset, terms = world.token(symbol), world.terms.asset(symbol)
    threshold = terms.threshold_bps + rng.randint(-50, 50)
    bonus = terms.bonus_bps + rng.randint(-40, 40)
    collateral = (terms.ltv_bps, threshold, bonus)
    changes: list[tuple[str, *tuple[object, ...]]] = [
        ("setLiquidationProtocolFee(address,uint256)", rng.randint(0, 3_000)),
        ("configureReserveAsCollateral(address,uint256,uint256,uint256)", *collateral),
        ("setReserveFlashLoaning(address,bool)", True),
        ("setBorrowableInIsolation(address,bool)", rng.random() < 0.5),
    ]
    signature, *args = rng.choice(changes)
    return _set(scene, signature, asset, *args)


def rates(scene: AaveScene) -> Tx | None:
    rng = scene.rng
    return new_rates(scene.world, rng.choice(used(scene)), rng.randint(0, 100), rng.randint(0, 200))


def caps(scene: AaveScene) -> Tx | None:
    """Out of reach, none at all, or now and then below what is there already."""
    rng = scene.rng
    cap = rng.choice([0, 1, rng.randint(10**9, 10**10), rng.randint(10**9, 10**10)])
    signature = rng.choice(["setSupplyCap(address,uint256)", "setBorrowCap(address,uint256)"])
    symbol = rng.choice(used(scene))
    if cap == 1:
        down_and_up = [_call(scene, signature, symbol, value) for value in (1, 0)]
        return bundled(scene.world, ADMIN, down_and_up)
    return _set(scene, signature, scene.world.token(symbol), cap)


def flash_premium(scene: AaveScene) -> Tx | None:
    return _set(scene, "updateFlashloanPremium(uint128)", scene.rng.choice([0, 1, 5, 9, 250]))


def e_mode_terms(scene: AaveScene) -> Tx | None:
    """A category's own terms and its label; the play adds two categories."""
    rng, world = scene.rng, scene.world
    signature = "setEModeCategory(uint8,uint16,uint16,uint16,string)"
    if rng.random() < 0.3:
        first = world.terms.e_modes[0]
        threshold = first.threshold_bps + rng.randint(-25, 25)
        args = (first.category, first.ltv_bps, threshold, first.bonus_bps, rng.choice(LABELS))
        return _set(scene, signature, *args)
    number = rng.choice(list(NEW_CATEGORIES))
    ltv, threshold, bonus = NEW_CATEGORIES[number]
    step = rng.randint(-50, 50)
    return _set(scene, signature, number, ltv, threshold + step, bonus, rng.choice(LABELS))


def e_mode_lists(scene: AaveScene) -> Tx | None:
    """An asset is put on a category's lists, or taken off them."""
    rng = scene.rng
    number, symbol = rng.choice(list(NEW_CATEGORIES)), rng.choice(used(scene))
    asset, category = scene.world.token(symbol), scene.sight.categories[number]
    bit = 1 << scene.sight.reserves[symbol].ordinal
    roll = rng.random()
    if category.collateral & bit and roll < 0.4:
        signature = "setAssetLtvzeroInEMode(address,uint8,bool)"
        return _set(scene, signature, asset, number, not category.ltv_zero & bit)
    if roll < 0.7:
        signature = "setAssetCollateralInEMode(address,uint8,bool)"
        return _set(scene, signature, asset, number, not category.collateral & bit)
    signature = "setAssetBorrowableInEMode(address,uint8,bool)"
    return _set(scene, signature, asset, number, not category.borrowable & bit)


def halt(scene: AaveScene) -> Tx | None:
    """A reserve is frozen until the next halt; or paused and opened again, with a grace period."""
    rng, world = scene.rng, scene.world
    frozen = _with(scene, "is_frozen")
    symbol = rng.choice(frozen or used(scene))
    if frozen:
        thaw = [
            _call(scene, "setReserveFreeze(address,bool)", symbol, False),
            _call(scene, "setReserveLtvzero(address,bool)", symbol, False),
            *(
                _call(scene, "setAssetLtvzeroInEMode(address,uint8,bool)", symbol, number, False)
                for number, category in scene.sight.categories.items()
                if category.ltv_zero >> scene.sight.reserves[symbol].ordinal & 1
            ),
        ]
        return bundled(world, ADMIN, thaw)
    if rng.random() < 0.4:
        return _set(scene, "setReserveFreeze(address,bool)", world.token(symbol), True)
    pause, grace = "setReservePause(address,bool,uint40)", rng.choice([0, 1, 30, 600])
    off_and_on = [_call(scene, pause, symbol, is_on, grace) for is_on in (True, False)]
    if rng.random() < 0.3:
        off_and_on.append(_call(scene, "disableLiquidationGracePeriod(address)", symbol))
    return bundled(world, ADMIN, off_and_on)


def pause(scene: AaveScene) -> Tx | None:
    """A reserve until the next pause; or all of them, and open again, with a grace period."""
    rng, world = scene.rng, scene.world
    paused = _with(scene, "is_paused")
    signature = "setReservePause(address,bool,uint40)"
    if paused:
        grace = rng.choice([0, 1, 600])
        return _set(scene, signature, world.token(rng.choice(paused)), False, grace)
    if rng.random() < 0.5:
        return _set(scene, signature, world.token(rng.choice(used(scene))), True, 0)
    configurator = world.addresses.configurator
    everything = "setPoolPause(bool,uint40)"
    off_and_on = [
        world.tx(MULTICALL3, configurator, everything, is_on, 60) for is_on in (True, False)
    ]
    return bundled(world, ADMIN, off_and_on)


def ltv_zero(scene: AaveScene) -> Tx | None:
    """An asset secures what it secured, but nothing new, until the next time."""
    zeroed = [
        symbol
        for symbol, reserve in scene.sight.reserves.items()
        if not (reserve.terms["ltv_bps"] or reserve.terms["is_frozen"] or symbol == IDLE)
    ]
    signature = "setReserveLtvzero(address,bool)"
    open_ones = [s for s in used(scene) if scene.sight.reserves[s].terms["ltv_bps"]]
    symbol = scene.rng.choice(zeroed or open_ones)
    if zeroed or scene.rng.random() < 0.4:
        return _set(scene, signature, scene.world.token(symbol), not zeroed)
    off_and_on = [_call(scene, signature, symbol, is_zero) for is_zero in (True, False)]
    return bundled(scene.world, ADMIN, off_and_on)


def borrowing_off(scene: AaveScene) -> Tx | None:
    """Until the next time."""
    shut = [s for s in used(scene) if not scene.sight.reserves[s].terms["is_borrowable"]]
    symbol = scene.rng.choice(shut or used(scene))
    return _set(scene, "setReserveBorrowing(address,bool)", scene.world.token(symbol), bool(shut))


def cover_deficit(scene: AaveScene) -> Tx | None:
    """The umbrella gives up aTokens for a bad debt."""
    held = scene[UMBRELLA].supplied
    short = [
        symbol
        for symbol, reserve in scene.sight.reserves.items()
        if reserve.deficit_raw and held[symbol] > 1
    ]
    if not short:
        return None
    symbol = scene.rng.choice(short)
    deficit = scene.sight.reserves[symbol].deficit_raw
    covered = min(deficit, held[symbol] * 9 // 10)
    amount = scene.rng.choice([scene.amount(covered), covered, 2 * deficit])
    signature = "eliminateReserveDeficit(address,uint256)"
    asset = scene.world.token(symbol)
    return scene.world.tx(UMBRELLA, scene.world.addresses.pool, signature, asset, amount)


def donate(scene: AaveScene) -> Tx | None:
    """Money given to an aToken without the pool: it is nobody's, and may be rescued."""
    rng, world = scene.rng, scene.world
    symbol = rng.choice(used(scene))
    asset, token = world.token(symbol), scene.sight.reserves[symbol].supply_token
    gift = world.tx(MULTICALL3, asset, "mint(address,uint256)", token, 1_000)
    stray = world.tx(MULTICALL3, asset, "mint(address,uint256)", world.addresses.pool, 1_000)
    signature = "rescueTokens(address,address,uint256)"
    rescue = world.tx(MULTICALL3, world.addresses.pool, signature, asset, UMBRELLA, 1_000)
    return bundled(world, ADMIN, [gift, stray, rescue])


def used(scene: AaveScene) -> list[str]:
    """All reserves but the idle one."""
    return [symbol for symbol in scene.sight.reserves if symbol != IDLE]


def _with(scene: AaveScene, term: str) -> list[str]:
    return [symbol for symbol in used(scene) if scene.sight.reserves[symbol].terms[term]]


def _set(scene: AaveScene, signature: str, *args: object) -> Tx:
    return scene.world.tx(ADMIN, scene.world.addresses.configurator, signature, *args)


def _call(scene: AaveScene, signature: str, symbol: str, *args: object) -> Tx:
    """The same, as a call in a bundle."""
    configurator, asset = scene.world.addresses.configurator, scene.world.token(symbol)
    return scene.world.tx(MULTICALL3, configurator, signature, asset, *args)
