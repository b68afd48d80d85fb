"""What a logged verb does to a pair's totals, after what the log carries was checked.

Source: Morpho.sol (supply, withdraw, borrow, repay, liquidate) of morpho-blue 1.0.0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from monitor.core.pairs import Pair
from monitor.core.units import RawAmount, Shares
from monitor.errors import LedgerCorrupt
from monitor.protocols.morpho_blue.liquidation import Loss, loss_of
from monitor.protocols.morpho_blue.positions import Held
from monitor.protocols.morpho_blue.shares import (
    to_assets_down,
    to_assets_up,
    to_shares_down,
    to_shares_up,
)


@dataclass(frozen=True, slots=True)
class Verb:
    """`lends`: the supply side, not the debt. `gives`: the caller pays, and gets no more shares
    taken or given than that is worth."""

    lends: bool
    sign: int
    gives: bool


VERBS: Mapping[str, Verb] = {
    "Supply": Verb(lends=True, sign=1, gives=True),
    "Withdraw": Verb(lends=True, sign=-1, gives=False),
    "Borrow": Verb(lends=False, sign=1, gives=False),
    "Repay": Verb(lends=False, sign=-1, gives=True),
}


def moved(pair: Pair, name: str, assets: int, shares: int) -> Pair:
    """The pair after one of VERBS. Raises LedgerCorrupt where neither amount follows from the
    other."""
    verb = VERBS[name]
    if verb.lends:
        totals = (pair.supply_raw, pair.supply_shares)
    else:
        totals = (pair.debt_raw, pair.debt_shares)
    if verb.gives:
        fits = (to_shares_down(assets, *totals), to_assets_up(shares, *totals))
    else:
        fits = (to_shares_up(assets, *totals), to_assets_down(shares, *totals))
    if shares != fits[0] and assets != fits[1]:
        raise LedgerCorrupt(
            f"{name} of {assets} assets and {shares} shares: by the ledger's totals {totals} those "
            f"assets are {fits[0]} shares, and those shares {fits[1]} assets"
        )
    raw, total_shares = totals[0] + verb.sign * assets, totals[1] + verb.sign * shares
    if name == "Repay":
        raw = max(0, raw)  # rounded up, the last debt may be repaid with one unit too much
    if raw < 0 or total_shares < 0:
        raise LedgerCorrupt(f"{name} takes {assets} assets and {shares} shares of {totals}")
    if verb.lends:
        return replace(pair, supply_raw=RawAmount(raw), supply_shares=Shares(total_shares))
    return replace(pair, debt_raw=RawAmount(raw), debt_shares=Shares(total_shares))


@dataclass(frozen=True, slots=True)
class Seizure:
    """The amounts of a Liquidate log."""

    repaid_raw: int
    repaid_shares: int
    seized_raw: int
    loss: Loss


def liquidated(pair: Pair, held: Held, seizure: Seizure) -> tuple[Pair, Held]:
    """The pair and the position after it. Raises LedgerCorrupt where it does not add up."""
    repaid = to_assets_up(seizure.repaid_shares, pair.debt_raw, pair.debt_shares)
    if repaid != seizure.repaid_raw:
        raise LedgerCorrupt(
            f"{seizure.repaid_shares} shares were repaid with {seizure.repaid_raw} assets, but by "
            f"the ledger they are {repaid}"
        )
    debt_raw = max(0, pair.debt_raw - repaid)
    debt_shares = pair.debt_shares - seizure.repaid_shares
    left, kept = held.debt_shares - seizure.repaid_shares, held.collateral_raw - seizure.seized_raw
    loss = Loss(0, 0) if kept else loss_of(left, debt_raw, debt_shares)
    if loss != seizure.loss:
        raise LedgerCorrupt(f"the log tells a bad debt of {seizure.loss}, the ledger {loss}")
    after = replace(
        pair,
        supply_raw=RawAmount(pair.supply_raw - loss.assets_raw),
        debt_raw=RawAmount(debt_raw - loss.assets_raw),
        debt_shares=Shares(debt_shares - loss.shares),
        collateral_raw=RawAmount(pair.collateral_raw - seizure.seized_raw),
    )
    return after, Held(held.lent_shares, left - loss.shares, kept)
