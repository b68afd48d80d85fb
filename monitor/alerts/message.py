"""An alert as a person reads it in five seconds: what, how big, how sure, what to do, where."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from monitor.alerts.notice import Kind, Notice
from monitor.core.words import curved, figure, measured, money, plain, shocked

LONGEST_TITLE = 80
LONGEST_LINE = 200
LONGEST_COMMAND = 600
MOST_ACTIONS = 3
"""That would go through. Of those that would not, one is an example."""
MOST_REASONS = 3

_HEADS = {
    "breaker.warned": "WARNING",
    "breaker.tripped": "TRIPPED",
    "breaker.escalated": "WORSE",
    "breaker.reminded": "STILL FIRING",
    "breaker.cleared": "CLEARED",
    "breaker.retracted": "TAKEN BACK",
    "watch.below": "AT RISK",
    "watch.recovered": "SAFE AGAIN",
    "monitor.blind": "BLIND",
    "monitor.recovered": "SEES AGAIN",
    "monitor.test": "TEST",
}


@dataclass(frozen=True, slots=True)
class Message:
    """`title` has at most 80 characters; `lines` are some six short ones."""

    title: str
    lines: tuple[str, ...]

    @property
    def body(self) -> str:
        return "\n".join(self.lines)


def message_of(notice: Notice, page_url: str | None = None) -> Message:
    """Any alert in words. What comes from the chain is made harmless; the link is the user's."""
    head = f"{_HEADS.get(notice.type, notice.type)} {notice.breaker}: {_headline(notice)}"
    lines = [plain(line, LONGEST_LINE) for line in _lines(notice)]
    lines += _last(notice, page_url)
    return Message(plain(head, LONGEST_TITLE), tuple(filter(None, lines)))


def _headline(notice: Notice) -> str:
    data = notice.data
    if notice.type == "breaker.retracted":
        return "its block left the chain, " + ("still firing" if notice.is_firing else "resolved")
    match notice.kind:
        case Kind.TEST:
            return "this webhook works, nothing is wrong"
        case Kind.BLINDNESS:
            was = f"could not since {_clock(notice.starts_unix)}"
            return next(_reasons(notice), "cannot see") if notice.is_firing else was
    if data.get("measure") is None:  # ended by something else than what was measured
        return next(_reasons(notice), "over")
    limit = figure(data.get("measure"), data.get("threshold"))
    word = {"breaker.cleared": "clear at", "watch.recovered": "safe from"}.get(notice.type, "limit")
    return f"{measured(data.get('measure'), data.get('value'))} ({word} {limit})"


def _lines(notice: Notice) -> Iterator[str]:
    if notice.type == "breaker.retracted":
        yield from _taken_back(notice)
        return
    if notice.data.get("measure") is None and notice.kind in (Kind.BREAKER, Kind.WATCH):
        yield f"Fired from {_clock(notice.starts_unix)} to {_clock(notice.timestamp_unix)}"
        return
    match notice.kind:
        case Kind.TEST:
            yield "Sent by `cascade-monitor check --send-test`."
        case Kind.BLINDNESS:
            yield from _blindness(notice)
        case Kind.WATCH:
            yield from _position(notice)
        case Kind.BREAKER:
            yield from _breaker(notice)


def _taken_back(notice: Notice) -> Iterator[str]:
    data = notice.data
    yield f"Block {notice.block} is no longer in the chain, nor is what was said of it:"
    if notice.kind is Kind.BLINDNESS:
        yield "that it could not be seen, or could be seen again."
    else:
        yield f"{measured(data.get('measure'), data.get('value'))}."
    then = "what was said before it still holds" if notice.is_firing else "nothing fires any more"
    yield f"Without it {then}; whatever the new blocks bring is told by itself."


def _blindness(notice: Notice) -> Iterator[str]:
    if not notice.is_firing:
        yield "What it watches is judged again."
        return
    for reason in list(_reasons(notice))[:MOST_REASONS]:
        yield f"Because: {reason}"
    yield "Until it sees again no breaker is cleared, and what happens may go unsaid."


def _position(notice: Notice) -> Iterator[str]:
    position = notice.data["position"]
    names = (position.get("market"), position.get("sub_market"))
    where = "/".join(str(name) for name in names if name)
    yield f"Position {position.get('account')} in {where}"
    yield f"Health {notice.data.get('value')}, at block {notice.block}"
    if notice.is_firing:
        yield "Do: repay debt or add collateral; below health 1 it can be liquidated."


def _breaker(notice: Notice) -> Iterator[str]:
    data = notice.data
    projection = data["projection"]
    measures = measured(data.get("measure"), data.get("value"))
    shocks = shocked(projection.get("shocks")) or curved(projection.get("curve"))
    told = f"If {shocks}: {measures}" if shocks else measures
    yield f"{told}. Projected at block {notice.block}"
    if len(data["measures"]) > 1:
        every = (measured(each.get("measure"), each.get("value")) for each in data["measures"])
        yield f"Measured: {', '.join(every)}"
    if "liquidated_usd" in projection:
        yield _size(projection)
    yield from _certainty(projection)
    if not notice.is_firing:
        yield f"Fired from {_clock(notice.starts_unix)} to {_clock(notice.timestamp_unix)}"
        return
    yield from _actions(data["actions"])


def _actions(actions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What would go through first."""
    able = [action for action in actions if action.get("simulated") == "ok"][:MOST_ACTIONS]
    unable = [action for action in actions if action.get("simulated") != "ok"][:1]
    for word, some in (("Can do", able), ("Not so", unable)):
        for action in some:
            yield f"{word}: {action.get('description')} (simulated: {action.get('simulated')})"
    if more := len(actions) - len(able) - len(unable):
        yield f"and {more} more actions, with their calldata, in the alert"


def _size(projection: Mapping[str, Any]) -> str:
    parts = [f"Liquidated {money(projection['liquidated_usd'])}"]
    if projection.get("amplification") is not None:
        parts.append(f"{figure('amplification', projection['amplification'])} the first push")
    parts.append(f"bad debt {money(projection.get('bad_debt_usd'))}")
    parts.append(f"{money(projection.get('unliquidated_usd'))} nobody would liquidate")
    return ", ".join(parts)


def _certainty(projection: Mapping[str, Any]) -> Iterator[str]:
    unknown = [str(each) for each in projection["unknown"]]
    if unknown:
        more = f", and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        yield f"Not sure: {unknown[0]}{more}"
    elif projection.get("converged") is False:
        yield "Not sure: the cascade did not come to an end within its rounds"
    elif projection.get("converged"):
        rounds = projection.get("rounds")
        yield f"Sure: everything it needs is known, came to an end in {rounds} rounds"


def _reasons(notice: Notice) -> Iterator[str]:
    """Why it cannot be seen: of a condition, of a position, or of a projection."""
    data = notice.data
    told = data["reasons"] or data["position"]["unknown"] or data["projection"]["unknown"]
    yield from map(str, told)


def _last(notice: Notice, page_url: str | None) -> Iterator[str]:
    """What to type and where to look: whole or not at all."""
    command = str(notice.data.get("reproduce") or "")
    is_new = notice.is_firing and not notice.retracts
    if is_new and command and len(command) <= LONGEST_COMMAND and command.isprintable():
        yield f"Again: {command}"
    if page_url:
        yield f"Page: {page_url}"


def _clock(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M UTC")
