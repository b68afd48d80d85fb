"""What a token says of itself: the questions, and what of the answers can be believed."""

from collections.abc import Sequence

from monitor.core.abi import Abi
from monitor.core.pairs import Token
from monitor.core.ports import ViewCall, ViewResult
from monitor.core.units import AssetId

LONGEST_SYMBOL = 32


def symbol_calls(erc20: Abi, bytes32_erc20: Abi, asset: AssetId) -> tuple[ViewCall, ViewCall]:
    """A token's symbol, asked for in both forms there are."""
    return (
        ViewCall(asset, erc20.functions["symbol"]),
        ViewCall(asset, bytes32_erc20.functions["symbol"]),
    )


def symbol_of(asset: AssetId, answers: Sequence[ViewResult | None]) -> str:
    """From the answers to `symbol_calls`. A token without a readable symbol goes by its address."""
    for answer in answers:
        if isinstance(answer, tuple):
            text = answer[0]
            if isinstance(text, bytes):
                text = text.rstrip(b"\0").decode("utf-8", "replace")
            if text.strip() and text.isprintable() and len(text) <= LONGEST_SYMBOL:
                return str(text)
    return asset


def token_calls(erc20: Abi, bytes32_erc20: Abi, asset: AssetId) -> tuple[ViewCall, ...]:
    """Everything that `token_of` reads."""
    decimals = ViewCall(asset, erc20.functions["decimals"])
    return (*symbol_calls(erc20, bytes32_erc20, asset), decimals)


def token_of(asset: AssetId, answers: Sequence[ViewResult | None]) -> Token:
    """From the answers to `token_calls`."""
    *symbols, decimals = answers
    told = decimals[0] if isinstance(decimals, tuple) else None
    return Token(symbol_of(asset, symbols), told)
