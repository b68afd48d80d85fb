"""The contracts of an Aave V3 market: what they log, and what they can be asked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from monitor.core.abi import Abi
from monitor.core.ledger import LedgerView, Market, find, market_key
from monitor.core.units import MarketId
from monitor.errors import LedgerCorrupt


@dataclass(frozen=True, slots=True)
class AaveAbi:
    """The contracts of a market."""

    pool: Abi
    token: Abi
    configurator: Abi
    provider: Abi
    oracle: Abi
    erc20: Abi
    bytes32_erc20: Abi
    """Tokens older than the standard, whose symbol is a bytes32."""

    @classmethod
    def of(cls, library: Callable[[str], Abi]) -> Self:
        """`library("aave_v3/Pool")`: the contract's ABI from contracts_abi/."""
        return cls(
            pool=library("aave_v3/Pool"),
            token=library("aave_v3/Token"),
            configurator=library("aave_v3/PoolConfigurator"),
            provider=library("aave_v3/PoolAddressesProvider"),
            oracle=library("aave_v3/AaveOracle"),
            erc20=library("erc20/Token"),
            bytes32_erc20=library("erc20/Bytes32Token"),
        )


def contracts_of(view: LedgerView, market: MarketId) -> Market:
    """The market's own record. Raises LedgerCorrupt before it was bootstrapped."""
    found = find(view, market_key(market), Market)
    if found is None:
        raise LedgerCorrupt(f"{market} was never bootstrapped")
    return found
