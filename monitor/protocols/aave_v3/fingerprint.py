"""Which code a market runs: this folder is a twin of some versions of it, and of no other.

A pool's release is probed by which getters it answers (accounting.md 1.1): never by date, and not
by revision, since forks number as they like. Within a release that is followed by revision (3.6
and 3.7), the revisions must be known ones too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.core.ledger import Market
from monitor.core.ports import Readings, ViewCall, ViewFailed, ViewResult
from monitor.core.reserves import Reserve
from monitor.core.units import ZERO_ADDRESS, Address
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.versions import POOL_RULES, pool_rules

_GETTERS = (
    ("3.7", "getIsEModeCategoryIsolated", (1,)),
    ("3.6", "getEModeCategoryLtvzeroBitmap", (1,)),
    ("3.4 or V3.5", "RESERVE_INTEREST_RATE_STRATEGY", ()),
    ("3.3", "getReserveDeficit", (ZERO_ADDRESS,)),
    ("3.2", "getEModeCategoryCollateralBitmap", (1,)),
    ("3.1", "getVirtualUnderlyingBalance", (ZERO_ADDRESS,)),
    ("3.0", "getEModeCategoryData", (1,)),
)
"""The getter each release brought, newest first: the first that answers names it."""


WITH_WORDS = "reverted: "
"""How the reason of a revert begins that carries data (chain/calldata.py)."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A contract of the market whose code can be replaced.

    `release`: the pool's. `known`: the revisions of it we are a twin of; None where they tell
    nothing. `denied`: a getter only code we do not follow answers.
    """

    name: str
    address: Address
    release: str
    revision: ViewCall
    known: tuple[int, ...] | None
    denied: ViewCall | None = None


def release_calls(abi: AaveAbi, pool: Address) -> tuple[ViewCall, ...]:
    """What tells the release of a pool."""
    return tuple(ViewCall(pool, abi.pool.functions[name], args) for _, name, args in _GETTERS)


def release_of(answers: Sequence[ViewResult]) -> str:
    """From the answers to `release_calls`; empty where no Aave V3 pool answers like that."""
    for (release, _, _), answer in zip(_GETTERS, answers, strict=True):
        if not isinstance(answer, ViewFailed):
            return release
    return ""


def first_release_call(abi: AaveAbi, configurator: Address) -> ViewCall:
    """What only 3.0.0 has not: a setter. Nothing is set: who calls is no admin."""
    setter = abi.configurator.functions["setReserveFlashLoaning"]
    return ViewCall(configurator, setter, (ZERO_ADDRESS, False))


def is_first_release(answer: ViewResult) -> bool:
    """From the answer to `first_release_call`: a refusal has words, a missing function has none.

    3.0.0 has every getter of 3.0.1, but logs transfers unscaled.
    """
    return isinstance(answer, ViewFailed) and not answer.reason.startswith(WITH_WORDS)


def unfollowed(pool: Address, release: str) -> str:
    """What is wrong with a pool of that release; empty where it is followed."""
    followed = sorted({rules.release for rules in POOL_RULES.values()})
    if release in followed:
        return ""
    found = f"answers as Aave V{release}" if release else "answers as no Aave V3 pool we know"
    return f"the pool at {pool} {found}; followed are V{' and V'.join(followed)}"


def proxies_of(abi: AaveAbi, contracts: Market, reserves: Iterable[Reserve]) -> list[Proxy]:
    """All of them, the pool first."""
    token = abi.token.functions
    pool, configurator = contracts.pool, contracts.configurator
    rules = pool_rules(contracts)
    known, of = rules.revisions, rules.release
    pool_view = ViewCall(pool, abi.pool.functions["POOL_REVISION"])
    view = ViewCall(configurator, abi.configurator.functions["CONFIGURATOR_REVISION"])
    proxies = [Proxy("pool", pool, of, pool_view, known and known.pool)]
    if configurator != ZERO_ADDRESS:  # without one, nobody can change a term
        proxies.append(Proxy("configurator", configurator, of, view, known and known.configurator))
    for reserve in reserves:
        supply, debt = reserve.supply_token, reserve.debt_token
        supply_view = ViewCall(supply, token["ATOKEN_REVISION"])
        debt_view = ViewCall(debt, token["DEBT_TOKEN_REVISION"])
        # GHO's, up to 3.3: its interest has a discount.
        denied = None if known else ViewCall(debt, token["getDiscountToken"])
        name = f"aToken of {reserve.symbol}"
        proxies.append(Proxy(name, supply, of, supply_view, known and known.supply_token))
        name = f"debt token of {reserve.symbol}"
        proxies.append(Proxy(name, debt, of, debt_view, known and known.debt_token, denied))
    return proxies


def questions_of(proxy: Proxy) -> tuple[ViewCall, ...]:
    return (proxy.revision,) if proxy.denied is None else (proxy.revision, proxy.denied)


def strangeness(proxy: Proxy, told: Readings) -> str:
    """What is wrong with what a contract tells of its code; empty where nothing is, or is told."""
    answer = told.get(proxy.revision)
    if answer is None:
        return ""
    if isinstance(answer, ViewFailed):
        found = f"does not tell its revision ({answer.reason})"
    elif proxy.known is not None and answer[0] not in proxy.known:
        found = f"has revision {answer[0]}"
    elif proxy.denied is not None and isinstance(told.get(proxy.denied), tuple):
        return f"the {proxy.name} at {proxy.address} gives discounts, which are not followed"
    else:
        return ""
    if proxy.known is None:
        return f"the {proxy.name} at {proxy.address} {found}"
    expected = " or ".join(map(str, proxy.known))
    return (
        f"the {proxy.name} at {proxy.address} {found}, expected {expected} (Aave V{proxy.release})"
    )
