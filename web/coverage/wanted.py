"""A gap as people and programs send it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from jobs.coverage.forces import ForceError, slug
from jobs.coverage.gaps import Gap
from jobs.months import parse_month
from jobs.parameters import Month
from web.http.schemas import Schema, storable

LONGEST_TEXT = 500
Kind = Literal["missing", "partial", "late"]
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), AfterValidator(storable)]


def _slug(text: str) -> str:
    try:
        return slug(text)
    except ForceError as error:
        raise ValueError(str(error)) from None


class NewGap(Schema):
    """A gap to add."""

    force: Annotated[str, Field(max_length=60), AfterValidator(_slug)]
    first_month: Month
    last_month: Month | None = Field(
        None, description="Last month of the gap, included. Leave it out if no end is known"
    )
    kind: Kind = "missing"
    reason: Text
    source: Text
    corrected_release: Month | None = None

    def as_gap(self) -> Gap:
        """The gap, whose months are dates."""
        last, corrected = (parse_month(one) if one else None for one in (self.last_month, self.corrected_release))
        first = parse_month(self.first_month)
        return Gap(self.force, first, last, self.kind, self.reason, self.source, corrected)
