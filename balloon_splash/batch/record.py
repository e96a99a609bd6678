"""Record of a batch: one row per input, kept as the work proceeds and written as one file at its end."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias, TypedDict

import pyarrow

from balloon_splash.batch.store import Place
from balloon_splash.errors import UsageError

Kind: TypeAlias = Literal["jsonl", "parquet"]


class Row(TypedDict):
    """Row of a record.

    Attributes:
        input: address of the input.
        output: address of the result; None if it failed.
        objects: number of objects that kept their colour; None if it failed, or the row was lost.
        seconds: time since the last result of the same worker; likewise.
        error: one line, if it failed.
        notes: features of the file that could not be kept.
    """

    input: str
    output: str | None
    objects: int | None
    seconds: float | None
    error: str | None
    notes: list[str]


PART_SECONDS = 30.0
"""Most seconds between two stores of rows; those that are lost with the process are known by their results."""

_PARTS, _ABOUT = "_batch", "_batch/options.json"


class Record:
    """Rows of earlier runs and of this one.

    Attributes:
        rows: as JSON, by input.
    """

    def __init__(self, output: Place, kind: Kind) -> None:
        """Read what earlier runs have left in the folder ``output``."""
        self._output = output
        self._kind = kind
        self.file = output.under(f"record.{kind}")
        self._fresh: list[str] = []
        self._stored = time.monotonic()
        self._parts = [output.under(f"{_PARTS}/{name}") for name in output.under(_PARTS).files() if name[:4] == "rows"]
        self.rows: dict[str, str] = {}
        for lines in [_read(self.file), *(part.read().decode() for part in self._parts)]:
            for line in lines.splitlines():
                self.rows[json.loads(line)["input"]] = line

    def check_options(self, options: Mapping[str, str], *, overwrite: bool) -> None:
        """Note the options of the results, or compare with those of an earlier run.

        Raises:
            UsageError: results are there, made with other options.
        """
        about = self._output.under(_ABOUT)
        if about.exists() and not overwrite:
            before = json.loads(about.read())
            other = [name for name in {*before, *options} if before.get(name) != options.get(name)]
            if other:
                raise UsageError(
                    f"{self._output.name}: holds results made with other options ({', '.join(sorted(other))}); "
                    "expected the same options, another --output, or --overwrite"
                )
        about.write(json.dumps(dict(options), indent=1).encode())

    def done(self, task_input: str) -> bool:
        """Return whether an earlier run has written the result of this input."""
        line = self.rows.get(task_input)
        return line is not None and json.loads(line)["error"] is None

    def add(self, row: Row) -> None:
        """Take a row, in the place of an earlier one of the same input."""
        line = json.dumps(row)
        self.rows[row["input"]] = line
        self._fresh.append(line)
        if time.monotonic() - self._stored > PART_SECONDS:
            self.store()

    def store(self) -> None:
        """Store the rows that are not stored yet."""
        if self._fresh:
            part = self._output.under(f"{_PARTS}/rows-{time.time_ns()}.jsonl")
            part.write("".join(f"{line}\n" for line in self._fresh).encode())
            self._parts.append(part)
            self._fresh.clear()
        self._stored = time.monotonic()

    def finish(self, inputs: Iterable[str]) -> None:
        """Write the whole record, a row for each of ``inputs`` and then those of other runs; remove the parts."""
        order = dict.fromkeys([*inputs, *self.rows])
        lines = [self.rows[each] for each in order if each in self.rows]
        self.file.write(_encoded(lines, self._kind))
        for part in self._parts:
            part.remove()
        self._parts.clear()
        self._fresh.clear()


def _read(file: Place) -> str:
    if not file.exists():
        return ""
    data = file.read()
    if file.address.endswith(".jsonl"):
        return data.decode()
    from pyarrow import parquet

    return "\n".join(json.dumps(row) for row in parquet.read_table(io.BytesIO(data)).to_pylist())


def _encoded(lines: list[str], kind: Kind) -> bytes:
    if kind == "jsonl":
        return "".join(f"{line}\n" for line in lines).encode()
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(as_table([json.loads(line) for line in lines]), file)
    return file.getvalue()


def failed_row(name: str, error: str) -> Row:
    """Return the row of an input without a result."""
    return {"input": name, "output": None, "objects": None, "seconds": None, "error": error, "notes": []}


def row_of_result(name: str, output: str) -> Row:
    """Return the row of an input whose result exists, but whose own row was lost."""
    notes = ["the result existed without a row"]
    return {"input": name, "output": output, "objects": None, "seconds": None, "error": None, "notes": notes}


def as_table(rows: Sequence[Row]) -> pyarrow.Table:
    """Return the rows as a table whose columns have their types, also where all values are missing."""
    text, number, whole = pyarrow.string(), pyarrow.float64(), pyarrow.int64()
    types = dict(zip(Row.__annotations__, (text, text, whole, number, text, pyarrow.list_(text)), strict=True))
    return pyarrow.Table.from_pylist(list(rows), pyarrow.schema(types))
