"""Coverage: whose land it is, what the forces supplied of it, and by what that is known."""
