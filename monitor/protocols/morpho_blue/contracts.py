"""The contracts of Morpho Blue, and how much of them one market entry follows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from monitor.core.abi import Abi
from monitor.core.keys import pair_key
from monitor.core.ledger import LedgerView, find
from monitor.core.pairs import Pair
from monitor.core.ports import ViewCall
from monitor.core.tokens import token_calls
from monitor.core.units import Address, AssetId, MarketId
from monitor.errors import LedgerCorrupt

PROTOCOL = "morpho_blue"


@dataclass(frozen=True, slots=True)
class MorphoAbi:
    """What is logged, and what can be asked."""

    morpho: Abi
    rate_model: Abi
    oracle: Abi
    vault: Abi
    erc20: Abi
    bytes32_erc20: Abi
    """Tokens older than the standard, whose symbol is a bytes32."""

    @classmethod
    def of(cls, library: Callable[[str], Abi]) -> Self:
        """`library("morpho_blue/Morpho")`: the contract's ABI from contracts_abi/."""
        return cls(
            morpho=library("morpho_blue/Morpho"),
            rate_model=library("morpho_blue/AdaptiveCurveIrm"),
            oracle=library("morpho_blue/Oracle"),
            vault=library("erc4626/MetaMorpho"),
            erc20=library("erc20/Token"),
            bytes32_erc20=library("erc20/Bytes32Token"),
        )

    def token_calls(self, asset: AssetId) -> tuple[ViewCall, ...]:
        return token_calls(self.erc20, self.bytes32_erc20, asset)


@dataclass(frozen=True, slots=True)
class Scope:
    """One [[markets]] entry: the singleton, and which of its market ids; None for all."""

    market: MarketId
    entry: Address
    from_block: int
    ids: frozenset[str] | None

    def covers(self, market_id: str) -> bool:
        return self.ids is None or market_id in self.ids


def pair_of(view: LedgerView, market: MarketId, market_id: str) -> Pair:
    """A market id's record. Raises LedgerCorrupt where there is none."""
    found = find(view, pair_key(market, market_id), Pair)
    if found is None:
        raise LedgerCorrupt(f"the log names market {market_id}, which the ledger does not hold")
    return found


def id_bytes(market_id: str) -> bytes:
    """A market id as views take it."""
    return bytes.fromhex(market_id[2:])
