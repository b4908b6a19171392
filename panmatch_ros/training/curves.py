"""Curves of a training as CSV files, which any plotting program reads."""
from collections.abc import Mapping
import csv
from pathlib import Path


def append_row(path: Path, row: Mapping[str, float]) -> None:
    """
    Add a row to a table; the first row names the columns.

    :param row: values by column; columns that the table does not have are left out.
    """
    columns = list(row)
    is_new = not path.exists() or path.stat().st_size == 0
    if not is_new:
        with path.open(newline='') as file:
            columns = next(csv.reader(file))
    with path.open('a', newline='') as file:
        writer = csv.DictWriter(file, columns, restval='', extrasaction='ignore')
        if is_new:
            writer.writeheader()
        writer.writerow({name: f'{value:.6g}' for name, value in row.items()})


def read_rows(path: Path) -> list[dict[str, float]]:
    """Read a table; cells without a value are left out."""
    with path.open(newline='') as file:
        return [{name: float(value) for name, value in row.items() if value}
                for row in csv.DictReader(file)]
