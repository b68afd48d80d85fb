"""From the configuration to what recursive leverage is recognised by."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

from monitor.core.ledger import LedgerView
from monitor.core.sources import RiskRules
from monitor.core.units import Address, AssetId
from monitor.engine.loop_book import LoopTerms
from monitor.engine.native import WRAPPED, NativeCoin
from monitor.engine.ownership import KnownAccounts
from monitor.engine.recursion import Rules
from monitor.engine.shape import Correlated
from monitor.engine.valuation import list_all
from monitor.errors import QuestionError
from monitor.leverage.account_code import known_code
from monitor.leverage.steps import FlowTerms
from monitor.library import abi_library
from monitor.settings import Settings
from monitor.simulation.names import book_of


def recursion_rules(
    settings: Settings, markets: Sequence[RiskRules], named: Mapping[str, AssetId]
) -> Rules:
    """`named`: the [assets] entries."""
    loops = settings.loops
    followers = {named[name]: a.correlated_with for name, a in settings.assets.items()}

    def correlated(view: LedgerView) -> Correlated:
        """Names are read in every block: what is not listed yet is called nothing."""
        if not any(followers.values()):
            return {}
        listings = list_all(view, markets)
        names = book_of([(one.asset, one.symbol, one.is_permissionless) for one in listings], named)
        found: dict[AssetId, set[AssetId]] = {}
        for asset, others in followers.items():
            for other in others:
                with suppress(QuestionError):
                    found.setdefault(asset, set()).add(names.resolve(other))
        return {asset: frozenset(others) for asset, others in found.items()}

    terms = FlowTerms(loops.window_seconds, Fraction(Decimal(str(loops.tolerance))))
    known = {entry.hash: entry.kind for entry in settings.account_code}
    accounts = KnownAccounts(known_code(known), abi_library("accounts/Account"))
    return Rules(markets, terms, accounts, correlated, _native_coin(settings))


def _native_coin(settings: Settings) -> NativeCoin | None:
    """None on a chain whose wrapped coin is neither known nor configured."""
    wrapped = wrapped_native(settings)
    if wrapped is None:
        return None
    balance = abi_library("erc20/Token").functions["balanceOf"]
    coins = abi_library("multicall3/Multicall3").functions["getEthBalance"]
    return NativeCoin(wrapped, balance, coins)


def wrapped_native(settings: Settings) -> AssetId | None:
    """The token that stands for the chain's own coin; None where none is known or configured."""
    wrapped = settings.loops.wrapped_native or WRAPPED.get(settings.chain.chain_id)
    return None if wrapped is None else AssetId(Address(wrapped))


def loop_terms(settings: Settings, rules: Rules) -> LoopTerms:
    """What loops are judged by when they are shown."""
    return LoopTerms(concentration(settings), rules.correlated)


def concentration(settings: Settings) -> Fraction:
    """The part of each side that a loop by state needs."""
    return Fraction(Decimal(str(settings.loops.concentration)))
