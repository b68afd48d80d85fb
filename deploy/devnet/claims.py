"""Claims that can be pledged in Morpho, and who pays them out: vaults, and the pools of Aave."""

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from devnet.abi import ZERO_ADDRESS, Address
from devnet.chain import View
from devnet.wide_world import WideWorld

REDEMPTION = "(uint8,address,address)"
Redemption: TypeAlias = tuple[int, Address, Address]


class ClaimKind(IntEnum):
    """Of `Redeemer.sol`."""

    NO_CLAIM = 0
    VAULT_SHARE = 1
    ATOKEN = 2


@dataclass(frozen=True, slots=True)
class Claim:
    """`debtor`: who pays so much of the `underlying`, by symbol."""

    kind: ClaimKind
    debtor: Address
    underlying: str


NO_REDEMPTION: Redemption = (ClaimKind.NO_CLAIM, ZERO_ADDRESS, ZERO_ADDRESS)


async def claims_in(world: WideWorld) -> dict[Address, Claim]:
    """By token: shares of the book's vaults, aTokens of both Aave markets.

    A vault over another claim is left out: our liquidator redeems once.
    """
    vaults = list(world.addresses.morpho.vaults.values())
    assets = await world.read([View(vault, "asset()(address)") for vault in vaults])
    symbols = {token: symbol for symbol, token in world.addresses.tokens.items()}
    shares = {
        vault: Claim(ClaimKind.VAULT_SHARE, vault, symbols[asset])
        for vault, asset in zip(vaults, assets, strict=True)
        if asset in symbols
    }
    atokens = {
        atoken: Claim(ClaimKind.ATOKEN, market.pool, symbol)
        for market in (world.addresses, world.addresses.aave_3_0)
        for symbol, atoken in market.atokens.items()
    }
    return shares | atokens


def redemption(world: WideWorld, claim: Claim | None) -> Redemption:
    """As our liquidator takes it; None where the collateral is no claim."""
    if claim is None:
        return NO_REDEMPTION
    return (claim.kind, claim.debtor, world.token(claim.underlying))
