"""The kinds of claims: what each is asked, and what its answers make of it.

Sources: EIP-4626; MetaMorpho.sol (withdrawQueue; lostAssets from 1.1); AToken.sol of
aave-v3-origin 3.6. A claim is asked in two steps at first, since what it is worth is asked of its
decimals and its underlying; once these are known, in one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from monitor.core.abi import Abi, FunctionAbi
from monitor.core.pairs import Token
from monitor.core.ports import Readings, ViewCall, ViewFailed
from monitor.core.receipts import Receipt, ReceiptKind
from monitor.core.units import WAD, Address, AssetId, RawAmount, Shares

SAMPLE = 10**12
"""Whole shares that a vault is asked the worth of: one alone is told to the unit of its underlying,
which may be six digits."""
MOST_DECIMALS = 77
"""One whole token of more does not fit a word."""
LONGEST_QUEUE = 64
"""MetaMorpho allows 30; what claims more is no list of markets."""
Decimals = dict[AssetId, Token]
"""What is known of the tokens around a claim."""


class Claim(Protocol):
    """One kind of claim, of one token."""

    def underlying_in(self, known: Receipt) -> AssetId | None:
        """What it is a claim on, as far as that is known."""
        ...

    def calls(self, known: Receipt, tokens: Decimals) -> Iterator[ViewCall]:
        """What to ask, given what is known."""
        ...

    def receipt(self, known: Receipt, tokens: Decimals, readings: Readings) -> Receipt:
        """What the answers say. What is missing or failed makes its figure None."""
        ...


@dataclass(frozen=True, slots=True)
class ReceiptAbi:
    """What claims can be asked."""

    erc20: Abi
    vault: Abi
    curated: Abi
    atoken: Abi


@dataclass(frozen=True, slots=True)
class VaultClaim:
    """A vault of EIP-4626; MetaMorpho's is known by its withdraw queue."""

    token: Address
    abi: ReceiptAbi

    def underlying_in(self, known: Receipt) -> AssetId | None:
        return known.underlying

    def calls(self, known: Receipt, tokens: Decimals) -> Iterator[ViewCall]:
        yield self._call("asset")
        yield self._call("totalAssets")
        yield ViewCall(self.token, self.abi.erc20.functions["totalSupply"])
        yield ViewCall(self.token, self.abi.curated.functions["withdrawQueueLength"])
        for place in range(len(known.queue or ())):
            yield self._queued(place)
        # What fails without a word is asked twice: a vault that has no such getter, never again.
        if known.queue is not None and known.hides_losses is not False:
            yield self._lost()
        if known.unit_shares is not None:
            yield self._call("convertToAssets", known.unit_shares)
        if known.underlying is not None:
            yield self._idle(known.underlying)

    def receipt(self, known: Receipt, tokens: Decimals, readings: Readings) -> Receipt:
        read = Reading(readings)
        underlying = read.of(self._call("asset"))
        token = tokens.get(self.token)
        unit = _sample(token)
        worth = None if unit is None else read.of(self._call("convertToAssets", unit))
        lost = readings.get(self._lost())
        return Receipt(
            kind=ReceiptKind.ERC4626,
            underlying=underlying,
            unit_shares=unit,
            unit_assets_raw=worth,
            supply=read.of(ViewCall(self.token, self.abi.erc20.functions["totalSupply"])),
            assets_raw=read.of(self._call("totalAssets")),
            idle_raw=None if underlying is None else read.of(self._idle(underlying)),
            queue=self._queue(readings),
            lost_raw=lost[0] if isinstance(lost, tuple) else None,
            hides_losses=known.hides_losses if lost is None else isinstance(lost, tuple),
            reason=read.fault or _untold(token, self.token),
        )

    def _queue(self, readings: Readings) -> tuple[str, ...] | None:
        """As far as it was read; its length is what the next question goes by."""
        length = readings.get(
            ViewCall(self.token, self.abi.curated.functions["withdrawQueueLength"])
        )
        if not isinstance(length, tuple) or length[0] > LONGEST_QUEUE:
            return None
        answers = (readings.get(self._queued(place)) for place in range(length[0]))
        return tuple("0x" + a[0].hex() if isinstance(a, tuple) else "" for a in answers)

    def _lost(self) -> ViewCall:
        return ViewCall(self.token, self.abi.curated.functions["lostAssets"])

    def _call(self, name: str, *args: Any) -> ViewCall:
        return ViewCall(self.token, self.abi.vault.functions[name], args)

    def _queued(self, place: int) -> ViewCall:
        return ViewCall(self.token, self.abi.curated.functions["withdrawQueue"], (place,))

    def _idle(self, underlying: AssetId) -> ViewCall:
        return ViewCall(underlying, self.abi.erc20.functions["balanceOf"], (self.token,))


