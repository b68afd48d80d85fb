"""Every key of the configuration on a line, for the documents."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, SecretStr

from monitor.schema import SECRETS
from monitor.settings import Settings, models_in


class Row(NamedTuple):
    """One key of the configuration, for a table of them."""

    key: str
    type: str
    default: str
    description: str


def describe(model: type[BaseModel] = Settings, at: str = "") -> Iterator[Row]:
    """Every key, in order; `[]` marks a list of tables, `<name>` a name of the user's own."""
    for name, field in model.model_fields.items():
        key = f"{at}{name}"
        inner = models_in(field.annotation)
        if inner:
            container = get_origin(field.annotation)
            mark = "[]" if container is tuple else ".<name>" if container is Mapping else ""
            yield from describe(inner[0], f"{key}{mark}.")
            continue
        default = "required" if field.is_required() else _text(field.default)
        yield Row(key, _type_name(field.annotation), default, field.description or "")
        if tuple(key.replace("[]", "").split(".")) in SECRETS:
            yield Row(f"{key}_file", "path", "", f"file that holds {name}")


def _text(default: Any) -> str:
    match default:
        case None | ():
            return ""
        case SecretStr():
            return default.get_secret_value()
        case tuple():
            return ", ".join(default)
        case _:
            return str(default)


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " | ".join(get_args(annotation))
    names = {bool: "boolean", int: "integer", float: "number", Decimal: "number", Path: "path"}
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return " | ".join(annotation)
    if get_origin(annotation) in (tuple, Mapping):
        return "list" if get_origin(annotation) is tuple else "table"
    parts = [part for part in get_args(annotation) if part is not NoneType]
    if get_origin(annotation) is Annotated:
        parts = parts[:1]
    return " | ".join(dict.fromkeys(map(_type_name, parts))) or names.get(annotation, "text")
