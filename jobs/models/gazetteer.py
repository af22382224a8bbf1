"""Places by name, from the points that lie in areas."""

from sqlalchemy import ForeignKey, Index, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT
from sqlalchemy.orm import Mapped, mapped_column

from jobs.models.base import Base


class StreetName(Base):
    """A name that points have, unless it is a mere kind such as `Supermarket`."""

    __tablename__ = "street_names"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    source_name: Mapped[str] = mapped_column(unique=True)
    """As the points have it."""
    name: Mapped[str]
    """For people."""
    key: Mapped[str]
    """To compare with: see `jobs.gazetteer.names`."""
    grams: Mapped[list[str]] = mapped_column(ARRAY(Text))
    __table_args__ = (
        Index("ix_street_names_key", "key", postgresql_ops={"key": "text_pattern_ops"}),
        Index("ix_street_names_grams", "grams", postgresql_using="gin"),
    )


class StreetPart(Base):
    """The points of a name in a box of about 2 by 2 km that lie in an area. Parts that touch are one place.

    A row is a sum, so that points which come later are added to it.
    """

    __tablename__ = "street_parts"
    area: Mapped[str] = mapped_column(ForeignKey("areas.slug", ondelete="CASCADE"), primary_key=True)
    name_id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    box_row: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    box_column: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    points: Mapped[int]
    latitude_sum: Mapped[float]
    longitude_sum: Mapped[float]
    south: Mapped[float]
    west: Mapped[float]
    north: Mapped[float]
    east: Mapped[float]
    __table_args__ = (
        Index("ix_street_parts_name_id", "name_id"),
        Index("ix_street_parts_box", "box_row", "box_column"),
    )
