"""Secrets that systemd hands over, and the same configuration read by hand."""

from pathlib import Path

import pytest

from monitor.environment import Tree, read_secret_files

SECRETS = frozenset({("http", "token")})


def read(folder: Path, named: str) -> tuple[Tree, list[str]]:
    tree: Tree = {"http": {"token_file": named}}
    environ = {"CREDENTIALS_DIRECTORY": str(folder / "handed")}
    faults = list(read_secret_files(tree, SECRETS, folder / "etc", environ))
    return tree["http"], faults


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "handed").mkdir()
    (tmp_path / "etc" / "credentials").mkdir(parents=True)
    (tmp_path / "etc" / "credentials" / "token").write_text("from the file\n")
    return tmp_path


@pytest.mark.parametrize("is_absolute", [False, True])
def test_secret_file__handed_over_by_systemd__is_the_credential(
    folder: Path, is_absolute: bool
) -> None:
    (folder / "handed" / "credentials_token").write_text("from systemd\n")
    named = "credentials/token"
    table, faults = read(folder, str(folder / "etc" / named) if is_absolute else named)
    assert (table, faults) == ({"token": "from systemd"}, [])


def test_secret_file__not_handed_over__is_read_where_it_lies(folder: Path) -> None:
    table, faults = read(folder, "credentials/token")
    assert (table, faults) == ({"token": "from the file"}, [])


def test_secret_file__neither_there_nor_handed_over__names_both(folder: Path) -> None:
    _, (fault,) = read(folder, "credentials/other")
    assert f"http.token_file = '{folder}/etc/credentials/other': No such file" in fault
    assert "the credential 'credentials_other' from systemd (LoadCredential=)" in fault


def test_secret_file__outside_of_the_configurations_folder__is_no_credential(folder: Path) -> None:
    (folder / "token").write_text("elsewhere\n")
    (folder / "handed" / "token").write_text("from systemd\n")
    table, faults = read(folder, str(folder / "token"))
    assert (table, faults) == ({"token": "elsewhere"}, [])
