"""`dataclasses.replace` for records that change with nearly every log, three times as fast.

It copies slot by slot instead of calling `__init__`, which in a frozen class goes the long way
round for every field. For `Point(x, y)` the source that is compiled is

    def amended(record, **changes):
        twin = new(Record)
        set_x(twin, record.x)
        set_y(twin, record.y)
        for name, value in changes.items():
            setters[name](twin, value)
        return twin
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

RecordT = TypeVar("RecordT")


def amender(record: type[RecordT]) -> Callable[..., RecordT]:
    """`amended(record, **changes)` for one slotted dataclass without `__post_init__`."""
    setters = {field.name: getattr(record, field.name).__set__ for field in fields(record)}  # type: ignore[arg-type]
    lines = [
        "def amended(record, **changes):",
        "    twin = new(Record)",
        *(f"    set_{name}(twin, record.{name})" for name in setters),
        "    for name, value in changes.items():",
        "        setters[name](twin, value)",
        "    return twin",
    ]
    namespace: dict[str, Any] = {"Record": record, "new": object.__new__, "setters": setters}
    namespace |= {f"set_{name}": setter for name, setter in setters.items()}
    exec("\n".join(lines), namespace)
    amended: Callable[..., RecordT] = namespace["amended"]
    return amended
