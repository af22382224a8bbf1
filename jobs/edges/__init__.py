"""What each edge of a network of ways costs, for programs that route."""
