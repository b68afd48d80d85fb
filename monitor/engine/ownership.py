"""Finds out whom accounts obey, by code that is known. A stranger's word proves nothing.

Sources: GnosisSafe.sol and OwnerManager.sol (safe-contracts 1.1.1 to 1.5.0), DSProxy of
dapphub/ds-proxy, ERC-1167, ERC-1967, EIP-7702, SimpleAccount.sol of eth-infinitism.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitor.core.abi import Abi
from monitor.core.blocks import BlockRef
from monitor.core.owners import OwnerKind, Ownership
from monitor.core.ports import AccountReader, Code, ViewCall, ViewFailed, ViewResult
from monitor.core.units import ZERO_ADDRESS, Address
from monitor.leverage.account_code import AccountCode, Naming, Proxy, Question, Wallet

ROUNDS = 4
"""How far up it is asked who is behind whom. Who stands above that counts as what he seems."""
MOST_OWNERS = 256
"""Who obeys more than that tells no owners."""
LONGEST_REASON = 120
CLONE = (bytes.fromhex("363d3d373d3d3d363d73"), bytes.fromhex("5af43d82803e903d91602b57fd5bf3"))
"""What stands before and behind the implementation in an ERC-1167 proxy."""
LENT = bytes.fromhex("ef0100")
"""EIP-7702: in front of the code that a key lends its account."""
EIP_1967_SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
SLOTS = {Naming.SLOT_0: 0, Naming.EIP_1967: EIP_1967_SLOT}
ADDRESS_BITS = 2**160 - 1


@dataclass(frozen=True, slots=True)
class KnownAccounts:
    """The code that is believed, by hash, and how it is asked."""

    codes: Mapping[str, AccountCode]
    abi: Abi

    def questions(self, account: Address, wallet: Wallet) -> tuple[ViewCall, ...]:
        ask = self.abi.functions
        if wallet.question is Question.OWNER:
            return (ViewCall(account, ask["owner"]),)
        return ViewCall(account, ask["getOwners"]), ViewCall(account, ask["getThreshold"])


async def ownerships(
    reader: AccountReader,
    at: BlockRef,
    accounts: Sequence[Address],
    entities: frozenset[Address],
    known: KnownAccounts,
) -> dict[Address, Ownership]:
    """What is behind each account at that block, and behind those that one of them obeys alone.

    `entities`: followed claims and market contracts, which are not asked. An account that reverts,
    returns nonsense or is a stranger is its own owner, with the reason. Raises what `reader` does.
    """
    found: dict[Address, Ownership] = {}
    asked = list(dict.fromkeys(accounts))
    for _ in range(ROUNDS):
        told = await _round(_Look(reader, at, known), asked, entities)
        found |= told
        above = [each.controllers[0] for each in told.values() if len(each.controllers) == 1]
        asked = [account for account in dict.fromkeys(above) if account not in found]
    return found


@dataclass(frozen=True, slots=True)
class _Look:
    """Where and when it is looked."""

    reader: AccountReader
    at: BlockRef
    known: KnownAccounts

    async def codes(self, accounts: Sequence[Address]) -> dict[Address, Code]:
        return dict(zip(accounts, await self.reader.codes(self.at, accounts), strict=True))


async def _round(
    look: _Look, accounts: Sequence[Address], entities: frozenset[Address]
) -> dict[Address, Ownership]:
    """All of these by one batch of each question."""
    codes = await look.codes([account for account in accounts if account not in entities])
    behind = await _implementations(look, codes)
    inner = await look.codes(sorted(set(behind.values())))
    told = dict.fromkeys(accounts, Ownership(OwnerKind.VAULT))
    wallets: dict[Address, Wallet] = {}
    for account, code in codes.items():
        at = behind.get(account)
        runs = look.known.codes.get(code.hash if at is None else inner[at].hash)
        told[account] = _by_code(code, at, runs)
        if isinstance(runs, Wallet):
            wallets[account] = runs
    calls = {who: look.known.questions(who, wallet) for who, wallet in wallets.items()}
    answers = iter(
        await look.reader.read(look.at, [call for asked in calls.values() for call in asked])
    )
    for who, asked in calls.items():
        told[who] = _obeying(told[who], asked, [next(answers) for _ in asked])
    return told


async def _implementations(look: _Look, codes: Mapping[Address, Code]) -> dict[Address, Address]:
    """What proxies say they run; whether that is known is another matter."""
    behind, slots = {}, {}
    before, after = CLONE
    for account, code in codes.items():
        known = look.known.codes.get(code.hash)
        if code.head.startswith(before) and code.head[30:] == after:
            behind[account] = _address(int.from_bytes(code.head[10:30]))
        elif isinstance(known, Proxy):
            slots[account] = SLOTS[known.naming]
    words = await look.reader.storage(look.at, list(slots.items()))
    named = {account: _address(word) for account, word in zip(slots, words, strict=True)}
    return behind | named


def _by_code(code: Code, behind: Address | None, runs: AccountCode | None) -> Ownership:
    """What its code alone makes an account. `runs`: what is known of the code that it runs."""
    if not code.head:
        return Ownership(OwnerKind.EOA)
    if code.head.startswith(LENT) and len(code.head) == len(LENT) + 20:
        lent = _address(int.from_bytes(code.head[len(LENT) :]))
        return Ownership(OwnerKind.EOA, code_hash=code.hash, implementation=lent)
    told = Ownership(OwnerKind.CONTRACT, code_hash=code.hash, implementation=behind)
    if not isinstance(runs, Wallet):
        what = "its code" if behind is None else f"the code of {behind}, which it runs,"
        return replace(told, reason=f"{what} is not known")
    is_clone = code.head.startswith(CLONE[0])
    return replace(told, kind=OwnerKind.MINIMAL_PROXY if is_clone else runs.kind)


def _obeying(
    told: Ownership, calls: Sequence[ViewCall], answers: Sequence[ViewResult]
) -> Ownership:
    """With whom it names; with the reason where that is nobody or nonsense."""
    for call, answer in zip(calls, answers, strict=True):
        if isinstance(answer, ViewFailed):
            return replace(told, reason=f"{call.function.name}: {answer.reason}"[:LONGEST_REASON])
    [first, *rest] = [answer[0] for answer in answers if isinstance(answer, tuple)]
    named, threshold = (first, rest[0]) if rest else ((first,), 1)
    people = tuple(sorted(set(named)))
    if ZERO_ADDRESS in people:
        return replace(told, reason="it names nobody: the zero address")
    if len(people) != len(named) or not 0 < threshold <= len(people) <= MOST_OWNERS:
        return replace(told, reason=f"{threshold} of {len(named)} owners make no sense")
    return replace(told, controllers=people, threshold=threshold)


def _address(word: int) -> Address:
    """The lower 20 bytes, as the proxies themselves read theirs."""
    return Address(f"0x{word & ADDRESS_BITS:040x}")


def ownership_json(
    told: Ownership | None, account: Address, owner: Address, show: Callable[[str], str]
) -> dict[str, Any]:
    """Whose an account is, and by what evidence. `told`: what was found out, None if nobody asked.

    Whom it obeys may obey others in turn: ask for these.
    """
    answer = {"account": show(account), "owner": show(owner)}
    if told is None:
        reason = "it had no position and got no borrowed money since the ledger began: not asked"
        return answer | {"kind": None, "unknown": [reason]}
    return answer | {
        "kind": told.kind,
        "controllers": [show(each) for each in told.controllers],
        "threshold": told.threshold or None,
        "code_hash": told.code_hash or None,
        "implementation": None if told.implementation is None else show(told.implementation),
        **({"unknown": [told.reason]} if told.reason else {}),
    }
