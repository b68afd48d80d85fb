"""Creation code, constructor types and error names of everything that gets deployed."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi import abi
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from devnet.abi import Address
from devnet.cache import compiled_files, packages_folder

AAVE_3_0 = "@aave/core-v3/artifacts/contracts"
AAVE_3_0_FOLDERS = {
    "misc": ("AaveOracle", "AaveProtocolDataProvider"),
    "protocol/configuration": ("ACLManager", "PoolAddressesProvider"),
    "protocol/pool": ("DefaultReserveInterestRateStrategy", "Pool", "PoolConfigurator"),
    "protocol/tokenization": ("AToken", "StableDebtToken", "VariableDebtToken"),
    "protocol/libraries/logic": (
        *("BorrowLogic", "BridgeLogic", "ConfiguratorLogic", "EModeLogic"),
        *("FlashLoanLogic", "LiquidationLogic", "PoolLogic", "SupplyLogic"),
    ),
}
SAFE = "@safe-global/safe-contracts/build/artifacts/contracts"
PREBUILT = {
    # Under names of their own, since 3.6 calls its contracts alike.
    **{
        f"aave_3_0/{name}": f"{AAVE_3_0}/{folder}/{name}.sol"
        for folder, names in AAVE_3_0_FOLDERS.items()
        for name in names
    },
    "WETH9": f"{AAVE_3_0}/dependencies/weth/WETH9.sol",
    "UniswapV2Factory": "@uniswap/v2-core/build",
    "UniswapV3Factory": "@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol",
    "NonfungiblePositionManager": (
        "@uniswap/v3-periphery/artifacts/contracts/NonfungiblePositionManager.sol"
    ),
    "QuoterV2": "@uniswap/v3-periphery/artifacts/contracts/lens/QuoterV2.sol",
    "SwapRouter": "@uniswap/v3-periphery/artifacts/contracts/SwapRouter.sol",
    "Safe": f"{SAFE}/Safe.sol",
    "SafeProxyFactory": f"{SAFE}/proxies/SafeProxyFactory.sol",
    "SimpleAccountFactory": "@account-abstraction/contracts/artifacts",
    "AccessControlledAggregator": "@chainlink/contracts-flux/abi/v0.6",
    "EACAggregatorProxy": "@chainlink/contracts-flux/abi/v0.6",
}
BUILT_IN_ERRORS: dict[bytes, tuple[str, tuple[str, ...]]] = {
    keccak(text="Error(string)")[:4]: ("Error", ("string",)),
    keccak(text="Panic(uint256)")[:4]: ("Panic", ("uint256",)),
}


@dataclass(frozen=True, slots=True)
class Artifact:
    constructor: tuple[str, ...]
    bytecode: str
    # Library name -> character offsets of its address in `bytecode`.
    links: dict[str, tuple[int, ...]]

    def creation_code(self, libraries: dict[str, Address], args: tuple[Any, ...]) -> bytes:
        code = self.bytecode
        for library, offsets in self.links.items():
            for offset in offsets:
                code = code[:offset] + libraries[library][2:] + code[offset + 40 :]
        return bytes.fromhex(code) + abi.encode(self.constructor, args)


@cache
def compiled() -> dict[str, Any]:
    contracts: dict[str, Any] = {}
    for path in compiled_files().values():
        if not path.exists():
            raise FileNotFoundError(
                "the local chain's contracts are not compiled: run `python -m devnet.install` "
                "with deploy/ on PYTHONPATH"
            )
        group = json.loads(path.read_text())
        if twice := contracts.keys() & group.keys():
            raise ValueError(f"{', '.join(sorted(twice))}: two contracts of one name")
        contracts |= group
    return contracts


@cache
def artifact(name: str) -> Artifact:
    """`name`: "Pool", or "aave_3_0/Pool", whose libraries are of that folder as well."""
    folder, slash, contract = name.rpartition("/")
    if name in PREBUILT:
        path: Path = packages_folder() / "node_modules" / PREBUILT[name] / f"{contract}.json"
        raw = json.loads(path.read_text())
        # Chainlink's old artifacts wrap the compiler's output, Uniswap's are Hardhat's.
        entry = raw.get("compilerOutput", raw)
        bytecode = entry["evm"]["bytecode"]["object"] if "evm" in entry else entry["bytecode"]
        files = entry.get("linkReferences", {})
    else:
        entry = compiled()[name]
        bytecode, files = entry["bytecode"], entry["links"]
    links = {
        f"{folder}{slash}{library}": tuple(2 * place["start"] for place in places)
        for file in files.values()
        for library, places in file.items()
    }
    constructors = [item for item in entry["abi"] if item["type"] == "constructor"]
    types = tuple(item["type"] for item in constructors[0]["inputs"]) if constructors else ()
    return Artifact(types, bytecode.removeprefix("0x"), links)


@cache
def errors() -> dict[bytes, tuple[str, tuple[str, ...]]]:
    table = dict(BUILT_IN_ERRORS)
    for entry in compiled().values():
        for item in entry["abi"]:
            if item["type"] == "error":
                types = tuple(field["type"] for field in item["inputs"])
                table[keccak(text=f"{item['name']}({','.join(types)})")[:4]] = (item["name"], types)
    return table


def decode_revert(data: bytes) -> str:
    """ "CollateralCannotCoverNewBorrow()", the text of a require, or the bare hex."""
    known = errors().get(data[:4])
    if known is None:
        return "0x" + data.hex() if data else "reverted without a reason"
    name, types = known
    try:
        values = abi.decode(types, data[4:])
    except DecodingError:
        return "0x" + data.hex()
    return str(values[0]) if name == "Error" else f"{name}({', '.join(map(str, values))})"
