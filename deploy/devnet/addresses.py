"""Where everything is. Assets are named by symbol, pools by "WETH/USDC".

Without slots: Python cannot inherit from several classes that have them.
"""

from dataclasses import dataclass

from devnet.abi import Address


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
