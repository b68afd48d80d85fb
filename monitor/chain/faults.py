"""What a node says went wrong, sorted by what can be done about it.

Internal to `monitor.chain`, below the tree of `monitor.errors`:

RpcUnavailable
├── RpcTimeout     no answer in time
├── RateLimited    we ask more often than our plan allows
└── RpcRefused     the same question gets the same refusal: ask another endpoint, or for less
DataError
└── RevertError   the contract itself said no
"""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from monitor.errors import (
    BlockUnknown,
    DataError,
    MonitorError,
    RpcUnavailable,
    StateUnavailable,
)


class RpcTimeout(RpcUnavailable):
    """No answer in time."""


class RateLimited(RpcUnavailable):
    """We ask too often. `retry_after_seconds` is how long to wait, where the node says so."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RpcRefused(RpcUnavailable):
    """A JSON-RPC error that asking again does not cure; asking for less may.

    `offered`: first and last block of a range that the node says it would serve instead.
    """

    def __init__(self, message: str, offered: tuple[int, int] | None = None) -> None:
        super().__init__(message)
        self.offered = offered


class RevertError(DataError):
    """The call ran and failed. `data` is what the contract returned with it."""

    def __init__(self, message: str, data: bytes = b"") -> None:
        super().__init__(message)
        self.data = data


class RpcError(msgspec.Struct, frozen=True):
    """The `error` of a JSON-RPC answer."""

    code: int
    message: str = ""
    data: Any = None


RATE_LIMITED = re.compile(r"rate limit|too many requests|request rate|compute units|capacity", re.I)
EXECUTION_FAILED = re.compile(
    r"revert|out of ?gas|invalid opcode|evm error|stack (under|over)flow|stack limit"
    r"|invalid jump|vm execution error|bad instruction|write protection|gas uint64 overflow",
    re.I,
)
NO_BLOCK = re.compile(
    r"unknown block|header not found|header for hash not found|block not found|resource not found"
    r"|not currently canonical|block .*does not exist|could not find block",
    re.I,
)
NO_STATE = re.compile(
    r"missing trie node|state .*not available|historical state|BlockOutOfRange|pruned"
    r"|old data not available|no state available|distance to target block exceeds",
    re.I,
)
OFFER = re.compile(r"\[(0x[0-9a-f]{1,16}), ?(0x[0-9a-f]{1,16})\]", re.I)
"""As Alchemy and Infura put it: "this block range should work: [0x1, 0x2]"."""
SHORTEST_KEY = 10
"""Shorter words are parts of ordinary paths."""
ADDRESS_OF_NODE = re.compile(r"\w+://\S+")
VIEW = "eth_call"
PRUNED = frozenset({VIEW, "eth_getCode", "eth_getLogs", "eth_getStorageAt"})
"""What a node may have forgotten of a block it has."""


def fault_of(
    endpoint: str, error: RpcError, method: str = VIEW, keys: Sequence[str] = ()
) -> MonitorError:
    """The exception for a JSON-RPC error answer to `method`.

    URLs, and `keys`, are left out of the node's words. Words that make no sense as an answer to
    that method are a refusal: only a view reverts, and only what can be pruned is.
    """
    code = error.code
    message = without_keys(ADDRESS_OF_NODE.sub("<url>", error.message), keys)
    said = f"{endpoint} answered error {code}: {message[:200]}"
    if code == 429 or RATE_LIMITED.search(message):
        return RateLimited(f"{said}. It limits our rate: raise the plan or add an endpoint.")
    if method == VIEW and (code == 3 or EXECUTION_FAILED.search(message)):
        return RevertError(message[:200], _bytes_of(error.data))
    if code == -32001 or NO_BLOCK.search(message):
        return BlockUnknown(said)
    if method in PRUNED and NO_STATE.search(message):
        return StateUnavailable(f"{said}. Blocks this old need an archive node.")
    offer = OFFER.search(message)
    return RpcRefused(said, (int(offer[1], 16), int(offer[2], 16)) if offer else None)


def keys_in(url: str) -> tuple[str, ...]:
    """What in a node's URL may be a key: user, password, and whatever long word follows the host.

    A node may quote the key alone, where its URL would be known for one.
    """
    parts = urlsplit(url)
    words = [unquote(word) for word in re.split(r"[/?&=#]", f"{parts.path}?{parts.query}")]
    long = [word for word in words if len(word) >= SHORTEST_KEY]
    return tuple(filter(None, (parts.username, parts.password, *long)))


def without_keys(text: str, keys: Sequence[str]) -> str:
    for key in keys:
        text = text.replace(key, "<key>")
    return text


def _bytes_of(data: object) -> bytes:
    """Revert data, where a node gives it as plain hex; some wrap it in an object."""
    if isinstance(data, dict):
        data = data.get("data")
    if not isinstance(data, str) or not data.startswith("0x"):
        return b""
    try:
        return bytes.fromhex(data[2:])
    except ValueError:
        return b""