@dataclass(frozen=True, slots=True)
class ATokenClaim:
    """An aToken: its balance grows, so that one is always worth one."""

    token: Address
    abi: ReceiptAbi

    def underlying_in(self, known: Receipt) -> AssetId | None:
        return known.underlying

    def calls(self, known: Receipt, tokens: Decimals) -> Iterator[ViewCall]:
        yield self._underlying()
        yield ViewCall(self.token, self.abi.erc20.functions["totalSupply"])
        if known.underlying is not None:
            yield self._idle(known.underlying)

    def receipt(self, known: Receipt, tokens: Decimals, readings: Readings) -> Receipt:
        read = Reading(readings)
        underlying = read.of(self._underlying())
        supply = read.of(ViewCall(self.token, self.abi.erc20.functions["totalSupply"]))
        return Receipt(
            kind=ReceiptKind.AAVE_ATOKEN,
            underlying=underlying,
            unit_shares=Shares(1),
            unit_assets_raw=RawAmount(1),
            supply=supply,
            assets_raw=supply,
            idle_raw=None if underlying is None else read.of(self._idle(underlying)),
            reason=read.fault,
        )

    def _underlying(self) -> ViewCall:
        return ViewCall(self.token, self.abi.atoken.functions["UNDERLYING_ASSET_ADDRESS"])

    def _idle(self, underlying: AssetId) -> ViewCall:
        return ViewCall(underlying, self.abi.erc20.functions["balanceOf"], (self.token,))


@dataclass(frozen=True, slots=True)
class RateClaim:
    """A token whose rate a view tells: whole underlying tokens per whole token, as a wad.

    `rate`: the view, with no argument, or with one that is given 1e18.
    """

    token: Address
    underlying: AssetId
    rate: ViewCall
    abi: ReceiptAbi

    def underlying_in(self, known: Receipt) -> AssetId | None:
        return self.underlying

    def calls(self, known: Receipt, tokens: Decimals) -> Iterator[ViewCall]:
        yield self.rate
        yield ViewCall(self.token, self.abi.erc20.functions["totalSupply"])

    def receipt(self, known: Receipt, tokens: Decimals, readings: Readings) -> Receipt:
        read = Reading(readings)
        rate = read.of(self.rate)
        own, other = tokens.get(self.token), tokens.get(self.underlying)
        unit = worth = None
        if (whole := _whole(own)) is not None:
            unit = Shares(whole * WAD)
        if rate is not None and (whole := _whole(other)) is not None:
            worth = RawAmount(rate * whole)
        supply = read.of(ViewCall(self.token, self.abi.erc20.functions["totalSupply"]))
        claimed = None
        if supply is not None and unit is not None and worth is not None:
            claimed = RawAmount(supply * worth // unit)
        return Receipt(
            kind=ReceiptKind.RATE_PROVIDER,
            underlying=self.underlying,
            unit_shares=unit,
            unit_assets_raw=worth,
            supply=supply,
            assets_raw=claimed,
            reason=read.fault or _untold(own, self.token) or _untold(other, self.underlying),
        )


def rate_call(source: Address, view: FunctionAbi) -> ViewCall:
    """The question for a rate."""
    return ViewCall(source, view, (WAD,) if view.signature.endswith("(uint256)") else ())


class Reading:
    """Answers as values, and why the first that is missing is."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self.fault = ""

    def of(self, call: ViewCall) -> Any:
        """The one value of an answer; None where there is none."""
        answer = self._readings.get(call)
        if isinstance(answer, tuple):
            return answer[0]
        forgotten = "the node no longer has this block's state"
        why = answer.reason if isinstance(answer, ViewFailed) else forgotten
        self.fault = self.fault or f"{call.function.name} of {call.to}: {why}"
        return None


def _whole(token: Token | None) -> Shares | None:
    """One whole token in raw units, where that is known and fits a word."""
    if token is None or token.decimals is None or token.decimals > MOST_DECIMALS:
        return None
    return Shares(10**token.decimals)


def _sample(token: Token | None) -> Shares | None:
    """Shares to ask the worth of, in raw units; one whole where more would not fit a word."""
    whole = _whole(token)
    return whole if whole is None or whole > WAD else Shares(whole * SAMPLE)


def _untold(token: Token | None, asset: AssetId) -> str:
    if token is None or token.decimals is None:
        return f"{asset} does not tell its decimals"
    if token.decimals > MOST_DECIMALS:
        return f"{asset} tells {token.decimals} decimals, expected at most {MOST_DECIMALS}"
    return ""
