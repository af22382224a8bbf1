"""Tables of the work, and the ledger of its runs.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "areas",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("boundary", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_box", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_areas")),
    )
    op.create_table(
        "cadences",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("next_due", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_cadences")),
    )
    op.create_table(
        "crime_categories",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("first_month", sa.Date(), nullable=False),
        sa.Column("last_month", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_crime_categories")),
    )
    op.create_table(
        "grid_months",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("generation", sa.BIGINT(), nullable=False),
        sa.Column("h3_resolution", sa.SmallInteger(), nullable=False),
        sa.Column("cells", sa.Integer(), nullable=False),
        sa.Column("crimes", sa.Integer(), nullable=False),
        sa.Column("built_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_grid_months")),
    )
    op.create_table(
        "mountains",
        sa.Column("mountain_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("elevation_m", sa.Double(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("range", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("accident_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("mountain_id", name=op.f("pk_mountains")),
    )
    op.create_table(
        "pauses",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("kind IN ('queue', 'cadence')", name=op.f("ck_pauses_kind")),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_pauses")),
    )
    op.create_table(
        "route_history",
        sa.Column("id", sa.BIGINT(), nullable=False),
        sa.Column("route", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_route_history")),
    )
    op.create_index(
        "ix_route_history_deleted",
        "route_history",
        ["deleted_at"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )
    op.create_index(
        "ix_route_history_live",
        "route_history",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("occurrence", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("pushes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("unclaimed_pushes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("pushed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("losses", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("stops", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checkpoint", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("cancel_requested_by", sa.Text(), nullable=True),
        sa.Column("log", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.CheckConstraint(
            "(state IN ('waiting', 'queued', 'started')) = (ended_at IS NULL)", name=op.f("ck_runs_ended")
        ),
        sa.CheckConstraint(
            "origin IN ('api', 'form', 'cli', 'python', 'schedule', 'pipeline', 'rq')", name=op.f("ck_runs_origin")
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'queued', 'started', 'finished', 'failed', 'cancelled', 'skipped')",
            name=op.f("ck_runs_state"),
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["runs.id"], name=op.f("fk_runs_parent_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index("ix_runs_created", "runs", ["created_at", "id"], unique=False)
    op.create_index("ix_runs_job_created", "runs", ["job", "created_at"], unique=False)
    op.create_index(
        "ix_runs_open", "runs", ["queue", "due_at"], unique=False, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index(op.f("ix_runs_parent_id"), "runs", ["parent_id"], unique=False)
    op.create_index("uq_runs_occurrence", "runs", ["job", "occurrence"], unique=True)
    op.create_table(
        "safety_cells",
        sa.Column("cell_id", sa.Text(), nullable=False),
        sa.Column("h3_index", sa.Text(), nullable=False),
        sa.Column("h3_resolution", sa.SmallInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("crime_count_total", sa.Integer(), nullable=False),
        sa.Column("crime_count_weighted", sa.Double(), nullable=False),
        sa.Column("stats", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("cell_id", name=op.f("pk_safety_cells")),
    )
    op.create_index("ix_safety_cells_month_h3", "safety_cells", ["month", "h3_index"], unique=False)
    op.create_table(
        "weight_schemes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_weight_schemes")),
    )
    op.create_index(
        "uq_weight_schemes_default",
        "weight_schemes",
        ["is_default"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "accidents",
        sa.Column("accident_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=True),
        sa.Column("mountain_id", sa.Integer(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["mountain_id"], ["mountains.mountain_id"], name=op.f("fk_accidents_mountain_id")),
        sa.PrimaryKeyConstraint("accident_id", name=op.f("pk_accidents")),
    )
    op.create_index(op.f("ix_accidents_mountain_id"), "accidents", ["mountain_id"], unique=False)
    op.create_table(
        "area_forces",
        sa.Column("force", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["area"], ["areas.slug"], name=op.f("fk_area_forces_area"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("force", name=op.f("pk_area_forces")),
    )
    op.create_index(op.f("ix_area_forces_area"), "area_forces", ["area"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column(
            "started_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("traceback", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_attempts_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_attempts")),
    )
    op.create_table(
        "crime_incidents",
        sa.Column("id", sa.BIGINT(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("h3_cell", sa.BIGINT(), nullable=False),
        sa.Column("street_id", sa.BIGINT(), nullable=True),
        sa.Column("street_name", sa.Text(), nullable=True),
        sa.Column("api_id", sa.BIGINT(), nullable=True),
        sa.Column("persistent_id", sa.Text(), nullable=True),
        sa.Column("location_type", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("outcome_month", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["area"], ["areas.slug"], name=op.f("fk_crime_incidents_area"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["category"], ["crime_categories.slug"], name=op.f("fk_crime_incidents_category")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crime_incidents")),
    )
    op.create_index("ix_crime_incidents_month_area", "crime_incidents", ["month", "area"], unique=False)
    op.create_table(
        "crime_weights",
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint("weight >= 0", name=op.f("ck_crime_weights_not_negative")),
        sa.ForeignKeyConstraint(["category"], ["crime_categories.slug"], name=op.f("fk_crime_weights_category")),
        sa.ForeignKeyConstraint(
            ["scheme"], ["weight_schemes.name"], name=op.f("fk_crime_weights_scheme"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("scheme", "category", name=op.f("pk_crime_weights")),
    )
    op.create_table(
        "ingestion_runs",
        sa.Column("id", sa.BIGINT(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("records", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("unplaced", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("set_aside", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("requests", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("h3_resolution", sa.SmallInteger(), nullable=False),
        sa.Column("fingerprint", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("issues", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["area"], ["areas.slug"], name=op.f("fk_ingestion_runs_area"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ingestion_runs")),
    )
    op.create_index("ix_ingestion_runs_month", "ingestion_runs", ["month"], unique=False)
    op.create_index(op.f("ix_ingestion_runs_run_id"), "ingestion_runs", ["run_id"], unique=False)
    op.create_index(
        "uq_ingestion_runs_current",
        "ingestion_runs",
        ["area", "month"],
        unique=True,
        postgresql_where=sa.text("current"),
    )
    op.create_table(
        "routes",
        sa.Column("route_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mountain_id", sa.Integer(), nullable=True),
        sa.Column("grade", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["mountain_id"], ["mountains.mountain_id"], name=op.f("fk_routes_mountain_id")),
        sa.PrimaryKeyConstraint("route_id", name=op.f("pk_routes")),
    )
    op.create_index(op.f("ix_routes_mountain_id"), "routes", ["mountain_id"], unique=False)
    op.create_table(
        "unplaced_crimes",
        sa.Column("id", sa.BIGINT(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("force", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("api_id", sa.BIGINT(), nullable=True),
        sa.Column("persistent_id", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("outcome_month", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["area"], ["areas.slug"], name=op.f("fk_unplaced_crimes_area"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["category"], ["crime_categories.slug"], name=op.f("fk_unplaced_crimes_category")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unplaced_crimes")),
    )
    op.create_index("ix_unplaced_crimes_month_area", "unplaced_crimes", ["month", "area"], unique=False)
    op.create_table(
        "accident_weather",
        sa.Column("accident_id", sa.Integer(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("temperature_mean_c", sa.Double(), nullable=True),
        sa.Column("temperature_min_c", sa.Double(), nullable=True),
        sa.Column("temperature_max_c", sa.Double(), nullable=True),
        sa.Column("wind_max_ms", sa.Double(), nullable=True),
        sa.Column("precipitation_mm", sa.Double(), nullable=True),
        sa.Column("cloud_cover_pct", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["accident_id"], ["accidents.accident_id"], name=op.f("fk_accident_weather_accident_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("accident_id", "date", name=op.f("pk_accident_weather")),
    )


def downgrade() -> None:
    op.drop_table("accident_weather")
    op.drop_index("ix_unplaced_crimes_month_area", table_name="unplaced_crimes")
    op.drop_table("unplaced_crimes")
    op.drop_index(op.f("ix_routes_mountain_id"), table_name="routes")
    op.drop_table("routes")
    op.drop_index("uq_ingestion_runs_current", table_name="ingestion_runs", postgresql_where=sa.text("current"))
    op.drop_index(op.f("ix_ingestion_runs_run_id"), table_name="ingestion_runs")
    op.drop_index("ix_ingestion_runs_month", table_name="ingestion_runs")
    op.drop_table("ingestion_runs")
    op.drop_table("crime_weights")
    op.drop_index("ix_crime_incidents_month_area", table_name="crime_incidents")
    op.drop_table("crime_incidents")
    op.drop_table("attempts")
    op.drop_index(op.f("ix_area_forces_area"), table_name="area_forces")
    op.drop_table("area_forces")
    op.drop_index(op.f("ix_accidents_mountain_id"), table_name="accidents")
    op.drop_table("accidents")
    op.drop_index("uq_weight_schemes_default", table_name="weight_schemes", postgresql_where=sa.text("is_default"))
    op.drop_table("weight_schemes")
    op.drop_index("ix_safety_cells_month_h3", table_name="safety_cells")
    op.drop_table("safety_cells")
    op.drop_index("uq_runs_occurrence", table_name="runs")
    op.drop_index(op.f("ix_runs_parent_id"), table_name="runs")
    op.drop_index("ix_runs_open", table_name="runs", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index("ix_runs_job_created", table_name="runs")
    op.drop_index("ix_runs_created", table_name="runs")
    op.drop_table("runs")
    op.drop_index("ix_route_history_live", table_name="route_history", postgresql_where=sa.text("deleted_at IS NULL"))
    op.drop_index(
        "ix_route_history_deleted", table_name="route_history", postgresql_where=sa.text("deleted_at IS NOT NULL")
    )
    op.drop_table("route_history")
    op.drop_table("pauses")
    op.drop_table("mountains")
    op.drop_table("grid_months")
    op.drop_table("crime_categories")
    op.drop_table("cadences")
    op.drop_table("areas")
