"""How an audit ends when it is not clean."""


class AuditFailed(Exception):
    """Something was found, or could not be audited; the message says what, and what to do."""


class ServiceAway(AuditFailed):
    """The vulnerability service cannot be reached, so that no package was audited."""
