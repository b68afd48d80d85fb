"""web3's codec, without the keystores that come along.

`import web3` takes eth_account with it, and that the keystores of eth_keyfile, which compute the
pairings of BLS12-381 as they are imported: a third of the time in which the daemon starts, for keys
that it never has. While web3 is imported, a module that refuses stands in their place.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NoReturn

from eth_abi.codec import ABICodec

KEYSTORES = ("eth_keyfile", "eth_keyfile.keyfile")
FUNCTIONS = ("create_keyfile_json", "decode_keyfile_json")
"""What eth_account takes of them."""


@contextmanager
def _no_keystores() -> Iterator[None]:
    """Whoever loaded them before, or wants them later, has them."""
    missing = [name for name in KEYSTORES if name not in sys.modules]
    sys.modules.update(dict.fromkeys(missing, _stand_in()))
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


def _stand_in() -> ModuleType:
    module = ModuleType(KEYSTORES[0])
    module.__dict__.update(dict.fromkeys(FUNCTIONS, _refuse), KDFType=str)
    return module


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError("keystores are not loaded where web3 only encodes contract calls")


with _no_keystores():
    from web3 import Web3


def codec() -> ABICodec:
    """Arguments and answers of contract calls."""
    return Web3().codec
