"""The contracts of an Aave V3 market: what they log, and what they can be asked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from monitor.core.abi import Abi


@dataclass(frozen=True, slots=True)
class AaveAbi:
    """The contracts of a market."""

    pool: Abi
    token: Abi
    configurator: Abi
    provider: Abi
    oracle: Abi
    strategy: Abi
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
            strategy=library("aave_v3/RateStrategy"),
            erc20=library("erc20/Token"),
            bytes32_erc20=library("erc20/Bytes32Token"),
        )
