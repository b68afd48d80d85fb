"""All that is known of one account: what it holds, whose it is, and how it is levered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from monitor.core.owners import OwnerKind
from monitor.core.ports import Answers, LoopFilter, PositionFilter
from monitor.errors import QuestionError, TransientError

MOST_ROWS = 200
KINDS: Mapping[str, str] = {
    OwnerKind.EOA: "A wallet with a key of its own",
    OwnerKind.SAFE: "A Safe",
    OwnerKind.DS_PROXY: "A DSProxy",
    OwnerKind.MINIMAL_PROXY: "A minimal proxy",
    OwnerKind.SMART_ACCOUNT: "A smart account",
    OwnerKind.VAULT: "A vault with holders of its own",
    OwnerKind.CONTRACT: "A contract that counts as its own",
}
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AccountFile:
    """`fault`: why nothing is known yet. Sums are None where a part of them is unknown."""

    fault: str = ""
    account: str = ""
    block: Document = field(default_factory=dict)
    whose: str = ""
    positions: Sequence[Document] = ()
    loops: Sequence[Document] = ()
    collateral_usd: str | None = None
    debt_usd: str | None = None


async def account_file(answers: Answers, account: str) -> AccountFile:
    """Its own positions first, then those of accounts it controls."""
    try:
        own = await answers.positions(PositionFilter(account=account, limit=MOST_ROWS))
        controlled = await answers.positions(PositionFilter(owner=account, limit=MOST_ROWS))
        ownership = own["ownership"]
        loops = await answers.loops(LoopFilter(owner=ownership["owner"], limit=MOST_ROWS))
    except (QuestionError, TransientError) as error:
        return AccountFile(fault=str(error))
    account = ownership["account"]
    others = [row for row in controlled["positions"] if row["account"] != account]
    positions = [*own["positions"], *others]
    return AccountFile(
        account=account,
        block=own["block"],
        whose=_whose(ownership),
        positions=positions,
        loops=loops["loops"],
        collateral_usd=_sum(positions, "collateral"),
        debt_usd=_sum(positions, "debt"),
    )


def _whose(told: Document) -> str:
    """Whose an account is, and by what evidence."""
    if told.get("unknown"):
        return f"Counts as its own: {'; '.join(told['unknown'])}."
    kind = KINDS.get(told["kind"], str(told["kind"]))
    if told["owner"] != told["account"]:
        kind += f" of {told['owner']}"
    if told["controllers"]:
        kind += f", which obeys {told['threshold']} of {', '.join(told['controllers'])}"
    return f"{kind}."


def _sum(rows: Sequence[Document], side: str) -> str | None:
    values = [line["value_usd"] for row in rows for line in row[side]]
    if None in values:
        return None
    return f"{sum(map(Decimal, values), Decimal(0)):.2f}"
