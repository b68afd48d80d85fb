"""The ways to liquidate on Morpho: any amount, told as collateral or as shares of the debt."""

from collections.abc import Callable

from devnet import Address, Tx

from fuzz import dice
from fuzz.morpho_blue.scene import ORACLE_SCALE, WAD, MorphoScene

Fits = Callable[[MorphoScene, Address, str], bool]
LARGEST_INCENTIVE = 1.15


def is_any(scene: MorphoScene, who: Address, market: str) -> bool:
    return scene.held(who, market).collateral_raw > 0


def has_price(scene: MorphoScene, who: Address, market: str) -> bool:
    return is_any(scene, who, market) and bool(scene[market].price_e36)


def is_hopeless(scene: MorphoScene, who: Address, market: str) -> bool:
    """All its collateral pays for less than it owes."""
    return is_any(scene, who, market) and _payable_raw(scene, who, market) < 0.99 * scene.owed_raw(
        who, market
    )


def by_collateral(scene: MorphoScene) -> Tx | None:
    victim = _victim(scene, is_any)
    if victim is None:
        return None
    who, market = victim
    held, owed = scene.held(who, market).collateral_raw, scene.owed_raw(who, market)
    payable = _payable_raw(scene, who, market)
    most = held if payable <= owed else int(held * owed / payable * 0.999)
    seized = max(1, dice.amount(scene.rng, most))
    return _seize(scene, who, market, seized)


def by_shares(scene: MorphoScene) -> Tx | None:
    victim = _victim(scene, has_price)
    if victim is None:
        return None
    who, market = victim
    shares, owed = scene.held(who, market).borrow_shares, scene.owed_raw(who, market)
    payable = _payable_raw(scene, who, market)
    most = shares if payable >= owed else int(shares * payable / owed * 0.999)
    repaid = max(1, dice.amount(scene.rng, most))
    return scene.world.morpho.liquidate(scene.other(who), market, who, repaid_shares=repaid)


def into_bad_debt(scene: MorphoScene) -> Tx | None:
    """All collateral is taken, and the rest of the debt is the lenders' loss."""
    victim = _victim(scene, is_hopeless)
    if victim is None:
        return None
    who, market = victim
    return _seize(scene, who, market, scene.held(who, market).collateral_raw)


def but_for_a_wei(scene: MorphoScene) -> Tx | None:
    """All but one wei is taken: then the bad debt stays where it is."""
    victim = _victim(scene, is_hopeless)
    if victim is None:
        return None
    who, market = victim
    return _seize(scene, who, market, max(1, scene.held(who, market).collateral_raw - 1))


def _seize(scene: MorphoScene, who: Address, market: str, seized_raw: int) -> Tx:
    liquidator = scene.other(who)
    return scene.world.morpho.liquidate(liquidator, market, who, seized_raw=seized_raw)


def _payable_raw(scene: MorphoScene, who: Address, market: str) -> float:
    """Of a debt, by all the collateral there is."""
    pair = scene[market]
    worth = scene.held(who, market).collateral_raw * (pair.price_e36 or 0) / ORACLE_SCALE
    incentive = min(LARGEST_INCENTIVE, 1 / (1 - 0.3 * (1 - pair.params.lltv_wad / WAD)))
    return worth / incentive


def _victim(scene: MorphoScene, fits: Fits) -> tuple[Address, str] | None:
    """Somebody who can be liquidated, with a price to do it at."""
    ready = [
        (who, market)
        for market in scene.markets
        for who, verdict in scene[market].is_liquidatable.items()
        if verdict and scene[market].price_e36 is not None and fits(scene, who, market)
    ]
    return scene.rng.choice(ready) if ready else None
