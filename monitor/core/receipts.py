"""Tokens that are a claim on another token: what one is worth, what stands behind all of them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from monitor.core.slots import slotwise
from monitor.core.units import AssetId, RawAmount, Shares


class ReceiptKind(StrEnum):
    """How a claim says what it is worth (contract section 2)."""

    ERC4626 = "erc4626"
    AAVE_ATOKEN = "aave_atoken"
    RATE_PROVIDER = "rate_provider"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A claim at one block. What could not be read is None; `reason` says why.

    `unit_shares` raw units of the claim are worth `unit_assets_raw` of the underlying. `supply` is
    how many raw units there are, `assets_raw` what they claim together, `idle_raw` the underlying
    that lies in the contract itself. `queue`: the sub-markets a curated vault (MetaMorpho) takes
    withdrawals from, in order; None where the contract has no such list, or was not asked yet.
    `held`: what its known holders have together; None where nobody keeps them, or where its logs
    contradict themselves. `lost_raw`: what a curated vault has lost of what its shares still show
    (MetaMorpho from 1.1); None where its shares are worth less as soon as something is lost.
    `hides_losses`: whether it told of any when it was asked; None before.
    """

    kind: ReceiptKind
    underlying: AssetId | None = None
    unit_shares: Shares | None = None
    unit_assets_raw: RawAmount | None = None
    supply: Shares | None = None
    assets_raw: RawAmount | None = None
    idle_raw: RawAmount | None = None
    queue: tuple[str, ...] | None = None
    reason: str = ""
    held: Shares | None = None
    lost_raw: RawAmount | None = None
    hides_losses: bool | None = None


@slotwise
@dataclass(frozen=True, slots=True)
class Holder:
    """What one account has of a claim: raw shares, never none."""

    shares: Shares


class Sample(NamedTuple):
    """What a claim was worth at a time: so many shares so many raw units of the underlying."""

    at_unix: int
    shares: Shares
    assets_raw: RawAmount


@dataclass(frozen=True, slots=True)
class Growth:
    """How a claim's worth grew lately: a few samples, oldest first."""

    samples: tuple[Sample, ...]
