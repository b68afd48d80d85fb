"""What the wide world has beside the one of `terms.py`: Morpho, a vault, a rate that grows."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from devnet.terms import WorldTerms

WAD = 10**18
MORPHO_PRICE_DECIMALS = 36
"""An oracle of Morpho answers raw loan units per raw collateral unit, times 1e36."""


@dataclass(frozen=True, slots=True)
class PairTerms:
    """One market of Morpho Blue, named like "WETH/USDC": collateral first, loan second."""

    collateral: str
    loan: str
    lltv_wad: int
    # What prices the collateral: the two assets' feeds, wstETH's rate, or a price anyone may set.
    oracle: Literal["feeds", "rate", "mock"] = "feeds"
    # False: the market has no rate model, and its debts never grow.
    adaptive: bool = True
    fee_wad: int = 0

    @property
    def name(self) -> str:
        return f"{self.collateral}/{self.loan}"


@dataclass(frozen=True, slots=True)
class CapTerms:
    market: str
    cap: int  # whole tokens of the vault's asset


@dataclass(frozen=True, slots=True)
class VaultTerms:
    """A MetaMorpho. It lends into its capped markets in this order, and takes back in it too."""

    name: str
    asset: str
    fee_wad: int
    caps: tuple[CapTerms, ...]
    deposits: tuple[tuple[str, int], ...]  # an account's name, and whole tokens


PAIRS = (
    PairTerms("WETH", "USDC", 860_000_000_000_000_000),
    PairTerms("WBTC", "USDC", 860_000_000_000_000_000, fee_wad=WAD // 10),
    PairTerms("wstETH", "WETH", 945_000_000_000_000_000, "rate"),
    PairTerms("WETH", "DAI", 770_000_000_000_000_000, "mock", adaptive=False),
)
USDC_VAULT = VaultTerms(
    "Devnet USDC",
    "USDC",
    fee_wad=WAD // 20,
    caps=(CapTerms("WETH/USDC", 3_000_000), CapTerms("WBTC/USDC", 2_000_000)),
    deposits=(("vault depositor 1", 2_500_000), ("vault depositor 2", 1_500_000)),
)


@dataclass(frozen=True, slots=True)
class StakingTerms:
    """wstETH's rate to ETH, and the line under which Aave 3.6's adapter holds it."""

    # The feeds' first prices agree with it: 2,400 against 2,000 USD.
    rate_wad: int = 12 * WAD // 10
    growth_per_second_wad: int = 10**9  # 2.6 % a year, as staking earns
    cap_growth_per_year_bps: int = 968


@dataclass(frozen=True, slots=True)
class WideTerms(WorldTerms):
    pairs: tuple[PairTerms, ...] = PAIRS
    vaults: tuple[VaultTerms, ...] = (USDC_VAULT,)
    staking: StakingTerms = StakingTerms()

    def pair(self, name: str) -> PairTerms:
        return next(pair for pair in self.pairs if pair.name == name)


def morpho_price_e36(terms: WorldTerms, pair: PairTerms) -> int:
    """What the feeds' first prices make one raw unit of collateral worth, rounded down."""
    collateral, loan = terms.asset(pair.collateral), terms.asset(pair.loan)
    ratio = Fraction(collateral.price_e8, loan.price_e8)
    exponent = MORPHO_PRICE_DECIMALS + loan.decimals - collateral.decimals
    return int(ratio * 10**exponent)
