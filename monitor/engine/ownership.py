"""Finds out whom accounts obey, by code that is known. A stranger's word proves nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.core.abi import Abi
from monitor.core.blocks import BlockRef
from monitor.core.owners import Ownership
from monitor.core.ports import AccountReader
from monitor.core.units import Address
from monitor.leverage.account_code import AccountCode


@dataclass(frozen=True, slots=True)
class KnownAccounts:
    """The code that is believed, by hash, and how it is asked."""

    codes: Mapping[str, AccountCode]
    abi: Abi


async def ownerships(
    reader: AccountReader,
    at: BlockRef,
    accounts: Sequence[Address],
    entities: frozenset[Address],
    known: KnownAccounts,
) -> dict[Address, Ownership]:
    """What is behind each account at that block, and behind the contracts they obey.

    `entities`: followed claims and market contracts, which are not asked. An account that reverts,
    returns nonsense or is a stranger is its own owner, with the reason. Raises what `reader` does.
    """
    raise NotImplementedError
