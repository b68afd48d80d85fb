"""What those who run the market do: its risk parameters, and its bad debts."""

from devnet import ADMIN, Tx
from devnet.chain import MULTICALL3

from fuzz.people import UMBRELLA, new_rates
from fuzz.scene import Scene
from fuzz.verbs import bundled

NEW_CATEGORY = 2


def reserve_factor(scene: Scene) -> Tx | None:
    """What has accrued so far is shared by the old factor: most often of a reserve in debt."""
    reserves, rng = scene.sight.reserves, scene.rng
    owing = [symbol for symbol, reserve in reserves.items() if reserve.debt_scaled]
    symbol = rng.choice(owing or list(reserves))
    factor = rng.choice([0, 1, rng.randint(0, 5_000), 5_000])
    signature = "setReserveFactor(address,uint256)"
    asset = scene.world.token(symbol)
    return scene.world.tx(ADMIN, scene.world.addresses.configurator, signature, asset, factor)


def risk_parameters(scene: Scene) -> Tx | None:
    """One term of one reserve or of an e-mode category, moved a little."""
    rng, world = scene.rng, scene.world
    configurator = world.addresses.configurator
    symbol = rng.choice(list(world.addresses.tokens))
    asset, terms = world.token(symbol), world.terms.asset(symbol)

    def tx(signature: str, *args: object) -> Tx:
        return world.tx(ADMIN, configurator, signature, *args)

    e_mode = world.terms.e_modes[0]
    threshold, step = terms.threshold_bps, rng.randint(-50, 50)
    return rng.choice(
        [
            tx("setLiquidationProtocolFee(address,uint256)", asset, rng.randint(0, 3_000)),
            tx("setSupplyCap(address,uint256)", asset, rng.randint(10**9, 10**10)),
            tx("setBorrowCap(address,uint256)", asset, rng.randint(10**9, 10**10)),
            new_rates(world, symbol, rng.randint(0, 100), rng.randint(0, 200)),
            tx(
                "configureReserveAsCollateral(address,uint256,uint256,uint256)",
                *(asset, terms.ltv_bps, threshold + step, terms.bonus_bps + rng.randint(-40, 40)),
            ),
            tx(
                "setEModeCategory(uint8,uint16,uint16,uint16,string)",
                *(e_mode.category, e_mode.ltv_bps, e_mode.threshold_bps + step // 2),
                *(e_mode.bonus_bps, e_mode.label),
            ),
            tx(
                "setEModeCategory(uint8,uint16,uint16,uint16,string)",
                *(NEW_CATEGORY, 9_000, 9_300 + step, 10_200, "stable"),
            ),
            tx(
                "setAssetCollateralInEMode(address,uint8,bool)",
                *(asset, NEW_CATEGORY, rng.random() < 0.6),
            ),
            tx(
                "setAssetBorrowableInEMode(address,uint8,bool)",
                *(asset, NEW_CATEGORY, rng.random() < 0.6),
            ),
        ]
    )


def halt(scene: Scene) -> Tx | None:
    """A reserve is frozen until the next halt; or paused and opened again, with a grace period."""
    rng, world = scene.rng, scene.world
    reserves = scene.sight.reserves
    frozen = [symbol for symbol, reserve in reserves.items() if reserve.terms["is_frozen"]]
    symbol = rng.choice(frozen or list(reserves))
    asset, configurator = world.token(symbol), world.addresses.configurator

    def call(signature: str, *args: object) -> Tx:
        return world.tx(MULTICALL3, configurator, signature, asset, *args)

    if frozen:
        thaw = [
            call("setReserveFreeze(address,bool)", False),
            call("setReserveLtvzero(address,bool)", False),
            *(
                call("setAssetLtvzeroInEMode(address,uint8,bool)", number, False)
                for number, category in scene.sight.categories.items()
                if category.ltv_zero >> reserves[symbol].ordinal & 1
            ),
        ]
        return bundled(scene, ADMIN, thaw)
    if rng.random() < 0.4:
        return bundled(scene, ADMIN, [call("setReserveFreeze(address,bool)", True)])
    pause = "setReservePause(address,bool,uint40)"
    off_and_on = [
        *(call(pause, True, 0), call(pause, False, rng.choice([0, 1, 30, 600]))),
        *(call("setReserveBorrowing(address,bool)", is_on) for is_on in (False, True)),
    ]
    if rng.random() < 0.3:
        off_and_on.append(call("disableLiquidationGracePeriod(address)"))
    return bundled(scene, ADMIN, off_and_on)


def cover_deficit(scene: Scene) -> Tx | None:
    """The umbrella gives up aTokens for a bad debt."""
    short = [symbol for symbol, reserve in scene.sight.reserves.items() if reserve.deficit_raw]
    if not short:
        return None
    symbol = scene.rng.choice(short)
    deficit = scene.sight.reserves[symbol].deficit_raw
    covered = min(deficit, scene[UMBRELLA].supplied[symbol] * 9 // 10)
    amount = scene.rng.choice([scene.amount(covered), covered, 2 * deficit])
    signature = "eliminateReserveDeficit(address,uint256)"
    asset = scene.world.token(symbol)
    return scene.world.tx(UMBRELLA, scene.world.addresses.pool, signature, asset, amount)
