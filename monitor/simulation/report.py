"""The one door out: a projection as the document of contract section 3."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import asdict
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from monitor.simulation.results import (
    AccountFigures,
    Contagion,
    CurveProjection,
    Figures,
    MarketFigures,
    PricePath,
    Projection,
    RoundFigures,
)
from monitor.simulation.unwinding import Unwinding

Face = Callable[[str], str]
"""How an address is shown. Checksums need a hash, and none is at home here."""

_UNWOUND = ("repaid_usd", "sold_usd", "locked_usd", "left_usd")
MOST_ROWS = 100
"""Of the contagion: there are as many as pairs of sub-markets."""
MOST_SUB_MARKETS = 200
"""Those in which most happens: anybody can open thousands more, for a dust of debt in each."""
_CENT = Decimal("0.01")
_WIDE = Context(prec=400)


def document_of(
    found: Projection | CurveProjection,
    block: Mapping[str, Any],
    face: Face = str,
    snapshot: str | None = None,
) -> dict[str, Any]:
    """The document of contract section 3. `block` is its `block`, `face` shows addresses.

    `snapshot`: the id of what was kept of the world.
    """
    if isinstance(found, CurveProjection):
        return _curve(found, block, face, snapshot)
    asked = {"shocks": dict(found.scenario.shocks), "options": found.options.as_dict()}
    result = _result(found, face) | {"snapshot": snapshot}
    return {"block": dict(block), "scenario": asked, "result": result}


def _curve(
    found: CurveProjection, block: Mapping[str, Any], face: Face, snapshot: str | None
) -> dict[str, Any]:
    """One projection per step, and the critical shock."""
    return {
        "block": dict(block),
        "scenario": {"curve": found.curve.as_dict(), "options": found.options.as_dict()},
        "curve": [document_of(step, block, face, snapshot) for step in found.results],
        "critical_shock": found.critical_shock if found.is_known else None,
        "unknown": list(found.unknown),
    }


def _news(found: Projection) -> dict[str, MarketFigures]:
    """All markets, but of the sub-markets only those in which something happens, and most of it."""
    happens = {
        label: max(asdict(entry.figures).values()) for label, entry in found.by_market.items()
    }
    subs = [label for label, entry in found.by_market.items() if label != entry.market]
    largest = sorted(filter(happens.__getitem__, subs), key=lambda label: -happens[label])
    told = set(largest[:MOST_SUB_MARKETS])
    return {
        label: entry
        for label, entry in found.by_market.items()
        if label == entry.market or label in told
    }


def _result(found: Projection, face: Face) -> dict[str, Any]:
    """Where accounts had to be left out, no sum over them is known: null, not what is left."""
    known = not found.unknown

    def sum_usd(value: float) -> str | None:
        return usd(value) if known else None

    def figures(entry: Figures) -> dict[str, str | None]:
        return {name: sum_usd(value) for name, value in asdict(entry).items()}

    def unwinding(entry: Unwinding) -> dict[str, str | int | None]:
        sums = {name: sum_usd(getattr(entry, name)) for name in _UNWOUND}
        return {"accounts": entry.accounts if known else None, **sums}

    told = _news(found)
    log = found.round_log if known else ()
    return {
        "first_round_usd": sum_usd(found.first_round_usd),
        "liquidated_usd": sum_usd(found.liquidated_usd),
        "seized_usd": sum_usd(found.seized_usd),
        "bad_debt_usd": sum_usd(found.bad_debt_usd),
        "bad_debt_realised_usd": sum_usd(found.bad_debt_realised_usd),
        "unliquidated_usd": sum_usd(found.unliquidated_usd),
        "amplification": found.amplification if known else None,
        "price_amplification": found.price_amplification if known else None,
        "branching_ratio": found.branching_ratio if known else None,
        "rounds": found.rounds if known else None,
        "converged": found.converged,
        "prices": {_shown(label, face): _path(path) for label, path in found.prices.items()},
        "by_market": {label: figures(entry.figures) for label, entry in told.items()},
        "by_asset": {_shown(label, face): figures(each) for label, each in found.by_asset.items()},
        "by_loop_kind": {kind: figures(each) for kind, each in found.by_loop_kind.items()},
        "contagion": [_push(entry) for entry in found.contagion[:MOST_ROWS] if known],
        "unliquidated_because": {
            reason: sum_usd(value) for reason, value in found.unliquidated_because.items()
        },
        "unwinding": None if found.unwinding is None else unwinding(found.unwinding),
        "largest": [_account(entry, face) for entry in found.largest if known],
        "largest_unliquidated": [
            _account(entry, face) for entry in found.largest_unliquidated if known
        ],
        "largest_share": found.largest_share if known else None,
        "round_log": [_round(number, log, told, face) for number in range(1, len(log) + 1)],
        "snapshot": None,
        "unknown": list(found.unknown),
        "left_out": list(found.left_out),
    }


def _account(entry: AccountFigures, face: Face) -> dict[str, Any]:
    return {
        "account": face(entry.account),
        "market": entry.market,
        "debt_usd": usd(entry.debt_usd),
        **{name: usd(value) for name, value in asdict(entry.figures).items()},
        "loop_kind": entry.loop_kind,
    }


def _push(entry: Contagion) -> dict[str, Any]:
    return {
        "from": entry.source,
        "to": entry.target,
        "liquidated_usd": usd(entry.liquidated_usd),
        "share": entry.share,
    }


def usd(value: float) -> str:
    """2 decimals, half-up."""
    return str(Decimal(repr(value)).quantize(_CENT, rounding=ROUND_HALF_UP, context=_WIDE))


def _shown(label: str, face: Face) -> str:
    return face(label) if label.startswith("0x") else label


def _path(path: PricePath) -> dict[str, str | None]:
    return {
        "before": _usd_or_null(path.before),
        "shocked": _usd_or_null(path.shocked),
        "after": _usd_or_null(path.after),
    }


def _usd_or_null(value: float | None) -> str | None:
    return None if value is None else usd(value)


def _round(
    number: int, log: Sequence[RoundFigures], told: Container[str], face: Face
) -> dict[str, Any]:
    """`number`: from 1. `told`: the markets whose oracles are shown."""
    entry = log[number - 1]
    before_usd = log[number - 2].liquidated_usd if number > 1 else 0.0
    return {
        "round": number,
        "liquidations": entry.liquidations,
        "liquidated_usd": usd(entry.liquidated_usd),
        "ratio": entry.liquidated_usd / before_usd if before_usd else None,
        "seized_usd": usd(entry.seized_usd),
        "bad_debt_realised_usd": usd(entry.bad_debt_realised_usd),
        "oracles": [
            {"market": market, "asset": _shown(asset, face), "price_usd": usd(price)}
            for market, asset, price in entry.oracles
            if market in told
        ],
        "lending": [
            {
                "market": market,
                "asset": _shown(asset, face),
                "utilisation": utilisation,
                "borrow_rate": borrow_rate,
            }
            for market, asset, utilisation, borrow_rate in entry.lending
        ],
    }
