from copy import copy
from dataclasses import FrozenInstanceError, dataclass, fields

import pytest
from builders import a_reserve

from monitor.core.ledger import Position
from monitor.core.reserves import Reserve
from monitor.core.slots import slot, slotwise
from monitor.core.units import RawAmount


@dataclass(frozen=True, slots=True)
class Plain:
    x: int
    y: tuple[int, ...] = (7,)


@slotwise
@dataclass(frozen=True, slots=True)
class Quick:
    x: int
    y: tuple[int, ...] = (7,)


@pytest.mark.parametrize(
    ("args", "named"), [((1,), {}), ((1, (2,)), {}), ((), {"y": (2,), "x": 1})]
)
def test_slotwise__a_record__is_made_as_a_plain_one(args: tuple[int, ...], named: object) -> None:
    plain, quick = Plain(*args, **named), Quick(*args, **named)  # type: ignore
    assert [getattr(quick, f.name) for f in fields(quick)] == [plain.x, plain.y]
    assert str(quick) == str(plain).replace("Plain", "Quick")


@pytest.mark.parametrize("named", [{}, {"z": 1}, {"x": 1, "z": 1}])
def test_slotwise__fields_missing_or_strange__raises(named: dict[str, int]) -> None:
    with pytest.raises(TypeError):
        Quick(**named)  # type: ignore[arg-type]


def test_slotwise__result__is_as_frozen_as_any() -> None:
    with pytest.raises(FrozenInstanceError):
        a_reserve().symbol = "Y"  # type: ignore[misc]


def test_copy__of_a_record__is_equal_and_its_own() -> None:
    reserve = a_reserve()
    twin = copy(reserve)
    assert twin == reserve
    slot(Reserve, "cash_raw")(twin, RawAmount(reserve.cash_raw + 1))
    assert twin.cash_raw == reserve.cash_raw + 1
    assert reserve == a_reserve()


def test_slot__a_field_that_is_none__raises() -> None:
    with pytest.raises(AttributeError, match="cash"):
        slot(Position, "cash")
