"""Figures of the database, which `GET /metrics` reads. Each app registers its own when it is ready.

A figure is read by one cheap query. What would need a scan is kept as a total (see `config.outbox.models.Feed.totals`)
or as what a command found last (`Measurement`), and queues are counted up to MAX_COUNTED rows.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.db.models import QuerySet
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from config.database.constraints import is_temporary

logger = logging.getLogger(__name__)

MAX_COUNTED = 100_000
MAX_SECONDS = 5.0  # for all figures; Prometheus gives up after 10

Samples = Mapping[tuple[str, ...], float]  # by the values of the labels


@dataclass(frozen=True)
class Figure:
    """`read` returns the samples. A total only grows; Prometheus shows it with `_total` at the end of its name."""

    name: str
    help: str
    read: Callable[[], Samples]
    labels: tuple[str, ...] = ()
    is_total: bool = False

    def family(self) -> Metric:
        """The samples as the library has them."""
        kind = CounterMetricFamily if self.is_total else GaugeMetricFamily
        family = kind(self.name, self.help, labels=self.labels)
        for values, number in self.read().items():
            family.add_metric(values, number)
        return family


figures: dict[str, Figure] = {}


def register(figure: Figure) -> None:
    figures[figure.name] = figure


def count_of(rows: QuerySet[Any]) -> int:
    """How many rows there are, up to MAX_COUNTED. Name the column of an index with `values`, and no row is read."""
    return rows[:MAX_COUNTED].count()


class FigureCollector(Collector):
    """Reads every figure. One that fails is left out, and `tickets_figure_failed` says so."""

    def collect(self) -> Iterator[Metric]:
        failed = GaugeMetricFamily("tickets_figure_failed", "Whether a figure could not be read.", labels=["figure"])
        deadline, is_reachable = time.monotonic() + MAX_SECONDS, True
        for figure in figures.values():
            family = None
            if is_reachable and time.monotonic() < deadline:
                try:
                    family = figure.family()
                except Exception as error:  # noqa: BLE001  any failure is shown
                    # A database that does not answer would let each figure wait.
                    is_reachable = not (isinstance(error, DatabaseError | InterfaceError) and is_temporary(error))
                    logger.warning("The figure %s failed: %s", figure.name, error)
            failed.add_metric([figure.name], family is None)
            if family is not None:
                yield family
        yield failed
