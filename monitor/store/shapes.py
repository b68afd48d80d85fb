"""Records of exact values to JSON and back, by their types alone: new fields need no code here.

What msgspec writes and reads by itself is left to it: that is nearly all of a large world. The rest
is one canonical form each: a Fraction is "3/7", a mapping its (key, value) pairs sorted by key, a
set sorted, and where a field holds one of several records, it is [name of the record, record].
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from functools import partial
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from msgspec import convert, json

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """How values of one type are written.

    `text`: the type in words; two that write alike have the same. `is_plain`: msgspec writes and
    reads it as it is. `written`: the value as what msgspec can write. `read`: the value from what
    JSON holds; raises ValueError (msgspec's own are one).
    """

    text: str
    is_plain: bool
    written: Convert
    read: Convert


def shape_of(kind: Any) -> Shape:
    """The shape of a type. Raises TypeError for one that is not exact, or not known here."""
    while hasattr(kind, "__supertype__"):
        kind = kind.__supertype__
    if kind in (int, str, bool, NoneType):
        return _plain(kind, "null" if kind is NoneType else kind.__name__)
    if kind is Fraction:
        return Shape("fraction", False, str, _fraction)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _plain(kind, "|".join(repr(member.value) for member in kind))
    if isinstance(kind, type) and (is_dataclass(kind) or hasattr(kind, "_fields")):
        return _record(kind)
    return _composed(kind, get_origin(kind), get_args(kind))


def _composed(kind: Any, origin: Any, parts: tuple[Any, ...]) -> Shape:
    if origin in (Union, UnionType):
        return _union(kind, parts)
    if origin is tuple and parts[-1:] == (Ellipsis,):
        return _row(kind, shape_of(parts[0]))
    if origin is tuple and parts:
        return _tuple(kind, [shape_of(part) for part in parts])
    if origin is frozenset:
        return _set(shape_of(parts[0]))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(*map(shape_of, parts))
    raise TypeError(f"{kind!r} has no exact form: expected records, ints, texts, Fractions of them")


def _plain(kind: Any, text: str) -> Shape:
    return Shape(text, True, lambda value: value, partial(convert, type=kind))


def _record(kind: type) -> Shape:
    hints = get_type_hints(kind)
    is_tuple = not is_dataclass(kind)
    names = list(getattr(kind, "_fields", ())) if is_tuple else [f.name for f in fields(kind)]
    shapes = [shape_of(hints[name]) for name in names]
    inner = ", ".join(f"{n}: {shape.text}" for n, shape in zip(names, shapes, strict=True))
    text = f"{kind.__name__}({inner})"
    if all(shape.is_plain for shape in shapes):
        return _plain(kind, text)
    by_name = list(zip(names, shapes, strict=True))

    def written(value: Any) -> dict[str, Any]:
        return {name: shape.written(getattr(value, name)) for name, shape in by_name}

    def read(told: Any) -> Any:
        held = _told(told, dict, kind.__name__)
        if held.keys() != hints.keys():
            raise ValueError(f"{kind.__name__} has the fields {sorted(held)}")
        return kind(**{name: shape.read(held[name]) for name, shape in by_name})

    return Shape(text, False, written, read)


def _union(kind: Any, parts: tuple[Any, ...]) -> Shape:
    """One shape or nothing, or one of several records."""
    some = [part for part in parts if part is not NoneType]
    is_optional = len(some) < len(parts)
    if len(some) > 1 and not all(is_dataclass(part) for part in some):
        raise TypeError(f"{kind!r}: expected one type or None, or records only")
    inner = shape_of(some[0]) if len(some) == 1 else _tagged(some)
    if not is_optional:
        return inner
    text = f"{inner.text} or null"
    if inner.is_plain:
        return _plain(kind, text)
    return Shape(
        text,
        False,
        lambda value: None if value is None else inner.written(value),
        lambda told: None if told is None else inner.read(told),
    )


def _tagged(records: list[Any]) -> Shape:
    shapes = {record.__name__: shape_of(record) for record in records}

    def written(value: Any) -> list[Any]:
        name = type(value).__name__
        return [name, shapes[name].written(value)]

    def read(told: Any) -> Any:
        pair = _told(told, list, "one of several records")
        if len(pair) != 2 or not isinstance(pair[0], str) or pair[0] not in shapes:
            raise ValueError(f"expected a record that is one of {', '.join(shapes)}")
        return shapes[pair[0]].read(pair[1])

    return Shape(" | ".join(shape.text for shape in shapes.values()), False, written, read)


def _row(kind: Any, inner: Shape) -> Shape:
    text = f"[{inner.text}, ...]"
    if inner.is_plain:
        return _plain(kind, text)
    return Shape(
        text,
        False,
        lambda value: [inner.written(each) for each in value],
        lambda told: tuple(inner.read(each) for each in _told(told, list, text)),
    )


def _tuple(kind: Any, shapes: list[Shape]) -> Shape:
    text = f"[{', '.join(shape.text for shape in shapes)}]"
    if all(shape.is_plain for shape in shapes):
        return _plain(kind, text)

    def read(told: Any) -> tuple[Any, ...]:
        held = _told(told, list, text)
        return tuple(shape.read(each) for shape, each in zip(shapes, held, strict=True))

    def written(value: Any) -> list[Any]:
        return [shape.written(each) for shape, each in zip(shapes, value, strict=True)]

    return Shape(text, False, written, read)


def _set(inner: Shape) -> Shape:
    row = _row(None, inner)
    return Shape(
        f"set {inner.text}",
        False,
        lambda value: sorted((inner.written(each) for each in value), key=json.encode),
        lambda told: frozenset(inner.read(each) for each in _told(told, list, row.text)),
    )


def _mapping(key: Shape, value: Shape) -> Shape:
    text = f"{{{key.text}: {value.text}}}"

    def written(held: Mapping[Any, Any]) -> list[Any]:
        pairs = [[key.written(name), value.written(each)] for name, each in held.items()]
        return sorted(pairs, key=lambda pair: json.encode(pair[0]))

    def read(told: Any) -> dict[Any, Any]:
        pairs = (_told(pair, list, text) for pair in _told(told, list, text))
        return {key.read(name): value.read(each) for name, each in pairs}

    return Shape(text, False, written, read)


def _told(told: Any, kind: type, what: str) -> Any:
    if not isinstance(told, kind):
        raise ValueError(f"{what[:60]}: expected a {kind.__name__}, found {type(told).__name__}")
    return told


def _fraction(told: Any) -> Fraction:
    """Of what `str` makes of one: "3/7", or "3" for whole ones."""
    above, _, below = _told(told, str, "fraction").partition("/")
    numerator, denominator = int(above), int(below or 1)
    if denominator < 1:
        raise ValueError(f"{told!r} is not a fraction")
    return Fraction(numerator, denominator)
