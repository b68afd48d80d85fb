"""What makes a verb of Morpho possible while it is not."""

from collections.abc import Callable

from devnet import Address, Tx

from fuzz.morpho_blue import vault, verbs, weather
from fuzz.morpho_blue.liquidations import Fits
from fuzz.morpho_blue.scene import MorphoScene
from fuzz.script import Act

SUPPLY_COLLATERAL, BORROW, REPAY = "supply-collateral", "borrow", "repay"
SUPPLY, PRICE, AUTHORIZE, VAULT_DEPOSIT = "supply", "price", "authorize", "vault-deposit"
PLEDGED_USD = (500, 50_000)

Step = Callable[[MorphoScene], Act | None]


def against(fits: Fits) -> Step:
    """A price at which somebody can be liquidated in the wanted way."""

    def ruin(scene: MorphoScene) -> Act | None:
        return _act(PRICE, weather.against(scene, fits))

    return ruin


def repair(scene: MorphoScene) -> Act | None:
    """Bring somebody into solvent debt: out of trouble, or towards its first debt."""
    scene = scene.acting(None)
    ruined = [
        (who, market)
        for market in scene.markets
        for who, verdict in scene[market].is_liquidatable.items()
        if verdict and scene.owed_raw(who, market) > 1 and who in scene.actors
    ]
    idle = [who for who in scene.actors if not _owes(scene, who)]
    if ruined and (not idle or scene.rng.random() < 0.5):
        who, market = scene.rng.choice(ruined)
        return Act(REPAY, verbs.repayment(scene, who, who, market))
    if not idle:
        return None
    scene = scene.acting(scene.rng.choice(idle))
    return _act(BORROW, verbs.borrow(scene)) or pledge(scene)


def pledge(scene: MorphoScene) -> Act | None:
    """Collateral to borrow on."""
    who = scene.stage.who or scene.rng.choice(scene.actors)
    market = scene.rng.choice(scene.markets)
    raw = scene.collateral_raw_of_usd(market, *PLEDGED_USD)
    return Act(SUPPLY_COLLATERAL, scene.world.morpho.supply_collateral(who, market, raw))


def trust(scene: MorphoScene) -> Act | None:
    return _act(AUTHORIZE, verbs.authorize(scene))


def lend(scene: MorphoScene) -> Act | None:
    return _act(SUPPLY, verbs.supply(scene))


def fill_vault(scene: MorphoScene) -> Act | None:
    return _act(VAULT_DEPOSIT, vault.deposit(scene))


def _owes(scene: MorphoScene, who: Address) -> bool:
    return any(scene.held(who, market).borrow_shares for market in scene.sight.pairs)


def _act(verb: str, tx: Tx | None) -> Act | None:
    return Act(verb, tx) if tx else None
