"""From the configuration to the pure parts: plug-ins, scenarios, breakers. Nothing runs here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from eth_utils.address import to_checksum_address

from monitor import alert_schema
from monitor.core.alerts import digest
from monitor.core.receipts import ReceiptKind
from monitor.core.sources import EventSource, RiskRules
from monitor.core.units import Address, AssetId, MarketId
from monitor.engine.breaker import BreakerRule, Origin
from monitor.engine.cascade_runner import CascadeRunner, CurvePlan, Plan
from monitor.engine.judge import Receiver
from monitor.engine.measures import Limits, Measure
from monitor.engine.recursion import Rules
from monitor.engine.volatility import PriceLog
from monitor.engine.watching import Wards, Watch, wad_of
from monitor.errors import ConfigError, QuestionError
from monitor.library import abi_library, rate_view
from monitor.liquidity.source import Venue
from monitor.oracles.sources import price_sources
from monitor.oracles.valuation_feed import ValuationFeed
from monitor.oracles.way import Cadence
from monitor.protocols.registry import PROTOCOLS, MarketPlan, ProtocolMarket
from monitor.receipts.claims import (
    ATokenClaim,
    Claim,
    RateClaim,
    ReceiptAbi,
    VaultClaim,
    rate_call,
)
from monitor.receipts.holders import Register
from monitor.receipts.source import ReceiptSource
from monitor.recursion_rules import concentration, recursion_rules, wrapped_native
from monitor.schema import Feed, Market, Projection, Receipt
from monitor.settings import Settings
from monitor.simulation.options import Options
from monitor.simulation.shocks import parse_shocks
from monitor.venues import venue_of

USUAL_RECOVERY = Decimal("1.02")
"""A watched position is well again at 2 % above the bound, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What one configuration amounts to."""

    markets: tuple[ProtocolMarket, ...]
    pools: tuple[Venue, ...]
    sources: tuple[EventSource, ...]
    runner: CascadeRunner
    prices: PriceLog
    recursion: Rules
    receivers: tuple[Receiver, ...]
    defaults: Options
    named: Mapping[str, AssetId]


def parts_of(settings: Settings) -> Parts:
    """Build the plug-ins. Order is the configuration's."""
    markets = tuple(
        PROTOCOLS[market.protocol](_plan(market), abi_library) for market in settings.markets
    )
    native = wrapped_native(settings)
    pools = tuple(venue_of(entry, native) for entry in settings.liquidity)
    cadences = {Address(entry.address): _cadence(entry) for entry in settings.feeds}
    prices = price_sources([market.market for market in markets], abi_library, cadences)
    feed = abi_library("chainlink/Aggregator")
    valuations = [
        ValuationFeed(name, AssetId(Address(asset.address)), Address(asset.price_feed), feed)
        for name, asset in settings.assets.items()
        if asset.price_feed is not None
    ]
    return Parts(
        markets=markets,
        pools=pools,
        sources=(*markets, *prices, *valuations, *pools, *map(_receipt, settings.receipts)),
        runner=CascadeRunner(
            markets,
            pools,
            _named(settings),
            _correlated(settings),
            _plans(settings),
            concentration(settings),
        ),
        prices=PriceLog(markets, _named(settings), _volatile(settings)),
        recursion=recursion_rules(settings, markets, _named(settings)),
        receivers=tuple(
            Receiver(hook.name, hook.breakers, hook.severity) for hook in settings.webhooks
        ),
        defaults=_options(settings.projection),
        named=_named(settings),
    )


def _cadence(entry: Feed) -> Cadence:
    share = entry.deviation
    return Cadence(
        entry.heartbeat_seconds, None if share is None else int(Decimal(str(share)).scaleb(6))
    )


def _receipt(entry: Receipt) -> ReceiptSource:
    token, kind = Address(entry.token), ReceiptKind(entry.kind)
    erc20, bytes32_erc20 = abi_library("erc20/Token"), abi_library("erc20/Bytes32Token")
    abi = ReceiptAbi(
        erc20=erc20,
        vault=abi_library("erc4626/Vault"),
        curated=abi_library("erc4626/MetaMorpho"),
        atoken=abi_library("aave_v3/AToken"),
    )
    claim: Claim
    register = None
    match kind:
        case ReceiptKind.ERC4626:
            claim = VaultClaim(token, abi)
            register = Register(token, entry.from_block, abi_library("erc20/Transfer"), erc20)
        case ReceiptKind.AAVE_ATOKEN:
            claim = ATokenClaim(token, abi)
        case ReceiptKind.RATE_PROVIDER:
            rate = rate_call(
                Address(entry.rate_source or token), rate_view(entry.rate_method or "")
            )
            claim = RateClaim(token, Address(entry.underlying or ""), rate, abi)
    return ReceiptSource(token, kind, claim, erc20, bytes32_erc20, register)


