"""A chain whose every block we decide: what is in it and when it is dated."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from devnet import abi
from devnet.abi import Address
from devnet.anvil import Anvil, RpcError
from devnet.artifacts import decode_revert
from devnet.transactions import DEFAULT_GAS, Receipt, RevertError, Tx, receipt_from

MULTICALL3: Address = "0xca11bde05977b3631167028862be2a173976ca11"
AGGREGATE = "aggregate3((address,bool,bytes)[])"
BLOCK_SECONDS = 12
VIEWS_PER_CALL = 400
ETHER_OF_EVERY_SENDER = hex(10**30)

BlockRef: TypeAlias = str | int | None
"""A block hash, a block number, or None for the head."""


@dataclass(frozen=True, slots=True)
class View:
    to: Address
    signature: str
    args: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    number: int
    hash: str
    parent_hash: str
    timestamp: int


class Chain:
    def __init__(self, anvil: Anvil) -> None:
        self.anvil = anvil
        self._funded: set[Address] = set()
        # Two concurrent blocks would take each other's transactions.
        self._mining = asyncio.Lock()

    # Writing

    def tx(
        self, sender: Address, to: Address, signature: str, *args: Any, gas: int = DEFAULT_GAS
    ) -> Tx:
        function = abi.function(signature)
        return Tx(self, sender, to, function.encode(*args), function.name, gas)

    async def send(self, tx: Tx, *, check: bool = True) -> Receipt:
        (receipt,) = await self.block(tx, check=check)
        return receipt

    async def block(
        self, *txs: Tx, timestamp: int | None = None, check: bool = True
    ) -> list[Receipt]:
        """Mines one block of exactly these transactions, in this order.

        It is dated `timestamp`, by default 12 s after its parent. If one of them reverts, the
        block stands, and RevertError is raised for the first; with `check=False` the receipts say.
        """
        async with self._mining:
            hashes = await self._queue(txs)
            await self._mine(timestamp)
            receipts = await self._receipts(txs, hashes)
        if check:
            _raise_reverted(txs, receipts)
        return receipts

    async def crowd(self, *txs: Tx) -> None:
        """One block of transactions in whatever order: many at once, in a fraction of the time.

        Those of one sender stay in order. Raises RevertError if one of them reverts.
        """
        async with self._mining:
            requests = [("eth_sendTransaction", [it]) for it in await self._requests(txs)]
            hashes = await self.anvil.batch(requests)
            await self._mine(None)
            _raise_reverted(txs, await self._receipts(txs, hashes))

    async def mine(self, blocks: int = 1, *, timestamp: int | None = None) -> Block:
        """Mines empty blocks (with whatever strangers put into the pool) and returns the last."""
        async with self._mining:
            for _ in range(blocks):
                await self._mine(timestamp)
                timestamp = None
        return await self.head()

    async def jump(self, seconds: int) -> Block:
        """Mines one block, `seconds` after the head."""
        return await self.mine(timestamp=(await self.head()).timestamp + seconds)

    async def _queue(self, txs: Sequence[Tx]) -> list[str]:
        requests = await self._requests(txs)
        # One by one: anvil works on a batch in any order, and the order is ours to decide.
        return [await self.anvil.rpc("eth_sendTransaction", request) for request in requests]

    async def _requests(self, txs: Sequence[Tx]) -> list[dict[str, Any]]:
        senders = sorted({tx.sender for tx in txs})
        strangers = [sender for sender in senders if sender not in self._funded]
        await self.anvil.batch(
            [("anvil_setBalance", [sender, ETHER_OF_EVERY_SENDER]) for sender in strangers]
        )
        self._funded.update(strangers)
        counts = await self.anvil.batch(
            [("eth_getTransactionCount", [sender, "latest"]) for sender in senders]
        )
        nonces = {sender: int(count, 16) for sender, count in zip(senders, counts, strict=True)}
        requests = []
        for tx in txs:
            requests.append(tx.request(nonces[tx.sender]))
            nonces[tx.sender] += 1
        return requests

    async def _mine(self, timestamp: int | None) -> None:
        if timestamp is None:
            timestamp = (await self.head()).timestamp + BLOCK_SECONDS
        await self.anvil.rpc("evm_setNextBlockTimestamp", timestamp)
        await self.anvil.rpc("evm_mine")

    async def _receipts(self, txs: Sequence[Tx], hashes: Sequence[str]) -> list[Receipt]:
        raw = {
            receipt["transactionHash"]: receipt
            for receipt in await self.anvil.rpc("eth_getBlockReceipts", "latest")
        }
        if left_out := [tx.label for tx, key in zip(txs, hashes, strict=True) if key not in raw]:
            raise RuntimeError(f"left out of the block, over its gas limit? {left_out}")
        return [receipt_from(raw[key], await self._revert_reason(raw[key])) for key in hashes]

    async def _revert_reason(self, raw: dict[str, Any]) -> str | None:
        if raw["status"] == "0x1":
            return None
        trace = await self.anvil.rpc(
            "debug_traceTransaction",
            raw["transactionHash"],
            {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}},
        )
        output = bytes.fromhex(trace.get("output", "0x")[2:])
        return decode_revert(output) if output else trace.get("error", "reverted")

    # History

    async def head(self) -> Block:
        return await self.block_at("latest")

    async def block_at(self, number: int | str) -> Block:
        tag = hex(number) if isinstance(number, int) else number
        raw = await self.anvil.rpc("eth_getBlockByNumber", tag, False)
        return Block(
            number=int(raw["number"], 16),
            hash=raw["hash"],
            parent_hash=raw["parentHash"],
            timestamp=int(raw["timestamp"], 16),
        )

    async def reorg(self, depth: int, *blocks: Sequence[Tx]) -> Block:
        """Replaces the last `depth` blocks; the n-th new one holds the n-th group of `blocks`.

        With more groups than `depth` the new branch is longer. Not by anvil_reorg, which dates
        every new block like the fork point.
        """
        base = await self.rollback(depth)
        groups = [*blocks, *[()] * (depth - len(blocks))]
        # A second late: else an empty block would be replaced by its exact equal.
        timestamp = base.timestamp + BLOCK_SECONDS + 1
        for txs in groups:
            await self.block(*txs, timestamp=timestamp)
            timestamp += BLOCK_SECONDS
        return await self.head()

    def fund_anew(self) -> None:
        """Senders get their ether anew, as after a rollback.

        So a block mined next can be had again, to the last bit, once it was rolled back.
        """
        self._funded.clear()

    async def rollback(self, depth: int) -> Block:
        """Drops the last `depth` blocks; whatever is mined next makes another branch."""
        await self.anvil.rpc("anvil_rollback", depth)
        self._funded.clear()
        return await self.head()

    async def anvil_reorg(self, depth: int, *txs: tuple[int, Tx]) -> Block:
        """Replaces the last `depth` blocks at once; (n, tx) runs in the n-th new one, from 0.

        Anvil dates all of them like the block before them.
        """
        pairs = []
        for place, tx in txs:
            request = tx.request(0)
            del request["nonce"]  # anvil finds it, in the state that the new block begins with
            pairs.append([request, place])
        async with self._mining:
            await self.anvil.rpc("anvil_reorg", depth, pairs)
        self._funded.clear()
        return await self.head()

    async def receipts_of(self, number: int) -> list[Receipt]:
        """What the transactions of a block did."""
        raw = await self.anvil.rpc("eth_getBlockReceipts", hex(number))
        return [receipt_from(each, await self._revert_reason(each)) for each in raw]

    async def snapshot(self) -> str:
        snapshot: str = await self.anvil.rpc("evm_snapshot")
        return snapshot

    async def revert(self, snapshot: str) -> None:
        """Back to the snapshot, which is used up by that."""
        if not await self.anvil.rpc("evm_revert", snapshot):
            raise ValueError(f"snapshot {snapshot} is unknown or was used already")
        self._funded.clear()

    # Reading

    async def call(
        self,
        to: Address,
        signature: str,
        *args: Any,
        block: BlockRef = None,
        sender: Address = abi.ZERO_ADDRESS,
    ) -> Any:
        function = abi.function(signature)
        request = {"from": sender, "to": to, "data": "0x" + function.encode(*args).hex()}
        try:
            answer = await self.anvil.rpc("eth_call", request, _block_parameter(block))
        except RpcError as error:
            if isinstance(error.data, str) and error.data.startswith("0x"):
                reason = decode_revert(bytes.fromhex(error.data[2:]))
                raise RevertError(function.name, reason) from error
            raise
        return function.decode(bytes.fromhex(answer[2:]))

    async def read(self, views: Sequence[View], block: BlockRef = None) -> list[Any]:
        """Many views at one block through Multicall3; raises RevertError if one of them does."""
        answers = await self.attempt(views, block)
        for answer in answers:
            if isinstance(answer, RevertError):
                raise answer
        return answers

    async def attempt(self, views: Sequence[View], block: BlockRef = None) -> list[Any]:
        """As `read`, but what reverts is answered by its RevertError."""
        if block is None:
            block = (await self.head()).hash
        answers: list[Any] = []
        for start in range(0, len(views), VIEWS_PER_CALL):
            answers += await self._read_some(views[start : start + VIEWS_PER_CALL], block)
        return answers

    async def _read_some(self, views: Sequence[View], block: BlockRef) -> list[Any]:
        data = "0x" + _aggregated(tuple(views)).hex()
        request = {"from": abi.ZERO_ADDRESS, "to": MULTICALL3, "data": data}
        answer = await self.anvil.rpc("eth_call", request, _block_parameter(block))
        results = abi.results(bytes.fromhex(answer[2:]))
        functions = [abi.function(view.signature) for view in views]
        return [
            function.decode(data) if succeeded else RevertError(function.name, decode_revert(data))
            for function, (succeeded, data) in zip(functions, results, strict=True)
        ]


@lru_cache(maxsize=64)
def _aggregated(views: tuple[View, ...]) -> bytes:
    """Calldata for all of them. Who reads block after block mostly asks the same again."""
    calls = [(view.to, True, abi.function(view.signature).encode(*view.args)) for view in views]
    return abi.function(AGGREGATE).encode(calls)


def _raise_reverted(txs: Sequence[Tx], receipts: Sequence[Receipt]) -> None:
    for tx, receipt in zip(txs, receipts, strict=True):
        if receipt.revert_reason is not None:
            raise RevertError(tx.label, receipt.revert_reason)


def _block_parameter(block: BlockRef) -> Any:
    if block is None:
        return "latest"
    return hex(block) if isinstance(block, int) else {"blockHash": block}
