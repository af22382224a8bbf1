"""Events out: what happened is noted where it happens, and sent to whoever subscribed."""
