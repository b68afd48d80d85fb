"""Units of money and names of things. Arithmetic on a NewType gives `int`: rewrap at the return."""

from typing import NewType

Wad = NewType("Wad", int)
"""Ratio, price or value scaled by 1e18."""
Ray = NewType("Ray", int)
"""Index or rate scaled by 1e27."""
Bps = NewType("Bps", int)
"""Basis points, 1e4 = 100 %."""
RawAmount = NewType("RawAmount", int)
"""Token amount in the token's own decimals; never added across tokens."""
ScaledAmount = NewType("ScaledAmount", int)
"""Principal or shares; becomes a RawAmount only through an index."""
Shares = NewType("Shares", int)
"""A claim on a part of a total; becomes a RawAmount through that total and the sum of shares."""
BaseValue = NewType("BaseValue", int)
"""Value or price in a market's own scale (Aave: USD, 8 decimals; Morpho: loan units by 1e36)."""

Address = NewType("Address", str)
"""0x + 40 lower-case hex digits. Checksums are for the face only."""
AssetId = Address
"""An asset is the address of its token."""
BlockHash = NewType("BlockHash", str)
"""0x + 64 lower-case hex digits."""
MarketId = NewType("MarketId", str)
"""The `name` of a [[markets]] entry."""

WAD = 10**18
RAY = 10**27
BPS = 10**4
YEAR_SECONDS = 365 * 24 * 3600
MAX_UINT256 = 2**256 - 1
ZERO_ADDRESS = Address("0x" + "0" * 40)


def wad_of_bps(ratio_bps: int) -> Wad:
    return Wad(ratio_bps * (WAD // BPS))


def address(text: str) -> Address:
    """Lower-case form of an address. Raises ValueError when it is none."""
    body = text.lower()
    if len(body) != 42 or not body.startswith("0x") or set(body[2:]) - set("0123456789abcdef"):
        raise ValueError(f"{text!r} is not an address: expected 0x and 40 hex digits")
    return Address(body)