def watchers_of(settings: Settings, genesis: str) -> tuple[BreakerRule, ...]:
    """The breakers; their alerts' ids hold the chain's genesis."""
    origin = Origin(settings.store.namespace, genesis)
    return tuple(
        BreakerRule(
            origin=origin,
            name=breaker.name,
            limits=tuple(map(_limits, (breaker, *breaker.also))),
            when=breaker.when,
            hold_blocks=breaker.hold_blocks,
            min_seconds_between_trips=breaker.min_seconds_between_trips,
            escalate=breaker.escalate,
            remind_seconds=breaker.remind_seconds,
        )
        for breaker in settings.breakers
    )


def _volatile(settings: Settings) -> Sequence[str]:
    """The assets whose volatility some breaker is measured in."""
    entries = [one for breaker in settings.breakers for one in (breaker, *breaker.also)]
    wanted = {one.scenario for one in entries if one.measure is Measure.CRITICAL_SHOCK_SIGMAS}
    curves = (settings.scenarios[name].curve for name in sorted(wanted))
    return [curve.asset for curve in curves if curve is not None]


def _limits(entry: alert_schema.Limits) -> Limits:
    return Limits(
        measure=entry.measure,
        warn=entry.warn,
        trip=entry.trip,
        clear=entry.clear,
        scenario=entry.scenario,
        markets=entry.markets,
    )


def wards_of(settings: Settings, genesis: str, rules: Sequence[RiskRules]) -> Wards:
    """The watched positions."""
    watches = [
        Watch(
            name=entry.name,
            accounts=frozenset(map(Address, entry.accounts)),
            markets=entry.markets,
            below_wad=wad_of(Fraction(entry.health_below)),
            recover_wad=wad_of(
                Fraction(entry.recover_above or entry.health_below * USUAL_RECOVERY)
            ),
            hold_blocks=entry.hold_blocks,
        )
        for entry in settings.watch
    ]
    origin = Origin(settings.store.namespace, genesis)
    return Wards(origin, rules, watches, to_checksum_address)


def configuration_digest(settings: Settings) -> str:
    """A digest of what decides which records the ledger holds.

    How a claim is asked, and when a feed is due, is read anew in every block.
    """
    parts = [
        " ".join([m.name, m.protocol, m.address, str(m.from_block), *_sub_markets(m)])
        for m in settings.markets
    ]
    parts += [f"{entry.kind} {entry.pool}" for entry in settings.liquidity if entry.pool]
    parts += [f"receipt {entry.token}{_holders(entry)}" for entry in settings.receipts]
    parts += [f"{a.address} {a.price_feed}" for a in settings.assets.values() if a.price_feed]
    return digest(*parts)


def _holders(entry: Receipt) -> str:
    """Whose holders are kept, and since when."""
    return f" held from {entry.from_block}" if entry.kind == "erc4626" else ""


def _plan(market: Market) -> MarketPlan:
    """`sub_markets`: None for all."""
    ids = frozenset(_sub_markets(market)) or None
    return MarketPlan(MarketId(market.name), Address(market.address), market.from_block, ids)


def _sub_markets(market: Market) -> Sequence[str]:
    """The listed ones, in order; none where all are followed."""
    return sorted(market.market_ids) if isinstance(market.market_ids, tuple) else ()


def _plans(settings: Settings) -> tuple[Plan, ...]:
    """Raises ConfigError for shocks that no chain could make sense of; names need the chain."""
    faults = []
    for name, scenario in settings.scenarios.items():
        try:
            parse_shocks(scenario.shocks or {})
        except QuestionError as error:
            faults.append(f"scenarios.{name}: {error}")
    if faults:
        raise ConfigError(*faults)
    return tuple(
        Plan(
            name=name,
            shocks=scenario.shocks or {},
            curve=None
            if scenario.curve is None
            else CurvePlan(
                scenario.curve.asset, Decimal(str(scenario.curve.to)), scenario.curve.steps
            ),
            options=_options(settings.options_of(name)),
        )
        for name, scenario in settings.scenarios.items()
    )


def _options(asked: Projection) -> Options:
    return Options().updated(asked.model_dump())


def _named(settings: Settings) -> Mapping[str, AssetId]:
    return {name: AssetId(Address(asset.address)) for name, asset in settings.assets.items()}


def _correlated(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    return {name: asset.correlated_with for name, asset in settings.assets.items()}
