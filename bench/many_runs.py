"""A ledger of as many runs as wanted, five minutes apart: most finished, some failed, cancelled or skipped."""

from sqlalchemy import Connection, text

from jobs import catalogue

# With results and lines of a log, which lists must not read.
_RUNS = text(
    """
    INSERT INTO runs (id, job, queue, parameters, state, origin, requested_by, created_at, due_at, started_at,
                      ended_at, attempt, result, error, log)
    SELECT gen_random_uuid(), job, queue, jsonb_build_object('year', 2024, 'month', number % 12 + 1), state, 'form',
           'night-shift', at, at, at, at + number % 900 * interval '1 second', 1,
           json_build_object('crimes', number, 'notes', repeat('as usual ', 100)),
           CASE state WHEN 'failed' THEN 'The source answered 503 four times' END,
           jsonb_build_array(jsonb_build_object('event', repeat('a line of the log ', 40)))
    FROM (
        SELECT number, now() - number * interval '5 minutes' AS at,
               CASE WHEN number % 33 = 5 THEN 'failed' WHEN number % 97 = 6 THEN 'cancelled'
                    WHEN number % 89 = 7 THEN 'skipped' ELSE 'finished' END AS state,
               CAST(:jobs AS text[]) AS jobs, CAST(:queues AS text[]) AS queues
        FROM generate_series(1, :count) AS number
    ) AS numbered
    CROSS JOIN LATERAL (SELECT jobs[number % cardinality(jobs) + 1], queues[number % cardinality(jobs) + 1])
        AS chosen (job, queue)
    """
)
_ATTEMPTS = text(
    """
    INSERT INTO attempts (run_id, number, worker, started_at, ended_at, outcome)
    SELECT id, 1, 'host:1', started_at, ended_at, 'finished' FROM runs WHERE state = 'finished'
    """
)


def fill(connection: Connection, count: int) -> str:
    """Hold `count` ended runs. Answers the id of one that finished."""
    # Those whose results have no form that pages read.
    plain = [job for job in catalogue.load().values() if job.slug in ("warm-cache", "cleanup-history", "ingest-month")]
    values = {"count": count, "jobs": [job.name for job in plain], "queues": [job.queue for job in plain]}
    with connection.begin():
        connection.execute(_RUNS, values)
        connection.execute(_ATTEMPTS)
    with connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as outside:
        outside.execute(text("VACUUM ANALYZE runs, attempts"))
    with connection.begin():
        newest = "SELECT id FROM runs WHERE state = 'finished' ORDER BY created_at DESC LIMIT 1"
        return str(connection.scalar(text(newest)))
