"""Words that all answers use: addresses, amounts, a block.

The shapes are the description of the answers, in `/api/v1/openapi.json`, and nothing is made with
them: the tests hold what a daemon answers against them. What may be missing is UNSET.
"""

from typing import Annotated

from msgspec import Meta, Struct, UnsetType

Address = Annotated[
    str, Meta(pattern="^0x[0-9a-fA-F]{40}$", description="an address with its checksum")
]
Hash = Annotated[str, Meta(pattern="^0x[0-9a-f]{64}$")]
Raw = Annotated[str, Meta(pattern="^[0-9]+$", description="an on-chain integer in raw units")]
Signed = Annotated[
    str, Meta(pattern="^-?[0-9]+$", description="an on-chain integer, which may be negative")
]
Usd = Annotated[str, Meta(pattern="^-?[0-9]+\\.[0-9]{2}$", description="US dollars")]
Time = Annotated[str, Meta(pattern="^[0-9T:.-]+Z$", description="RFC 3339, of a block")]
Wad = Annotated[
    str, Meta(pattern="^[0-9]+$", description="times 1e18: 1375000000000000000 is 1.375")
]
Market = Annotated[str, Meta(description="the name of a configured market")]
SubMarket = (
    Annotated[str, Meta(description="a market within it, such as the id of one of Morpho's")] | None
)
Cursor = Annotated[str, Meta(description="`cursor` of the next page; null on the last")] | None
Unknown = (
    Annotated[list[str], Meta(description="why what is null is null; missing: nothing is unknown")]
    | UnsetType
)


class Shape(Struct):
    """One object of an answer. Later versions may have more keys."""


class Block(Shape):
    number: Annotated[int, Meta(ge=0)]
    hash: Hash
    timestamp: Annotated[int, Meta(ge=0, description="seconds since 1970, as the block says")]


class Holder(Shape):
    account: Address
    owner: Address
    shares: Raw
    assets: Raw | None
    share: float


class Holders(Shape):
    """Who holds a vault's shares: how many do, and the largest of them."""

    count: int
    hhi: float | None
    top: list[Holder]


class Fault(Shape):
    """What is wrong, what was expected, and what to do."""

    error: str


class Health(Shape):
    """What a probe answers: 200 when it is well, 503 when it is not."""

    ok: bool
    reasons: list[str]
