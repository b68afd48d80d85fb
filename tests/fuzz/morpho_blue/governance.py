"""What Morpho's owner does, and what anybody may: new markets."""

from devnet import Tx

from fuzz.morpho_blue.scene import WAD, MorphoScene
from fuzz.people import UMBRELLA

MOST_FEE_WAD = WAD // 4


def fee(scene: MorphoScene) -> Tx | None:
    """It accrues first."""
    market = scene.rng.choice(scene.markets)
    choice = [0, 1, MOST_FEE_WAD, scene.rng.randint(1, MOST_FEE_WAD)]
    could = [wad for wad in choice if wad != scene[market].stored.fee_wad]
    return scene.world.morpho.set_fee(market, scene.rng.choice(could))


def fee_recipient(scene: MorphoScene) -> Tx | None:
    """It accrues nothing: what has grown so far goes to the new one."""
    could = [UMBRELLA, *scene.actors]
    could = [who for who in could if who != scene.sight.fee_recipient]
    return scene.world.morpho.set_fee_recipient(scene.rng.choice(could))


def create_market(scene: MorphoScene) -> Tx | None:
    missing = [name for name in scene.props.latecomers if name not in scene.sight.pairs]
    if not missing:
        return None
    morpho = scene.world.morpho
    return morpho.create_market(scene.actors[0], morpho.params(scene.rng.choice(missing)))
