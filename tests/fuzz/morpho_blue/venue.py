"""Morpho Blue and its vault as a venue."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace

from devnet import Address, Block, WideWorld
from devnet.chain import MULTICALL3
from devnet.morpho_deployment import MORPHO_FEE_RECIPIENT

from fuzz.facts import Facts
from fuzz.morpho_blue import groundwork
from fuzz.morpho_blue.catalogue import VERBS
from fuzz.morpho_blue.facts import MonitorFacts, vault_facts
from fuzz.morpho_blue.props import SICK, Props
from fuzz.morpho_blue.scene import MorphoScene
from fuzz.morpho_blue.sight import MorphoSight, Viewer
from fuzz.morpho_blue.stances import open_positions
from fuzz.people import UMBRELLA, actors
from fuzz.scene import Scene
from fuzz.script import Act
from fuzz.verb import bound
from monitor.core.ledger import LedgerView
from monitor.core.receipts import ReceiptKind
from monitor.core.sources import EventSource
from monitor.core.units import Address as MonitorAddress
from monitor.core.units import MarketId
from monitor.library import abi_library
from monitor.protocols.registry import PROTOCOLS, MarketPlan, ProtocolMarket
from monitor.receipts.claims import ReceiptAbi, VaultClaim
from monitor.receipts.source import ReceiptSource


class MorphoVenue:
    """Its verbs' names begin with "morpho"."""

    prefix = "morpho "

    def __init__(self, world: WideWorld, props: Props) -> None:
        at = world.addresses.morpho
        self.name = "morpho"
        self.world = world
        self.props = props
        self.holders = (
            *(*actors(), UMBRELLA, MULTICALL3, at.actor, MORPHO_FEE_RECIPIENT),
            *at.vaults.values(),
        )
        self.verbs = tuple(bound(verb, self.prefix, self.enter) for verb in VERBS)
        self._viewer = Viewer(world, self.holders, actors())
        names = {f"0x{params.id.hex()}": name for name, params in at.markets.items()}
        self._told = MonitorFacts(self._market(), names)
        self._symbols = {token: symbol for symbol, token in world.addresses.tokens.items()}
        self._roots = dict(_roots(world, props))

    @property
    def names(self) -> Mapping[Address, str]:
        at = self.world.addresses.morpho
        return {
            **{params.oracle: f"oracle-of-{name}" for name, params in at.markets.items()},
            **{vault: f"vault-{name}" for name, vault in at.vaults.items()},
            **{at.morpho: "Morpho", at.actor: "MorphoActor", at.rate_model: "AdaptiveCurveIrm"},
            **{self.props.sick_aggregator: "sick-aggregator"},
            **{self.props.strange_model: "strange-rate-model"},
            **{self.world.addresses.staked_ether: "StakedEther"},
        }

    async def open(self, rng: random.Random) -> None:
        """The positions that the play begins with."""
        markets = [name for name in self._roots if name not in self.props.latecomers]
        await open_positions(self.world, rng, markets)

    async def see(self, block: Block) -> MorphoSight:
        return await self._viewer.see(block)

    def told(self, view: LedgerView, at_unix: int) -> Facts:
        claim = MonitorAddress(self.world.vault.address)
        return {**self._told.at(view, at_unix), **vault_facts(view, claim)}

    def sources(self) -> tuple[EventSource, ...]:
        return self._market(), self._receipt()

    def _receipt(self) -> ReceiptSource:
        claim = MonitorAddress(self.world.vault.address)
        erc20, bytes32_erc20 = abi_library("erc20/Token"), abi_library("erc20/Bytes32Token")
        vault, curated = abi_library("erc4626/Vault"), abi_library("erc4626/MetaMorpho")
        abi = ReceiptAbi(erc20, vault, curated, abi_library("aave_v3/AToken"))
        kind = ReceiptKind.ERC4626
        return ReceiptSource(claim, kind, VaultClaim(claim, abi), erc20, bytes32_erc20)

    def _market(self) -> ProtocolMarket:
        entry = MonitorAddress(self.world.addresses.morpho.morpho)
        return PROTOCOLS["morpho_blue"](MarketPlan(MarketId(self.name), entry, 0), abi_library)

    def enter(self, scene: Scene) -> MorphoScene:
        sight = scene.sight.parts[self.name]
        assert isinstance(sight, MorphoSight)
        return MorphoScene(scene, self.world, self.props, sight, self._symbols, self._roots)

    def light(self, scene: Scene) -> Act | None:
        return None

    def repair(self, scene: Scene) -> Act | None:
        act = groundwork.repair(self.enter(scene))
        return replace(act, verb=self.prefix + act.verb) if act else None


def _roots(world: WideWorld, props: Props) -> Iterator[tuple[str, tuple[tuple[Address, int], ...]]]:
    """What each market's price follows, and in which power it goes in."""
    feeds = world.addresses.feeds
    for pair in world.terms.pairs:
        if pair.oracle == "feeds":
            yield pair.name, ((feeds[pair.collateral], 1), (feeds[pair.loan], -1))
        elif pair.oracle == "rate":
            yield pair.name, ((world.addresses.staked_ether, 1),)
    for name in props.first_prices_e36:
        own = props.sick_aggregator if name == SICK else world.morpho.params(name).oracle
        yield name, ((own, 1),)
