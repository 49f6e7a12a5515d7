"""What a spreadsheet makes of a CSV: it runs text that begins like a formula."""

import re

# OWASP's list. Where commas end no cells, a spreadsheet ends ours at `;`, tabs and lines' ends,
# whatever stands in quotes.
_BEGINS = re.compile(r'"*[=+\-@＝＋－＠\t\r\n\0]')
_BEGINS_WITHIN = re.compile(r'([;\t\r\n])(?="*[=+\-@＝＋－＠])')


def harmless(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula, nor a part of it: an apostrophe before
    what begins like one says that it is text."""
    if not isinstance(cell, str):
        return cell
    told = _BEGINS_WITHIN.sub(r"\1'", cell)
    return f"'{told}" if _BEGINS.match(told) else told
