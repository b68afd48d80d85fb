"""Whatever is posted or asked over HTTP is answered, or refused in words."""

import json
import os
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import QuestionError
from monitor.web.api import _limit, _loop_filter, _position_filter, _projection

# More than what is run with every change: CASCADE_MONITOR_FUZZ_EXAMPLES=20000.
Asked = TypeVar("Asked")
EXAMPLES = int(os.environ.get("CASCADE_MONITOR_FUZZ_EXAMPLES", "200"))
fuzzed = settings(max_examples=EXAMPLES, deadline=None)
texts = st.text(max_size=12) | st.sampled_from(("WETH", "-0", "1e400", "\0", "٣", "0x", "x" * 9999))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)
names = st.sampled_from(
    ("market", "account", "owner", "min_debt_usd", "liquidatable", "cursor", "limit", "kind")
)


def asked(ask: Callable[[Asked], Any], what: Asked) -> Any:
    """What was understood; None where it is refused in words."""
    try:
        return ask(what)
    except QuestionError as error:
        told = error
    assert 400 <= told.status < 500
    assert str(told).strip()
    return None


@given(documents | st.fixed_dictionaries({"shocks": documents}, optional={"options": documents}))
@fuzzed
def test_body__any_json__is_a_question_or_refused(document: Any) -> None:
    question = asked(_projection, json.dumps(document).encode("utf-8", "surrogatepass"))
    assert question is None or question.shocks


@given(st.binary(max_size=300))
@fuzzed
def test_body__any_bytes__is_a_question_or_refused(data: bytes) -> None:
    asked(_projection, data)


@given(st.dictionaries(names, texts, max_size=4))
@fuzzed
def test_query__any_values__is_a_filter_or_refused(query: dict[str, str]) -> None:
    for filter_of in (_position_filter, _loop_filter, _limit):
        asked(filter_of, query)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" * 5000, "1e-99999", "0." + "1" * 5000])
def test_body__a_number_beyond_all__is_a_question_or_refused(number: str) -> None:
    question = asked(_projection, b'{"shocks": {"WETH": ' + number.encode() + b"}}")
    assert question is None or abs(float(question.shocks["WETH"])) < 1
