"""Where everything is. Assets are named by symbol, pools by "WETH/USDC".

Without slots: Python cannot inherit from several classes that have them.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from eth_abi import abi
from eth_utils.crypto import keccak

from devnet.abi import Address

PARAMS = "(address,address,address,address,uint256)"
ParamsTuple: TypeAlias = tuple[Address, Address, Address, Address, int]


@dataclass(frozen=True)
class AaveAddresses:
    addresses_provider: Address
    pool: Address
    configurator: Address
    acl_manager: Address
    oracle: Address
    data_provider: Address
    atokens: dict[str, Address]
    debt_tokens: dict[str, Address]


@dataclass(frozen=True)
class FeedAddresses:
    reporter: Address
    feeds: dict[str, Address]  # the EACAggregatorProxy, which is what AaveOracle reads
    aggregators: dict[str, Address]  # behind it, the one that emits AnswerUpdated


@dataclass(frozen=True)
class UniswapAddresses:
    uniswap_factory: Address
    position_manager: Address
    router: Address
    quoter: Address
    pools: dict[str, Address]
    arbitrageur: Address


@dataclass(frozen=True)
class Addresses(AaveAddresses, FeedAddresses, UniswapAddresses):
    tokens: dict[str, Address]
    liquidator: Address
    multicall3: Address


@dataclass(frozen=True)
class MarketParams:
    """What makes a market of Morpho Blue; all of it is in its id, none of it can change."""

    loan: Address
    collateral: Address
    oracle: Address
    rate_model: Address
    lltv_wad: int

    @property
    def encoded(self) -> ParamsTuple:
        return (self.loan, self.collateral, self.oracle, self.rate_model, self.lltv_wad)

    @cached_property
    def id(self) -> bytes:
        return keccak(abi.encode([PARAMS], [self.encoded]))


@dataclass(frozen=True)
class MorphoAddresses:
    morpho: Address
    rate_model: Address
    actor: Address  # ours, for several actions in one transaction and for callbacks
    markets: dict[str, MarketParams]  # by name, "WETH/USDC": collateral first
    vaults: dict[str, Address]

    @classmethod
    def loaded(cls, book: dict[str, Any]) -> "MorphoAddresses":
        """From what `asdict` made of one."""
        markets = {name: MarketParams(**params) for name, params in book["markets"].items()}
        return cls(**{**book, "markets": markets})


@dataclass(frozen=True)
class WideAddresses(Addresses):
    """`feeds["wstETH"]` reports its market price; Aave 3.6 asks `capped_wsteth` instead."""

    aave_3_0: AaveAddresses
    morpho: MorphoAddresses
    staked_ether: Address  # whose rate wstETH has
    capped_wsteth: Address

    @classmethod
    def loaded(cls, book: dict[str, Any]) -> "WideAddresses":
        """From what `asdict` made of one."""
        morpho = MorphoAddresses.loaded(book["morpho"])
        return cls(**{**book, "aave_3_0": AaveAddresses(**book["aave_3_0"]), "morpho": morpho})
