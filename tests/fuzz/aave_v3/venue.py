"""A market of Aave V3 as a venue."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from devnet import ADMIN, Address, Block, Tx, World
from devnet.chain import MULTICALL3

from fuzz.aave_v3 import groundwork, sources
from fuzz.aave_v3.catalogue import VERBS
from fuzz.aave_v3.catalogue_3_0 import VERBS as FORMER_VERBS
from fuzz.aave_v3.facts import MonitorFacts
from fuzz.aave_v3.props import Props
from fuzz.aave_v3.scene import AaveScene
from fuzz.aave_v3.sight import AaveSight
from fuzz.aave_v3.stances import appoint, new_rates, open_positions
from fuzz.aave_v3.viewer import Viewer
from fuzz.aave_v3.viewer_3_0 import FormerViewer
from fuzz.facts import Facts
from fuzz.people import TREASURY, UMBRELLA, actors
from fuzz.scene import Scene
from fuzz.script import Act
from fuzz.verb import Verb, bound
from monitor.core.ledger import LedgerView
from monitor.core.sources import EventSource
from monitor.core.units import Address as MonitorAddress
from monitor.core.units import MarketId
from monitor.library import abi_library
from monitor.protocols.registry import PROTOCOLS, MarketPlan, ProtocolMarket

HOLDERS = (*actors(), TREASURY, UMBRELLA, MULTICALL3)
"""Everybody who can come to hold something. Bundles hold in the name of the Multicall3."""


@dataclass(frozen=True, slots=True)
class Edition:
    """What differs by version. Verbs' names begin with `prefix`."""

    market: str
    prefix: str
    verbs: tuple[Verb[AaveScene], ...]
    viewer: type[Viewer]
    start: Callable[[World], Iterable[Tx]]
    """What its owners do before anybody comes."""


def _appointed(world: World) -> Iterator[Tx]:
    yield from appoint(world)
    # A rate without debt: the debt index then compounds in views, but is not stored.
    yield new_rates(world, "wstETH", 100, 0)


def _bridged(world: World) -> Iterator[Tx]:
    yield from appoint(world)
    roles = world.addresses.acl_manager
    for role in ("addBridge(address)", "addEmergencyAdmin(address)"):
        yield world.tx(ADMIN, roles, role, MULTICALL3)


V3_6 = Edition("aave-core", "", VERBS, Viewer, _appointed)
V3_0 = Edition("aave-3-0-2", "3.0.2 ", FORMER_VERBS, FormerViewer, _bridged)


class AaveVenue:
    """`world` is a view of the chain for this market."""

    def __init__(self, edition: Edition, world: World, props: Props) -> None:
        self.name = edition.market
        self.prefix = edition.prefix
        self.world = world
        self.props = props
        self.holders = HOLDERS
        self.verbs = tuple(bound(verb, self.prefix, self.enter) for verb in edition.verbs)
        self._edition = edition
        self._viewer = edition.viewer(world, props, HOLDERS)
        self._told = MonitorFacts(self._market(), HOLDERS)

    @property
    def names(self) -> Mapping[Address, str]:
        at, props = self.world.addresses, self.props
        told = {
            **{at.pool: "Pool", at.configurator: "PoolConfigurator"},
            **{at.addresses_provider: "AddressesProvider"},
            **{oracle: f"Oracle-{number}" for number, oracle in enumerate(props.oracles)},
            **({props.pool_code: "pool-code"} if props.pool_code else {}),
            props.broken_source: "broken-source",
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
        await open_positions(self.world, rng, symbols, tuple(self._edition.start(self.world)))

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
