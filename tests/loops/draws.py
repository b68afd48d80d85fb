"""What loops and decoys are drawn of: pairs of assets on a market, amounts, accounts."""

import random
from dataclasses import dataclass

from loops.moves import Pair
from loops.part import CLONE, DS_PROXY, EOA, SAFE, SMART, Home, Play
from loops.places import Aave, Place
from loops.scene import Scene

LEAST_USD, MOST_USD = 400.0, 60_000.0
LEAST_HOP_USD = 2.0
MOST_HOPS = 12
STRANGERS = (Home(EOA, ("a",)), Home(EOA, ("b",)))
WALLETS = (SAFE, DS_PROXY, CLONE, SMART)
WALLET_CHANCE = 0.35


@dataclass(frozen=True)
class Item:
    """What may be drawn: what it is called, how it is played, whose accounts it takes."""

    title: str
    play: Play
    homes: tuple[Home, ...] = (Home(),)


class Draws:
    """Draws for a scene."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.rng: random.Random = scene.rng
        core, spark = scene.core, scene.spark
        self.aave = (core, spark)
        self._ether = Aave(core.market, core.view, 1), Aave(spark.market, spark.view, 1)
        self._stable = Aave(spark.market, spark.view, 2)

    def directional(self) -> Pair:
        scene, rng = self.scene, self.rng
        if rng.random() < 0.35:
            name = rng.choice(("WETH/USDC", "WBTC/USDC", "WETH/DAI"))
            return Pair(scene.blue(name), *name.split("/"))
        pairs = (
            ("WETH", "USDC"),
            ("WETH", "DAI"),
            ("WBTC", "USDC"),
            ("wstETH", "USDC"),
            ("USDC", "WETH"),
            ("WETH", "WBTC"),
            ("DAI", "WBTC"),
        )
        return Pair(rng.choice(self.aave), *rng.choice(pairs))

    def staked(self) -> Pair:
        places: list[Place] = [*self._ether, self.scene.blue("wstETH/WETH")]
        return Pair(self.rng.choice(places), "wstETH", "WETH")

    def stables(self) -> Pair:
        pair = self.rng.choice((("DAI", "USDC"), ("USDC", "DAI")))
        return Pair(self.rng.choice((*self.aave, self._stable)), *pair)

    def same(self) -> Pair:
        asset = self.rng.choice(("USDC", "WETH", "DAI", "WBTC"))
        return Pair(self.rng.choice(self.aave), asset, asset)

    def any(self) -> Pair:
        drawn = self.rng.choice((self.directional, self.staked, self.stables))
        return drawn()

    def usd(self, least: float = LEAST_USD) -> float:
        return float(least * (MOST_USD / least) ** self.rng.random())
