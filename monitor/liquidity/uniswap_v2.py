"""Uniswap V2 pairs, and their many copies: `Sync` into `PoolMoved`, reserves into a curve.

Source: v2-core 1.0.1 UniswapV2Pair.sol. Every change of the reserves, be it a swap, a deposit, a
withdrawal or a correction, ends in one `Sync`. The fee is in no view: it is configured.
"""

from dataclasses import dataclass, replace
from typing import Any

from monitor.core.abi import Abi
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.curves import ConstantProductCurve
from monitor.core.events import DomainEvent, PoolMoved
from monitor.core.keys import Kind, pool_key
from monitor.core.ledger import LedgerView, find
from monitor.core.pools import ProductPool
from monitor.core.ports import ContractReader, ViewCall, ViewFailed
from monitor.core.units import Address, AssetId
from monitor.errors import ConfigError, LedgerCorrupt

FEE_PPM = 3_000
"""What Uniswap's own pairs take."""


@dataclass(frozen=True, slots=True)
class UniswapV2Pair:
    """One configured pair."""

    address: Address
    abi: Abi
    fee_ppm: int = FEE_PPM

    def addresses(self, view: LedgerView) -> frozenset[Address]:
        """Whose logs matter."""
        return frozenset({self.address})

    def decode(self, log: RawLog, view: LedgerView) -> tuple[DomainEvent, ...]:
        """The pair after a log; empty for topics that change nothing. Raises UndecodableLog."""
        event = self.abi.events.get(log.topics[0]) if log.topics else None
        if event is None:
            return ()
        pair = self._held(view)
        if pair is None:
            raise LedgerCorrupt(
                f"pool {self.address} emitted {event.name} in block {log.block_hash}, but the "
                "ledger does not hold it: expected its bootstrap first. Run "
                "cascade-monitor store rebuild --config F."
            )
        reserve0, reserve1 = event.decode(log)
        return (PoolMoved(self.address, replace(pair, reserve0=reserve0, reserve1=reserve1)),)

    async def bootstrap(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        """The pair at the end of `at`. Raises ConfigError when the address is none.

        Where it does not exist yet at `at` its tokens are read at `head`; its reserves are 0.
        """
        deployed = await reader.has_code(at, self.address)
        token0, token1 = await self._read(reader, at if deployed else head, "token0", "token1")
        reserves = await self._read(reader, at, "getReserves") if deployed else [(0, 0)]
        tokens = AssetId(token0[0]), AssetId(token1[0])
        return (PoolMoved(self.address, ProductPool(*tokens, *reserves[0][:2])),)

    async def _read(
        self, reader: ContractReader, at: BlockRef, *names: str
    ) -> list[tuple[Any, ...]]:
        calls = [ViewCall(self.address, self.abi.functions[name]) for name in names]
        answers = []
        for call, answer in zip(calls, await reader.read(at, calls), strict=True):
            if isinstance(answer, ViewFailed):
                raise ConfigError(
                    f"liquidity pool {self.address} does not answer {call.function.name}(): "
                    f"{answer.reason}. Expected a Uniswap V2 pair: correct `pool`."
                )
            answers.append(answer)
        return answers

    def curve(self, view: LedgerView) -> ConstantProductCurve | None:
        """None before it is in the ledger."""
        pair = self._held(view)
        if pair is None:
            return None
        reserves = pair.reserve0, pair.reserve1
        return ConstantProductCurve(
            self.address, pair.token0, pair.token1, *reserves, fee_ppm=self.fee_ppm
        )

    def _held(self, view: LedgerView) -> ProductPool | None:
        return find(view, pool_key(self.address, Kind.PRODUCT_POOL), ProductPool)
