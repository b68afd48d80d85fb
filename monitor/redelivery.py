"""Alerts that were given up, and sending alerts again."""

import difflib
import shlex
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from monitor.core.alerts import Alert, AlertType, retraction_id
from monitor.engine.announcement import rfc3339
from monitor.errors import QuestionError
from monitor.settings import Settings
from monitor.silencing import operators_of
from monitor.store.codec import PostedAlert
from monitor.store.operators import AlertGoneError, Buried, Operators

Document = dict[str, Any]


async def dead_letters(settings: Settings, config: Path) -> Document:
    """What was given up, oldest first, each with the command that sends it again."""
    async with operators_of(settings) as operators:
        found = await operators.dead_letters()
    hooks = _hooks(settings)
    return {"dead": [_row(buried, config, hooks) for buried in found]}


async def replay(settings: Settings, alert_id: str, webhook: str | None) -> Document:
    """Queue one alert again, under its id and byte for byte. Raises QuestionError."""
    hooks = _hooks(settings)
    if webhook is not None and webhook not in hooks:
        raise QuestionError(
            f"there is no webhook {webhook!r}: expected one of {', '.join(sorted(hooks)) or 'none'}"
        )
    async with operators_of(settings) as operators:
        posted = await operators.alert(alert_id)
        if posted is None:
            raise _unknown(alert_id, await operators.known_ids())
        receivers = _receivers(posted, webhook, hooks)
        try:
            queued = await operators.replay(alert_id, receivers, is_named=webhook is not None)
        except AlertGoneError as error:
            if _takes_back(posted.alert):
                raise
            raise await _gone(operators, posted.alert) from error
    if not queued:
        raise QuestionError(
            f"alert {alert_id} is on its way already: expected one that was delivered, or given "
            "up. See what became of it with: cascade-monitor alerts."
        )
    return {"replayed": [{"id": alert_id, "webhooks": list(queued)}], "left": []}


async def replay_dead(settings: Settings) -> Document:
    """Queue all that was given up again, in the order it died in."""
    hooks = _hooks(settings)
    replayed: list[Document] = []
    left: list[Document] = []
    async with operators_of(settings) as operators:
        for buried in await operators.dead_letters():
            delivery = buried.letter.delivery
            named = {"id": delivery.alert_id, "webhooks": [delivery.webhook]}
            why = _obstacle(buried, hooks)
            if not why:
                try:
                    if await operators.replay(
                        delivery.alert_id, [delivery.webhook], is_named=True, dead_only=True
                    ):
                        replayed.append(named)
                except AlertGoneError:
                    is_back = buried.alert is not None and _takes_back(buried.alert)
                    why = "its block " + (
                        "came back" if is_back else "is no longer part of the chain"
                    )
            if why:
                left.append(named | {"why": why})
    return {"replayed": replayed, "left": left}


def _receivers(posted: PostedAlert, webhook: str | None, hooks: Collection[str]) -> Sequence[str]:
    """Who may get an alert again. Raises QuestionError when nobody may."""
    alert = posted.alert
    if alert.silenced:
        raise QuestionError(
            f"alert {alert.id} went to nobody: {alert.breaker} was silenced ({alert.silenced}). "
            "Expected an alert with receivers."
        )
    able = [name for name in posted.webhooks if name in hooks]
    if not able:
        raise QuestionError(
            f"alert {alert.id} has no receiver that is still configured: it was for "
            f"{', '.join(posted.webhooks) or 'nobody'}. Configure one again under its name."
        )
    if webhook is not None and webhook not in able:
        raise QuestionError(
            f"alert {alert.id} is not for webhook {webhook}: expected one of {', '.join(able)}."
        )
    return able if webhook is None else [webhook]


def _takes_back(alert: Alert) -> bool:
    return alert.type is AlertType.RETRACTED


async def _gone(operators: Operators, alert: Alert) -> QuestionError:
    """Why an alert that was taken back is not sent again."""
    retraction = retraction_id(alert.id)
    told = await operators.alert(retraction)
    hint = f" What takes it back can be sent again: --replay {retraction}." if told else ""
    return QuestionError(
        f"alert {alert.id} was taken back: block {alert.block.number} {alert.block.hash}, which "
        f"caused it, is no longer part of the chain. Expected an alert that stands.{hint}"
    )


def _unknown(alert_id: str, known: Sequence[str]) -> QuestionError:
    begun = [each for each in known if alert_id and each.startswith(alert_id)]
    near = begun[:3] or difflib.get_close_matches(alert_id, known, n=3, cutoff=0.5)
    hint = ", ".join(near) or "one that cascade-monitor alerts --json shows"
    return QuestionError(f"there is no alert {alert_id!r}: expected the whole id, as in {hint}.")


def _row(buried: Buried, config: Path, hooks: Collection[str]) -> Document:
    letter, alert = buried.letter, buried.alert
    delivery = letter.delivery
    words = ["cascade-monitor", "alerts", "--config", str(config)]
    words += ["--replay", delivery.alert_id, "--webhook", delivery.webhook]
    why = _obstacle(buried, hooks)
    return {
        "id": delivery.alert_id,
        "webhook": delivery.webhook,
        "type": alert.type.value if alert else None,
        "breaker": alert.breaker if alert else None,
        "reason": letter.reason,
        "attempts": delivery.attempts,
        "created_at": rfc3339(int(delivery.created_unix)),
        "died_at": None if letter.died_unix is None else rfc3339(int(letter.died_unix)),
        "replay": None if why else shlex.join(words),
        "obstacle": why or None,
    }


def _obstacle(buried: Buried, hooks: Collection[str]) -> str:
    """Why a dead letter cannot be sent again; empty: it can."""
    if buried.alert is None:
        return "its alert is no longer kept"
    if buried.letter.delivery.webhook not in hooks:
        return "its webhook is no longer configured"
    return ""


def _hooks(settings: Settings) -> frozenset[str]:
    return frozenset(hook.name for hook in settings.webhooks)
