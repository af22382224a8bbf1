"""The way of a run, simulated: our SQL on a real PostgreSQL, RQ's lists as fakeredis, every process a rule."""
