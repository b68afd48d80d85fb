"""Price sources beside Chainlink's feeds: a staked token's rate, caps on it, Morpho's oracles.

All of them are doubles (`contracts/`), but for the proxy in front of a feed. Each takes whatever
source it is built on by address, so that they nest as the deployed ones do.
"""

from dataclasses import dataclass
from enum import IntEnum

from eth_abi import abi

from devnet.abi import ZERO_ADDRESS, Address
from devnet.chain import Chain
from devnet.deployer import ADMIN, Deployer
from devnet.transactions import Tx

RATE_WAD = 1_200_000_000_000_000_000
GROWTH_WAD = 1_000_000_000
"""Of the rate, per second: 2.6 % of 1.2 a year, about what staking earns."""
SNAPSHOT_DELAY_SECONDS = 7 * 86_400
YEARLY_GROWTH_BPS = 968
"""Of wstETH's adapter on mainnet: the line rises by 9.68 % of the snapshot's ratio a year."""
SET_RATE = "setRate(uint256,uint256)"
SET_CAP = "setCapParameters((uint104,uint48,uint16))"
SET_ANSWER = "setAnswer(int256,uint256)"
BEHAVE = "behave(uint8,uint256)"


class Mode(IntEnum):
    """What a HostileSource does, whatever it is asked."""

    ANSWERS = 0
    BURNS_GAS = 1
    ANSWERS_SHORT = 2
    ANSWERS_LONG = 3
    REVERTS_LONG = 4
    NAMES_ITSELF = 5


@dataclass(frozen=True, slots=True)
class StakedEther:
    """stETH, which rebases and has the rate, and wstETH, which does not and is lent."""

    rebasing: Address
    wrapped: Address


@dataclass(frozen=True, slots=True)
class RatioCap:
    """A line above which the ratio does not count: from a snapshot on, a share of it a year."""

    ratio: int
    taken_unix: int
    yearly_bps: int = YEARLY_GROWTH_BPS


@dataclass(frozen=True, slots=True)
class OracleSide:
    """What Morpho's composed oracle multiplies on one side; no address counts as 1."""

    token_decimals: int
    vault: Address = ZERO_ADDRESS
    sample: int = 1
    feed_1: Address = ZERO_ADDRESS
    feed_2: Address = ZERO_ADDRESS

    def encoded(self) -> bytes:
        types = ("address", "uint256", "address", "address", "uint256")
        values = (self.vault, self.sample, self.feed_1, self.feed_2, self.token_decimals)
        return abi.encode([f"({','.join(types)})"], [values])


async def deploy_staked_ether(
    deployer: Deployer, rate_wad: int = RATE_WAD, growth_wad: int = GROWTH_WAD
) -> StakedEther:
    rebasing = await deployer.deploy("StakedEther", rate_wad, growth_wad)
    return StakedEther(rebasing, await deployer.deploy("WrappedStakedEther", rebasing))


async def deploy_ratio_cap(
    deployer: Deployer, base: Address, rebasing: Address, cap: RatioCap
) -> Address:
    """wstETH / USD as Aave's core market has it; `base` is ETH / USD, `cap` at least a week old."""
    adapter = await deployer.deploy("WstEthPriceCapAdapter", base, rebasing, SNAPSHOT_DELAY_SECONDS)
    await set_cap(deployer.chain, adapter, cap)
    return adapter


def set_cap(chain: Chain, adapter: Address, cap: RatioCap) -> Tx:
    return chain.tx(ADMIN, adapter, SET_CAP, (cap.ratio, cap.taken_unix, cap.yearly_bps))


async def deploy_composed_oracle(
    deployer: Deployer, base: OracleSide, quote: OracleSide
) -> Address:
    """What a market of Morpho asks: `base` is the collateral, `quote` the loan."""
    return await deployer.deploy("MorphoChainlinkOracleV2", base.encoded(), quote.encoded())


async def deploy_sick_feed(
    deployer: Deployer, description: str | bytes, decimals: int, answer: int
) -> tuple[Address, Address]:
    """Chainlink's real proxy, and behind it an aggregator that anyone makes answer anything."""
    text = description.encode() if isinstance(description, str) else description
    aggregator = await deployer.deploy("SickAggregator", decimals, text, answer)
    return await deployer.deploy("EACAggregatorProxy", aggregator, ZERO_ADDRESS), aggregator


async def deploy_dual_feed(
    deployer: Deployer, description: str, cutoff_seconds: int, answer: int
) -> tuple[Address, Address, Address]:
    """A primary and a secondary proxy of 8 decimals, and the one aggregator behind both."""
    aggregator = await deployer.deploy("DualAggregator", 8, description, cutoff_seconds, answer)
    primary, secondary = [
        await deployer.deploy("EACAggregatorProxy", aggregator, ZERO_ADDRESS) for _ in range(2)
    ]
    await deployer.send(aggregator, "setSecondaryProxy(address)", secondary)
    return primary, secondary, aggregator


def phase_switch(chain: Chain, proxy: Address, aggregator: Address) -> tuple[Tx, Tx]:
    """The two calls that put another aggregator behind a proxy. Neither logs anything."""
    names = ("proposeAggregator(address)", "confirmAggregator(address)")
    first, second = (chain.tx(ADMIN, proxy, name, aggregator) for name in names)
    return first, second
