"""What the domain refuses, in plain words."""

# mypy: no-check-untyped-defs

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError

from config.problems import Problem, problem_from

REFUSALS = (Problem, DatabaseError, ObjectDoesNotExist)


def faults(error):
    """What an exception refuses, as pairs of a field (or None) and a sentence. Raises it again when it is a bug."""
    problem = problem_from(error)
    if problem is None:
        raise error
    named = [(fault.get("pointer", "").strip("/") or None, fault["detail"]) for fault in problem.errors]
    return named or [(None, problem.detail)]


def sentence(error):
    return " ".join(dict.fromkeys(detail for _, detail in faults(error)))
