"""All tables together, for migrations."""

from jobs.models import climbing, crimes, grid, history, people, runs
from jobs.models.base import Base

MODULES = (climbing, crimes, grid, history, people, runs)
METADATA = Base.metadata
