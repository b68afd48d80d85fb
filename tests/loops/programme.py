"""What is played in a world: one loop to five decoys, drawn by the seed."""

from loops.decoy_items import DecoyItems
from loops.draws import WALLET_CHANCE, WALLETS, Draws, Item
from loops.loop_items import LoopItems
from loops.part import Home, Part
from loops.scene import Scene

DECOYS_PER_LOOP = 5


def draw(scene: Scene) -> tuple[list[Part], list[Part]]:
    """Who acts before the monitor begins, and who after that."""
    draws = Draws(scene)
    programme = LoopItems(draws)
    before, loops = programme.early(), programme.loops()
    # One of the early is a loop, one a decoy; and somebody builds two.
    count = DECOYS_PER_LOOP * (len(loops) + 2) - 1
    items = [*before, *loops, *DecoyItems(draws).decoys(count)]
    parts = [Part(item.title, item.play, (), homes=_housed(scene, item)) for item in items]
    return parts[: len(before)], parts[len(before) :]


def _housed(scene: Scene, item: Item) -> tuple[Home, ...]:
    """Who needs one account only may have a wallet instead of a key of their own."""
    if len(item.homes) > 1 or scene.rng.random() > WALLET_CHANCE:
        return item.homes
    return (Home(scene.rng.choice(WALLETS)),)
