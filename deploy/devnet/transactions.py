"""Transactions as values: built first, then run alone or many in one block."""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Protocol

from devnet.abi import Address

DEFAULT_GAS = 3_000_000


class RevertError(Exception):
    """A transaction or a call reverted; `reason` is the decoded error."""

    def __init__(self, label: str, reason: str) -> None:
        super().__init__(f"{label}: {reason}")
        self.label = label
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Log:
    address: Address
    topics: tuple[str, ...]
    data: bytes
    log_index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    transaction_hash: str
    block_hash: str
    block_number: int
    gas_used: int
    contract_address: Address | None
    logs: tuple[Log, ...]
    # None when it succeeded, else the decoded error.
    revert_reason: str | None

    @property
    def succeeded(self) -> bool:
        return self.revert_reason is None

    def logs_of(self, address: Address, topic: str) -> tuple[Log, ...]:
        return tuple(log for log in self.logs if log.address == address and log.topics[0] == topic)


class Sender(Protocol):
    async def send(self, tx: "Tx", *, check: bool = True) -> Receipt: ...


@dataclass(frozen=True, slots=True)
class Tx:
    """`await tx` runs it in a block of its own; `world.block(tx, tx, …)` runs several in one."""

    chain: Sender = field(repr=False, compare=False)
    sender: Address
    to: Address | None
    data: bytes = field(repr=False)
    label: str
    gas: int = DEFAULT_GAS
    value_wei: int = 0

    def __await__(self) -> Generator[Any, None, Receipt]:
        return self.chain.send(self).__await__()

    def request(self, nonce: int) -> dict[str, Any]:
        request = {
            "from": self.sender,
            "data": "0x" + self.data.hex(),
            "nonce": hex(nonce),
            "gas": hex(self.gas),
            "value": hex(self.value_wei),
            "maxFeePerGas": hex(100 * 10**9),
            "maxPriorityFeePerGas": hex(10**9),
        }
        return request if self.to is None else {**request, "to": self.to}


def receipt_from(raw: dict[str, Any], revert_reason: str | None) -> Receipt:
    return Receipt(
        transaction_hash=raw["transactionHash"],
        block_hash=raw["blockHash"],
        block_number=int(raw["blockNumber"], 16),
        gas_used=int(raw["gasUsed"], 16),
        contract_address=raw.get("contractAddress"),
        logs=tuple(
            Log(
                address=log["address"],
                topics=tuple(log["topics"]),
                data=bytes.fromhex(log["data"][2:]),
                log_index=int(log["logIndex"], 16),
            )
            for log in raw["logs"]
        ),
        revert_reason=revert_reason,
    )
