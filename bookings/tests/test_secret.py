"""The secret opens a booking to anonymous clients; its id opens nothing."""

import math
import re
import uuid

import pytest
from django.core.management import call_command

from bookings.codes import PREFIX, SECRET_LENGTH
from bookings.models import Booking
from config.tests.harness import canaries, matrix
from config.tests.harness.answers import errors_in, refused
from conftest import client_of, holder_of, make_user

pytestmark = pytest.mark.both

METHODS = ("get", "head", "options", "post", "put", "patch", "delete")
BELOW = [
    re.sub(r"\(\?P<code>.*?\)", "A" * 26, route.removeprefix("api/v1").removesuffix("/?$"))
    .replace("(?P<pk>[^/]+)", "{}")
    .replace("\\", "")
    for route, _ in matrix.walk()
    if route.startswith("api/v1/bookings/(?P<pk>")
]
WRONG = ["", "wrong", "é", f"{PREFIX}{'a' * 32}"]


def send(client, method, path, **headers):
    answer = getattr(client, method)(path, headers={name.replace("_", "-"): it for name, it in headers.items()})
    return canaries.comparable(answer)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", BELOW)
def test_id_alone_is_as_an_unknown_id(path, method, anonymous, make_type, book):
    seat = make_type(price=0)
    known, other, unknown = book((seat, 1)), book((seat, 1)), uuid.uuid4()
    expected = send(anonymous, method, path.format(unknown))
    for secret in (*WRONG, other.secret, known.secret.swapcase(), known.secret[:-1]):
        assert send(anonymous, method, path.format(known.pk), Booking_Secret=secret) == expected
    assert send(anonymous, method, path.format(known.pk)) == expected
    known.refresh_from_db()
    assert (known.status, expected[0] in (204, 401, 404, 405)) == ("pending", True)
    if method == "get" and path == "/bookings/{}":
        assert expected[0] == 404


def test_verbs_below_a_booking_are_404_with_the_id_alone(anonymous, make_type, book):
    free = book((make_type(price=0), 1))
    for path in (f"/bookings/{free.pk}", f"/bookings/{free.pk}?expand=event", f"/bookings/{str(free.pk).upper()}"):
        assert refused(anonymous.get(path), 404, "not-found")
    for verb in ("confirm", "cancel"):
        assert refused(anonymous.post(f"/bookings/{free.pk}/{verb}"), 404, "not-found")


@pytest.mark.parametrize("secret", WRONG)
def test_wrong_secret_in_a_link_is_404(secret, anonymous, book):
    assert refused(anonymous.get(f"/bookings/{book().pk}", {"secret": secret}), 404, "not-found")


def test_empty_secret_opens_nothing(anonymous, book):
    booking = book()
    Booking.objects.update(secret="")  # a booking of a former release
    for answer in (
        anonymous.get(f"/bookings/{booking.pk}"),
        anonymous.get(f"/bookings/{booking.pk}?secret="),
        anonymous.get(f"/bookings/{booking.pk}", headers={"Booking-Secret": ""}),
    ):
        assert refused(answer, 404, "not-found")


def test_header_and_link_open_the_booking(anonymous, book):
    booking = book()
    path, link = f"/bookings/{booking.pk}", f"/bookings/{booking.pk}?secret={booking.secret}"
    for client, address in ((holder_of(booking), path), (anonymous, link), (holder_of(booking), link)):
        answer = client.get(address)
        assert (answer.status_code, answer.json()["id"]) == (200, str(booking.pk))
        assert "secret" not in answer.json()
    assert anonymous.get(f"/bookings/{str(booking.pk).upper()}?secret={booking.secret}").status_code == 200


@pytest.mark.parametrize("role", ["anonymous", "manager"])
def test_header_and_link_that_differ_are_400_for_known_and_unknown_ids(role, request, book):
    booking, client = book(), request.getfixturevalue(role)
    for pk in (booking.pk, uuid.uuid4()):
        sent = {"headers": {"Booking-Secret": booking.secret}}
        assert errors_in(client.get(f"/bookings/{pk}?secret=other", **sent)) == [("secret", "contradiction")]


def test_link_is_for_reading_alone(anonymous, book):
    booking = book()
    for path in (f"/bookings/{booking.pk}/cancel", f"/bookings/{booking.pk}/confirm", "/bookings"):
        answer = anonymous.post(f"{path}?secret={booking.secret}")
        assert errors_in(answer) == [("secret", "unknown-parameter")]
    twice = anonymous.get(f"/bookings/{booking.pk}?secret=a&secret={booking.secret}")
    assert errors_in(twice) == [("secret", "given-twice")]
    booking.refresh_from_db()
    assert booking.status == "pending"


