"""The test of secrets finds what it looks for."""

import base64
from pathlib import Path

import pytest
from secret_marks import MARK, SIGNING_KEY, marks_in, marks_under, url


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
def test_marks__in_any_form__are_found(before: str) -> None:
    plain = f"{before}{MARK}-and-more"
    for told in (plain, plain.lower(), plain.encode().hex()):
        assert marks_in(f"failed at {told} today")
    assert marks_in(base64.b64encode(plain.encode()))


def test_marks__of_secrets_whole__are_found(tmp_path: Path) -> None:
    assert marks_in(SIGNING_KEY)
    assert marks_in(url("https", 1, "x").partition("?")[2])
    (tmp_path / "log").write_text(SIGNING_KEY)
    assert list(marks_under(tmp_path)) == [str(tmp_path / "log")]


def test_marks__where_there_are_none__are_not() -> None:
    assert not marks_in("https://127.0.0.1:1/… is not S3CR")
