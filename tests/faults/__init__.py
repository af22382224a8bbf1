"""The fault harness: real processes, disturbed in every way that is known, and an audit of what came of the work.

python -m tests.faults --seed 1 --disturbances 200
"""
