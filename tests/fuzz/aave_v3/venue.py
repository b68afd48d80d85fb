"""A market of Aave V3 as a venue."""

import random
from collections.abc import Mapping
from dataclasses import replace

from devnet import Address, Block, World
from devnet.chain import MULTICALL3

from fuzz.aave_v3 import groundwork, sources
from fuzz.aave_v3.catalogue import VERBS
from fuzz.aave_v3.facts import MonitorFacts
from fuzz.aave_v3.props import Props
from fuzz.aave_v3.scene import AaveScene
from fuzz.aave_v3.sight import AaveSight, Viewer
from fuzz.aave_v3.stances import appoint, new_rates, open_positions
from fuzz.facts import Facts
from fuzz.people import TREASURY, UMBRELLA, actors
from fuzz.scene import Scene
from fuzz.script import Act
from fuzz.verb import bound
from monitor.core.ledger import LedgerView
from monitor.core.sources import EventSource
from monitor.core.units import Address as MonitorAddress
from monitor.core.units import MarketId
from monitor.library import abi_library
from monitor.protocols.registry import PROTOCOLS, MarketPlan, ProtocolMarket

HOLDERS = (*actors(), TREASURY, UMBRELLA, MULTICALL3)
"""Everybody who can come to hold something. Bundles hold in the name of the Multicall3."""


class AaveVenue:
    """`world` is a view of the chain for this market; its verbs' names begin with `prefix`."""

    def __init__(self, name: str, prefix: str, world: World, props: Props) -> None:
        self.name = name
        self.prefix = prefix
        self.world = world
        self.props = props
        self.holders = HOLDERS
        self.verbs = tuple(bound(verb, prefix, self.enter) for verb in VERBS)
        self._viewer = Viewer(world, props, HOLDERS)
        self._told = MonitorFacts(self._market(), HOLDERS)

    @property
    def names(self) -> Mapping[Address, str]:
        at, props = self.world.addresses, self.props
        told = {
            **{at.pool: "Pool", at.configurator: "PoolConfigurator"},
            **{at.addresses_provider: "AddressesProvider"},
            **{oracle: f"Oracle-{number}" for number, oracle in enumerate(props.oracles)},
            **{props.broken_source: "broken-source", props.pool_code: "pool-code"},
            **{code: f"{side}-token-code" for side, code in props.token_codes.items()},
        }
        for before, book in (
            ("a", at.atokens),
            ("debt-", at.debt_tokens),
            ("fixed-source-of-", props.fixed_sources),
        ):
            told |= {address: f"{before}{symbol}" for symbol, address in book.items()}
        return {address: f"{self.prefix}{name}" for address, name in told.items()}

    async def open(self, rng: random.Random, symbols: tuple[str, ...]) -> None:
        """The positions that the play begins with; of these assets there are lenders."""
        # A rate without debt: the debt index then compounds in views, but is not stored.
        first = (*appoint(self.world), new_rates(self.world, "wstETH", 100, 0))
        await open_positions(self.world, rng, symbols, first)

    async def see(self, block: Block) -> AaveSight:
        return await self._viewer.see(block)

    def told(self, view: LedgerView, at_unix: int) -> Facts:
        return self._told.at(view, at_unix)

    def sources(self) -> tuple[EventSource, ...]:
        return (self._market(),)

    def _market(self) -> ProtocolMarket:
        entry = MonitorAddress(self.world.addresses.addresses_provider)
        return PROTOCOLS["aave_v3"](MarketPlan(MarketId(self.name), entry, 0), abi_library)

    def enter(self, scene: Scene) -> AaveScene:
        sight = scene.sight.parts[self.name]
        assert isinstance(sight, AaveSight)
        return AaveScene(scene, self.world, self.props, sight)

    def light(self, scene: Scene) -> Act | None:
        return Act(self.prefix + groundwork.PRICE_SOURCE, sources.light(self.enter(scene)))

    def repair(self, scene: Scene) -> Act | None:
        act = groundwork.repair(self.enter(scene))
        return replace(act, verb=self.prefix + act.verb) if act else None
