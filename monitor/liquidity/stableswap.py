"""StableSwap pools, read by their views in every block: their logs do not tell their balances.

Sources: curvefi/curve-contract pool-templates (base, eth, meta), curvefi/stableswap-ng. Pools
differ in what they can be asked: coins by uint256 or int128, A or A_precise, rates of their own or
none. What a pool answers is learned once; a view that stops answering makes the pool unknown. What
is understood is held against the pool's own `get_dy` in every block, so that a pool of another kind
(of pools in pools, of lent coins, of volatile ones) is unknown and never wrong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitor.core.abi import Abi
from monitor.core.blocks import BlockRef
from monitor.core.curves import StableSwapCurve, UnknownCurve
from monitor.core.events import DomainEvent, PoolMoved, TokenKnown
from monitor.core.keys import Kind, pool_key, token_key
from monitor.core.ledger import LedgerView, find
from monitor.core.pairs import Token
from monitor.core.pools import StablePool
from monitor.core.ports import ContractReader, Readings, ViewCall, ViewFailed
from monitor.core.sources import LogDecoder, PolledSource
from monitor.core.stable_swap import FEE_UNIT, NoConvergenceError, Swap
from monitor.core.tokens import token_calls, token_of
from monitor.core.units import Address, AssetId
from monitor.errors import ConfigError

NATIVE = AssetId(Address("0x" + "e" * 40))
"""What pools call ether itself; it has 18 decimals and no contract."""
MOST_COINS = 8
MOST_DECIMALS = 36
"""More leaves nothing of a rate."""
NEEDED = ("A", "fee")
OPTIONAL = ("A_precise", "admin_fee", "offpeg_fee_multiplier", "stored_rates", "older_rates")
ADMIN_FEE_E10 = FEE_UNIT // 2
"""Of pools that do not tell: a constant of the factory's."""
SAMPLE_DIGITS = 3
"""A sample is a power of ten, a hundredth to a thousandth of a balance: it seldom changes."""
TOLERANCE_PPM = 1
UNITS = 3
"""Rounding to raw units, which kinds of pools do at different places."""


class _UnknownError(Exception):
    """A pool's depth is not known: the reason."""


@dataclass(frozen=True, slots=True)
class StableSwapAbi:
    """`older`: the views of pools that count coins in int128, and tell rates as two words."""

    pool: Abi
    older: Abi
    erc20: Abi
    bytes32_erc20: Abi


