import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from monitor.logs import Redaction, configure, journal_mark

ENDPOINT = "wss://user:pa55word@node.example:8546/mainnet/k3yk3yk3yk3yk3yk3y?apikey=s3cr3ts3cr3t"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the logs go; the process's own logging comes back afterwards."""
    root, handlers, level = logging.getLogger(), logging.getLogger().handlers, logging.root.level
    out = io.StringIO()
    configure(Redaction([ENDPOINT, "whsec_c2VjcmV0"]), stream=out)
    yield out
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def last_line(stream: io.StringIO) -> dict[str, object]:
    line: dict[str, object] = json.loads(stream.getvalue().splitlines()[-1])
    return line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"cannot reach {ENDPOINT}", "cannot reach wss://node.example:8546/…"),
        ("see https://unregistered.example/T/abc?x=1, now", "see https://unregistered.example/…"),
        ("redis://:pw@localhost:6379", "redis://localhost:6379"),
        ("http://localhost:9464/", "http://localhost:9464"),
        ("http://[::1]:8545/key", "http://[::1]:8545/…"),
        ("url='https://h.example/k'", "url='https://h.example/…'"),
        ("GET /mainnet/k3yk3yk3yk3yk3yk3y failed", "GET /mainnet/… failed"),
        ("password pa55word", "password …"),
        ("whsec_c2VjcmV0 is it", "… is it"),
        ("user of mainnet", "user of mainnet"),
        ("block 17 applied", "block 17 applied"),
    ],
)
def test_redaction__text__holds_no_secret(text: str, shown: str) -> None:
    assert Redaction([ENDPOINT, "whsec_c2VjcmV0"]).text(text).startswith(shown)


def test_redaction__secret_registered_later__is_hidden() -> None:
    redaction = Redaction()
    redaction.register("routing-key-1")
    assert redaction.text("routing-key-1") == "…"


def test_redaction__one_secret_within_another__hides_the_whole() -> None:
    assert Redaction(["secret", "secret-and-more"]).text("secret-and-more") == "…"


def test_configure__an_event__is_one_json_line(stream: io.StringIO) -> None:
    structlog.stdlib.get_logger("monitor.app").info("block_applied", block=17, ok=True, none=None)
    line = last_line(stream)
    assert line["event"] == "block_applied"
    assert (line["block"], line["ok"], line["none"], line["level"]) == (17, True, None, "info")


def test_configure__large_integer__is_text(stream: io.StringIO) -> None:
    structlog.stdlib.get_logger("monitor.app").info("x", wei=2**53 + 1, block=2**53)
    assert last_line(stream)["wei"] == str(2**53 + 1)
    assert last_line(stream)["block"] == 2**53


def test_configure__nested_values_and_keys__are_redacted(stream: io.StringIO) -> None:
    structlog.stdlib.get_logger("monitor.app").info("x", seen={ENDPOINT: [(ENDPOINT, 2**60)]})
    assert "k3yk3yk3yk3yk3yk3y" not in stream.getvalue()
    assert str(2**60) in stream.getvalue()


def test_configure__traceback__is_redacted(stream: io.StringIO) -> None:
    try:
        raise ValueError(f"bad answer of {ENDPOINT}")
    except ValueError:
        structlog.stdlib.get_logger("monitor.app").exception("failed")
    assert "ValueError: bad answer of wss://node.example" in str(last_line(stream)["exception"])
    assert "k3yk3yk3yk3yk3yk3y" not in stream.getvalue()


def test_configure__a_library_that_logs__is_redacted_too(stream: io.StringIO) -> None:
    logging.getLogger("aiohttp.client").warning("retrying %s", ENDPOINT)
    assert last_line(stream)["event"] == "retrying wss://node.example:8546/…"


def test_configure__a_library_that_chatters__is_not_heard(stream: io.StringIO) -> None:
    logging.getLogger("aiohttp.client").info("connected")
    assert stream.getvalue() == ""


def test_configure__a_terminal__gets_no_json(stream: io.StringIO) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    configure(Redaction([ENDPOINT]), stream=terminal)
    structlog.stdlib.get_logger("monitor.app").info("block_applied", endpoint=ENDPOINT)
    assert "block_applied" in terminal.getvalue()
    assert "{" not in terminal.getvalue()
    assert "k3yk3yk3yk3yk3yk3y" not in terminal.getvalue()


@pytest.mark.parametrize(
    "shown",
    [
        "tgram://123456789:AbCdEfGh/987654321",
        "bot 123456789:AbCdEfGh",
        "chat 987654321",
        "Basic dXNlcjpwYTU1d29yZA==",
        "user:pa55word",
        "key%2Fwith%2Fslashes",
        "key/with/slashes",
        "c2VjcmV0c2VjcmV0",
        "slack://[not-a-host/AbCdEfGhIj",
    ],
)
def test_redaction__a_secret_in_another_form__is_hidden_too(shown: str) -> None:
    secrets = [
        ENDPOINT,
        "tgram://123456789:AbCdEfGh/987654321",
        "https://h.example/?key=key%2Fwith%2Fslashes",
        "whsec_c2VjcmV0c2VjcmV0",
        "slack://[not-a-host/AbCdEfGhIj",
    ]
    hidden = Redaction(secrets).text(f"failed: {shown}")
    for part in ("123456789", "987654321", "AbCd", "dXNl", "pa55", "slashes", "c2Vj", "not-a-host"):
        assert part not in hidden


def test_redaction__a_chat_url_that_nobody_registered__keeps_its_scheme_alone() -> None:
    assert Redaction().text("at discord://4174216298/JHMHI8qBe7") == "at discord://…"


def test_redaction__told_to_hide_secrets_alone__leaves_other_urls() -> None:
    redaction = Redaction(["routing-key-1"])
    assert redaction.without("https://docs.example/a routing-key-1") == "https://docs.example/a …"


@pytest.mark.parametrize(
    ("level", "mark"),
    [(logging.CRITICAL, "<2>"), (logging.ERROR, "<3>"), (logging.WARNING, "<4>"), (20, "<6>")],
)
def test_line__in_systemds_journal__has_its_priority(tmp_path: Path, level: int, mark: str) -> None:
    with (tmp_path / "journal").open("w") as journal:
        found = (tmp_path / "journal").stat()
        environ = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert journal_mark(level, journal, environ) == mark
        # It is inherited by who writes elsewhere.
        with (tmp_path / "elsewhere").open("w") as elsewhere:
            assert journal_mark(level, elsewhere, environ) == ""
        assert journal_mark(level, journal, {}) == ""
