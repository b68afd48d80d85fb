"""What the pools say of themselves at one block, and what the monitor says of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from devnet import Address, Block, View, World

from fuzz.facts import Facts, of
from fuzz.uniswap_v3.ranges import Range, all_ticks, own_ranges, position_id
from monitor.core.keys import pool_key
from monitor.core.ledger import LedgerView, find
from monitor.core.pools import TickPool
from monitor.core.units import Address as MonitorAddress

SLOT0 = "slot0()(uint160,int24,uint16,uint16,uint16,uint8,bool)"
TICK = "ticks(int24)(uint128,int128,uint256,uint256,int56,uint160,uint32,bool)"
POSITION = "positions(bytes32)(uint128,uint256,uint256,uint128,uint128)"
FIELDS = ("sqrt_price_x96", "tick", "liquidity")


@dataclass(frozen=True, slots=True)
class PoolSight:
    """One pool."""

    sqrt_price_x96: int
    tick: int
    liquidity: int
    nets: Mapping[int, int]
    """Net liquidity by tick, without zeros."""
    own: Mapping[Range, int]
    """What the verbs have in there. Not compared."""


@dataclass(frozen=True, slots=True)
class PoolsSight:
    pools: Mapping[str, PoolSight]

    @property
    def is_dark(self) -> bool:
        return False

    @property
    def solvent_share(self) -> float:
        return 1.0

    def facts(self) -> Facts:
        facts: Facts = {}
        for name, pool in self.pools.items():
            facts.update(of(name, ((field, getattr(pool, field)) for field in FIELDS)))
            facts.update(of(name, _nets(pool.nets.items())))
        return facts


class Viewer:
    """Asks the contracts; everything at one block hash."""

    def __init__(self, world: World, provider: Address) -> None:
        self._world = world
        self._provider = provider
        self._ticks = {pool.name: all_ticks(world, pool) for pool in world.terms.pools}
        self._ranges = {pool.name: own_ranges(world, pool) for pool in world.terms.pools}

    async def see(self, block: Block) -> PoolsSight:
        answers = iter(await self._world.read(list(self._views()), block.hash))
        return PoolsSight({name: self._pool(name, answers) for name in self._ticks})

    def _views(self) -> Iterator[View]:
        for name in self._ticks:
            pool = self._world.addresses.pools[name]
            yield View(pool, SLOT0)
            yield View(pool, "liquidity()(uint128)")
            yield from (View(pool, TICK, (tick,)) for tick in self._ticks[name])
            for ends in self._ranges[name]:
                yield View(pool, POSITION, (position_id(self._provider, ends),))

    def _pool(self, name: str, answers: Iterator[Any]) -> PoolSight:
        sqrt_price_x96, tick, *_ = next(answers)
        liquidity = next(answers)
        nets = {at: next(answers)[1] for at in self._ticks[name]}
        own = {ends: next(answers)[0] for ends in self._ranges[name]}
        known = {at: net for at, net in nets.items() if net}
        return PoolSight(sqrt_price_x96, tick, liquidity, known, own)


def told(view: LedgerView, pools: Mapping[str, Address]) -> Facts:
    """The monitor's side, from its ledger."""
    facts: Facts = {}
    for name, address in pools.items():
        pool = find(view, pool_key(MonitorAddress(address)), TickPool)
        if pool is not None:
            facts.update(of(name, ((field, getattr(pool, field)) for field in FIELDS)))
            facts.update(of(name, _nets(pool.ticks)))
    return facts


def _nets(nets: Iterable[tuple[int, int]]) -> Iterator[tuple[str, int]]:
    for tick, net in nets:
        yield f"net at tick {tick}", net
