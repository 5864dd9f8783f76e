"""A POST that takes a list of objects: all of them are made, or none."""

from typing import Any, ClassVar

from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ListSerializer, ValidationError

from config.api.errors import MAX_ERRORS, flatten, problem_of
from config.api.viewsets import CatalogueViewSet
from config.history.models import record_in_bulk
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
    """`bulk_by` is the reference whose row `make` locks. Rows are made in its order: two lists cannot deadlock."""

    bulk_by: ClassVar[str]

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.bulk_create(request) if isinstance(request.data, list) else super().create(request)

    def bulk_create(self, request: Request) -> Response:
        serializer = Objects(data=request.data, child=self.get_serializer(), allow_empty=False, max_length=MAX_OBJECTS)
        serializer.is_valid(raise_exception=True)
        ids = self.make_all(serializer.validated_data)
        self.at = timezone.now()
        found = self.get_queryset().in_bulk(ids)
        objects = [found[pk] for pk in ids]
        self.load(objects)
        return Response(self.get_serializer(objects, many=True).data, status=status.HTTP_201_CREATED)

    def make_all(self, rows: list[dict[str, Any]]) -> list[int]:
        """The ids of the new objects, in the order of `rows`. Raises one Problem with the errors of all rows."""
        made: dict[int, int] = {}
        refusals: dict[int, Problem] = {}
        with transaction.atomic(), record_in_bulk():
            for index in sorted(range(len(rows)), key=lambda index: (rows[index][self.bulk_by].pk, index)):
                try:
                    with transaction.atomic():
                        made[index] = type(self).make(**rows[index], by=self.request.user).pk
                except (Problem, IntegrityError) as error:
                    if (problem := problem_of(error, self)) is None:
                        raise
                    refusals[index] = problem
            if refusals:
                raise combine(refusals)
        return [made[index] for index in range(len(rows))]


def combine(refusals: dict[int, Problem]) -> Problem:
    """One problem of the kind of the first, with the errors of each object at its index."""
    errors = [
        {**error, "pointer": f"/{index}{error['pointer']}"}
        for index, problem in sorted(refusals.items())
        for error in problem.errors or [{"pointer": "", "code": problem.code, "detail": problem.detail}]
    ]
    first = refusals[min(refusals)]
    return type(first)(str(errors[0]["detail"]) if len(errors) == 1 else "", errors=errors)
