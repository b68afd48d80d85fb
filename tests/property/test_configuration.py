"""Any configuration, however wrong, is a list of faults: never a crash, never a wait."""

import json
import os
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monitor.errors import ConfigError
from monitor.settings import load

# More than what is run with every change: CASCADE_MONITOR_FUZZ_EXAMPLES=20000.
EXAMPLES = int(os.environ.get("CASCADE_MONITOR_FUZZ_EXAMPLES", "60"))
LONGEST_SECONDS = 3.0
ADDRESS = "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"
WHOLE: dict[str, Any] = {
    "chain": {"chain_id": 1, "endpoints": ["wss://a.example/k"], "start_block": 7},
    "store": {"url": "redis://localhost", "state_dir": "state", "lease_seconds": 10},
    "markets": [
        {"name": "aave", "protocol": "aave_v3", "address": ADDRESS, "from_block": 0},
        {"name": "morpho", "protocol": "morpho_blue", "address": ADDRESS, "market_ids": "all"},
    ],
    "receipts": [
        {
            "token": ADDRESS,
            "kind": "rate_provider",
            "underlying": ADDRESS.replace("2", "3"),
            "rate_method": "getRate()",
        }
    ],
    "liquidity": [{"kind": "uniswap_v2", "pool": ADDRESS, "fee_ppm": 3000}],
    "feeds": [{"address": ADDRESS, "heartbeat_seconds": 3600, "deviation": 0.01}],
    "assets": {"WETH": {"address": ADDRESS, "correlated_with": ["wstETH"]}},
    "scenarios": {
        "crash": {"shocks": {"WETH": -0.3, "rate:aave/WETH": "1.0@30d"}},
        "curve": {"curve": {"asset": "WETH", "to": -0.5, "steps": 10}, "options": {"gas_usd": 1}},
    },
    "projection": {"max_rounds": 10, "fill": "ladder", "critical_usd": 1.5},
    "breakers": [
        {
            "name": "b",
            "scenario": "crash",
            "measure": "liquidated_usd",
            "warn": 1,
            "trip": 2,
            "clear": 0.5,
            "escalate": [3, 4],
            "also": [
                {
                    "scenario": "curve",
                    "measure": "critical_shock",
                    "warn": 0.3,
                    "trip": 0.1,
                    "clear": 0.4,
                }
            ],
        }
    ],
    "loops": {"window_seconds": 3600},
    "account_code": [{"hash": "0x" + "ab" * 32, "kind": "safe"}],
    "snapshots": {"dir": "snapshots", "keep": 1},
    "watch": [{"accounts": [ADDRESS], "health_below": 1.1}],
    "webhooks": [
        {"url": "https://h.example/k", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
        {"url": "slack://a/b/c", "format": "apprise"},
    ],
    "guardians": [{"market": "aave", "guardian": ADDRESS, "action": "freeze"}],
    "outbox": {"max_pending": 10},
    "blindness": {"hold_seconds": 1},
    "deadman": {"url": "https://d.example/k"},
    "http": {"listen": "127.0.0.1:9464", "token": "a-token"},
}
Path_ = tuple[str | int, ...]
LONG = "x" * 2**18
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(
        (
            *("", "\0", "\x1b[31m", "‮", "😀", "true", "NaN", "1e400", "-0", "*", "[", "{"),
            *("http://[", "http://[::1", "wss://\0", "https://h:99999", "redis://h:x", "unix://"),
            *("slack://[", "whsec_", "whsec_====", "127.0.0.1:", "[::1]:x", "../../etc", "~", "~x"),
            *("0x", f"0x{'0' * 40}", "getRate(uint256)", "-0.3@", "1.0@9999999999999999999d"),
        )
    ),
    st.just(LONG),
)
scalars = st.one_of(
    texts,
    st.booleans(),
    st.integers(-9, 9),
    st.sampled_from((2**63, -(2**63), 2**64, 10**400, 10**4000)),
    st.floats(),
)
values = st.one_of(
    scalars,
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=5,
    ),
    st.just([{}] * 500),
    st.just([LONG[:1000]] * 200),
    st.just({f"key-{number}": {} for number in range(500)}),
)


def paths_of(tree: Any, at: Path_ = ()) -> list[Path_]:
    found = [at] if at else []
    if isinstance(tree, dict | list):
        for key in tree if isinstance(tree, dict) else range(len(tree)):
            found += paths_of(tree[key], (*at, key))
    return found


