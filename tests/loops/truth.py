"""What the builder of a loop says of it, and what the contracts say it amounts to.

Nothing in here, nor in what builds loops, is code of the monitor.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from devnet.abi import Address

from loops.places import Aave, Place
from loops.scene import Scene

FLASH, STEPWISE, UNKNOWN = "flash", "stepwise", "unknown"
REHYPOTHECATED, CROSS_PROTOCOL = "rehypothecated", "cross_protocol"
SAME_ASSET, CORRELATED, DIRECTIONAL = "same_asset", "correlated", "directional"


@dataclass(frozen=True, slots=True)
class Line:
    """One asset of one account in one place: pledged, or owed."""

    place: Place
    account: Address
    asset: str


@dataclass(frozen=True, slots=True)
class Truth:
    """One loop, as it was built.

    `kind`, in the contract's order: *rehypothecated* where the builder pledges a claim on a vault
    or market that the borrowed money was put into; *cross_protocol* where it borrows in one market
    and pledges in another; *same_asset*, *correlated*, *directional* by the pair it chose. `hops`:
    how often it pledged what it had borrowed; 1 for what one transaction built; None for what was
    built before the monitor began.
    """

    kind: str
    built: str
    hops: int | None
    owner: Address
    pledged: frozenset[Line]
    owed: frozenset[Line]

    @property
    def markets(self) -> frozenset[str]:
        return frozenset(line.place.market for line in self.pledged | self.owed)

    @property
    def accounts(self) -> frozenset[Address]:
        return frozenset(line.account for line in self.pledged | self.owed)


@dataclass(frozen=True, slots=True)
class Weight:
    """What a loop amounts to at a block, in US dollars."""

    collateral_usd: Fraction
    debt_usd: Fraction

    @property
    def leverage(self) -> Fraction:
        return self.collateral_usd / (self.collateral_usd - self.debt_usd)


async def weigh(scene: Scene, truth: Truth, block: str) -> Weight:
    """By balances, `position` and `accrueInterest`, by Aave's oracle and `convertToAssets`."""
    return Weight(
        await _worth(scene, truth.pledged, block, is_debt=False),
        await _worth(scene, truth.owed, block, is_debt=True),
    )


async def _worth(scene: Scene, lines: Iterable[Line], block: str, *, is_debt: bool) -> Fraction:
    total = Fraction(0)
    for line in lines:
        raw = await _raw(scene, line, block, is_debt=is_debt)
        total += raw * await scene.usd_per_raw(line.asset, block)
    return total


async def _raw(scene: Scene, line: Line, block: str, *, is_debt: bool) -> int:
    place = line.place
    if isinstance(place, Aave):
        at = place.view.addresses
        token = (at.debt_tokens if is_debt else at.atokens)[line.asset]
        return await scene.world.balance_of(token, line.account, block)
    accrued = await scene.world.morpho.accrued(place.name, [line.account], block)
    (held,) = accrued.positions
    return accrued.state.owed_raw(held.borrow_shares) if is_debt else held.collateral_raw
