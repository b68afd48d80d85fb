"""Tokens that are no good ERC-20s, as they are met in the wild. All of them mint for anyone."""

from collections.abc import Mapping
from typing import Any

from devnet.abi import Address
from devnet.deployer import Deployer

NOT_UTF_8 = b"\xff\xfe\x80odd"
LONG_SYMBOL = b"L" * 10_000

ODD_TOKENS: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "0 decimals": ("OddToken", (b"WHOLE", 0)),
    "77 decimals": ("OddToken", (b"TINY", 77)),
    "symbol not UTF-8": ("OddToken", (NOT_UTF_8, 18)),
    "symbol of 10 kB": ("OddToken", (LONG_SYMBOL, 18)),
    "symbol empty": ("OddToken", (b"", 18)),
    "symbol of WETH": ("OddToken", (b"WETH", 18)),
    "symbol with controls": ("OddToken", (b"A\x00B\n\x1b[31m", 18)),
    "symbol a word": ("WordSymbolToken", (b"MKR".ljust(32, b"\0"),)),
    "symbol reverting": ("SymbolRevertingToken", ()),
    "decimals missing": ("DecimalsMissingToken", ()),
    "fee on transfer": ("FeeToken", ()),
    "rebasing": ("StakedEther", (10**18, 0)),
}
"""Contract and constructor by what is odd. The rebasing one is stETH's double: `setRate` it."""


async def deploy_odd_token(deployer: Deployer, oddity: str) -> Address:
    contract, args = ODD_TOKENS[oddity]
    return await deployer.deploy(contract, *args)
