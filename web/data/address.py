"""Months in addresses."""

import datetime as dt

from flask import abort

from jobs.months import NotAMonth, parse_month


def known_month(text: str) -> dt.date:
    """The month of an address; 404 for what is none."""
    try:
        return parse_month(text)
    except NotAMonth as error:
        abort(404, str(error))
