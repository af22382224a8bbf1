"""Crime categories of the source's three eras, and three scales of harm.

Revision ID: 0002
Revises: 0001
"""

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

FIRST = dt.date(2010, 12, 1)
ELEVEN = dt.date(2011, 9, 1)
FOURTEEN = dt.date(2013, 5, 1)

# slug, name, first month, last month
CATEGORIES = [
    ("anti-social-behaviour", "Anti-social behaviour", FIRST, None),
    ("burglary", "Burglary", FIRST, None),
    ("other-crime", "Other crime", FIRST, None),
    ("robbery", "Robbery", FIRST, None),
    ("vehicle-crime", "Vehicle crime", FIRST, None),
    ("violent-crime", "Violence and sexual offences", FIRST, None),
    ("criminal-damage-arson", "Criminal damage and arson", ELEVEN, None),
    ("drugs", "Drugs", ELEVEN, None),
    ("other-theft", "Other theft", ELEVEN, None),
    ("public-disorder-weapons", "Public disorder and weapons", ELEVEN, dt.date(2013, 4, 1)),
    ("shoplifting", "Shoplifting", ELEVEN, None),
    ("bicycle-theft", "Bicycle theft", FOURTEEN, None),
    ("possession-of-weapons", "Possession of weapons", FOURTEEN, None),
    ("public-order", "Public order", FOURTEEN, None),
    ("theft-from-the-person", "Theft from the person", FOURTEEN, None),
]

# name, version, unit, source, whether it is the default
SCHEMES = [
    ("saferoute", "1", "points", "Hand-made scale of the SafeRoute service", True),
    (
        "cambridge",
        "2026",
        "days",
        "Cambridge Crime Harm Index 2026: days of starting-point sentence, medians for Hampshire",
        False,
    ),
    ("ons", "1", "severity", "ONS Crime Severity Score: median over the offences of the category", False),
]

# category: saferoute, cambridge, ons
WEIGHTS = {
    "anti-social-behaviour": (0.5, 1, 1),
    "bicycle-theft": (1, 2, 15.2),
    "burglary": (2, 242.22, 465.4),
    "criminal-damage-arson": (1.5, 8.87, 5.4),
    "drugs": (1, 3.47, 8.6),
    "other-crime": (1, 10, 141.5),
    "other-theft": (1, 2, 50.4),
    "possession-of-weapons": (3, 273.75, 331.2),
    "public-order": (1.5, 7.5, 42.6),
    "robbery": (4, 365, 799.6),
    "shoplifting": (0.5, 1, 11.9),
    "theft-from-the-person": (2.5, 2, 80.4),
    "vehicle-crime": (1.5, 5, 43.2),
    "violent-crime": (3.5, 203.36, 972.2),
}
# The category of 2011-09..2013-04 became two: it weighs as much as their mean.
SUCCESSORS = ("public-order", "possession-of-weapons")
FLOOR = {("cambridge", "anti-social-behaviour"), ("ons", "anti-social-behaviour")}


def _weights() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for column, (scheme, _version, _unit, source, _default) in enumerate(SCHEMES):
        for category, weights in WEIGHTS.items():
            floor = "not in the scale: the customary floor of 1"
            origin = floor if (scheme, category) in FLOOR else source
            rows.append({"scheme": scheme, "category": category, "weight": weights[column], "source": origin})
        mean = sum(WEIGHTS[category][column] for category in SUCCESSORS) / len(SUCCESSORS)
        origin = f"mean of its successors {' and '.join(SUCCESSORS)}"
        rows.append({"scheme": scheme, "category": "public-disorder-weapons", "weight": mean, "source": origin})
    return rows


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in columns))


def _insert(name: str, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    op.bulk_insert(_table(name, *columns), [dict(zip(columns, row, strict=True)) for row in rows])


def upgrade() -> None:
    _insert("crime_categories", ("slug", "name", "first_month", "last_month"), CATEGORIES)
    _insert("weight_schemes", ("name", "version", "unit", "source", "is_default"), SCHEMES)
    op.bulk_insert(_table("crime_weights", "scheme", "category", "weight", "source"), _weights())


def downgrade() -> None:
    for table in ("crime_weights", "weight_schemes", "crime_categories"):
        op.execute(_table(table).delete())
