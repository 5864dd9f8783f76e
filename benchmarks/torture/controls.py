"""The negative controls: one guard is removed, and the checks must find the damage within twenty rounds."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.torture.clients import PATIENCE
from benchmarks.torture.payments import small_callbacks
from benchmarks.torture.scenarios import CLIENTS, edit, endless, hold_all, pause, play_no_worker
from benchmarks.torture.stage import Stage
from benchmarks.torture.told import small_told

MAX_ROUNDS = 20
KEY_TABLE = "CREATE TABLE torture_key (name varchar(255) PRIMARY KEY, booking varchar(36) NOT NULL)"
DROP_UNIQUE_REFERENCE = "DROP INDEX payment_reference_is_unique_for_its_provider"
DROP_UNIQUE_KEY = "DROP INDEX booking_idempotency_key_is_unique_for_its_client"


@dataclass(frozen=True)
class Control:
    name: str  # of the missing guard
    sabotage: str  # a function of config.tests.harness.torture_wsgi
    play: Callable[[Stage], None]  # one round
    finds: tuple[str, ...]  # the columns of the table; one of them must not be zero
    prepare: dict[str, tuple[str, ...]] = field(default_factory=dict)  # SQL that removes a guard from the database
    only_on: str = ""
    otherwise: str = ""  # why it cannot run on the other databases
    options: dict[str, str] = field(default_factory=dict)  # of the PostgreSQL server


def small_sellout(stage: Stage) -> None:
    """192 requests for 60 places of one ticket type."""
    show = stage.make_show(60, {"quantity": None})
    stage.perform([[stage.booking(show, {show.types[0]: 1}) for _ in range(6)] for _ in range(CLIENTS)])


def small_twins(stage: Stage) -> None:
    show = stage.make_show(50, {})
    request = stage.booking(show, {show.types[0]: 1})
    stage.perform([[request]] * 24)


def small_race(stage: Stage) -> None:
    """Confirms and cancels each hold at the same moment."""
    show = stage.make_show(24, {}, {})
    holds = hold_all(stage, show, 24)
    stage.perform([[stage.verb(verb, booking)] for booking in holds for verb in ("confirm", "cancel")])


def small_edits(stage: Stage) -> None:
    """Two clients edit while sixteen buy."""
    show = stage.make_show(2_000, {}, {"quantity": 1_000})
    changes = [edit(stage, show, number, None) for number in range(40)]
    buyers = [[stage.booking(show, {show.types[1]: 1}) for _ in range(6)] for _ in range(16)]
    stage.perform([changes[0::2], changes[1::2], *buyers])


def power_cut(stage: Stage) -> None:
    """One crash of the database and of all workers during sales."""

    def cut() -> None:
        stage.database.restart()
        stage.server.kill_all_workers()

    under_fire(stage, cut)


def workers_die(stage: Stage) -> None:
    under_fire(stage, stage.server.kill_all_workers, patience=2.5)


def under_fire(stage: Stage, strike: Callable[[], Any], patience: float = PATIENCE) -> None:
    """Calls `strike` once during sales. Patience is short, because what is stuck here stays stuck."""
    stage.is_under_fire = True
    show = stage.make_show(10_000, {}, {})
    futures = stage.begin([endless(stage, show, 1)[:2] for _ in range(8)], again=True, patience=patience)
    wait_for_sales(stage, 24)
    strike()
    stage.faults += 1
    pause(stage, 0.5)
    stage.finish(futures)
    pause(stage, 0.5)  # a late write is finished by now


def wait_for_sales(stage: Stage, number: int) -> None:
    """Until so many bookings have a final response, for 20 seconds at most."""
    enough, give_up_at = stage.crowd.settled.value + number, time.monotonic() + 20
    while stage.crowd.settled.value < enough and time.monotonic() < give_up_at:
        pause(stage, 0.02)


CONTROLS = (
    Control(
        "no conditional update, no check constraint",
        "read_then_save",
        small_sellout,
        ("oversold", "drift"),
        prepare={
            "PostgreSQL": (
                "ALTER TABLE events_event DROP CONSTRAINT event_reserved_is_within_capacity",
                "ALTER TABLE ticket_types_tickettype DROP CONSTRAINT tickettype_reserved_is_within_capacity",
            )
        },
    ),
    Control(
        "key in a separate transaction",
        "key_apart",
        small_twins,
        ("doubled",),
        prepare=dict.fromkeys(("PostgreSQL", "SQLite"), (DROP_UNIQUE_KEY,)),
    ),
    Control(
        "key in three transactions",
        "key_in_steps",
        workers_die,
        ("stuck",),
        prepare=dict.fromkeys(("PostgreSQL", "SQLite"), (KEY_TABLE,)),
    ),
    Control(
        "payment looked up before its transaction",
        "payment_read_first",
        small_callbacks,
        ("doubled",),
        prepare=dict.fromkeys(("PostgreSQL", "SQLite"), (DROP_UNIQUE_REFERENCE,)),
    ),
    Control("no conditional transition", "unconditional_transition", small_race, ("drift",)),
    Control("due holds not released by requests", "no_release", play_no_worker, ("refused",)),
    Control("edits save whole rows", "whole_rows", small_edits, ("drift",)),
    Control(
        "commits not durable",
        "lazy_commits",
        power_cut,
        ("lost",),
        only_on="PostgreSQL",
        otherwise="n/a: the operating system keeps the writes of killed processes",
        options={"wal_writer_delay": "10s", "wal_writer_flush_after": "1GB"},
    ),
    Control(
        "positions given at the insert",
        "early_positions",
        small_told,
        ("drift",),
        only_on="PostgreSQL",
        otherwise="n/a: SQLite has one writer",
    ),
    Control("response before the commit", "early_response", workers_die, ("lost",)),
)
