"""Whatever stands in the store or in a file of it is read back, or is corrupt in words."""

import gzip
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import a_block, an_address
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monitor.core.alerts import BreakerState, ConditionState, Delivery, Silence
from monitor.core.keys import Key, Kind
from monitor.core.units import MarketId
from monitor.errors import LedgerCorrupt, MonitorError, QuestionError
from monitor.store import codec
from monitor.store.backup import read_backup
from monitor.store.delivery_queue import _delivery
from monitor.store.migration import _old_delta, _old_records

# More than what is run with every change: CASCADE_MONITOR_FUZZ_EXAMPLES=20000.
EXAMPLES = int(os.environ.get("CASCADE_MONITOR_FUZZ_EXAMPLES", "120"))
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
BLOCK = a_block()
DEEP = b"[" * 100_000
ALERT: dict[str, Any] = {
    "id": "a-1",
    "fingerprint": "f-1",
    "episode": "e-1",
    "type": "breaker.tripped",
    "severity": "critical",
    "breaker": "b",
    "block": json.loads(codec.encode_text(BLOCK)),
    "body": "{}",
}
BREAKER = json.loads(codec.encode_text(BreakerState()))
JUDGEMENT = {"block": ALERT["block"], "breakers": [["b", BREAKER]], "alerts": [ALERT]}
FORMS: tuple[Any, ...] = (
    ALERT["block"],
    BREAKER,
    {"alert": ALERT, "webhooks": ["ops"]},
    json.loads(
        codec.encode_text(codec.DeadLetter(Delivery("a-1", "ops", "{}", 3, 1.5, 1.0), "no", 2.0))
    ),
    json.loads(codec.encode_text(Silence("b", 1, 2, "why"))),
    json.loads(codec.encode_text(codec.KeptCondition(ConditionState()))),
    {"block": ALERT["block"], "writes": [], "paths": {"0": [0]}, "edges": []},
    {"evaluated": "", "judgement": json.dumps(JUDGEMENT), "breakers": {"b": json.dumps(BREAKER)}},
)
READERS: tuple[Callable[[bytes], Any], ...] = (
    codec.decode_block,
    lambda text: codec.decode_breaker("b", text),
    codec.decode_posted,
    codec.decode_letter,
    lambda text: codec.decode_silence("b", text),
    lambda text: codec.decode_condition("monitor.lag", text),
    codec.decode_writes,
    codec.decode_mark,
    *(
        lambda text, kind=kind: codec.decode_record(
            Key(kind, MarketId("m"), "", an_address("a")), text
        )
        for kind in Kind
    ),
    lambda text: _old_delta(BLOCK, text.decode("utf-8", "surrogateescape")),
)
texts = st.text(max_size=12) | st.sampled_from(("", "0", "null", "{}", "[", "-0", "1e400", "٣"))
scalars = st.one_of(
    *(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), texts),
    st.sampled_from((10**400, -(10**400))),
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def stored(draw: st.DrawFn) -> bytes:
    """Right but for some places, any JSON, or any bytes."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return draw(st.binary(max_size=80) | texts.map(lambda text: text.encode(errors="replace")))
    if kind == 1:
        tree = draw(documents)
    else:
        tree = json.loads(json.dumps(draw(st.sampled_from(FORMS))))
        for _ in range(draw(st.integers(0, 2))):
            tree = damaged(draw, tree)
    body = json.dumps(tree, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    return body[: draw(st.integers(0, len(body)))] if kind == 3 else body


def damaged(draw: st.DrawFn, tree: Any) -> Any:
    """With one place of it exchanged or taken out."""
    if not isinstance(tree, dict | list) or not tree:
        return draw(documents)
    key = draw(st.sampled_from(list(tree) if isinstance(tree, dict) else range(len(tree))))
    if draw(st.integers(0, 6)) == 0:
        del tree[key]
    else:
        tree[key] = damaged(draw, tree[key])
    return tree


def told(error: MonitorError) -> None:
    """What happened, and what to do: with the command to type."""
    assert isinstance(error, LedgerCorrupt)
    said = str(error)
    assert "cascade-monitor store" in said or "store backup" in said
    assert len(said) < 2_000, said[:3_000]


@given(stored())
@example(DEEP)
@example(b'{"strange": ' + DEEP)
@example(b'{"evaluated": "", "judgement": "' + DEEP + b'", "breakers": {}}')
@example(b'{"changes": [[["position", "m", "", "a"], ' + DEEP)
@example(b"\x01" + b"\x93" * 100_000)
@example(b"\x02" + b"\x94" * 100_000)
@fuzzed
def test_text__any_in_the_store__is_a_value_or_corrupt_in_words(text: bytes) -> None:
    for read in READERS:
        try:
            read(text)
        except MonitorError as error:
            told(error)


@pytest.mark.parametrize("form", range(len(FORMS)))
def test_form__as_it_is_written__is_read(form: int) -> None:
    """What is damaged above is right otherwise."""
    READERS[form](json.dumps(FORMS[form]).encode())


@given(texts | st.lists(texts, max_size=5).map(" ".join))
@example("pending 1 nan 1")
@example("pending 1 1 inf")
@example("pending -1 1 1")
@example("pending 1" + "0" * 5_000 + " 1 1")
@example("pending 1 1e400 1")
@fuzzed
def test_delivery__any_terms__are_numbers_or_corrupt_in_words(state: str) -> None:
    posted = json.dumps(FORMS[2])
    try:
        delivery = _delivery("a-1", "ops", posted, state)
    except MonitorError as error:
        told(error)
        return
    assert delivery.attempts >= 0
    # What is no time would never be due, and never be given up.
    assert abs(delivery.due_unix) < float("inf")
    assert abs(delivery.created_unix) < float("inf")


@given(texts, texts, stored())
@example("position", "a/", b"null")
@example("cm:position", "a/", b"null")
@fuzzed
def test_old_record__any_name_and_text__is_a_record_or_corrupt(
    name: str, field: str, text: bytes
) -> None:
    try:
        list(_old_records([(name, {field: text.decode("utf-8", "replace")})]))
    except MonitorError as error:
        told(error)


@given(st.binary(max_size=60), st.binary(max_size=60))
@fuzzed
def test_place__any_bytes__is_a_key_or_corrupt(group: bytes, field: bytes) -> None:
    name = group.decode("utf-8", "replace")
    for group_name in (name, f"{Kind.POSITION}:{name}"):
        try:
            codec.decode_group(group_name)
            codec.decode_key(group_name, field)
        except MonitorError as error:
            told(error)


MANIFEST = {
    **{"format": "cascade-monitor backup", "version": 1, "saved_unix": 1, "namespace": "n"},
    **{"chain_id": 1, "schema": "2", "genesis": "", "configuration": "", "block": None},
    **{"positions": 0, "alerts": 0, "pending": 0, "keys": 1},
}
ROW: list[Any] = ["meta", "hash", ["schema", "2"]]


@st.composite
def backups(draw: st.DrawFn) -> bytes:
    """A file with the right checksum, whose lines are anything; or any file."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.binary(max_size=80))
    manifest: Any = dict(MANIFEST)
    row: Any = [*ROW[:2], list(ROW[2])]
    if draw(st.booleans()):
        manifest = damaged(draw, manifest)
    if draw(st.booleans()):
        row = damaged(draw, row)
    lines = [json.dumps(each).encode() + b"\n" for each in (manifest, row)]
    if draw(st.integers(0, 5)) == 0:
        lines.append(draw(st.binary(max_size=40) | st.just(DEEP)) + b"\n")
    return packed(lines)


def packed(lines: list[bytes]) -> bytes:
    seal = hashlib.sha256(b"".join(lines)).hexdigest().encode() + b"\n"
    return gzip.compress(b"".join([*lines, seal]))


@given(backups())
@example(b"")
@example(gzip.compress(b""))
@example(packed([]))
@example(packed([json.dumps(MANIFEST).encode() + b"\n", b'["meta", "hash", ["\\u0142"]]\n']))
@example(packed([json.dumps(MANIFEST).encode() + b"\n", DEEP + b"\n"]))
@example(packed([b'{"strange": ' + DEEP + b"\n"]))
@fuzzed
def test_backup__any_file__is_read_or_refused_in_words(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.backup"
    path.write_bytes(data)
    try:
        _, entries = read_backup(path)
    except QuestionError:
        return
    except MonitorError as error:
        told(error)
        return
    for entry in entries:
        entry.as_dict()
        assert entry.kind in ("string", "hash", "list", "set")
