"""What a command says when it cannot: words of others are in it."""

import pytest

from monitor.__main__ import _told
from monitor.console import USAGE
from monitor.errors import QuestionError


def test_fault__with_words_for_a_terminal__shows_them_and_obeys_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hostile = "recorded by \x1b[2J\x1b]0;gone\x07 \x9b31m \u202e [bold]v9[/]: 0.5 € as it is"
    assert _told([QuestionError(hostile)]) == USAGE
    told = capsys.readouterr().err
    assert "\\x1b[2J\\x1b]0;gone\\x07 \\x9b31m \\u202e [bold]v9[/]: 0.5 € as it is" in told
    assert told.strip().isprintable()
