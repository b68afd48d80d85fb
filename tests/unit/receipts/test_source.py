"""A claim read block by block: what is known of it already changes no answer."""

from dataclasses import replace

import pytest
from builders import WETH, an_address

from monitor.core.keys import Key, receipt_key, token_key
from monitor.core.ledger import Ledger, Record, find
from monitor.core.overlay import Overlay
from monitor.core.pairs import Token
from monitor.core.ports import ViewCall, ViewFailed, ViewResult
from monitor.core.receipts import Receipt, ReceiptKind
from monitor.core.units import WAD
from monitor.engine.reducer import reduce_all
from monitor.library import abi_library, rate_view
from monitor.receipts.claims import RateClaim, ReceiptAbi, VaultClaim, rate_call
from monitor.receipts.source import ReceiptSource

STAKED = an_address("wstETH")
ERC20, BYTES32_ERC20 = abi_library("erc20/Token"), abi_library("erc20/Bytes32Token")
ABI = ReceiptAbi(
    ERC20,
    abi_library("erc4626/Vault"),
    abi_library("erc4626/MetaMorpho"),
    abi_library("aave_v3/AToken"),
)
SAYS = {"symbol": "TOKEN", "decimals": 18, "totalSupply": 10 * WAD, "getRate": 12 * WAD // 10}


def answered(call: ViewCall) -> ViewResult:
    said = SAYS.get(call.function.name)
    return ViewFailed("reverted") if said is None else (said,)


def polled(source: ReceiptSource, ledger: Ledger) -> Receipt:
    """The claim after one block, read as folding does."""
    overlay, readings = Overlay(ledger), dict[ViewCall, ViewResult]()
    while wanted := [call for call in source.polls(overlay) if call not in readings]:
        readings |= {call: answered(call) for call in wanted}
        reduce_all(overlay, source.polled(overlay, readings))
    found = find(overlay, receipt_key(STAKED), Receipt)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "known",
    [
        {},
        {token_key(WETH): Token("WETH", 18)},
        {token_key(WETH): Token("WETH", 18), token_key(STAKED): Token("wstETH", 18)},
        {
            token_key(WETH): Token("WETH", 18),
            receipt_key(STAKED): Receipt(ReceiptKind.RATE_PROVIDER, an_address("other")),
        },
    ],
)
def test_rate__whatever_is_known_of_its_tokens__is_told_in_the_first_block(
    known: dict[Key, Record],
) -> None:
    rate = rate_call(STAKED, rate_view("getRate"))
    claim = RateClaim(STAKED, WETH, rate, ABI)
    source = ReceiptSource(STAKED, ReceiptKind.RATE_PROVIDER, claim, ERC20, BYTES32_ERC20)
    told = polled(source, Ledger(known))
    assert (told.reason, told.assets_raw) == ("", 12 * WAD)


VAULT = an_address("vault")
QUEUE = "0x" + "1" * 64


@pytest.mark.parametrize(("lost", "told"), [(None, None), (0, 0), (17, 17)])
def test_curated_vault__what_it_has_lost__is_told_where_its_shares_hide_it(
    lost: int | None, told: int | None
) -> None:
    claim = VaultClaim(VAULT, ABI)
    known = Receipt(ReceiptKind.ERC4626, underlying=WETH, queue=(QUEUE,))
    asked = list(claim.calls(known, {}))
    (call,) = [call for call in asked if call.function.name == "lostAssets"]
    said: dict[ViewCall, ViewResult] = {one: ViewFailed("reverted") for one in asked}
    if lost is not None:
        said[call] = (lost,)
    receipt = claim.receipt(known, {}, said)
    assert receipt.lost_raw == told
    known = replace(receipt, queue=(QUEUE,))
    again = {call.function.name for call in claim.calls(known, {})}
    assert ("lostAssets" in again) == (lost is not None)


def test_plain_vault__is_not_asked_what_it_has_lost() -> None:
    calls = VaultClaim(VAULT, ABI).calls(Receipt(ReceiptKind.ERC4626, underlying=WETH), {})
    assert "lostAssets" not in {call.function.name for call in calls}
