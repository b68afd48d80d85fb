"""`make demo` as its users see it: to the end, and interrupted."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from daemon_process import running_in

ROOT = Path(__file__).resolve().parents[2]


async def started(folder: Path, **environ: str) -> asyncio.subprocess.Process:
    """The demo, with a temporary directory of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "devnet.demo",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "deploy"), "TMPDIR": str(folder)} | environ,
    )


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_demo__to_its_end__trips_before_and_projects_what_happens(tmp_path: Path) -> None:
    demo = await started(tmp_path, DEMO_EXIT="1")
    said, _ = await demo.communicate()
    text = said.decode()
    assert demo.returncode == 0, text
    assert "demo passed" in text
    assert text.index("webhook: breaker.tripped") < text.index("the crash: WETH")
    assert re.search(r"the daemon finds \d\d+ loops; 4 of them were made just now", text)
    for row in (
        r"cross protocol │ \$\d{3},\d{3} │ 1\.8\d +│ 3    │ stepwise │ WETH -\d\d%",
        r"correlated     │ \$\d{3},\d{3} │ 4\.6\d +│ 5    │ stepwise",
        r"correlated     │ \$\d{3},\d{3} │ 5\.0\d +│ 1    │ flash",
        r"rehypothecated │ \$23,424 +│ 2\.95 +│ 3    │ stepwise",
    ):
        assert re.search(row, text), row
    assert re.search(
        r"the largest of these, 0x\w{6}, \$839,4\d\d: wstETH on Aave 3\.6 owes WETH → "
        r"WETH on Aave 3\.0\.2 owes USDC → WBTC on Morpho Blue owes USDC → USDC on Aave 3\.6",
        text,
    )
    assert re.search(r"the largest of all, 0x\w{6}, \$[\d,]+: \w+ on ", text)
    assert text.index("4 of them were made just now") < text.index("the market slides")
    assert re.search(r"Aave 3\.6 .* capped .* 1\.0% less", text)
    assert re.search(r"Aave 3\.0\.2 .* the same", text)
    assert re.search(r"Morpho Blue .* exchange rate .* 1\.0% less", text)
    assert re.search(r"\$0 on Aave 3\.6, \$[1-9][\d,]+ on Aave 3\.0\.2, \$0 on Morpho", text)
    assert re.search(r"says the same once more, to the cent: \$4,\d{3},\d{3}\.\d\d", text)
    assert re.search(r"▶ critical shock: \d+\.\d%", text)
    assert text.index("▶ critical shock") < text.index("the crash: WETH")
    assert re.search(r"a share of the vault of USDC lost [1-9]\.\d\d%", text)
    assert "It has 4 holders, the largest of them 6" in text
    for name in ("Aave 3.6", "Aave 3.0.2", "Morpho Blue"):
        assert re.search(rf"  on {re.escape(name)} .* \$[1-9][\d,]+ .* 0\.\d\d%", text)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are told by /proc on Linux only")
@pytest.mark.parametrize("word", ["building a chain", "the market slides", "the crash"])
async def test_demo__interrupted__leaves_nothing_behind(tmp_path: Path, word: str) -> None:
    demo = await started(tmp_path)
    assert demo.stdout is not None
    async with asyncio.timeout(120):
        while word not in (await demo.stdout.readline()).decode():
            assert not demo.stdout.at_eof()
    demo.send_signal(signal.SIGINT)
    await demo.communicate()
    assert demo.returncode == 0
    assert left_in(tmp_path) == []
    assert running_in(tmp_path) == []
