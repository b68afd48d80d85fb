"""What a store is bound to: the digest of what decides which records the ledger holds."""

from pathlib import Path
from typing import get_args

import pytest

from monitor.leverage.account_code import HASHES, KINDS
from monitor.parts import configuration_digest, parts_of
from monitor.schema import AccountCode
from monitor.settings import load

AAVE = """
[chain]
chain_id = 1
endpoints = ["http://localhost:8545"]
[[markets]]
name = "aave-core"
protocol = "aave_v3"
address = "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"
from_block = 16291127
[[liquidity]]
kind = "uniswap_v3"
pool = "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640"
[assets.WETH]
address = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
price_feed = "0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419"
"""
DIGEST_OF_AAVE = "54bc49eddcdc273a4d4df994aa6f0e09"
"""As the first version with a store of schema 2 came to: such stores go on without a rebuild."""
MORPHO = """
[[markets]]
name = "morpho"
protocol = "morpho_blue"
address = "0xBBBBBbbBBb9cC5e90e3b3Af64bdAF62C37EEFFCb"
"""
ONE, OTHER = f'"0x{1:064x}"', f'"0x{10:064X}"'.replace("0X", "0x")
STAKED = """
[[receipts]]
token = "0x7f39C581F595B53c5cb19bD0b3f8dA6c935E2Ca0"
kind = "rate_provider"
underlying = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
"""
VAULT = """
[[receipts]]
token = "0x7f39C581F595B53c5cb19bD0b3f8dA6c935E2Ca0"
kind = "erc4626"
"""
BEFORE_HOLDERS = "663d10428b19df42e48bbde75c4a05cb"
"""What AAVE and VAULT came to while nobody kept who holds a vault's shares."""
CODE = f"""
[[account_code]]
hash = "0x{"C0" * 32}"
kind = "ds_proxy"
"""
FEED = """
[[feeds]]
address = "0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419"
heartbeat_seconds = 3600
"""


def digest_of(folder: Path, text: str) -> str:
    path = folder / "config.toml"
    path.write_text(text)
    return configuration_digest(load(path, {}))


def test_parts__with_code_an_operator_vouches_for__know_it_beside_our_own(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(AAVE + CODE)
    codes = parts_of(load(path, {})).recursion.known.codes
    assert codes["0x" + "c0" * 32] == KINDS["ds_proxy"]
    assert len(codes) == 1 + sum(map(len, HASHES.values()))


def test_kinds__of_code_in_the_configuration__are_those_that_are_known() -> None:
    assert set(get_args(AccountCode.model_fields["kind"].annotation)) == set(KINDS)


def test_digest__of_a_configuration_as_old_as_the_schema__is_what_it_was(tmp_path: Path) -> None:
    assert digest_of(tmp_path, AAVE) == DIGEST_OF_AAVE


def test_digest__of_a_vault__tells_a_store_from_before_its_holders_were_kept(
    tmp_path: Path,
) -> None:
    assert digest_of(tmp_path, AAVE + VAULT) != BEFORE_HOLDERS
    assert digest_of(tmp_path, AAVE + VAULT.replace("erc4626", "aave_atoken")) == BEFORE_HOLDERS


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (AAVE, AAVE + FEED),
        (AAVE, AAVE + CODE),
        (AAVE + MORPHO, AAVE + MORPHO + 'market_ids = "all"'),
        (
            AAVE + MORPHO + f"market_ids = [{ONE}, {OTHER}]",
            AAVE + MORPHO + f"market_ids = [{OTHER.lower()}, {ONE}]",
        ),
        (
            AAVE + STAKED + 'rate_method = "getRate"',
            AAVE + STAKED + 'rate_method = "stEthPerToken()"',
        ),
    ],
)
def test_digest__what_decides_no_record_differs__is_the_same(
    tmp_path: Path, before: str, after: str
) -> None:
    assert digest_of(tmp_path, after) == digest_of(tmp_path, before)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (AAVE, AAVE + MORPHO),
        (AAVE + MORPHO, AAVE + MORPHO + f"market_ids = [{ONE}]"),
        (AAVE + MORPHO + f"market_ids = [{OTHER}]", AAVE + MORPHO + f"market_ids = [{ONE}]"),
        (AAVE, AAVE + STAKED + 'rate_method = "getRate"'),
        (AAVE + VAULT, AAVE + VAULT + "from_block = 5"),
        (AAVE + VAULT, AAVE + VAULT.replace("erc4626", "aave_atoken")),
    ],
)
def test_digest__other_records_are_wanted__is_another(
    tmp_path: Path, before: str, after: str
) -> None:
    assert digest_of(tmp_path, after) != digest_of(tmp_path, before)


def test_wrapped_coin__of_a_known_chain__needs_no_word(tmp_path: Path) -> None:
    """On others it is followed only where the configuration says what it is."""

    def wrapped(toml: str) -> str | None:
        config = tmp_path / "config.toml"
        config.write_text(toml)
        native = parts_of(load(config, {})).recursion.native
        return None if native is None else native.wrapped

    elsewhere = AAVE.replace("chain_id = 1", "chain_id = 31337")
    named = '[loops]\nwrapped_native = "0x82aF49447D8a07e3bd95BD0d56f35241523fBab1"\n'
    weth = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"
    assert (wrapped(AAVE), wrapped(elsewhere)) == (weth, None)
    for text in (AAVE, elsewhere):
        assert wrapped(text + named) == "0x82af49447d8a07e3bd95bd0d56f35241523fbab1"
