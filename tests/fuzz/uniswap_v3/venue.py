"""The world's Uniswap pools as a venue."""

from collections.abc import Mapping

from devnet import Address, Block, World

from fuzz.facts import Facts
from fuzz.scene import Scene
from fuzz.script import Act
from fuzz.uniswap_v3.scene import UniswapScene
from fuzz.uniswap_v3.sight import PoolsSight, Viewer, told
from fuzz.uniswap_v3.verbs import liquidity, trade
from fuzz.verb import Verb, bound
from monitor.core.ledger import LedgerView
from monitor.core.sources import EventSource
from monitor.core.units import Address as MonitorAddress
from monitor.library import abi_library
from monitor.liquidity.source import PoolSource
from monitor.liquidity.uniswap_v3 import UniswapV3Pool

VERBS: tuple[Verb[UniswapScene], ...] = (Verb("trade", 6, trade), Verb("liquidity", 6, liquidity))


class UniswapVenue:
    """`provider`: the contract that adds and removes liquidity."""

    def __init__(self, world: World, provider: Address) -> None:
        self.name = "uniswap"
        self.world = world
        self.provider = provider
        self.holders: tuple[Address, ...] = ()
        self.verbs = tuple(bound(verb, "", self.enter) for verb in VERBS)
        self._viewer = Viewer(world, provider)

    @property
    def names(self) -> Mapping[Address, str]:
        at = self.world.addresses
        pools = {address: f"pool-{name}" for name, address in at.pools.items()}
        return {**pools, at.router: "Router", self.provider: "LiquidityProvider"}

    async def see(self, block: Block) -> PoolsSight:
        return await self._viewer.see(block)

    def told(self, view: LedgerView, at_unix: int) -> Facts:
        return told(view, self.world.addresses.pools)

    def sources(self) -> tuple[EventSource, ...]:
        abi = abi_library("uniswap_v3/UniswapV3Pool")
        pools = self.world.addresses.pools.values()
        return tuple(PoolSource(UniswapV3Pool(MonitorAddress(pool), abi)) for pool in pools)

    def enter(self, scene: Scene) -> UniswapScene:
        sight = scene.sight.parts[self.name]
        assert isinstance(sight, PoolsSight)
        return UniswapScene(scene, self.world, self.provider, sight)

    def light(self, scene: Scene) -> Act | None:
        return None

    def repair(self, scene: Scene) -> Act | None:
        return None
