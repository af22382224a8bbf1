"""Route history of the service."""

import datetime as dt
from typing import Any

from sqlalchemy import Index, func, text
from sqlalchemy.dialects.postgresql import BIGINT
from sqlalchemy.orm import Mapped, mapped_column

from jobs.models.base import Base


class RouteHistory(Base):
    """A route that somebody asked for. Soft-deleted after the retention time."""

    __tablename__ = "route_history"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    route: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    deleted_at: Mapped[dt.datetime | None]
    __table_args__ = (
        Index("ix_route_history_live", "created_at", postgresql_where=text("deleted_at IS NULL")),
        Index("ix_route_history_deleted", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
    )
