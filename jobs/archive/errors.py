"""What is wrong with an archive."""

from jobs.errors import PermanentError


class ArchiveRefused(PermanentError):
    """An archive that is none, is damaged, or could do harm. Nothing was changed."""


class MemberRefused(PermanentError):
    """A file of an archive that is not what its name says. Its month stays as it was."""
