"""The fixed lists of the police API: categories with the months in which they were in use, and forces."""

import re
from functools import cache
from typing import NamedTuple

ALL_CRIME = "all-crime"
BTP = "btp"


class Category(NamedTuple):
    """`first` and `last` (inclusive) are months in which the API used the category."""

    slug: str
    name: str
    first: str = "2010-12"
    last: str = "9999-12"


CATEGORIES = (
    Category(ALL_CRIME, "All crime"),
    Category("anti-social-behaviour", "Anti-social behaviour"),
    Category("bicycle-theft", "Bicycle theft", "2013-05"),
    Category("burglary", "Burglary"),
    Category("criminal-damage-arson", "Criminal damage and arson", "2011-09"),
    Category("drugs", "Drugs", "2011-09"),
    Category("other-theft", "Other theft", "2011-09"),
    Category("possession-of-weapons", "Possession of weapons", "2013-05"),
    Category("public-disorder-weapons", "Public disorder and weapons", "2011-09", "2013-04"),
    Category("public-order", "Public order", "2013-05"),
    Category("robbery", "Robbery"),
    Category("shoplifting", "Shoplifting", "2011-09"),
    Category("theft-from-the-person", "Theft from the person", "2013-05"),
    Category("vehicle-crime", "Vehicle crime"),
    Category("violent-crime", "Violence and sexual offences"),
    Category("other-crime", "Other crime"),
)

FORCES = {
    "avon-and-somerset": "Avon and Somerset Constabulary",
    "bedfordshire": "Bedfordshire Police",
    "cambridgeshire": "Cambridgeshire Constabulary",
    "cheshire": "Cheshire Constabulary",
    "city-of-london": "City of London Police",
    "cleveland": "Cleveland Police",
    "cumbria": "Cumbria Constabulary",
    "derbyshire": "Derbyshire Constabulary",
    "devon-and-cornwall": "Devon & Cornwall Police",
    "dorset": "Dorset Police",
    "durham": "Durham Constabulary",
    "dyfed-powys": "Dyfed-Powys Police",
    "essex": "Essex Police",
    "gloucestershire": "Gloucestershire Constabulary",
    "greater-manchester": "Greater Manchester Police",
    "gwent": "Gwent Police",
    "hampshire": "Hampshire Constabulary",
    "hertfordshire": "Hertfordshire Constabulary",
    "humberside": "Humberside Police",
    "kent": "Kent Police",
    "lancashire": "Lancashire Constabulary",
    "leicestershire": "Leicestershire Police",
    "lincolnshire": "Lincolnshire Police",
    "merseyside": "Merseyside Police",
    "metropolitan": "Metropolitan Police Service",
    "norfolk": "Norfolk Constabulary",
    "north-wales": "North Wales Police",
    "north-yorkshire": "North Yorkshire Police",
    "northamptonshire": "Northamptonshire Police",
    "northern-ireland": "Police Service of Northern Ireland",
    "northumbria": "Northumbria Police",
    "nottinghamshire": "Nottinghamshire Police",
    "south-wales": "South Wales Police",
    "south-yorkshire": "South Yorkshire Police",
    "staffordshire": "Staffordshire Police",
    "suffolk": "Suffolk Constabulary",
    "surrey": "Surrey Police",
    "sussex": "Sussex Police",
    "thames-valley": "Thames Valley Police",
    "warwickshire": "Warwickshire Police",
    "west-mercia": "West Mercia Police",
    "west-midlands": "West Midlands Police",
    "west-yorkshire": "West Yorkshire Police",
    "wiltshire": "Wiltshire Police",
}
"""Slug and name of the 44 forces that the API lists. British Transport Police (`btp`) is not among them."""

_NUMBERS = {slug: number for number, slug in enumerate([*FORCES, BTP])}


@cache
def slug_of(crime_type: str) -> str:
    """The API's slug for a "Crime type": `Criminal damage and arson` is `criminal-damage-arson`."""
    if crime_type == "Violence and sexual offences":
        return "violent-crime"
    return "-".join(word for word in crime_type.lower().split() if word != "and")


def is_month(text: str) -> bool:
    """Whether the text is `YYYY-MM`."""
    return re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text) is not None


def month_number(month: str) -> int:
    """Months since year 0, so that consecutive months are consecutive numbers."""
    return int(month[:4]) * 12 + int(month[5:]) - 1


def month_before(month: str, months: int = 1) -> str:
    """The month that many calendar months earlier."""
    year, index = divmod(month_number(month) - months, 12)
    return f"{year:04}-{index + 1:02}"


def first_id(month: str, force: str) -> int:
    """Where the ids of a force's month begin: 150,000 for each, so that no two crimes share one."""
    if force not in _NUMBERS:
        raise ValueError(f"Force {force!r} is not one of {', '.join(_NUMBERS)}")
    return ((month_number(month) - month_number("2010-12")) * len(_NUMBERS) + _NUMBERS[force]) * 150_000 + 1
