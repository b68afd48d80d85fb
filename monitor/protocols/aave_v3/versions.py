"""The versions of Aave V3 that are followed: a row each.

Two axes: the tokens' code says how their logs decode (tokens.py), the pool's how indices accrue and
how an account is judged. Which rows hold is probed (fingerprint.py, evidence.py) and kept in the
market's record.
"""

from collections.abc import Mapping
from typing import NamedTuple

from monitor.core.ledger import Market
from monitor.errors import ContractUpgraded
from monitor.protocols.aave_v3 import accrual, verdicts
from monitor.protocols.aave_v3.accrual import Interest
from monitor.protocols.aave_v3.tokens import TOKEN_RULES, TokenRules
from monitor.protocols.aave_v3.verdicts import Verdict
from monitor.protocols.aave_v3.views import FORMER_VIEWS, VIEWS, Views


class Revisions(NamedTuple):
    """The revisions of its contracts that a row is a twin of."""

    pool: tuple[int, ...]
    configurator: tuple[int, ...]
    supply_token: tuple[int, ...]
    debt_token: tuple[int, ...]


class PoolRules(NamedTuple):
    """One version of the pool's code.

    `release`: what its getters tell it is. `token_versions`: whose tokens go with it, as a rule.
    `revisions` is None where forks number as they like, so that revisions tell nothing.
    `credits_treasury_twice`: a liquidation of an asset for itself accrues it from two copies.
    """

    name: str
    release: str
    token_versions: tuple[str, ...]
    interest: Interest
    verdict: Verdict
    views: Views
    revisions: Revisions | None = None
    credits_treasury_twice: bool = False


POOL_RULES: Mapping[str, PoolRules] = {
    rules.name: rules
    for rules in (
        # accounting.md 1.1 and 1.8, docs/3.7 of aave-v3-origin: what is left of it that tells in a
        # ledger is when it accrues. No registry has its code: it is not executed in the tests.
        PoolRules(
            name="3.7",
            release="3.7",
            token_versions=("3.5",),
            interest=accrual.DIRECTED,
            verdict=verdicts.DIRECTED,
            views=VIEWS,
            revisions=Revisions((11,), (8,), (5,), (5, 6)),
        ),
        PoolRules(
            name="3.6",
            release="3.6",
            token_versions=("3.5",),
            interest=accrual.DIRECTED,
            verdict=verdicts.DIRECTED,
            views=VIEWS,
            # By `instances/*.sol` of aave-v3-origin 3.6; a debt token of revision 6 is GHO's.
            revisions=Revisions((10,), (7,), (5,), (5, 6)),
            credits_treasury_twice=True,
        ),
        PoolRules(
            name="3.0.2",
            release="3.0",
            token_versions=("3.0.1",),
            interest=accrual.BINOMIAL,
            verdict=verdicts.HALF_UP,
            views=FORMER_VIEWS,
        ),
        PoolRules(
            name="spark",
            release="3.0",
            token_versions=("spark",),
            interest=accrual.BINOMIAL,
            verdict=verdicts.SPARK,
            views=FORMER_VIEWS,
        ),
    )
}
"""3.0.1 accounts as 3.0.2 does. "spark" is SparkLend's rounding upgrade of it (accounting.md 1.12);
before that SparkLend is 3.0.2."""
FORMER = "3.0"
"""The release whose tokens round in one way or another, which only numbers tell."""
UNNAMED = "3.6"
"""What a record tells that was written before versions were."""


def pool_rules(contracts: Market) -> PoolRules:
    """Raises ContractUpgraded for a record that another version of this program wrote."""
    rules = POOL_RULES.get(contracts.pool_version or UNNAMED)
    if rules is None:
        raise _unknown("pool", contracts.pool_version)
    return rules


def token_rules(contracts: Market) -> TokenRules:
    """As `pool_rules`, for the tokens."""
    name = contracts.token_version or pool_rules(contracts).token_versions[0]
    rules = TOKEN_RULES.get(name)
    if rules is None:
        raise _unknown("tokens", name)
    return rules


def _unknown(what: str, version: str) -> ContractUpgraded:
    return ContractUpgraded(
        f"the stored state says the {what} of a market are of version {version!r}, expected one of "
        f"{', '.join(POOL_RULES)}: it was written by a newer version of this monitor. Use that."
    )
