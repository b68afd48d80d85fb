"""deploy/ethereum.toml: it loads, and its addresses are what they are said to be.

What can be worked out is: pools from their factory and tokens, ids of Morpho from what makes the
market. The rest has a source beside it, and a checksum; `check` holds it against a node.
"""

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.address import is_checksum_address, to_checksum_address
from eth_utils.crypto import keccak

from monitor.parts import parts_of, wards_of, watchers_of
from monitor.schema import Liquidity
from monitor.settings import Settings, load

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
TEXT = (DEPLOY / "ethereum.toml").read_text()
SECRETS = {
    "endpoints": "https://node.example",
    "webhook": "https://receiver.example",
    "webhook-secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "pagerduty": "0123456789abcdef",
    "chat": "slack://a/b/c",
    "deadman": "https://ping.example/1",
}
# npm @uniswap/sdk-core 7.19.4; PoolAddress.sol of @uniswap/v3-periphery 1.4.4, UniswapV2Library.sol
V3_FACTORY = "0x1F98431c8aD98523631AE4a59f267346ea31F984"
V3_CODE = "e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54"
V2_FACTORY = "0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f"
V2_CODE = "96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f"
RATE_MODEL = "0x870aC11D48B15DB9a138Cf899d20F13F79Ba00BC"  # npm @morpho-org/morpho-ts 2.8.0
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{40}\b")
POOL = re.compile(
    r"\[\[liquidity\]\] +# (\w+)/(\w+)(?:, ([\d.]+) %)?\n"
    r'kind = "(uniswap_v\d)"\npool = "(0x\w{40})"'
)
MARKET = re.compile(r'# (\w+) for (\w+), ([\d.]+) %, oracle (0x\w{40}) \[fixture\]\n +"(0x\w{64})"')


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return _loaded(tmp_path_factory.mktemp("shipped"), TEXT)


def _loaded(folder: Path, text: str) -> Settings:
    secrets = folder / "credentials"
    secrets.mkdir()
    for name, secret in SECRETS.items():
        (secrets / name).write_text(secret)
    (folder / "ethereum.toml").write_text(text)
    return load(folder / "ethereum.toml", {})


def test_ethereum__as_it_is_shipped__loads_and_becomes_parts(shipped: Settings) -> None:
    parts = parts_of(shipped)
    assert {market.market for market in parts.markets} == {
        "aave-core",
        "aave-prime",
        "spark",
        "morpho",
    }
    assert len(parts.pools) == len(shipped.liquidity) > 30
    assert len(watchers_of(shipped, "0x")) == len(shipped.breakers) > 5
    assert {breaker.scenario for breaker in shipped.breakers} <= set(shipped.scenarios)


def test_ethereum__with_the_marks_taken_from_the_examples__still_loads(tmp_path: Path) -> None:
    begin, _, examples = TEXT.partition("# --- Yours")
    plain = "\n".join(
        line.removeprefix("# ")
        for line in examples.splitlines()
        if re.match(r"# (\[|\w+ = )", line)
    )
    settings = _loaded(tmp_path, begin + plain.replace("0x…", "0x" + "1" * 40))
    assert len(settings.webhooks) == 4
    assert settings.deadman is not None
    assert wards_of(settings, "0x", parts_of(settings).markets).watches


def test_addresses__wherever_they_stand__have_their_checksum() -> None:
    found = ADDRESS.findall(TEXT)
    assert len(set(found)) > 60
    assert [address for address in found if not is_checksum_address(address)] == []


def test_addresses__wherever_they_stand__name_a_source_that_is_listed() -> None:
    listed = set(re.findall(r"^#   \[(\w+)\] ", TEXT, re.MULTILINE))
    lines = [line for line in TEXT.splitlines() if ADDRESS.search(line)]
    named = [set(re.findall(r" \[(\w+)\]", line)) for line in lines]
    assert [
        line for line, tags in zip(lines, named, strict=True) if not tags or tags - listed
    ] == []
    of_blocks = set(re.findall(r"from_block.*\[(\w+)\]", TEXT))
    assert set().union(*named, of_blocks) == listed


def test_pools_of_uniswap__worked_out_from_their_tokens__have_the_addresses_given(
    shipped: Settings,
) -> None:
    told = POOL.findall(TEXT)
    of_uniswap = [entry for entry in shipped.liquidity if entry.kind.startswith("uniswap")]
    assert len(told) == len(of_uniswap) > 20
    for one, other, percent, kind, pool in told:
        tokens = sorted(shipped.assets[name].address for name in (one, other))
        assert _pool(tokens, kind, percent) == pool, f"{one}/{other} {percent}"


def _pool(tokens: list[str], kind: str, percent: str) -> str:
    """By CREATE2: of the factory, the tokens in order, the fee in millionths, the pool's code."""
    raw = [bytes.fromhex(token[2:]) for token in tokens]
    if kind == "uniswap_v2":
        factory, salt, code = V2_FACTORY, b"".join(raw), V2_CODE
    else:
        fee_ppm = int(Decimal(percent) * 10_000)
        salt = encode(["address", "address", "uint24"], [*tokens, fee_ppm])
        factory, code = V3_FACTORY, V3_CODE
    parts = b"\xff" + bytes.fromhex(factory[2:]) + keccak(salt) + bytes.fromhex(code)
    return to_checksum_address(keccak(parts)[12:])


def test_market_ids__worked_out_from_what_makes_the_market__are_those_given(
    shipped: Settings,
) -> None:
    told = MARKET.findall(TEXT)
    (morpho,) = [market for market in shipped.markets if market.protocol == "morpho_blue"]
    assert [given for *_, given in told] == list(morpho.market_ids or ())
    for collateral, loan, percent, oracle, given in told:
        terms = (
            shipped.assets[loan].address,
            shipped.assets[collateral].address,
            oracle,
            RATE_MODEL,
            int(Decimal(percent) * 10**16),
        )
        made = encode(["(address,address,address,address,uint256)"], [terms])
        assert "0x" + keccak(made).hex() == given, f"{collateral} for {loan}"


def test_breakers__that_were_held_against_prices__are_in_it_as_they_are() -> None:
    """tests/hysteresis measures those of breakers.toml."""
    own, measured = tomllib.loads(TEXT), tomllib.loads((DEPLOY / "breakers.toml").read_text())
    assert measured["scenarios"].items() <= own["scenarios"].items()
    found: list[dict[str, Any]] = own["breakers"]
    assert [each for each in measured["breakers"] if each not in found] == []


@pytest.mark.parametrize("kind", ["uniswap_v2", "uniswap_v3", "stableswap"])
def test_pools__of_each_kind_that_is_read_from_the_chain__are_among_them(
    shipped: Settings, kind: str
) -> None:
    entries: tuple[Liquidity, ...] = shipped.liquidity
    assert kind in {entry.kind for entry in entries}
