"""Values as the page shows them: short to the eye, exact where one looks closer."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from monitor.core.words import figure, money, shocked

UNKNOWN = "unknown"
_WAD_DIGITS = 18
_HEALTH = Decimal("0.001")
_LARGE_HEALTH = Decimal(100)


def usd(text: str | None) -> str:
    """$2.7M."""
    return UNKNOWN if text is None else money(text)


def exact_usd(text: str | None) -> str:
    """$2,681,082.00."""
    return UNKNOWN if text is None else f"${Decimal(text):,.2f}"


def health(wad: str | None) -> str:
    """1.168, cut off: rounded up, one could look safe."""
    if wad is None:
        return UNKNOWN
    value = Decimal(wad).scaleb(-_WAD_DIGITS)
    if value >= _LARGE_HEALTH:
        return "over 100"
    return f"{value.quantize(_HEALTH, ROUND_DOWN):f}"


def exact_health(wad: str | None) -> str:
    return UNKNOWN if wad is None else f"{Decimal(wad).scaleb(-_WAD_DIGITS):f}"


def nearness(wad: str | None) -> str:
    """How near to liquidation, in a word that is a class of the style too."""
    if wad is None:
        return "none"
    value = Decimal(wad).scaleb(-_WAD_DIGITS)
    if value < 1:
        return "due"
    return "near" if value < Decimal("1.05") else "far"


def times(ratio: float | None) -> str:
    """5.3x."""
    return UNKNOWN if ratio is None else f"{ratio:,.2f}x" if ratio < 10 else f"{ratio:,.1f}x"


def share(ratio: float | None) -> str:
    return UNKNOWN if ratio is None else f"{ratio:.1%}"


def measure(name: str, value: object) -> str:
    """A measure's value, or a threshold: "$4.2M", "12 %", "1.8x"."""
    return figure(name, value)


def breaking(breaks_at: Mapping[str, Any] | None) -> str:
    """What the nearest move is that breaks a loop: "WETH falls 12 %", never broken in two."""
    if not breaks_at:
        return ""
    moves = {key: value for key, value in breaks_at.items() if isinstance(value, float | int)}
    nearest = min(moves, key=lambda each: abs(moves[each]), default=None)
    key = nearest or next(iter(breaks_at))
    if breaks_at[key] is None:
        return "not known"
    return shocked({key: breaks_at[key]}).replace(" %", "\u00a0%")


def path(loop: Mapping[str, Any]) -> str:
    """wstETH → WETH → USDC, over the markets' names."""
    told: list[str] = []
    for leg in loop["path"]:
        for symbol in (leg["collateral_symbol"], leg["debt_symbol"]):
            if symbol and (not told or told[-1] != symbol):
                told.append(symbol)
    return " → ".join(told)


def place(row: Mapping[str, Any]) -> str:
    """The market's name, and the beginning of the sub-market's."""
    sub = row.get("sub_market")
    if not sub:
        return str(row["market"])
    return f"{row['market']} / {sub[:10]}…" if len(sub) > 14 else f"{row['market']} / {sub}"


def words(name: str) -> str:
    """cross_protocol as people write it."""
    return name.replace("_", " ")


def instant(text: str | None) -> int | None:
    """Unix seconds of an RFC 3339 time."""
    return None if text is None else int(datetime.fromisoformat(text).timestamp())


def clock(unix: float) -> str:
    """2026-11-22 06:51:24 UTC."""
    return datetime.fromtimestamp(int(unix), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def rfc3339(unix: float) -> str:
    return datetime.fromtimestamp(int(unix), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def number(value: float) -> str:
    return f"{value:,.0f}"


FILTERS = {
    each.__name__: each
    for each in (
        *(usd, exact_usd, health, exact_health, nearness, times, share, measure, breaking),
        *(path, place, words, instant, clock, rfc3339, number),
    )
}
"""By the names that templates use."""
