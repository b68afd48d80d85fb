"""The venues of a world, and everybody who acts there."""

import random
from collections.abc import Iterator, Sequence

from devnet import MAX, USD, Address, Block, Deployer, Tx, View, WideWorld, World

from fuzz.aave_v3.props import IDLE, LATECOMERS, make_props, prepare_latecomers
from fuzz.aave_v3.props_3_0 import make_props as props_3_0
from fuzz.aave_v3.stances import raw_of
from fuzz.aave_v3.venue import V3_0, V3_6, AaveVenue
from fuzz.facts import Facts
from fuzz.morpho_blue.props import make_props as morpho_props
from fuzz.morpho_blue.venue import MorphoVenue
from fuzz.people import FLASH_OWNER, RETURNS_TRUE, UMBRELLA, actors, flash_receiver, in_parts
from fuzz.scene import Foresight, Scene
from fuzz.sight import Sight
from fuzz.uniswap_v3.venue import UniswapVenue
from fuzz.venue import Venue
from fuzz.verb import TIME_JUMP
from monitor.core.ledger import LedgerView
from monitor.core.sources import EventSource
from monitor.core.units import MarketId
from monitor.library import abi_library
from monitor.oracles.sources import price_sources

PURSE_USD = 10**9
FUNDED_PER_BLOCK = 8
ANSWER = "latestAnswer()(int256)"


class Cast:
    """Everything that takes part. `price_sources`: whose answers verbs want to know."""

    def __init__(
        self, world: World, venues: Sequence[Venue], price_sources: Sequence[Address]
    ) -> None:
        self.world = world
        self.venues = venues
        self.price_sources = price_sources
        self.verbs = (*(verb for venue in venues for verb in venue.verbs), TIME_JUMP)
        self.holders = {who for venue in venues for who in venue.holders}
        self.effects = {verb.name: verb.effect for verb in self.verbs}

    async def see(self, block: Block) -> Sight:
        """What all contracts say at a block."""
        views = [View(source, ANSWER) for source in self.price_sources]
        answers = await self.world.read(views, block.hash)
        parts = {venue.name: await venue.see(block) for venue in self.venues}
        return Sight(block, dict(zip(self.price_sources, answers, strict=True)), parts)

    def told(self, view: LedgerView, at_unix: int) -> Facts:
        """What the monitor says of all of it."""
        return {
            (f"{venue.name} {subject}", field): value
            for venue in self.venues
            for (subject, field), value in venue.told(view, at_unix).items()
        }

    def sources(self) -> tuple[EventSource, ...]:
        """The monitor's plug-ins, new for each of its lives; prices come after the markets."""
        markets = [MarketId(venue.name) for venue in self.venues if venue.holders]
        own = [source for venue in self.venues for source in venue.sources()]
        return (*own, *price_sources(markets, abi_library, {}))

    def foresights(self, scene: Scene) -> Sequence[Foresight]:
        parts = scene.sight.parts
        return [venue.enter(scene) for venue in self.venues if not parts[venue.name].is_dark]


async def settle(world: WideWorld, rng: random.Random) -> Cast:
    """The set-up phase: purses, lenders, and healthy debts of everybody else."""
    early = tuple(world.addresses.tokens)
    await prepare_latecomers(world)
    at = world.addresses
    roots = {at.capped_wsteth: (at.feeds["WETH"], at.staked_ether)}
    core = AaveVenue(V3_6, world, await make_props(world, roots))
    former_world = world.of_market(at.aave_3_0)
    former = AaveVenue(V3_0, former_world, await props_3_0(former_world, {}))
    morpho = MorphoVenue(world, await morpho_props(world))
    pools = UniswapVenue(world, await Deployer(world).deploy("LiquidityProvider"))
    await Tx(world, FLASH_OWNER, None, RETURNS_TRUE, "deploy flash receiver")
    rich = [*actors(), flash_receiver(), UMBRELLA]
    for some in in_parts(rich, FUNDED_PER_BLOCK):
        await world.crowd(*(tx for who in some for tx in _fund(world, who)))
    await core.open(rng, early)
    await former.open(rng, early)
    await morpho.open(rng)
    feeds = world.addresses.feeds.values()
    homes = core.props.home_sources.values()
    return Cast(world, (core, former, morpho, pools), tuple(dict.fromkeys((*feeds, *homes))))


def _fund(world: World, who: Address) -> Iterator[Tx]:
    late = {terms.symbol for terms in LATECOMERS}
    for symbol in world.addresses.tokens:
        if symbol != IDLE:
            yield world.mint(who, symbol, raw_of(world, symbol, PURSE_USD * USD))
        for spender in world.spenders:
            if symbol != IDLE and (symbol not in late or spender != world.addresses.router):
                yield world.approve(who, symbol, spender, MAX)
