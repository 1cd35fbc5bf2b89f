"""Text that a spreadsheet displays and never runs as a formula."""


def safe_cell(text: str) -> str:
    """Return text that no spreadsheet mistakes for a formula.

    Source:
        OWASP, CSV Injection: a cell that begins with = + - @ runs when the file is opened.

    Example:
        >>> safe_cell("=HYPERLINK(1)"), safe_cell("CCO")
        ("'=HYPERLINK(1)", 'CCO')
    """
    return f"'{text}" if text.lstrip()[:1] in {"=", "+", "-", "@"} else text
