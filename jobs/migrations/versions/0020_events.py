"""Events, who is told of them, and what was sent to whom. The end of a run is noted by a trigger, whatever ends it.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
TIME = sa.DateTime(timezone=True)
KINDS = "'month_ingested', 'month_revised', 'grid_published', 'scores_warmed', 'run_ended'"
NOTE_RUN_ENDED = """
    CREATE FUNCTION note_run_ended() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
        IF EXISTS (SELECT FROM subscribers WHERE 'run_ended' = ANY (kinds)) THEN
            INSERT INTO events (key, kind, data) VALUES (
                format('run_ended-%s-%s', NEW.id, (extract(epoch FROM NEW.ended_at) * 1000000)::bigint),
                'run_ended',
                jsonb_build_object(
                    'task_id', NEW.id, 'job', NEW.job, 'parameters', NEW.parameters, 'state', NEW.state,
                    'error', left(NEW.error, 1000), 'started_at', NEW.started_at, 'ended_at', NEW.ended_at
                )
            ) ON CONFLICT (key) DO NOTHING;
        END IF;
        RETURN NULL;
    END $body$
"""


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.BIGINT(), primary_key=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("at", TIME, server_default=NOW, nullable=False),
        sa.Column("numbered_at", TIME),
        sa.UniqueConstraint("key"),
        sa.CheckConstraint(f"kind IN ({KINDS})", name="kind"),
    )
    op.create_index("ix_events_fresh", "events", ["id"], postgresql_where=sa.text("numbered_at IS NULL"))
    op.create_index("ix_events_at", "events", ["at"])
    op.create_table(
        "subscribers",
        sa.Column("id", sa.BIGINT(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, server_default=NOW, nullable=False),
        sa.Column("last_number", sa.BIGINT(), server_default=sa.text("0"), nullable=False),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "deliveries",
        sa.Column("subscriber_id", sa.BIGINT(), sa.ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.BIGINT(), primary_key=True),
        sa.Column("event_id", sa.BIGINT(), sa.ForeignKey("events.id", ondelete="CASCADE"), nullable=False),
        sa.Column("run_id", sa.Text()),
        sa.Column("taken_at", TIME),
    )
    op.create_index("ix_deliveries_event_id", "deliveries", ["event_id"])
    op.create_index(
        "ix_deliveries_next", "deliveries", ["subscriber_id", "number"], postgresql_where=sa.text("run_id IS NULL")
    )
    op.execute(NOTE_RUN_ENDED)
    # Of what sends events nothing is sent: each end would lead to another.
    op.execute(
        "CREATE TRIGGER note_run_ended AFTER UPDATE ON runs FOR EACH ROW WHEN ("
        "OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL AND NEW.job <> 'deliver_event'"
        ") EXECUTE FUNCTION note_run_ended()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER note_run_ended ON runs")
    op.execute("DROP FUNCTION note_run_ended()")
    for table in ("deliveries", "subscribers", "events"):
        op.drop_table(table)
