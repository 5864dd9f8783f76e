"""Creation of several objects with one request."""

from typing import Any, ClassVar

from django.db import IntegrityError, transaction
from rest_framework import status
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, ListSerializer, ValidationError

from config.api.errors import MAX_ERRORS, flatten, problem_of
from config.api.viewsets import CatalogueViewSet
from config.history.models import record_in_bulk
from config.idempotency.keys import mark_replay
from config.idempotency.once import create_once
from config.problems import Problem

MAX_OBJECTS = 100


class Objects(ListSerializer):
    """Stops validating objects once there are more errors than an answer lists."""

    errors_found = 0

    def run_child_validation(self, data: Any) -> Any:
        if self.errors_found > MAX_ERRORS:
            return {}
        try:
            return super().run_child_validation(data)
        except ValidationError as error:
            self.errors_found += sum(1 for _ in flatten(error.detail))
            raise


class BulkCreateViewSet(CatalogueViewSet):
    """`POST …/bulk` creates several objects, all of them or none.

    `bulk_by` is the reference whose row `make` locks. Rows are made in its order: two lists cannot deadlock.
    `bulk_name` is the one field of `bulk_serializer_class`.
    """

    bulk_by: ClassVar[str]
    bulk_name: ClassVar[str]
    bulk_serializer_class: ClassVar[type[BaseSerializer]]

    def create_all(self) -> Response:
        created = create_once(self.idempotency_key(), self.make_all)
        objects = self.find_created(created)
        shown = self.bulk_serializer_class({self.bulk_name: objects}, context=self.get_serializer_context())
        response = Response(shown.data, status=status.HTTP_201_CREATED)
        return mark_replay(response, is_replay=created.is_replay)

    def make_all(self) -> list[Any]:
        """The new objects, in the order of the body. Raises one Problem with the errors of all of them."""
        rows = self.read_body(self.bulk_serializer_class, self.get_serializer_context())[self.bulk_name]
        made: dict[int, Any] = {}
        refusals: dict[int, Problem] = {}
        with transaction.atomic(), record_in_bulk():
            for index in sorted(range(len(rows)), key=lambda index: (rows[index][self.bulk_by].pk, index)):
                try:
                    with transaction.atomic():
                        made[index] = type(self).make(**rows[index], by=self.request.user)
                except (Problem, IntegrityError) as error:
                    if (problem := problem_of(error, self)) is None:
                        raise
                    refusals[index] = problem
            if refusals:
                raise combine(refusals, self.bulk_name)
        return [made[index] for index in range(len(rows))]


def combine(refusals: dict[int, Problem], name: str) -> Problem:
    """One problem of the kind of the first, with the errors of each object at its index."""
    errors = [
        {**error, "pointer": f"/{name}/{index}{error['pointer']}"}
        for index, problem in sorted(refusals.items())
        for error in problem.errors or [{"pointer": "", "code": problem.code, "detail": problem.detail}]
    ]
    first = refusals[min(refusals)]
    return type(first)(str(errors[0]["detail"]) if len(errors) == 1 else "", errors=errors)