@pytest.mark.parametrize(
    "path", ["/bookings/{}", "/bookings/{}/confirm", "/bookings/absent", "//", "//health", "/nowhere"]
)
@pytest.mark.parametrize("name", ["secret", "%73ecret"])
def test_answer_to_a_link_is_not_stored_and_sends_no_referrer(path, name, anonymous, book):
    booking = book()
    answer = anonymous.get(f"{path.format(booking.pk)}?{name}={booking.secret}")
    assert (answer["Cache-Control"], answer["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert anonymous.get(path.format(booking.pk))["Referrer-Policy"] == "same-origin"


def test_redirect_of_a_link_to_https_is_not_stored_and_sends_no_referrer(settings):
    settings.SECURE_SSL_REDIRECT = True
    answer = client_of().get("/bookings/absent?secret=x")
    assert (answer.status_code, answer["Cache-Control"], answer["Referrer-Policy"]) == (301, "no-store", "no-referrer")


def test_answer_to_a_header_is_not_stored(book):
    """So it needs no Vary."""
    booking = book()
    answers = [holder_of(booking).get(f"/bookings/{booking.pk}"), client_of().get(f"/bookings/{booking.pk}")]
    assert {answer["Cache-Control"] for answer in answers} == {"no-store"}


def test_unchanged_answer_to_a_link_sends_no_referrer(anonymous, book):
    booking = book().cancel()
    link = f"/bookings/{booking.pk}?secret={booking.secret}"
    answer = anonymous.get(link, headers={"If-None-Match": anonymous.get(link)["ETag"]})
    assert (answer.status_code, answer["Referrer-Policy"]) == (304, "no-referrer")


def test_secret_is_compared_in_constant_time(anonymous, book, monkeypatch):
    compared = []
    monkeypatch.setattr("bookings.models.booking.constant_time_compare", lambda *both: bool(compared.append(both)))
    booking = book()
    assert anonymous.get(f"/bookings/{booking.pk}", headers={"Booking-Secret": "x"}).status_code == 404
    assert compared == [("x", booking.secret)]


@pytest.mark.parametrize("role", ["door", "auditor"])
def test_known_client_has_its_own_rights_whatever_secret_it_sends(role, request, make_type, book):
    client, booking = request.getfixturevalue(role), book((make_type(price=0), 1))
    sent = {"headers": {"Booking-Secret": booking.secret}}
    path = f"/bookings/{booking.pk}"
    reads = {client.get(path).status_code, client.get(path, **sent).status_code}
    reads |= {client.get(f"{path}?secret={booking.secret}").status_code}
    assert reads == ({200} if role == "auditor" else {403})
    for verb in ("confirm", "cancel", "renew-secret"):
        assert refused(client.post(f"{path}/{verb}", **sent), 403, "forbidden")
    items = [{"ticket_type": booking.items.get().ticket_type_id, "quantity": 1}]
    order = {"customer_name": "Ann", "customer_email": "ann@example.com", "items": items}
    assert refused(client.post("/bookings", order, **sent), 403, "forbidden")
    booking.refresh_from_db()
    assert booking.status == "pending"


def test_secret_has_enough_randomness(make_type, book):
    seat = make_type()
    secrets = {book((seat, 1)).secret for _ in range(20)}
    assert len(secrets) == 20
    assert all(re.fullmatch(rf"{PREFIX}[A-Za-z0-9_-]{{32}}", secret) for secret in secrets)
    assert math.log2(64) * (SECRET_LENGTH - len(PREFIX)) >= 128


# Renewing


def test_renewed_secret_replaces_the_old_one(anonymous, box_office, book):
    booking = book()
    old, path = booking.secret, f"/bookings/{booking.pk}"
    answer = box_office.post(f"{path}/renew-secret")
    assert (answer.status_code, answer.json()["id"]) == (200, str(booking.pk))
    new = answer.json()["secret"]
    assert [anonymous.get(f"{path}?secret={secret}").status_code for secret in (old, new)] == [404, 200]
    change = booking.changes.get(verb="renew secret")
    assert (change.by_name, change.from_status, change.to_status, change.details) == (
        "box-office", "pending", "pending", {},
    )  # fmt: skip


def test_secret_is_renewed_in_any_state_and_changes_nothing_else(manager, book, pass_time):
    for booking in (book().confirm(), book().cancel(), book()):
        if booking.status == "pending":
            pass_time(minutes=16)
        before = manager.get(f"/bookings/{booking.pk}").json()
        booking.renew_secret(by=make_user(username=str(booking.pk)))
        after = manager.get(f"/bookings/{booking.pk}").json()
        assert after.pop("updated_at") > before.pop("updated_at")
        assert after == before


def test_renewing_checks_the_precondition(manager, book):
    booking = book()
    headers = {"If-Match": '"other-x"'}
    assert refused(manager.post(f"/bookings/{booking.pk}/renew-secret", headers=headers), 412, "precondition-failed")
    tag = manager.get(f"/bookings/{booking.pk}")["ETag"]
    assert manager.post(f"/bookings/{booking.pk}/renew-secret", headers={"If-Match": tag}).status_code == 200


def test_tag_of_a_new_booking_is_valid_for_its_first_edit(manager, make_type):
    items = [{"ticket_type": make_type().pk, "quantity": 1}]
    order = {"customer_name": "Ann", "customer_email": "ann@example.com", "items": items}
    booked = manager.post("/bookings", order)
    edit = {"customer_name": "Bob"}
    path, headers = f"/bookings/{booked.json()['id']}", {"If-Match": booked["ETag"]}
    assert manager.patch(path, edit, headers=headers).status_code == 200


def test_export_of_a_customer_has_no_secret(book, capsys):
    booking = book()
    call_command("export_customer", booking.customer_email)
    told = capsys.readouterr().out
    assert (str(booking.pk) in told, booking.secret in told) == (True, False)
