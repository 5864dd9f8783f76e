"""The scenarios. `verify` then compares the history with the database."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event as Signal

from benchmarks.torture import staff
from benchmarks.torture.history import API, Call, Request, sales
from benchmarks.torture.servers import Running, environment
from benchmarks.torture.stage import Show, Stage

CLIENTS = 32


def booked(calls: list[Call]) -> list[str]:
    """The ids of the bookings that these calls made."""
    return list(secrets_of(calls))


def secrets_of(calls: list[Call]) -> dict[str, str]:
    """The secrets of these bookings by id."""
    made = [call.answer for call in calls if call.request.verb == "book" and call.status == 201]
    return {answer["id"]: answer["secret"] for answer in made}


def sellout(stage: Stage) -> None:
    """32 clients request five times the capacity: several ticket types at once, in any order and quantity."""
    for _ in range(1 if stage.is_quick else 20):
        play_sellout(stage)
    if deadlocks := stage.database.deadlocks(stage.name):
        stage.notes.append(f"{deadlocks} deadlocks")


def play_sellout(stage: Stage) -> None:
    show = stage.make_show(100, {"quantity": 45}, {"quantity": 30}, {"quantity": None}, {"quantity": 20})
    clients: list[list[Request]] = [[] for _ in range(CLIENTS)]
    wanted = 0
    while wanted < 500:
        lines = mixed_lines(stage, show)
        wanted += sum(lines.values())
        stage.random.choice(clients).append(stage.booking(show, lines))
    for client in clients:  # single places, so that everything can be sold in the end
        client.append(stage.booking(show, {show.types[2]: 1}))
    stage.perform(clients)
    fill_up(stage, show)


def mixed_lines(stage: Stage, show: Show) -> dict[int, int]:
    chosen = stage.random.sample(show.types, stage.random.randint(1, 3))
    return {each: stage.random.randint(1, 3) for each in chosen}


def fill_up(stage: Stage, show: Show) -> None:
    """Books one place after the other until the first refusal, when all must be sold."""
    while stage.perform([[stage.booking(show, {show.types[2]: 1})]])[-1].status == 201:
        pass


def last_ticket(stage: Stage) -> None:
    """24 clients want one place: one gets it, 23 get `sold-out`."""
    for number in range(4 if stage.is_quick else 50):
        show = stage.make_show(1, {"quantity": 1 if number % 2 else None})
        calls = stage.perform([[stage.booking(show, {show.types[0]: 1})] for _ in range(24)])
        answers = sorted(f"{call.status} {call.code}".strip() for call in calls if call.is_final)
        if answers != ["201", *["409 sold-out"] * 23]:
            stage.notes.append(f"24 clients that wanted one place got {answers}")


def race(stage: Stage) -> None:
    """Confirms, cancels, releases and books again, all at once on the same holds."""
    play_race(stage, 60 if stage.is_quick else 400)


def play_race(stage: Stage, size: int, *, buyers: int = 4) -> None:
    show = stage.make_show(size, {"quantity": None}, {"quantity": size // 2})
    with workers(stage, 2):
        calls = play_race_on(stage, show, size, buyers)
    note_released(stage, calls)


def play_race_on(stage: Stage, show: Show, size: int, buyers: int) -> list[Call]:
    secrets = hold_all(stage, show, size)
    holds = list(secrets)
    confirm = [stage.verb("confirm", booking) for booking in holds]
    cancel = [stage.verb("cancel", booking) for booking in holds]
    # Anonymous clients may cancel holds with their secret.
    cancel[::2] = [replace(request, token="", secret=secrets[request.subject]) for request in cancel[::2]]
    clients = [each[start::6] for start in range(6) for each in (confirm, cancel)]
    new = [stage.booking(show, {stage.random.choice(show.types): 1}) for _ in range(size)]
    clients += [new[start::buyers] for start in range(buyers)]
    due = stage.random.sample(holds, len(holds) // 3)
    stage.faults += len(due)
    with stage.meanwhile(lambda ended: make_due_in_turn(stage, holds, due, ended)):
        return stage.perform(clients)


def hold_all(stage: Stage, show: Show, size: int) -> dict[str, str]:
    """Holds all places, one in each booking; returns the secrets of the bookings by id."""
    first, second = show.types
    requests = [stage.booking(show, {first if number % 2 else second: 1}) for number in range(size)]
    return secrets_of(stage.perform([requests[start::CLIENTS] for start in range(CLIENTS)]))


@contextmanager
def workers(stage: Stage, number: int) -> Iterator[None]:
    """Runs workers that release holds during the block. None of them may fail."""
    command = [sys.executable, "manage.py", "worker", "--steps", "release-holds", "--interval", "0.05"]
    logs = [stage.folder / f"{stage.database.name}-{stage.name}-worker-{each}.log" for each in range(number)]
    env = environment(stage.database.url(stage.name))
    running = [Running(command, env, log, stage.keeper) for log in logs]
    try:
        yield
        for each in running:
            if each.process.poll() is not None:
                stage.notes.append(f"a worker failed: {each.logged()[-500:]}")
    finally:
        for each in running:
            each.stop()


def make_due_in_turn(stage: Stage, holds: list[str], due: list[str], ended: Signal) -> None:
    """About in the order in which the clients reach them."""
    ordered = sorted(due, key=holds.index)
    for start in range(0, len(ordered), 4):
        if ended.wait(0.02):
            return
        stage.make_due(ordered[start : start + 4])


def note_released(stage: Stage, calls: list[Call]) -> None:
    """A cancellation is final, so its places are available from its response on."""
    for call in calls:
        if call.request.verb == "cancel" and call.status == 200 and call.answer["status"] == "cancelled":
            stage.released[call.request.subject] = call.ended


def twins(stage: Stage) -> None:
    """24 clients at once with the same key and the same body."""
    for _ in range(5 if stage.is_quick else 100):
        play_twins(stage, stage.make_show(50, {}))


def play_twins(stage: Stage, show: Show) -> None:
    request = stage.booking(show, {show.types[0]: 2})
    calls = stage.perform([[request]] * 24)
    others = [call.code or call.status for call in calls if call.is_final and call.status != 201]
    if others:
        stage.notes.append(f"twins got {others} besides 201")


def kills(stage: Stage) -> None:
    """Workers are killed and the database crashes, while every client retries with the same key."""
    stage.is_under_fire = True
    stage.random.shuffle(order := [2, 1, 1, 3])
    show = stage.make_show(1_000_000, {}, {"quantity": 900_000})
    futures = stage.begin([endless(stage, show, order[number % 4]) for number in range(CLIENTS)], again=True)
    kills, crashes, keys = (5, 1, 100) if stage.is_quick else (110, 10, 4_000)
    fire(stage, kills, crashes, keys)
    stage.finish(futures)
    stage.remarks.append(f"{len(sales(stage.history)):,} keys")
    if damage := stage.database.damage(stage.name):
        stage.notes.append(f"the file is damaged: {damage}")


def endless(stage: Stage, show: Show, quantity: int) -> list[Request]:
    """Three bookings, for clients that start over. The third is confirmed at once."""
    lines = [{show.types[0]: quantity}, {show.types[1]: 1}, {show.types[1]: 1, show.types[0]: quantity}]
    plain = [stage.booking(show, each) for each in lines]
    return [*plain[:2], replace(plain[2], confirm_with=stage.token)]


def fire(stage: Stage, kills: int, crashes: int, keys: int) -> None:
    """Goes on until there were as many kills, crashes and keys."""
    crashes = crashes if stage.database.can_crash else 0
    enough = stage.crowd.settled.value + keys
    killed = crashed = 0
    give_up = time.monotonic() + 900
    while killed < kills or crashed < crashes or stage.crowd.settled.value < enough:
        if time.monotonic() > give_up or stage.server.process.poll() is not None:
            how = "within 15 minutes" if stage.server.process.poll() is None else "until the server ended"
            stage.notes.append(f"only {killed} kills and {crashed} crashes {how}")
            break
        pause(stage, stage.random.uniform(0.4, 0.8))
        killed += stage.server.kill_a_worker(stage.random.choice)
        if crashed < crashes and killed * crashes >= (crashed + 1) * kills:
            stage.database.restart()
            crashed += 1
        stage.faults = killed + crashed
    stage.remarks.append(f"{killed} kills, {crashed} crashes")


def pause(stage: Stage, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        stage.crowd.on_wait()
        time.sleep(0.01)


def edits(stage: Stage) -> None:
    """Staff change texts, prices and capacities through the API and the admin during sales."""
    number = 40 if stage.is_quick else 200
    show = stage.make_show(2_000, {}, {"quantity": 1_000})
    form = staff.event_form(stage.database.url(stage.name), show.id)
    changes = [edit(stage, show, n, form) for n in range(number)]
    buyers = [[stage.booking(show, mixed_two(stage, show)) for _ in range(number // 8)] for _ in range(CLIENTS - 2)]
    calls = stage.perform([changes[0::2], changes[1::2], *buyers])
    stage.faults += sum(call.request.verb == "edit" for call in calls)
    for call in calls:
        if call.request.verb == "edit" and call.status != (302 if call.request.form else 200):
            stage.notes.append(f"an edit got {call.status}: {call.request.body} {call.answer}")
    check_unsold(stage, show, calls)
    check_form(stage, show, form)


def check_form(stage: Stage, show: Show, form: "staff.Form") -> None:
    """Checks that a form reaches the admin and not its login page."""
    name = "Concert, edited last"
    stage.perform([[form.submit(name=name, capacity="2000")]])
    call = stage.send(Request("read", "GET", f"{API}/events/{show.id}"))
    if call.answer["name"] != name:
        stage.notes.append(f"the admin did not save the form: the event's name is {call.answer['name']}")


def mixed_two(stage: Stage, show: Show) -> dict[int, int]:
    first, second = stage.random.sample(show.types, 2)
    return stage.random.choice([{first: 1}, {first: 2}, {first: 1, second: 1}])


def edit(stage: Stage, show: Show, number: int, form: "staff.Form | None") -> Request:
    """The number decides what is edited. Capacities change, but never below their first value."""
    first, second = show.types
    price = f"{10 + number % 50}.{number % 10}0"
    event, types = f"/events/{show.id}", [f"/ticket-types/{each}" for each in (first, second)]
    if number % 5 == 0 and form is not None:
        return form.submit(name=f"Concert, edited {number}", capacity=str(2_000 + number))
    if number % 5 in (1, 3):
        show.prices[first if number % 5 == 1 else second].add(price)
    path, data = [
        (event, {"description": f"Doors open at {number}."}),
        (types[0], {"price": price}),
        (event, {"name": f"Concert {number}", "capacity": 2_000 + 10 * (number % 7)}),
        (types[1], {"price": price, "quantity": 1_000 + number % 30}),
        (types[0], {"description": f"Row {number}", "position": number}),
    ][number % 5]
    body = json.dumps(data)
    return Request("edit", "PATCH", API + path, body, token=stage.token, pause=stage.random.uniform(0.0, 0.05))


def check_unsold(stage: Stage, show: Show, calls: list[Call]) -> None:
    """No booking may be refused, since there were always enough places."""
    final = [call for call in calls if call.request.verb == "book" and call.is_final]
    refused = [call.code for call in final if call.status != 201]
    if refused:
        stage.notes.append(f"{len(refused)} bookings were refused during edits: {sorted(set(refused))}")


def no_worker(stage: Stage) -> None:
    """Holds become due while no worker runs: their places must be available to others, to the last."""
    for _ in range(2 if stage.is_quick else 20):
        play_no_worker(stage)


def play_no_worker(stage: Stage) -> None:
    show = stage.make_show(20, {"quantity": 16}, {"quantity": None})
    first, second = show.types
    requests = [stage.booking(show, {first: 4}, hold_minutes=1) for _ in range(4)]
    requests.append(stage.booking(show, {second: 4}, hold_minutes=1))
    calls = stage.perform([[request] for request in requests])
    due = stage.random.sample(booked(calls), 3)
    available = {first: 0, second: 0}
    for call in calls:
        if call.status == 201 and call.answer["id"] in due:
            line = call.answer["items"][0]
            available[line["ticket_type"]] += line["quantity"]
    stage.make_due(due)
    stage.faults += len(due)
    stage.released.update(dict.fromkeys(due, time.monotonic()))
    expect_available(stage, show, sum(available.values()))
    book_available(stage, show, available)


def expect_available(stage: Stage, show: Show, places: int) -> None:
    call = stage.send(Request("read", "GET", f"{API}/events/{show.id}"))
    available = call.answer["availability"]["available"] if call.status == 200 else call.status
    if available != places:
        stage.notes.append(f"event {show.id} has {places} places available, and shows {available}")


def book_available(stage: Stage, show: Show, available: dict[int, int]) -> None:
    """One client books all places, or as many clients as there are places book one each, and eight more get nothing."""
    total = sum(available.values())
    if stage.random.random() < 0.5:
        lines = {each: quantity for each, quantity in available.items() if quantity}
        calls = stage.perform([[stage.booking(show, lines)]])
        expected = 1
    else:
        calls = stage.perform([[stage.booking(show, {show.types[1]: 1})] for _ in range(total + 8)])
        expected = total
    sold = len(booked(calls))
    if sold != expected:
        answers = [call.code or call.status for call in calls]
        stage.notes.append(f"{expected} clients could book the released places, and {sold} did: {answers}")
