"""Tables as Parquet files. pyarrow comes with the extra `parquet`, and is imported here alone."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

from monitor.errors import QuestionError
from monitor.web.tables import Kind, Row, Table

if TYPE_CHECKING:
    import pyarrow as pa

USD_DIGITS = 38
"""Of a decimal128, which every reader knows; two of them behind the point."""
_LARGEST = Decimal(10) ** (USD_DIGITS - 2)
PREFIX = "cascade_monitor."


def check_installed() -> None:
    """Raises QuestionError where pyarrow is not."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise QuestionError(
            "Parquet needs pyarrow, which is not installed here: pip install "
            "'cascade-monitor[parquet]', or write a .csv"
        ) from error


class ParquetPages:
    """A file under way: one row group for each page."""

    def __init__(self, file: BinaryIO, table: Table, provenance: Mapping[str, str]) -> None:
        """`provenance`: kept in the file's metadata, under `cascade_monitor.`."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        about = {f"{PREFIX}{name}": value for name, value in provenance.items()}
        fields = [pa.field(name, _type(kind)) for name, kind in table.columns.items()]
        self.written = 0
        self._table = table
        self._schema = pa.schema(fields, metadata=about)
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, page: Mapping[str, Any]) -> None:
        """The rows of one page of the JSON answer."""
        import pyarrow as pa

        rows = [_typed(row, self._table) for row in self._table.rows(page)]
        self._writer.write_table(pa.Table.from_pylist(rows, schema=self._schema))
        self.written += len(rows)

    def close(self) -> None:
        self._writer.close()


@contextmanager
def parquet_pages(
    file: BinaryIO, table: Table, provenance: Mapping[str, str]
) -> Iterator[ParquetPages]:
    pages = ParquetPages(file, table, provenance)
    try:
        yield pages
    finally:
        pages.close()


def _type(kind: Kind) -> "pa.DataType":
    import pyarrow as pa

    match kind:
        case Kind.LIST:
            return pa.list_(pa.string())
        case Kind.USD:
            return pa.decimal128(USD_DIGITS, 2)
        case Kind.RATIO:
            return pa.float64()
        case Kind.FLAG:
            return pa.bool_()
        case Kind.INTEGER:
            return pa.int64()
        case _:
            return pa.string()


def _typed(row: Row, table: Table) -> Row:
    """A value that fits no column is told as unknown, with the value."""
    typed, unknown = dict(row), list(row["unknown"])
    for name, kind in table.columns.items():
        value = row.get(name)
        if kind is not Kind.USD or value is None:
            continue
        typed[name] = Decimal(value)
        if abs(typed[name]) >= _LARGEST:
            typed[name] = None
            unknown.append(f"{name}: {value} is beyond {USD_DIGITS} digits")
    return typed | {"unknown": unknown}
