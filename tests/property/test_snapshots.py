"""Snapshots: whatever a world holds is read back, and its order has no part in the id."""

import gzip
import io
import random
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from fractions import Fraction
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json

from monitor.core.curves import DepthCurve
from monitor.core.risk import ClaimSheet, DebtSpot, MarketSheet, WorldSheet
from monitor.core.snapshot import Snapshot
from monitor.store.shapes import shape_of
from monitor.store.snapshot_file import freeze, pack, thaw

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PLAIN: Mapping[Any, st.SearchStrategy[Any]] = {
    int: st.one_of(st.integers(-9, 9), st.integers(-(2**256), 2**256)),
    str: TEXT,
    bool: st.booleans(),
    type(None): st.none(),
    Fraction: st.builds(Fraction, st.integers(-(2**200), 2**200), st.integers(1, 2**200)),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type: any integer, any text, whatever the names promise."""
    while hasattr(kind, "__supertype__"):
        kind = kind.__supertype__
    if kind in PLAIN:
        return PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if isinstance(kind, type) and (is_dataclass(kind) or hasattr(kind, "_fields")):
        return st.builds(kind, **{n: field(n, hint) for n, hint in get_type_hints(kind).items()})
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return st.one_of(*map(values, parts))
    if origin is tuple and parts[-1] is Ellipsis:
        return st.lists(values(parts[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, parts))
    if origin is frozenset:
        return st.frozensets(values(parts[0]), max_size=3)
    return st.dictionaries(values(parts[0]), values(parts[1]), max_size=3)


def field(name: str, kind: Any) -> st.SearchStrategy[Any]:
    """Decimals alone are what a contract can say: a file with others is refused."""
    if name != "decimals":
        return values(kind)
    told = st.integers(0, 255)
    return told if kind is int else st.none() | told


def world() -> st.SearchStrategy[WorldSheet]:
    """Each field alone is drawn from all there is of it."""
    drawn = {name: values(hint) for name, hint in get_type_hints(WorldSheet).items()}
    return st.builds(WorldSheet, **drawn)


def shuffled(kind: Any, order: random.Random) -> Any:
    """The same record, every mapping and set of it filled in another order."""
    if isinstance(kind, dict):
        items = [(name, shuffled(each, order)) for name, each in kind.items()]
        order.shuffle(items)
        return dict(items)
    if isinstance(kind, frozenset):
        members = list(kind)
        order.shuffle(members)
        return frozenset(members)
    if type(kind) is tuple:
        return tuple(shuffled(each, order) for each in kind)
    if is_dataclass(kind) and not isinstance(kind, type):
        changed = {f.name: shuffled(getattr(kind, f.name), order) for f in fields(kind)}
        return replace(kind, **changed)
    return kind


def snapshots() -> st.SearchStrategy[Snapshot]:
    hints = get_type_hints(Snapshot) | {"world": WorldSheet}
    drawn = {name: values(hint) for name, hint in hints.items() if name != "world"}
    return st.builds(Snapshot, world=world(), **drawn)


@given(snapshots(), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_snapshot__any__comes_back_and_its_id_knows_no_order(
    tmp_path_factory: pytest.TempPathFactory, snapshot: Snapshot, order: random.Random
) -> None:
    frozen = freeze(snapshot)
    written = io.BytesIO()
    pack(frozen, written)
    path = tmp_path_factory.getbasetemp() / "any.snapshot"
    path.write_bytes(written.getvalue())
    identity, back = thaw(path)
    assert back == snapshot
    assert identity == frozen.id
    other = io.BytesIO()
    pack(freeze(shuffled(snapshot, order)), other)
    assert other.getvalue() == written.getvalue()
    assert gzip.decompress(written.getvalue()) == b"".join(frozen.lines)


@pytest.mark.parametrize("kind", [MarketSheet, ClaimSheet, DebtSpot, DepthCurve], ids=str)
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_shape__of_any_record__brings_it_back(kind: Any, data: st.DataObject) -> None:
    value = data.draw(values(kind))
    shape = shape_of(kind)
    assert shape.read(json.decode(json.encode(shape.written(value)))) == value


@dataclass(frozen=True, slots=True)
class Before:
    amount: int


@dataclass(frozen=True, slots=True)
class After:
    amount: int
    left: Fraction = Fraction(0)


def test_shape__of_a_record_with_a_new_field__is_another() -> None:
    texts = [shape_of(kind).text.partition("(")[2] for kind in (Before, After)]
    assert texts == ["amount: int)", "amount: int, left: fraction)"]


@pytest.mark.parametrize("kind", [float, dict, int | str, object, tuple[float, ...]], ids=str)
def test_shape__of_what_is_not_exact__is_refused(kind: Any) -> None:
    with pytest.raises(TypeError, match=r"exact|expected"):
        shape_of(kind)
