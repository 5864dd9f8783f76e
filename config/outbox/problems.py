"""The feed's own problems."""

from config.problems import Problem


class CursorExpired(Problem):
    """The changes after this cursor are not kept any more, or the cursor is of another feed: the database was restored
    from a backup. Read the resources again, and go on from `?after=latest`.
    """

    code, title, status = "cursor-expired", "The cursor has expired", 410
