"""Figures and shocks as a person says them. Pure; what cannot be read is shown as it is."""

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

_POWERS = ((12, "T"), (9, "B"), (6, "M"), (3, "K"))
_MEASURES = {
    "liquidated_usd": "{} liquidated",
    "bad_debt_usd": "{} of bad debt",
    "unliquidated_usd": "{} left unliquidated",
    "amplification": "amplification {}",
    "critical_shock": "a move of {} is critical",
    "critical_shock_sigmas": "critical at {} daily moves",
    "share_of_market": "{} of all debt liquidated",
    "health_factor": "health {}",
}
_RATIOS = {"critical_shock", "share_of_market"}


def money(text: object) -> str:
    """$12.3M from 12345678.90. Unknown is said, never shown as zero."""
    value = _number(text)
    if value is None:
        return "an unknown amount"
    sign, size = ("-" if value < 0 else ""), abs(value)
    for power, letter in _POWERS:
        shown = size.scaleb(-power)
        # What rounds up to 1000 of one letter is 1.0 of the next.
        if shown >= Decimal("0.99995"):
            return f"{sign}${shown:.1f}{letter}"
    return f"{sign}${size:.0f}"


def percent(value: Decimal) -> str:
    """12.5 % from 0.125, in at most four digits."""
    return f"{_short(100 * value)} %"


def _short(value: Decimal) -> str:
    """At most four digits that count, none of them a zero at the end."""
    shown = f"{value:.4g}"
    return shown.rstrip("0").rstrip(".") if "." in shown and "e" not in shown else shown


def figure(measure: object, value: object) -> str:
    """A measure's value alone, as its threshold is shown too."""
    name, number = str(measure), _number(value)
    if name.endswith("_usd"):
        return money(value)
    if number is None:
        return "none" if name.startswith("critical_shock") else "unknown"
    if name in _RATIOS:
        return percent(number)
    if name == "health_factor":
        return str(value)  # cut off already: rounded up, it could look safe
    return _short(number) + ("x" if name == "amplification" else "")


def measured(measure: object, value: object) -> str:
    """What was measured, in some words."""
    if measure is None:  # it left the configuration while it fired
        return "it is judged no more"
    name = str(measure)
    if value is None and name.startswith("critical_shock"):
        return "no move on the curve is critical"
    shown = figure(name, value)
    return _MEASURES[name].format(shown) if name in _MEASURES else f"{name} {shown}"


def shocked(shocks: object) -> str:
    """All shocks of a scenario: "WETH falls 30 %, all depth x0.5"."""
    if not isinstance(shocks, Mapping):
        return ""
    return ", ".join(_shock(str(key), value) for key, value in shocks.items())


def curved(curve: object) -> str:
    """How far the one asset of a curve is moved: "WETH falls, at most by 50 %"."""
    to = _number(curve.get("to")) if isinstance(curve, Mapping) else None
    if to is None or not isinstance(curve, Mapping):
        return ""
    way = "falls" if to < 0 else "rises"
    return f"{curve.get('asset')} {way}, at most by {percent(abs(to))}"


def _shock(key: str, value: Any) -> str:
    channel, _, rest = key.partition(":")
    number = _number(value)
    if channel == "gas" and not rest:
        return f"gas x{value}"
    if not rest or channel == "price":
        return f"{rest or key} {_moves(number, value)}"
    if channel == "peg":
        asset, _, base = rest.partition("/")
        return f"{asset} {_moves(number, value)} against {base}"
    market, _, asset = rest.partition("/")
    match channel:
        case "oracle":
            return f"the oracle of {asset} in {market} {_moves(number, value)}"
        case "rate":
            return _lent(f"{asset} in {market}", value)
        case "parameter":
            asset, _, parameter = asset.rpartition(".")
            return f"{parameter} of {asset} in {market} becomes {value}"
        case "liquidity":
            return f"{'all depth' if rest == '*' else f'depth of {rest}'} x{value}"
    return f"{key} = {value}"


def _lent(what: str, value: object) -> str:
    """A share that is lent out, and for how long: "1.0@30d"."""
    share, _, horizon = str(value).partition("@")
    ratio = _number(share)
    if ratio is None or not horizon:
        return f"{what} is lent out at {value}"
    return f"{percent(ratio)} of {what} is lent out for {horizon}"


def _moves(ratio: Decimal | None, value: object) -> str:
    if ratio is None:
        return f"moves by {value}"
    return f"{'falls' if ratio < 0 else 'rises'} {percent(abs(ratio))}"


def plain(text: object, most: int) -> str:
    """One line of at most so many characters that no chat service takes for anything but text.

    Symbols of tokens are made by strangers: no mention, no link, no markup, no line of their own.
    """
    shown = "".join(_printable(each) for each in str(text))
    shown = re.sub(r"@(?=[A-Za-z])", "@\u200b", shown).replace("](", "] (")
    shown = re.sub(r"(?<=[A-Za-z0-9])://", ":/\u200b/", shown).translate(_BRACKETS)
    shown = " ".join(shown.split())
    return shown if len(shown) <= most else shown[: most - 1].rstrip() + "…"


_BRACKETS = {ord("<"): "(", ord(">"): ")"}


def _printable(character: str) -> str:
    return " " if unicodedata.category(character).startswith(("C", "Z")) else character


def _number(value: object) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
