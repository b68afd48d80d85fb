"""What users install: the wheel alone, away from this checkout."""

import subprocess
import sys
from pathlib import Path

import pytest

from monitor.shipped import EXAMPLES, MINIMAL, Example

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
[chain]
chain_id = 1
endpoints = ["http://127.0.0.1:9"]
[store]
state_dir = "state"
[[markets]]
name = "aave-core"
protocol = "aave_v3"
address = "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"
[[liquidity]]
kind = "uniswap_v3"
pool = "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640"
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the wheel's contents and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    target = folder / "site"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*install, str(target), str(wheel)], check=True, capture_output=True)
    return target


def test_wheel__installed_elsewhere__carries_code_and_abis_only(installed: Path) -> None:
    found = {path.relative_to(installed).parts[0] for path in installed.iterdir()}
    assert {name for name in found if not name.endswith(".dist-info")} == {"monitor", "bin"}
    abis = {p.relative_to(ROOT / "contracts_abi") for p in (ROOT / "contracts_abi").rglob("*.json")}
    carried = installed / "monitor" / "contracts_abi"
    assert {path.relative_to(carried) for path in carried.rglob("*.json")} == abis


def command(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`cascade-monitor …` of the wheel, and of nothing else of this project."""
    code = (
        "import sys, monitor; from monitor.__main__ import main;"
        f"assert monitor.__file__.startswith({str(installed)!r}), monitor.__file__; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_wheel__installed_elsewhere__checks_a_configuration(
    installed: Path, tmp_path: Path
) -> None:
    config = tmp_path / "monitor.toml"
    config.write_text(CONFIG)
    finished = command(installed, tmp_path, "check", "--config", str(config))
    assert finished.returncode == 1, finished.stderr
    assert "FAULT endpoint 0" in finished.stdout
    assert "Traceback" not in finished.stderr


def test_wheel__installed_elsewhere__writes_what_it_then_checks(
    installed: Path, tmp_path: Path
) -> None:
    made = command(installed, tmp_path, "init", "--chain", "ethereum")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "monitor.toml").read_text() == (ROOT / "deploy/ethereum.toml").read_text()
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "endpoints").write_text("http://127.0.0.1:9")
    checked = command(installed, tmp_path, "check", "--config", "monitor.toml")
    assert checked.returncode == 1, checked.stderr
    assert "FAULT endpoint 0" in checked.stdout
    assert "Traceback" not in checked.stderr


@pytest.mark.parametrize("example", [*EXAMPLES, MINIMAL], ids=lambda each: each.name)
def test_wheel__installed_elsewhere__carries_each_example(
    installed: Path, example: Example
) -> None:
    carried = installed / "monitor" / "examples" / example.file
    assert carried.read_text() == example.text
