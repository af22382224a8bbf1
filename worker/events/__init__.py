"""Events out: who is told, and how what was noted becomes runs that send it."""
