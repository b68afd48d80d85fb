"""deploy/OPTIONS.md says every key, once, as the settings have it."""

from pathlib import Path

import pytest

from monitor.environment import overlay
from monitor.option_table import Row, describe, document
from monitor.settings import Settings

ROWS = tuple(describe())
SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "OPTIONS.md"


def test_document__as_it_is_shipped__is_in_step_with_the_settings() -> None:
    assert SHIPPED.read_text() == document(), "run `make options`"


def test_document__of_each_key__has_one_line() -> None:
    text = document()
    variables = [row.variable for row in ROWS]
    assert len(set(variables)) == len(ROWS)
    assert [name for name in variables if text.count(f"`{name}` |") != 1] == []


def test_rows__of_all_keys__say_what_the_key_means() -> None:
    assert [row.key for row in ROWS if len(row.description.split()) < 3] == []
    assert {row.key.partition(".")[0].removesuffix("[]") for row in ROWS} == set(
        Settings.model_fields
    )


def test_rows__of_types__name_none_by_its_class() -> None:
    known = {"integer", "number", "boolean", "path", "text", "address", "URL", "name", "hash"}
    plain = {row.type for row in ROWS if "|" not in row.type and "list" not in row.type}
    assert plain <= known | {"table", "view"}


@pytest.mark.parametrize("row", [row for row in ROWS if "<name>" not in row.key])
def test_variable__of_a_key__writes_that_key(row: Row) -> None:
    """Lists of tables grow from 0."""
    tree: dict[str, object] = {}
    name = row.variable.replace("<n>", "0")
    faults = overlay(tree, {name: "x"}, frozenset(Settings.model_fields))
    assert faults == []
    found: object = tree
    for part in row.key.replace("[]", ".0").split("."):
        found = found[int(part)] if isinstance(found, list) else dict(found)[part]  # type: ignore[call-overload]
    assert found == "x"
