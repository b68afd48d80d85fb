"""What comes along with web3, and what does not: each in a process of its own."""

import subprocess
import sys

import pytest

FIRST = "import monitor.chain.codec, sys; "


def says(code: str) -> str:
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_codec__imported__has_computed_no_pairings() -> None:
    assert (
        says(FIRST + "print([name for name in sys.modules if name.startswith('py_ecc')])") == "[]"
    )


def test_keystores__wanted_afterwards__are_there() -> None:
    assert says(FIRST + "import eth_keyfile; print(eth_keyfile.load_keyfile.__name__)") == (
        "load_keyfile"
    )


@pytest.mark.parametrize("first", ["import eth_account; ", "import eth_keyfile; "])
def test_keystores__loaded_before__stay(first: str) -> None:
    asked = "import eth_account; print(callable(eth_account.account.decode_keyfile_json)); "
    kept = "print(eth_account.account.decode_keyfile_json.__module__)"
    assert says(first + FIRST + asked + kept).split() == ["True", "eth_keyfile.keyfile"]
