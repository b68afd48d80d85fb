"""What could be done about an alert: its market's calls, tried from the guardian at that block."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitor.core.blocks import BlockRef
from monitor.core.guarding import Guarding, Order, Proposal, Proposals
from monitor.core.keys import Kind
from monitor.core.ledger import LedgerView
from monitor.core.ports import CallSimulator, ContractReader, Simulated
from monitor.core.units import Address, MarketId
from monitor.errors import DataError, MonitorError, QuestionError, TransientError

MOST_CALLS = 50
"""Of one alert. Of what is more, only the number is told."""
READING_SECONDS = 1
"""For what an order needs to know first. Trying its calls has a bound of its own."""
Action = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Guardian:
    """Somebody who may stop a market, and what is asked of them."""

    account: Address
    market: MarketId
    order: Order
    guarding: Guarding
    breakers: tuple[str, ...]

    def is_meant(self, breaker: str, markets: Sequence[str]) -> bool:
        """Whether alerts of a breaker over these markets (or sub-markets) carry the calls."""
        over = {name.partition("/")[0] for name in markets}
        is_near = "*" in over or self.market in over
        return is_near and ("*" in self.breakers or breaker in self.breakers)

    @property
    def subject(self) -> str:
        return f"{self.order.action} on {self.market}"


@dataclass(frozen=True, slots=True)
class Outlook:
    """How a guardian's order stands at a block.

    `tried`: what each of `calls` would come to. `done`: where nothing is left to do. `omitted`:
    calls beyond those. `fault`: why nothing is known of it; `is_misnamed`: because the
    configuration names what is not there.
    """

    guardian: Guardian
    calls: tuple[Proposal, ...] = ()
    tried: tuple[Simulated, ...] = ()
    done: tuple[str, ...] = ()
    omitted: int = 0
    fault: str = ""
    is_misnamed: bool = False


class Guards:
    """All guardians. Calls are worked out and tried, never sent: there are no keys here."""

    def __init__(
        self,
        guardians: Sequence[Guardian],
        reader: ContractReader,
        simulator: CallSimulator,
        chain_id: int,
        face: Callable[[str], str],
    ) -> None:
        """`face`: how an address is shown."""
        self.guardians = tuple(guardians)
        self._reader = reader
        self._simulator = simulator
        self._chain_id = chain_id
        self._face = face

    async def actions(
        self, view: LedgerView, block: BlockRef, breaker: str, markets: Sequence[str]
    ) -> tuple[Action, ...]:
        """The `actions` of an alert (contract section 6), in the configuration's order.

        Never raises for a node, and keeps no alert waiting: what cannot be asked is unknown.
        """
        meant = [each for each in self.guardians if each.is_meant(breaker, markets)]
        outlooks = await self.outlooks(meant, view, block)
        lines = [line for outlook in outlooks for line in self._lines(outlook)]
        omitted = sum(outlook.omitted for outlook in outlooks)
        if omitted:
            lines.append(
                self._line(
                    None, f"{omitted} more calls", f"unknown: an alert lists {MOST_CALLS} at most"
                )
            )
        return tuple(lines)

    async def outlooks(
        self, guardians: Sequence[Guardian], view: LedgerView, block: BlockRef
    ) -> list[Outlook]:
        """How they stand, in their order."""
        proposed = await asyncio.gather(*(self._proposed(each, view, block) for each in guardians))
        planned, room = [], MOST_CALLS
        for guardian, found in zip(guardians, proposed, strict=True):
            if isinstance(found, MonitorError):
                is_misnamed = isinstance(found, QuestionError)
                planned.append(Outlook(guardian, fault=str(found), is_misnamed=is_misnamed))
                continue
            calls = found.calls[:room]
            room -= len(calls)
            omitted = len(found.calls) - len(calls)
            planned.append(Outlook(guardian, calls, done=found.done, omitted=omitted))
        return list(await asyncio.gather(*(self._tried(outlook, block) for outlook in planned)))

    async def faults(self, view: LedgerView, block: BlockRef) -> list[str]:
        """Orders that name what their market does not have at a block.

        What cannot be asked now is not at fault, nor is a market of which nothing is listed yet.
        """
        found = []
        for guardian in self.guardians:
            if not _is_listed(view, guardian.market):
                continue  # a replay from before it was: names come with its logs
            proposed = await self._proposed(guardian, view, block)
            if isinstance(proposed, QuestionError):
                found.append(f"guardians: {guardian.subject}: {proposed}")
        return found

    async def _proposed(
        self, guardian: Guardian, view: LedgerView, block: BlockRef
    ) -> Proposals | MonitorError:
        guarding, order = guardian.guarding, guardian.order
        try:
            async with asyncio.timeout(READING_SECONDS):
                return await guarding.proposals(order, view, self._reader, block)
        except TimeoutError:
            return TransientError(f"the node did not answer in {READING_SECONDS} s")
        except (QuestionError, TransientError, DataError) as error:
            return error

    async def _tried(self, outlook: Outlook, block: BlockRef) -> Outlook:
        if not outlook.calls:
            return outlook
        calls = [proposal.call for proposal in outlook.calls]
        tried = await self._simulator.simulate(block, outlook.guardian.account, calls)
        return replace(outlook, tried=tuple(tried))

    def _lines(self, outlook: Outlook) -> list[Action]:
        guardian = outlook.guardian
        lines = [
            self._line(guardian, proposal.description, result.outcome)
            | {"to": self._face(proposal.call.to), "calldata": result.calldata}
            for proposal, result in zip(outlook.calls, outlook.tried, strict=True)
        ]
        if outlook.done:
            where = ", ".join(outlook.done)
            said = f"{guardian.subject}: nothing is left to do for {where}"
            lines.append(self._line(guardian, said, "done"))
        if outlook.fault:
            said = f"{guardian.subject}: its calls are not known"
            lines.append(self._line(guardian, said, f"unknown: {outlook.fault}"))
        return lines

    def _line(self, guardian: Guardian | None, description: str, outcome: str) -> Action:
        """An action, as yet without a call."""
        return {
            "description": description,
            "market": None if guardian is None else guardian.market,
            "from": None if guardian is None else self._face(guardian.account),
            "chain_id": self._chain_id,
            "to": None,
            "calldata": None,
            "simulated": outcome,
        }


def _is_listed(view: LedgerView, market: MarketId) -> bool:
    return any(True for kind in (Kind.RESERVE, Kind.PAIR) for _ in view.keys(kind, market))