@dataclass(frozen=True, slots=True)
class StableSwapPool(PolledSource):
    """One configured pool. `native`: the token that stands for ether itself; None: none does."""

    address: Address
    abi: StableSwapAbi
    native: AssetId | None = None

    @property
    def name(self) -> str:
        return self.address

    def decoder(self, block: BlockRef, view: LedgerView, facts: Readings) -> LogDecoder:
        return self

    async def bootstrap(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        """Polls tell everything. Raises ConfigError when the address is no pool at the head."""
        calls = self._coins()
        pool = self._identified(dict(zip(calls, await reader.read(head, calls), strict=True)))
        if not pool.coins:
            raise ConfigError(f"liquidity pool {self.address} {pool.reason}.")
        return ()

    def _coins(self) -> tuple[ViewCall, ...]:
        places = range(MOST_COINS)
        return tuple(self._coin(is_older, at) for is_older in (False, True) for at in places)

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        known = self._held(view)
        if not known.coins:
            return self._coins()
        asked = [call for coin in self._mute(view, known) for call in self._token_calls(coin)]
        asked += [self._balance(known, at) for at in range(len(known.coins))]
        asked += [self._view(name) for name in (*NEEDED, *_optional(known))]
        return (*asked, *(call for _, call in self._samples(known)))

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        known = self._held(view)
        if not known.coins:
            return (PoolMoved(self.address, self._identified(readings)),)
        events: list[DomainEvent] = []
        tokens = {coin: find(view, token_key(coin), Token) for coin in known.coins}
        for coin in self._mute(view, known):
            answers = [readings.get(call) for call in self._token_calls(coin)]
            if None not in answers:
                tokens[coin] = token_of(coin, answers)
                events.append(TokenKnown(coin, token_of(coin, answers)))
        try:
            state = self._state(known, tokens, readings)
        except _UnknownError as why:
            state = replace(known, views=None, reason=str(why))
        return (*events, PoolMoved(self.address, state))

    def curve(self, view: LedgerView) -> StableSwapCurve | UnknownCurve:
        """Its depth, or why it is not known."""
        pool = self._held(view)
        tokens = tuple(self.native or c if c == NATIVE else c for c in pool.coins)
        if pool.reason:
            return UnknownCurve(self.address, pool.reason, tokens)
        return StableSwapCurve(self.address, tokens, pool.balances, _swap(pool), pool.admin_fee_e10)

    def _held(self, view: LedgerView) -> StablePool:
        key = pool_key(self.address, Kind.STABLE_POOL)
        return find(view, key, StablePool) or StablePool()

    def _identified(self, readings: Readings) -> StablePool:
        """Which coins it has, by whichever view answers."""
        for is_older in (False, True):
            coins: list[AssetId] = []
            for at in range(MOST_COINS):
                answer = readings.get(self._coin(is_older, at))
                if not isinstance(answer, tuple):
                    break
                coins.append(AssetId(answer[0]))
            if len(coins) >= 2:
                return StablePool(coins=tuple(coins), is_older=is_older)
        first = readings.get(self._coin(False, 0))
        why = first.reason if isinstance(first, ViewFailed) else "it was not read yet"
        return StablePool(
            reason=f"does not answer coins(0) and coins(1): {why}. Expected a StableSwap pool: "
            "correct `pool`"
        )

    def _state(
        self, known: StablePool, tokens: dict[AssetId, Token | None], readings: Readings
    ) -> StablePool:
        """What the answers say. Raises _UnknownError."""
        views = known.views
        if views is None:
            told = (readings.get(self._view(name)) for name in OPTIONAL)
            views = tuple(
                name
                for name, answer in zip(OPTIONAL, told, strict=True)
                if isinstance(answer, tuple)
            )
        said = {name: self._told(self._view(name), readings) for name in (*NEEDED, *views)}
        precise = "A_precise" in views
        state = replace(
            known,
            views=views,
            balances=tuple(
                self._told(self._balance(known, at), readings)[0] for at in range(len(known.coins))
            ),
            rates=_rates(known, said, tokens),
            amplification=said["A_precise" if precise else "A"][0],
            precision=100 if precise else 1,
            fee_e10=said["fee"][0],
            offpeg_e10=said.get("offpeg_fee_multiplier", (0,))[0],
            admin_fee_e10=said.get("admin_fee", (ADMIN_FEE_E10,))[0],
            reason="",
        )
        _check(state)
        for (inward, outward, amount), call in self._samples(state):
            answer = readings.get(call)
            if answer is None:
                # It is asked within this block: what it holds says how much.
                return replace(state, reason="its get_dy was not read yet")
            self._compare(state, (inward, outward, amount), self._told(call, readings)[0])
        return state

    def _compare(self, state: StablePool, sample: tuple[int, int, int], told: int) -> None:
        """The pool's own answer against what is understood of it."""
        inward, outward, amount = sample
        try:
            ours = _swap(state).given(state.balances, inward, outward, amount)
        except (NoConvergenceError, ZeroDivisionError) as error:
            raise _UnknownError(f"its invariant is not found: {error}") from None
        if abs(told - ours) > UNITS + told * TOLERANCE_PPM // 10**6:
            raise _UnknownError(
                f"get_dy({inward}, {outward}, {amount}) is {told}, but a StableSwap pool of these "
                f"balances, rates and fee gives {ours}: it is a pool of another kind"
            )

    def _told(self, call: ViewCall, readings: Readings) -> tuple[Any, ...]:
        answer = readings.get(call)
        if isinstance(answer, tuple):
            return answer
        why = "it was not read" if answer is None else answer.reason
        raise _UnknownError(f"does not answer {call.function.name}{_listed(call.args)}: {why}")

    def _samples(self, pool: StablePool) -> Iterator[tuple[tuple[int, int, int], ViewCall]]:
        """Each coin into the next, where there is something of every one."""
        if not all(pool.balances):
            return
        for inward, balance in enumerate(pool.balances):
            outward = (inward + 1) % len(pool.balances)
            amount = 10 ** max(0, len(str(balance)) - SAMPLE_DIGITS)
            args = (inward, outward, amount)
            yield args, ViewCall(self.address, self.abi.pool.functions["get_dy"], args)

    def _mute(self, view: LedgerView, known: StablePool) -> list[AssetId]:
        """Coins that are still to be asked what they are."""
        tokens = ((coin, find(view, token_key(coin), Token)) for coin in known.coins)
        return [c for c, token in tokens if c != NATIVE and (not token or token.decimals is None)]

    def _token_calls(self, coin: AssetId) -> tuple[ViewCall, ...]:
        return token_calls(self.abi.erc20, self.abi.bytes32_erc20, coin)

    def _coin(self, is_older: bool, at: int) -> ViewCall:
        abi = self.abi.older if is_older else self.abi.pool
        return ViewCall(self.address, abi.functions["coins"], (at,))

    def _balance(self, known: StablePool, at: int) -> ViewCall:
        abi = self.abi.older if known.is_older else self.abi.pool
        return ViewCall(self.address, abi.functions["balances"], (at,))

    def _view(self, name: str) -> ViewCall:
        if name == "older_rates":
            return ViewCall(self.address, self.abi.older.functions["stored_rates"])
        return ViewCall(self.address, self.abi.pool.functions[name])


def _optional(known: StablePool) -> Sequence[str]:
    """Of those views, which there are; all of them as long as that is not known."""
    return OPTIONAL if known.views is None else known.views


def _swap(pool: StablePool) -> Swap:
    return Swap(pool.rates, pool.amplification, pool.precision, pool.fee_e10, pool.offpeg_e10)


def _rates(
    known: StablePool,
    said: dict[str, tuple[Any, ...]],
    tokens: dict[AssetId, Token | None],
) -> tuple[int, ...]:
    """The pool's own, else by its coins' decimals. Raises _UnknownError."""
    count = len(known.coins)
    (listed,) = said.get("stored_rates", ((),))
    for told in (tuple(listed), said.get("older_rates", ())):
        if len(told) == count and all(told):
            return told
    rates = []
    for coin in known.coins:
        token = tokens.get(coin)
        decimals = 18 if coin == NATIVE else token.decimals if token else None
        if decimals is None:
            raise _UnknownError(f"its coin {coin} does not tell its decimals")
        if decimals > MOST_DECIMALS:
            raise _UnknownError(
                f"its coin {coin} has {decimals} decimals: expected at most {MOST_DECIMALS}"
            )
        rates.append(10 ** (MOST_DECIMALS - decimals))
    return tuple(rates)


def _check(state: StablePool) -> None:
    """What no working pool says. Raises _UnknownError."""
    if state.amplification < state.precision:
        raise _UnknownError(
            f"its A is {state.amplification} / {state.precision}: expected at least 1"
        )
    for name, value in (("fee", state.fee_e10), ("admin fee", state.admin_fee_e10)):
        if value > FEE_UNIT or (name == "fee" and value == FEE_UNIT):
            raise _UnknownError(f"its {name} is {value} / {FEE_UNIT}: expected less than all")


def _listed(args: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, args))})"
