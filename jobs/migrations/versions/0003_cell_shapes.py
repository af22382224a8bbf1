"""Hexagons as PostGIS geometry, where PostGIS can be had.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = (
    "SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace "
    "WHERE extname = 'postgis'"
)
AVAILABLE = "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'postgis')"


def _create_extension() -> bool:
    """Whether PostGIS is in this database now. Some servers have it but do not let us create it."""
    connection = op.get_bind()
    if not connection.scalar(sa.text(AVAILABLE)):
        return False
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS postgis"))
    except sa.exc.ProgrammingError:
        return False
    return True


def upgrade() -> None:
    if not _create_extension():
        return
    schema = op.get_bind().scalar(sa.text(SCHEMA))
    op.execute(
        f"""
        CREATE TABLE cell_shapes (
            h3_index text PRIMARY KEY,
            shape {schema}.geometry(Polygon, 4326) NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX ix_cell_shapes_shape ON cell_shapes USING gist (shape)")


def downgrade() -> None:
    op.execute("DROP TABLE IF EXISTS cell_shapes")
