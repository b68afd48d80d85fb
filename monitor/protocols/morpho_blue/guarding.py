"""Stopping what vaults lend: MetaMorpho's caps to zero.

Source: MetaMorpho.sol. `submitCap` is the curator's (and the owner's). A lower cap holds at once, a
higher one a timelock later. It reverts while a higher cap is pending (the curator or MetaMorpho's
own guardian may revoke that), and for a market about to be removed. What the vault has lent stays
lent: a cap of zero only keeps new deposits away. The allocator has another way, `setSupplyQueue`
without the market, which is not proposed here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.core.abi import Abi, ErrorAbi
from monitor.core.blocks import BlockRef
from monitor.core.guarding import Order, Proposal, Proposals
from monitor.core.keys import token_key
from monitor.core.ledger import LedgerView, find
from monitor.core.pairs import Token
from monitor.core.ports import ContractReader, ViewCall, ViewFailed, ViewResult
from monitor.core.units import ZERO_ADDRESS, Address, AssetId
from monitor.errors import QuestionError
from monitor.protocols.morpho_blue.contracts import MorphoAbi, Scope, id_bytes
from monitor.protocols.morpho_blue.views import values_of

CAP_TO_ZERO = "cap_to_zero"
LONGEST_QUEUE = 30
"""ConstantsLib.MAX_QUEUE_LENGTH."""


class MorphoGuarding:
    """Of the vaults that lend on one Morpho."""

    def __init__(self, scope: Scope, abi: MorphoAbi) -> None:
        self._scope = scope
        self._morpho = abi.morpho
        self._vault: Abi = abi.vault

    @property
    def actions(self) -> frozenset[str]:
        return frozenset((CAP_TO_ZERO,))

    @property
    def errors(self) -> Mapping[str, ErrorAbi]:
        return self._vault.errors

    async def proposals(
        self, order: Order, view: LedgerView, reader: ContractReader, at: BlockRef
    ) -> Proposals:
        """Market ids as asked, else every market of the vault, as its withdraw queue has them."""
        vault = order.vault or ZERO_ADDRESS
        asset, length = await self._look(vault, reader, at)
        ids = tuple(dict.fromkeys(order.targets)) or await self._queue(vault, length, reader, at)
        calls = [self._view(vault, "config", id_bytes(market_id)) for market_id in ids]
        calls += [self._params_call(market_id) for market_id in ids]
        answers = [values_of(answer) for answer in await reader.read(at, calls)]
        left, done = [], []
        for market_id, config, params in zip(
            ids, answers[: len(ids)], answers[len(ids) :], strict=True
        ):
            self._check(market_id, params, asset)
            words = f"{_symbol(view, params[1])}/{_symbol(view, params[0])} ({market_id})"
            if config[0]:
                left.append(self._proposal(vault, words, params))
            else:
                done.append(words)
        return Proposals(tuple(left), tuple(done))

    async def _look(
        self, vault: Address, reader: ContractReader, at: BlockRef
    ) -> tuple[AssetId, int]:
        """The vault's asset, and how many markets it has. Raises QuestionError if it is none."""
        names = ("MORPHO", "asset", "withdrawQueueLength")
        answers = await reader.read(at, [self._view(vault, name) for name in names])
        known = [answer[0] for answer in answers if not isinstance(answer, ViewFailed)]
        if len(known) < len(names) or known[2] > LONGEST_QUEUE:
            raise QuestionError(
                f"{vault} is no MetaMorpho vault: it does not answer as one (block {at.number})"
            )
        if known[0] != self._scope.entry:
            raise QuestionError(
                f"the vault {vault} lends on the Morpho at {known[0]}, expected that of "
                f"{self._scope.market}, {self._scope.entry}"
            )
        return known[1], known[2]

    async def _queue(
        self, vault: Address, length: int, reader: ContractReader, at: BlockRef
    ) -> Sequence[str]:
        """Every market with a cap is in it."""
        calls = [self._view(vault, "withdrawQueue", place) for place in range(length)]
        answers: Sequence[ViewResult] = await reader.read(at, calls) if calls else ()
        return ["0x" + values_of(answer)[0].hex() for answer in answers]

    def _check(self, market_id: str, params: tuple[Any, ...], asset: AssetId) -> None:
        loan = params[0]
        if loan == ZERO_ADDRESS:
            raise QuestionError(f"{self._scope.market} has no market id {market_id}")
        if loan != asset:
            raise QuestionError(
                f"market id {market_id} lends {loan}, but the vault holds {asset}: it cannot have "
                "a cap there"
            )

    def _proposal(self, vault: Address, words: str, params: tuple[Any, ...]) -> Proposal:
        return Proposal(
            words,
            f"cap of {words} in vault {vault} to zero: no new deposits go there; what is lent "
            "there stays",
            self._view(vault, "submitCap", params, 0),
        )

    def _params_call(self, market_id: str) -> ViewCall:
        function = self._morpho.functions["idToMarketParams"]
        return ViewCall(self._scope.entry, function, (id_bytes(market_id),))

    def _view(self, vault: Address, name: str, *args: Any) -> ViewCall:
        return ViewCall(vault, self._vault.functions[name], args)


def _symbol(view: LedgerView, asset: AssetId) -> str:
    token = find(view, token_key(asset), Token)
    return token.symbol if token is not None else asset