def changed(tree: Any, path: Path_, value: Any) -> Any:
    """The tree with another value at a path; where that is ..., with none."""
    key, *rest = path
    copy: Any = dict(tree) if isinstance(tree, dict) else list(tree)
    if rest:
        copy[key] = changed(copy[key], tuple(rest), value)
    elif value is ...:
        del copy[key]
    else:
        copy[key] = value
    return copy


def toml(value: Any) -> str:
    """As an inline value."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return repr(value) if "e" not in repr(value) else repr(value).replace("e", ".0e", 1)
        case int():
            return str(value)
        case str():
            return json.dumps(value).replace("\x7f", "\\u007f")
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case _:
            return f"{{{', '.join(f'{toml(key)} = {toml(each)}' for key, each in value.items())}}}"


def outcome(folder: Path, text: str | bytes, environ: Mapping[str, str] = {}) -> list[str]:
    """The faults, after all that must hold whatever they are."""
    path = folder / "config.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    started = time.monotonic()
    faults: tuple[str, ...] = ()
    try:
        load(path, environ)
    except ConfigError as error:
        faults = error.faults
        assert faults
    assert time.monotonic() - started < LONGEST_SECONDS
    for fault in faults:
        assert fault.strip()
        assert len(fault) < 1_000, fault[:2_000]
        assert fault.isprintable(), ascii(fault)
        assert "pydantic" not in fault
    return list(faults)


fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_configuration__whole__has_no_faults_but_one_address_twice(tmp_path: Path) -> None:
    """What is changed below is right otherwise: faults are of the change."""
    (fault,) = outcome(tmp_path, "\n".join(f"{key} = {toml(WHOLE[key])}" for key in WHOLE))
    assert "are of the address" in fault


@given(
    st.lists(
        st.tuples(st.sampled_from(paths_of(WHOLE)), st.one_of(st.just(...), values)),
        min_size=1,
        max_size=3,
    )
)
@fuzzed
def test_configuration__any_values_anywhere__are_faults_in_words(
    tmp_path: Path, changes: list[tuple[Path_, Any]]
) -> None:
    tree: Any = WHOLE
    for path, value in changes:
        try:
            tree = changed(tree, path, value)
        except (LookupError, TypeError):
            continue  # an earlier change took the place away
    outcome(tmp_path, "\n".join(f"{toml(key)} = {toml(tree[key])}" for key in tree))


@given(st.sampled_from(paths_of(WHOLE)), texts, values)
@fuzzed
def test_configuration__unknown_keys_anywhere__are_faults_in_words(
    tmp_path: Path, path: Path_, key: str, value: Any
) -> None:
    place: Any = WHOLE
    for part in path[:-1]:
        place = place[part]
    tree = changed(WHOLE, (*path[:-1], key), value) if isinstance(place, dict) else WHOLE
    outcome(tmp_path, "\n".join(f"{toml(name)} = {toml(tree[name])}" for name in tree))


@given(st.binary(max_size=200) | texts.map(str.encode))
@example(b"a = " + b"[" * 100_000)
@example(b"a" + b".a" * 50_000 + b" = 1")
@example(b"[" + b"a." * 5_000 + b"a]\n")
@example(b"[[markets]]\n" * 2_000)
@example(b"a = 1" + b"0" * 100_000)
@example(b"\xff\xfe\x00")
@example(b'a = "' + b"\\u0000" * 1000 + b'"')
@fuzzed
def test_configuration__any_bytes__are_faults_in_words(tmp_path: Path, data: bytes) -> None:
    assert outcome(tmp_path, data)


NAMES = st.builds(
    lambda parts: "CASCADE_MONITOR_" + "__".join(parts),
    st.lists(
        st.sampled_from(("CHAIN", "ENDPOINTS", "WEBHOOKS", "0", "1", "99", "-1", "", "URL", "²"))
        | st.text("ABC_019", max_size=5),
        min_size=1,
        max_size=5,
    ),
)


@given(
    st.dictionaries(
        NAMES, texts | st.sampled_from(('{"a": NaN}', "[" * 100_000, '{"a"', "[1e999]")), max_size=4
    )
)
@fuzzed
def test_environment__anything__is_faults_in_words(tmp_path: Path, environ: dict[str, str]) -> None:
    outcome(tmp_path, "\n".join(f"{key} = {toml(WHOLE[key])}" for key in WHOLE), environ)


@pytest.mark.parametrize(
    "value", [1.5, float("nan"), float("-inf"), 1e300, True, 10**400, 'a\n"\0', {"": [1]}]
)
def test_toml__of_a_value__is_that_value(value: Any) -> None:
    """What the tests above write is what they mean."""
    (back,) = tomllib.loads(f"a = {toml(value)}").values()
    assert repr(back) == repr(value)
