"""Tables in pages, written from result files: no number is copied by hand."""

import re
from collections.abc import Sequence
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


def markdown(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Write rows, the header first, as a Markdown table; all columns after the first ones are numbers."""
    rule = ["---"] * left + ["---:"] * (len(rows[0]) - left)
    return "\n".join("| " + " | ".join(row) + " |" for row in (rows[0], rule, *rows[1:]))


def fill(text: str, name: str, table: str) -> str:
    """Put a table between the marks `<!-- name -->` and `<!-- /name -->` of a text, wherever they stand."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    pattern = f"{re.escape(start)}.*?{re.escape(end)}"
    return re.sub(pattern, lambda _: f"{start}\n{table}\n{end}", text, flags=re.DOTALL)


def fill_page(page: Path, name: str, table: str) -> None:
    """Put a table into a page."""
    page.write_text(fill(page.read_text(), name, table))
