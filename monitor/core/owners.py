"""Who is behind an account, as its own code tells it."""

from dataclasses import dataclass
from enum import StrEnum

from monitor.core.units import Address


class OwnerKind(StrEnum):
    """What an account is. Only code that is known is believed."""

    EOA = "eoa"
    """No code, or code that its key lent it (EIP-7702)."""
    SAFE = "safe"
    DS_PROXY = "ds_proxy"
    MINIMAL_PROXY = "minimal_proxy"
    """ERC-1167 in front of a known implementation."""
    SMART_ACCOUNT = "smart_account"
    """ERC-4337."""
    VAULT = "vault"
    """A followed claim, or a market: an entity of its own, with holders of its own."""
    CONTRACT = "contract"
    """Any other code: what it says of its owner proves nothing, it stays its own."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """What was found out about one account, with the evidence.

    `controllers`: whom its code obeys, sorted, `threshold` of them together; empty where the
    account is its own owner. `code_hash`: keccak of its code, empty without code.
    `implementation`: the code it delegates to. `reason`: why it is unresolved; empty where it is
    not. An unresolved account is its own owner.
    """

    kind: OwnerKind
    controllers: tuple[Address, ...] = ()
    threshold: int = 0
    code_hash: str = ""
    implementation: Address | None = None
    reason: str = ""
