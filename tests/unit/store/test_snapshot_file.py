"""Files of snapshots, whole and broken."""

import gzip
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from unit.frozen import a_file, a_snapshot, packed

from monitor.errors import QuestionError, SchemaMismatch
from monitor.store import snapshot_file
from monitor.store.snapshot_file import freeze, schema, thaw


def rewritten(path: Path, change: Callable[[bytes], bytes], *, sealed: bool) -> None:
    """Change what is in a file; `sealed`: with a checksum that fits."""
    *lines, last = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    text = change(b"".join(lines))
    told = hashlib.sha256(text).hexdigest().encode() + b"\n" if sealed else last
    path.write_bytes(gzip.compress(text + told, mtime=0))


def test_thaw__a_whole_file__gives_what_was_frozen(tmp_path: Path) -> None:
    snapshot = a_snapshot()
    assert thaw(a_file(tmp_path)) == (freeze(snapshot).id, snapshot)


def test_thaw__cut_anywhere__is_refused(tmp_path: Path) -> None:
    path, whole = tmp_path / "cut", packed(a_snapshot())
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(QuestionError, match="take another copy"):
            thaw(path)


def test_thaw__any_byte_changed__is_refused_or_tells_the_same(tmp_path: Path) -> None:
    """Only gzip's own header says nothing in some bytes (time, system), and a byte its padding."""
    path, whole = tmp_path / "flipped", packed(a_snapshot())
    idle = 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        try:
            told = thaw(path)
        except QuestionError:
            continue
        assert told == (freeze(a_snapshot()).id, a_snapshot())
        idle += 1
    assert idle < 10


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is no snapshot"),
        (b"block,price\n1,2\n", "it does not unpack: Not a gzipped file"),
        (gzip.compress(b"", mtime=0), "it is no snapshot"),
        (gzip.compress(b"{}\n{}\n", mtime=0), "it is no snapshot"),
        (gzip.compress(b"\xff" * 9000, mtime=0), "it is no snapshot"),
        (gzip.compress(bytes(10**7), mtime=0), "it is no snapshot"),
    ],
)
def test_thaw__what_is_no_snapshot__says_so(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(QuestionError, match=reason):
        thaw(path)


def test_thaw__a_backup__is_called_by_its_name(tmp_path: Path) -> None:
    path = a_file(tmp_path)
    rewritten(path, lambda text: text.replace(b" snapshot", b" backup", 1), sealed=True)
    with pytest.raises(QuestionError, match="it is a 'cascade-monitor backup'"):
        thaw(path)


def test_thaw__another_schema__says_which_version_wrote_it(tmp_path: Path) -> None:
    path = a_file(tmp_path)
    other = b"0-000000000000"
    rewritten(path, lambda text: text.replace(schema().encode(), other, 1), sealed=True)
    with pytest.raises(SchemaMismatch, match=r"by cascade-monitor 9\.8\.7 in the schema 0-0+:"):
        thaw(path)


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"sub_market":', b'"submarket":'),
        (b'"TickCurve"', b'"TackCurve"'),
        (b'"base_unit":100000000', b'"base_unit":1e8'),
        (b'"base_unit":100000000', b'"base_unit":"1"'),
        (b'"base_unit":100000000', b'"base_unit":true'),
        (
            b'"version":"9.8.7","chain_id":31337,"named":[[',
            b'"version":"9.8.7","chain_id":1,"named":[[{}],[',
        ),
    ],
)
def test_thaw__another_shape_under_the_same_schema__is_refused(
    tmp_path: Path, old: bytes, new: bytes, sealed: bool
) -> None:
    path = a_file(tmp_path)
    assert old in gzip.decompress(path.read_bytes())
    rewritten(path, lambda text: text.replace(old, new, 1), sealed=sealed)
    reason = "it is no world that this program wrote" if sealed else "its checksum does not fit"
    with pytest.raises(QuestionError, match=reason):
        thaw(path)


def test_thaw__a_fraction_by_nothing__is_refused(tmp_path: Path) -> None:
    path = a_file(tmp_path)
    rewritten(path, lambda text: text.replace(b'"usd":[]', b'"usd":[["0x","1/0"]]'), sealed=True)
    with pytest.raises(QuestionError, match="'1/0' is not a fraction"):
        thaw(path)


def test_thaw__more_than_any_world__is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_file, "MOST_BYTES", 1000)
    with pytest.raises(QuestionError, match="more than 1000 bytes"):
        thaw(a_file(tmp_path))


@pytest.mark.parametrize(("name", "reason"), [("absent", "No such file"), (".", "Is a directory")])
def test_thaw__nothing_to_read__says_so(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(QuestionError, match=f"cannot be read: {reason}"):
        thaw(tmp_path / name)


@pytest.mark.parametrize(
    ("decimals", "reason"),
    [
        (b"999999999999", "has 999999999999 decimals"),
        (b"256", "has 256 decimals"),
        (b"-1", "has -1 decimals"),
        (b"9" * 400, "a number has 300 digits or more"),
        (b"9" * 5000, "a number has 300 digits or more"),
    ],
)
def test_thaw__decimals_that_no_contract_tells__are_refused_at_once(
    tmp_path: Path, decimals: bytes, reason: str
) -> None:
    path = a_file(tmp_path)
    rewritten(
        path, lambda text: re.sub(rb'"decimals":\d+', b'"decimals":' + decimals, text), sealed=True
    )
    with pytest.raises(QuestionError, match=reason):
        thaw(path)
