"""A message for people, through one of the chat services that apprise knows."""

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from monitor.alerts.message import message_of
from monitor.alerts.notice import Notice, notice_of
from monitor.alerts.post import MaySend, verifying
from monitor.alerts.target import Target
from monitor.core.alerts import Delivery
from monitor.errors import ConfigError, DeliveryFailed

LOGGER = logging.getLogger(__name__)
TIMEOUT_SECONDS = 20.0
"""Of which the process takes one to start, and a plug-in eight for a receiver that hangs."""
ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""What the process inherits: no proxy, no home with passwords in it, no secret of ours."""
NOWHERE = "/nonexistent"
_REFUSED = {
    "private": "could not be reached: a private address: set allow_private = true if it is meant",
    "withheld": "was not sent to: this daemon does not hold the lease (any more)",
}


class ChatSender:
    """Sends to one chat service, within an `async with`. Its URL is in no message."""

    def __init__(
        self, target: Target, may_send: MaySend, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._target = target
        self._may_send = may_send
        self._timeout_seconds = timeout_seconds

    async def __aenter__(self) -> Self:
        """Raises ConfigError for a URL or a ca_file that cannot be read."""
        verifying(self._target.destination())
        try:
            said = await self._ask({"title": ""})
        except DeliveryFailed as error:  # a busy machine: no reason not to begin
            LOGGER.warning("its url was not looked at: %s", error)
            return self
        if said.get("because") == "url":
            raise ConfigError(
                f"{self._target.subject}: its url is none that apprise knows: expected one as in "
                "https://appriseit.com/services/, such as slack://… or mailtos://…"
            )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    async def send(self, delivery: Delivery) -> None:
        """Raises DeliveryFailed for anything but the service's yes."""
        subject = self._target.subject
        try:
            notice = notice_of(delivery.body)
        except ValueError as error:
            raise DeliveryFailed(f"{subject} was not sent to: {error}") from error
        if not self._may_send():
            raise DeliveryFailed(f"{subject} {_REFUSED['withheld']}")
        message = message_of(notice, self._target.page_url)
        said = await self._ask(
            {"title": message.title, "body": message.body, "type": _colour(notice)}
        )
        if not said["ok"]:
            raise DeliveryFailed(f"{subject} {_reason(said)}")

    async def _ask(self, job: Mapping[str, Any]) -> Mapping[str, Any]:
        """What became of a job in a process of its own. Raises DeliveryFailed."""
        whole = {**job, "url": self._target.url, "allow_private": self._target.allow_private}
        command = (sys.executable, "-m", "monitor.alerts.chat_process")
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=self._environment()
            )
        except OSError as error:
            raise DeliveryFailed(
                f"{self._target.subject} was not sent to: no process could be started ({error})"
            ) from error
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._served(process, json.dumps(whole))
        except TimeoutError:
            raise DeliveryFailed(
                f"{self._target.subject} did not answer: expected that it takes the message within "
                f"{self._timeout_seconds} s"
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _served(self, process: Process, job: str) -> Mapping[str, Any]:
        """Answer its questions until it says what came of it."""
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process of apprise was started without pipes")
        line = job.encode() + b"\n"
        try:
            while line:
                process.stdin.write(line)
                await process.stdin.drain()
                asked = await process.stdout.readline()
                if asked != b"may?\n":
                    said: Mapping[str, Any] = json.loads(asked)
                    return said
                line = b"yes\n" if self._may_send() else b"no\n"
        except (ConnectionError, ValueError):
            pass
        return {"ok": False, "because": "died"}

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        kept |= {"HOME": NOWHERE, "NETRC": NOWHERE}
        if self._target.ca_file is not None:
            kept["REQUESTS_CA_BUNDLE"] = str(self._target.ca_file)
        return kept


def _colour(notice: Notice) -> str:
    """How apprise marks it, where the service has colours."""
    if not notice.is_firing:
        return "success"
    return "failure" if notice.severity == "critical" else "warning"


def _reason(said: Mapping[str, Any]) -> str:
    because = str(said.get("because"))
    if because in _REFUSED:
        return _REFUSED[because]
    if because == "died":
        return "was not sent to: the process of apprise ended without a word"
    statuses = said.get("statuses")
    if statuses:
        return f"answered {statuses[-1]}: expected that it takes the message"
    return "did not take the message: it could not be reached, or its answer was no yes"
