"""Alembic's entry: migrations run on the connection that `jobs.schema` hands over."""

from alembic import context

from jobs.models.every import METADATA
from jobs.schema import is_ours

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    include_object=is_ours,
    compare_type=True,
    # A lock that one takes is held for no longer than that one needs.
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
