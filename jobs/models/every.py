"""All tables together, for migrations."""

from jobs.models import climbing, coverage, crimes, events, findings, gazetteer, grid, history, people, runs
from jobs.models.base import Base

MODULES = (climbing, coverage, crimes, events, findings, gazetteer, grid, history, people, runs)
METADATA = Base.metadata
