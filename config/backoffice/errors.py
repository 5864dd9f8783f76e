"""Errors of the domain, as texts for messages and forms."""

from collections.abc import Iterator

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError

from config.problems import Problem, problem_from

DOMAIN_ERRORS = (Problem, DatabaseError, ObjectDoesNotExist)


def field_errors(error: Exception) -> Iterator[tuple[str | None, str]]:
    """Pairs of a field, or None, and an error text. Raises the exception again when it is a bug."""
    problem = problem_from(error)
    if problem is None:
        raise error
    for item in problem.errors or [{"detail": problem.detail}]:
        yield item.get("pointer", "").strip("/") or None, item["detail"]


def error_text(error: Exception) -> str:
    return " ".join(dict.fromkeys(detail for _, detail in field_errors(error)))
