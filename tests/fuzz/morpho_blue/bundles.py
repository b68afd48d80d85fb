"""Several actions in one transaction, and actions inside Morpho's callbacks: our actor's."""

from devnet import Tx
from devnet.morpho import callback

from fuzz.morpho_blue.scene import MorphoScene

LEAST_USD, MOST_USD = 10, 10_000


def bundle(scene: MorphoScene) -> Tx | None:
    """A whole life of a position, or the half of one."""
    market, morpho, rng = scene.rng.choice(scene.markets), scene.world.morpho, scene.rng
    who, raw = morpho.actor, scene.loan_raw_of_usd(market, LEAST_USD, MOST_USD)
    pledged = scene.collateral_raw_of_usd(market, LEAST_USD, MOST_USD)
    acts = [
        morpho.supply(who, market, raw),
        morpho.supply_collateral(who, market, pledged, on_behalf_of=scene.other(who)),
        morpho.accrue_interest(who, market),
        morpho.withdraw(who, market, raw // 2),
        *rng.choice(
            [
                (),
                (morpho.supply(who, market, raw // 3, on_behalf_of=scene.other(who)),),
                _pledge_and_back(scene, market, pledged),
            ]
        ),
    ]
    return morpho.bundle(rng.choice(scene.actors), *acts)


def _pledge_and_back(scene: MorphoScene, market: str, pledged: int) -> tuple[Tx, ...]:
    morpho, who = scene.world.morpho, scene.world.morpho.actor
    return (
        morpho.supply_collateral(who, market, pledged),
        morpho.withdraw_collateral(who, market, pledged // 2),
    )


def loop(scene: MorphoScene) -> Tx | None:
    """Collateral whose price is borrowed before it is there: in the callback."""
    market, morpho = scene.rng.choice(scene.markets), scene.world.morpho
    pair, who = scene[market], scene.world.morpho.actor
    pledged = scene.collateral_raw_of_usd(market, LEAST_USD, MOST_USD)
    worth = pledged * (pair.price_e36 or 0) // 10**36
    owed = int(worth * pair.params.lltv_wad / 10**18 * scene.rng.uniform(0.2, 0.9))
    if not 0 < owed <= pair.liquid_raw:
        return None
    borrowing = callback(morpho.borrow(who, market, owed))
    pledge = morpho.supply_collateral(who, market, pledged, data=borrowing)
    return morpho.bundle(scene.rng.choice(scene.actors), pledge)


def flash_loan(scene: MorphoScene) -> Tx | None:
    """What was lent for nothing is supplied and withdrawn while it is out."""
    market, morpho = scene.rng.choice(scene.markets), scene.world.morpho
    who, raw = morpho.actor, scene.loan_raw_of_usd(market, LEAST_USD, MOST_USD)
    inner = (morpho.supply(who, market, raw), morpho.withdraw(who, market, raw // 2))
    loan = scene[market].params.loan
    if scene[market].liquid_raw < raw:
        return None
    return morpho.bundle(scene.rng.choice(scene.actors), morpho.flash_loan(loan, raw, *inner))
