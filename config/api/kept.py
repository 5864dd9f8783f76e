"""Answers that are made anew only when something in them has changed.

Nothing is ever shown that the database does not say at that moment: its rows are read for each request, and when they
are those that the last answer to the same question was made of, that answer is given again. What is saved is the way
from rows to JSON, three quarters of what a list of 100 costs.
"""

import datetime as dt
from dataclasses import dataclass
from threading import Lock
from typing import Any

from django.http import HttpResponse

MAX_ANSWERS = 200  # in one process
MAX_BYTES = 100_000  # of one of them
HEADERS = ("ETag", "Link")
Results = list[list[tuple[Any, ...]]]
NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(frozen=True)
class Answer:
    """What was answered at `at` from the `rows` of some queries, and how long that stays true of them.

    What depends on the time depends on whether an instant in the rows has passed: until the next one it is the same.
    """

    rows: Results
    at: dt.datetime
    until: dt.datetime
    content: bytes
    headers: dict[str, str]

    def is_of(self, rows: Results, at: dt.datetime) -> bool:
        return self.at <= at < self.until and self.rows == rows

    def respond(self) -> HttpResponse:
        return HttpResponse(self.content, content_type="application/json", headers=self.headers)


class Answers:
    """The last answers of this process, by what was asked; the oldest go first."""

    def __init__(self) -> None:
        self.kept: dict[Any, Answer] = {}
        self.changing = Lock()  # many threads answer at once

    def find(self, question: Any, rows: Results, at: dt.datetime) -> HttpResponse | None:
        answer = self.kept.get(question)
        return answer.respond() if answer is not None and answer.is_of(rows, at) else None

    def keep(self, question: Any, rows: Results, at: dt.datetime, response: HttpResponse) -> None:
        if len(response.content) > MAX_BYTES:
            return
        values = (value for result in rows for row in result for value in row)
        until = min((value for value in values if isinstance(value, dt.datetime) and value > at), default=NEVER)
        headers = {name: response[name] for name in HEADERS if name in response}
        with self.changing:
            self.kept.pop(question, None)
            self.kept[question] = Answer(rows, at, until, response.content, headers)
            while len(self.kept) > MAX_ANSWERS:
                del self.kept[next(iter(self.kept))]


answers = Answers()
