"""What `cascade-monitor check` says of one thing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `fault` is empty when it is well; a `warning` is no fault.

    `path`: of a price, as `GET /api/v1/prices` has it.
    """

    subject: str
    detail: str = ""
    fault: str = ""
    warning: str = ""
    path: tuple[Mapping[str, Any], ...] = ()
