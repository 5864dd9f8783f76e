"""`updated_at`, which moves with every UPDATE, also with those that no `save()` makes."""

from typing import Any, TypeVar

from django.db import models

from config.database.clock import Now

M = TypeVar("M", bound=models.Model)


class UpdatedQuerySet(models.QuerySet[M]):
    """Of a model with `updated_at`."""

    def update(self, **changes: Any) -> int:
        return super().update(**{"updated_at": Now(), **changes})
