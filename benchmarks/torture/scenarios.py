"""The scenarios. Each plays on a stage; what the history then says of the database is checked by `verify`."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event as Signal

from benchmarks.torture import staff
from benchmarks.torture.history import API, Call, Request, sales
from benchmarks.torture.servers import Running, environment
from benchmarks.torture.stage import Show, Stage

CLIENTS = 32


def made(calls: list[Call]) -> list[str]:
    """The bookings that these calls made."""
    return list(
        dict.fromkeys(call.answer["id"] for call in calls if call.request.verb == "book" and call.status == 201)
    )


def rush(stage: Stage) -> None:
    """32 clients want five times what there is: several ticket types at once, in any order, in mixed quantities."""
    for _ in range(2 if stage.is_quick else 20):
        play_rush(stage)
    if deadlocks := stage.database.deadlocks(stage.name):
        stage.notes.append(f"{deadlocks} deadlocks")


def play_rush(stage: Stage) -> None:
    show = stage.make_show(100, {"quantity": 45}, {"quantity": 30}, {"quantity": None}, {"quantity": 20})
    clients: list[list[Request]] = [[] for _ in range(CLIENTS)]
    wanted = 0
    while wanted < 500:
        lines = mixed_lines(stage, show)
        wanted += sum(lines.values())
        stage.random.choice(clients).append(stage.booking(show, lines))
    for client in clients:  # the last single places find a buyer, so that everything is sold in the end
        client.append(stage.booking(show, {show.types[2]: 1}))
    stage.perform(clients)
    fill_up(stage, show)


def mixed_lines(stage: Stage, show: Show) -> dict[int, int]:
    chosen = stage.random.sample(show.types, stage.random.randint(1, 3))
    return {each: stage.random.randint(1, 3) for each in chosen}


def fill_up(stage: Stage, show: Show) -> None:
    """One after the other until the first refusal, which must then find nothing left."""
    while stage.perform([[stage.booking(show, {show.types[2]: 1})]])[-1].status == 201:
        pass


def last_ticket(stage: Stage) -> None:
    """24 buyers for one place: one gets it, and 23 hear that it is sold."""
    for number in range(8 if stage.is_quick else 50):
        show = stage.make_show(1, {"quantity": 1 if number % 2 else None})
        calls = stage.perform([[stage.booking(show, {show.types[0]: 1})] for _ in range(24)])
        answers = sorted(f"{call.status} {call.code}".strip() for call in calls)
        if answers != ["201", *["409 sold-out"] * 23]:
            stage.notes.append(f"24 buyers of one place heard {answers}")


def race(stage: Stage) -> None:
    """Confirm, cancel, expire and book again, all at once on the same holds."""
    play_race(stage, 100 if stage.is_quick else 400)


def play_race(stage: Stage, size: int, *, buyers: int = 4) -> None:
    show = stage.make_show(size, {"quantity": None}, {"quantity": size // 2})
    with sweepers(stage, 2):
        calls = play_race_on(stage, show, size, buyers)
    note_released(stage, calls)


def play_race_on(stage: Stage, show: Show, size: int, buyers: int) -> list[Call]:
    holds = hold_all(stage, show, size)
    confirm = [stage.verb("confirm", booking) for booking in holds]
    cancel = [stage.verb("cancel", booking) for booking in holds]
    cancel[::2] = [replace(request, token="") for request in cancel[::2]]  # guests, who may cancel what is pending
    clients = [each[start::6] for start in range(6) for each in (confirm, cancel)]
    new = [stage.booking(show, {stage.random.choice(show.types): 1}) for _ in range(size)]
    clients += [new[start::buyers] for start in range(buyers)]
    aged = stage.random.sample(holds, len(holds) // 3)
    stage.faults += len(aged)
    with stage.meanwhile(lambda ended: run_out_by_and_by(stage, holds, aged, ended)):
        return stage.perform(clients)


def hold_all(stage: Stage, show: Show, size: int) -> list[str]:
    """Holds for all places, one each."""
    first, second = show.types
    requests = [stage.booking(show, {first if number % 2 else second: 1}) for number in range(size)]
    return made(stage.perform([requests[start::CLIENTS] for start in range(CLIENTS)]))


@contextmanager
def sweepers(stage: Stage, number: int) -> Iterator[None]:
    """So many `expire_holds` at once, as long as the block lasts; none of them may give up."""
    command = [sys.executable, "manage.py", "expire_holds", "--watch", "0.05"]
    logs = [stage.folder / f"{stage.database.name}-{stage.name}-sweeper-{each}.log" for each in range(number)]
    env = environment(stage.database.url(stage.name))
    running = [Running(command, env, log, stage.keeper) for log in logs]
    try:
        yield
        for each in running:
            if each.process.poll() is not None:
                stage.notes.append(f"expire_holds gave up: {each.logged()[-500:]}")
    finally:
        for each in running:
            each.stop()


def run_out_by_and_by(stage: Stage, holds: list[str], aged: list[str], ended: Signal) -> None:
    """In the order in which the clients come to them, a little ahead or behind."""
    ordered = sorted(aged, key=holds.index)
    for start in range(0, len(ordered), 4):
        if ended.wait(0.02):
            return
        stage.run_out(ordered[start : start + 4])


def note_released(stage: Stage, calls: list[Call]) -> None:
    """A cancellation is for good, so its places are free from its answer on."""
    for call in calls:
        if call.request.verb == "cancel" and call.status == 200 and call.answer["status"] == "cancelled":
            stage.released[call.request.subject] = call.ended


def twins(stage: Stage) -> None:
    """24 clients at once with the same key and the same body."""
    for _ in range(12 if stage.is_quick else 100):
        play_twins(stage, stage.make_show(50, {}))


def play_twins(stage: Stage, show: Show) -> None:
    request = stage.booking(show, {show.types[0]: 2})
    calls = stage.perform([[request]] * 24)
    unanswered = [call.code or call.status for call in calls if call.is_final and call.status != 201]
    if unanswered:
        stage.notes.append(f"twins heard {unanswered} beside 201")


def kills(stage: Stage) -> None:
    """Workers die, the database crashes, and every client asks again with the same key until it is answered."""
    stage.is_under_fire = True
    stage.random.shuffle(order := [2, 1, 1, 3])
    show = stage.make_show(1_000_000, {}, {"quantity": 900_000})
    futures = stage.begin([endless(stage, show, order[number % 4]) for number in range(CLIENTS)], again=True)
    kills, crashes, keys = (10, 2, 120) if stage.is_quick else (110, 10, 4_000)
    fire(stage, kills, crashes, keys)
    stage.finish(futures)
    stage.remarks.append(f"{len(sales(stage.history)):,} keys")
    if damage := stage.database.damage(stage.name):
        stage.notes.append(f"the file is damaged: {damage}")


def endless(stage: Stage, show: Show, quantity: int) -> list[Request]:
    """Some bookings over and over; every third is confirmed at once."""
    lines = [{show.types[0]: quantity}, {show.types[1]: 1}, {show.types[1]: 1, show.types[0]: quantity}]
    plain = [stage.booking(show, each) for each in lines]
    return [*plain[:2], replace(plain[2], confirm_with=stage.token)]


def fire(stage: Stage, kills: int, crashes: int, keys: int) -> None:
    """Until there were so many kills and crashes, and so many keys were used."""
    crashes = crashes if stage.database.can_crash else 0
    enough = stage.crowd.settled.value + keys
    killed = crashed = 0
    give_up = time.monotonic() + 900
    while killed < kills or crashed < crashes or stage.crowd.settled.value < enough:
        if time.monotonic() > give_up:
            stage.notes.append(f"after a quarter of an hour there were only {killed} kills and {crashed} crashes")
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
    """Staff change texts, prices and capacities, by API and in the admin, while everything sells."""
    number = 60 if stage.is_quick else 200
    show = stage.make_show(2_000, {}, {"quantity": 1_000})
    form = staff.event_form(stage.database.url(stage.name), show.id)
    if form is None:
        stage.remarks.append("the admin has no form for events: edits by API only")
    changes = [edit(stage, show, n, form) for n in range(number)]
    buyers = [[stage.booking(show, mixed_two(stage, show)) for _ in range(number // 8)] for _ in range(CLIENTS - 2)]
    calls = stage.perform([changes[0::2], changes[1::2], *buyers])
    stage.faults += sum(call.request.verb == "edit" for call in calls)
    for call in calls:
        if call.request.verb == "edit" and call.status != (302 if call.request.form else 200):
            stage.notes.append(f"an edit answered {call.status}: {call.request.body} {call.answer}")
    check_unsold(stage, show, calls)
    if form is not None:
        check_form(stage, show, form)


def check_form(stage: Stage, show: Show, form: "staff.Form") -> None:
    """An old form still arrives: otherwise the ones above may have been sent to a login page."""
    name = "Concert, by hand at last"
    stage.perform([[form.submit(name=name, capacity="2000")]])
    call = stage.ask(Request("read", "GET", f"{API}/events/{show.id}"))
    if call.answer["name"] != name:
        stage.notes.append(f"the admin's form did not arrive: the event is called {call.answer['name']}")


def mixed_two(stage: Stage, show: Show) -> dict[int, int]:
    first, second = stage.random.sample(show.types, 2)
    return stage.random.choice([{first: 1}, {first: 2}, {first: 1, second: 1}])


def edit(stage: Stage, show: Show, number: int, form: "staff.Form | None") -> Request:
    """The number decides what is edited. Capacities go up and down, but never below what was there at first."""
    first, second = show.types
    price = f"{10 + number % 50}.{number % 10}0"
    event, types = f"/events/{show.id}", [f"/ticket-types/{each}" for each in (first, second)]
    if number % 5 == 0 and form is not None:
        return form.submit(name=f"Concert, by hand {number}", capacity=str(2_000 + number))
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
    """Nobody may be refused: there was always more than all wanted."""
    refused = [call.code for call in calls if call.request.verb == "book" and (call.status or 0) in range(400, 500)]
    if refused:
        stage.notes.append(f"{len(refused)} bookings were refused during edits: {sorted(set(refused))}")


def no_sweeper(stage: Stage) -> None:
    """Holds run out and nothing sweeps: whoever comes later gets their places, to the last."""
    for _ in range(4 if stage.is_quick else 20):
        play_no_sweeper(stage)


def play_no_sweeper(stage: Stage) -> None:
    show = stage.make_show(20, {"quantity": 16}, {"quantity": None})
    first, second = show.types
    requests = [stage.booking(show, {first: 4}, hold_minutes=1) for _ in range(4)]
    requests.append(stage.booking(show, {second: 4}, hold_minutes=1))
    calls = stage.perform([[request] for request in requests])
    gone = stage.random.sample(made(calls), 3)
    free = {first: 0, second: 0}
    for call in calls:
        if call.status == 201 and call.answer["id"] in gone:
            line = call.answer["items"][0]
            free[line["ticket_type"]] += line["quantity"]
    stage.run_out(gone)
    stage.faults += len(gone)
    stage.released.update(dict.fromkeys(gone, time.monotonic()))
    expect_available(stage, show, sum(free.values()))
    buy_what_is_free(stage, show, free)


def expect_available(stage: Stage, show: Show, places: int) -> None:
    call = stage.ask(Request("read", "GET", f"{API}/events/{show.id}"))
    available = call.answer["availability"]["available"] if call.status == 200 else call.status
    if available != places:
        stage.notes.append(f"{places} places of event {show.id} are free, and it says {available}")


def buy_what_is_free(stage: Stage, show: Show, free: dict[int, int]) -> None:
    """All at once by one buyer, or place by place by as many as there are places, with some more who get nothing."""
    total = sum(free.values())
    if stage.random.random() < 0.5:
        lines = {each: quantity for each, quantity in free.items() if quantity}
        calls = stage.perform([[stage.booking(show, lines)]])
        expected = 1
    else:
        calls = stage.perform([[stage.booking(show, {show.types[1]: 1})] for _ in range(total + 8)])
        expected = total
    sold = len(made(calls))
    if sold != expected:
        heard = [call.code or call.status for call in calls]
        stage.notes.append(f"{expected} could buy what had run out, and {sold} did: {heard}")


SCENARIOS: dict[str, Callable[[Stage], None]] = {
    "rush": rush,
    "last-ticket": last_ticket,
    "race": race,
    "twins": twins,
    "kills": kills,
    "edits": edits,
    "no-sweeper": no_sweeper,
}
