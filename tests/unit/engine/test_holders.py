"""Who holds a claim, for people: the largest, their owners, and what is not known."""

from dataclasses import replace
from fractions import Fraction

import pytest
from builders import USDC, an_address

from monitor.core.keys import holder_key, receipt_key
from monitor.core.ledger import Ledger
from monitor.core.receipts import Holder, Receipt, ReceiptKind
from monitor.core.units import Address, RawAmount, Shares
from monitor.engine.holders import Holders, as_json, holders_of, untold, with_holders
from monitor.engine.receipts import Account

VAULT = an_address("vault")
PEOPLE = [an_address(f"holder {number}") for number in range(8)]
SHARES = [50, 20, 10, 8, 5, 4, 2, 1]
CLAIM = Receipt(
    kind=ReceiptKind.ERC4626,
    underlying=USDC,
    unit_shares=Shares(3),
    unit_assets_raw=RawAmount(10),
    supply=Shares(100),
    held=Shares(100),
)


def a_ledger(claim: Receipt = CLAIM) -> Ledger:
    ledger = Ledger({receipt_key(VAULT): claim})
    for who, shares in zip(PEOPLE, SHARES, strict=True):
        ledger.put(holder_key(VAULT, who), Holder(Shares(shares)))
    ledger.put(holder_key(USDC, PEOPLE[0]), Holder(Shares(10**9)))
    return ledger


def known(claim: Receipt = CLAIM) -> Holders:
    found = holders_of(a_ledger(claim), VAULT)
    assert found is not None
    return found


def test_holders__of_many__are_counted_and_the_largest_told() -> None:
    found = known()
    assert found.count == 8
    assert [(each.account, each.shares) for each in found.top] == list(
        zip(PEOPLE[:5], SHARES[:5], strict=True)
    )
    # 50 shares at 10 for 3, rounded down.
    assert (found.top[0].assets_raw, found.top[0].share) == (166, Fraction(1, 2))
    assert found.hhi == Fraction(sum(part * part for part in SHARES), 10_000)


def test_holders__of_one_owner__are_one_in_the_index() -> None:
    boss = an_address("boss")

    def owner(account: Address) -> Address:
        return boss if account in PEOPLE[:2] else account

    found = holders_of(a_ledger(), VAULT, 3, owner)
    assert found is not None
    assert [each.owner for each in found.top] == [boss, boss, PEOPLE[2]]
    assert found.hhi == Fraction(70**2 + sum(part * part for part in SHARES[2:]), 10_000)


def test_holders__of_as_many_shares__are_told_by_account() -> None:
    ledger = Ledger({receipt_key(VAULT): replace(CLAIM, supply=Shares(4), held=Shares(4))})
    for who in PEOPLE[:4]:
        ledger.put(holder_key(VAULT, who), Holder(Shares(1)))
    found = holders_of(ledger, VAULT, 2)
    assert found is not None
    assert [each.account for each in found.top] == sorted(PEOPLE[:4])[:2]


def test_holders__of_nobody__are_none_and_no_index() -> None:
    empty = Ledger({receipt_key(VAULT): replace(CLAIM, supply=Shares(0), held=Shares(0))})
    assert holders_of(empty, VAULT) == Holders(0, (), None)


def test_holders__of_what_is_no_claim__are_not_known() -> None:
    assert holders_of(a_ledger(), PEOPLE[0]) is None


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        (replace(CLAIM, held=None), "gave more than it had"),
        (replace(CLAIM, supply=None), "does not tell its supply"),
        (replace(CLAIM, supply=Shares(101)), "have 100 of 101 shares. Set its from_block"),
        (replace(CLAIM, held=Shares(101)), "have 101 of 100 shares"),
        (replace(CLAIM, kind=ReceiptKind.AAVE_ATOKEN), "not kept of kind aave_atoken"),
    ],
)
def test_holders__that_do_not_add_up__are_not_known_with_the_reason(
    claim: Receipt, why: str
) -> None:
    assert holders_of(a_ledger(claim), VAULT) is None
    assert why in untold(claim)


def test_row__of_a_vault__shows_its_holders_or_why_not() -> None:
    account = Account(VAULT, CLAIM, (), None, ())
    row = with_holders({"token": VAULT}, account, known(), str.upper)
    assert row == {"token": VAULT, "holders": as_json(known(), str.upper)}
    assert row["holders"]["top"][0] == {
        "account": PEOPLE[0].upper(),
        "owner": PEOPLE[0].upper(),
        "shares": "50",
        "assets": "166",
        "share": 0.5,
    }
    assert row["holders"]["count"] == 8
    broken = replace(account, receipt=replace(CLAIM, held=None))
    told = with_holders({"unknown": ["else"]}, broken, None, str)
    assert told["holders"] is None
    assert told["unknown"][0] == "else"
    assert told["unknown"][1].startswith(f"{VAULT}: who holds it is not known")


def test_row__of_another_kind__has_no_holders() -> None:
    atoken = Account(VAULT, replace(CLAIM, kind=ReceiptKind.AAVE_ATOKEN), (), None, ())
    assert with_holders({"token": VAULT}, atoken, None, str) == {"token": VAULT}


def test_holder__worth_unknown__is_told_without_it() -> None:
    shown = as_json(known(replace(CLAIM, unit_assets_raw=None)), str)
    assert [each["assets"] for each in shown["top"]] == [None] * 5
