"""contracts_abi/ as parsed ABIs: in the wheel it lies beside this file, in a checkout above."""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path

from monitor.core.abi import Abi, FunctionAbi, parse_abi


@cache
def abi_library(name: str) -> Abi:
    """The ABI of `contracts_abi/<name>.json`, for example "aave_v3/Pool"."""
    packaged = files("monitor") / "contracts_abi" / f"{name}.json"
    checkout = Path(__file__).resolve().parents[1] / "contracts_abi" / f"{name}.json"
    text = packaged.read_text() if packaged.is_file() else checkout.read_text()
    return parse_abi(json.loads(text), json.dumps)


def rate_view(method: str) -> FunctionAbi:
    """A view of one number that the user named: `getRate`, `rate()` or `worth(uint256)`."""
    name, _, arguments = method.partition("(")
    word = {"name": "", "type": "uint256"}
    entry = {
        "type": "function",
        "name": name,
        "stateMutability": "view",
        "inputs": [word] if arguments == "uint256)" else [],
        "outputs": [word],
    }
    return parse_abi([entry], json.dumps).functions[name]
