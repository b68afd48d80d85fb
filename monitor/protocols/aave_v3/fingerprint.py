"""Which code a market runs: this folder is a twin of some revisions of it, and of no other.

Revisions by release: accounting.md 1.1, `instances/*.sol` of aave-v3-origin 3.6. A debt token of
revision 6 is GHO's.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.core.ledger import Market, Reserve
from monitor.core.ports import ViewCall, ViewFailed, ViewResult
from monitor.core.units import ZERO_ADDRESS, Address
from monitor.protocols.aave_v3.contracts import AaveAbi

POOL_REVISIONS = (10,)
CONFIGURATOR_REVISIONS = (7,)
SUPPLY_TOKEN_REVISIONS = (5,)
DEBT_TOKEN_REVISIONS = (5, 6)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A contract of the market whose code can be replaced, and the revisions we are a twin of."""

    name: str
    address: Address
    revision: ViewCall
    known: tuple[int, ...]


def proxies_of(abi: AaveAbi, contracts: Market, reserves: Iterable[Reserve]) -> list[Proxy]:
    """All of them, the pool first."""
    token = abi.token.functions
    pool, configurator = contracts.pool, contracts.configurator
    pool_view = ViewCall(pool, abi.pool.functions["POOL_REVISION"])
    view = ViewCall(configurator, abi.configurator.functions["CONFIGURATOR_REVISION"])
    proxies = [Proxy("pool", pool, pool_view, POOL_REVISIONS)]
    if configurator != ZERO_ADDRESS:  # without one, nobody can change a term
        proxies.append(Proxy("configurator", configurator, view, CONFIGURATOR_REVISIONS))
    for reserve in reserves:
        supply, debt = reserve.supply_token, reserve.debt_token
        supply_view = ViewCall(supply, token["ATOKEN_REVISION"])
        debt_view = ViewCall(debt, token["DEBT_TOKEN_REVISION"])
        proxies += [
            Proxy(f"aToken of {reserve.symbol}", supply, supply_view, SUPPLY_TOKEN_REVISIONS),
            Proxy(f"debt token of {reserve.symbol}", debt, debt_view, DEBT_TOKEN_REVISIONS),
        ]
    return proxies


def strangeness(proxy: Proxy, answer: ViewResult) -> str:
    """What is wrong with the revision a contract tells; empty where nothing is."""
    if isinstance(answer, ViewFailed):
        found = f"does not tell its revision ({answer.reason})"
    elif answer[0] in proxy.known:
        return ""
    else:
        found = f"has revision {answer[0]}"
    expected = " or ".join(map(str, proxy.known))
    return f"the {proxy.name} at {proxy.address} {found}, expected {expected} (Aave V3.6)"
