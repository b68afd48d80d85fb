"""The options of a projection: the same keys in `[projection]`, in a scenario and in `POST`."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from monitor.errors import QuestionError

DEFAULT_DEVIATION = 0.005
"""Of a feed whose own threshold is not known."""
FILLS = ("ladder", "optimal")
"""The first size that pays, of the protocol's maximum and parts of it; the one that earns most."""


@dataclass(frozen=True, slots=True)
class Options:
    """`deviation` is a ratio for every oracle that follows the market; None: each feed's own.

    `critical_usd` None: 1 % of the asset's collateral. `unwind`: whether loops that lose while a
    utilisation is held are closed before the first round.
    """

    gas_usd: float = 50.0
    deviation: float | None = None
    max_rounds: int = 100
    critical_usd: float | None = None
    fill: str = "ladder"
    unwind: bool = False

    def updated(self, asked: Mapping[str, Any]) -> "Options":
        """These, with what was asked on top. Raises QuestionError for a key or value."""
        values: dict[str, Any] = {}
        for key, value in asked.items():
            if key not in _READERS:
                raise QuestionError(f"no option {key!r}: expected one of {', '.join(_READERS)}")
            values[key] = _READERS[key](key, value)
        return replace(self, **values)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _amount(key: str, value: Any) -> float:
    # An int beyond the floats is finite, but not here.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value < 1e300 or not math.isfinite(value):
        raise QuestionError(f"option {key} is {value!r}: expected a number from 0")
    return float(value)


def _amount_or_default(key: str, value: Any) -> float | None:
    return None if value is None else _amount(key, value)


def _rounds(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10_000:
        raise QuestionError(f"option {key} is {value!r}: expected an integer from 1 to 10000")
    return value


def _fill(key: str, value: Any) -> str:
    if value not in FILLS:
        raise QuestionError(f"option {key} is {value!r}: expected 'ladder' or 'optimal'")
    return str(value)


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise QuestionError(f"option {key} is {value!r}: expected true or false")
    return value


_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "gas_usd": _amount,
    "deviation": _amount_or_default,
    "max_rounds": _rounds,
    "critical_usd": _amount_or_default,
    "fill": _fill,
    "unwind": _flag,
}
