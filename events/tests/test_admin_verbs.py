"""The buttons of events besides publishing and cancelling."""

import datetime as dt

import pytest
from django.utils import timezone

from config.access.roles import Role
from config.tests.harness.pages import act, messages_of, open_form, send_form, staff, url
from events.models import Event
from ticket_types.models import TicketType

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
AT = dt.datetime(2089, 6, 12, 18, tzinfo=dt.UTC)  # 20:00 in Vienna


@pytest.fixture
def event(make_event):
    return make_event(starts_at=AT, ends_at=AT + 3 * HOUR)


@pytest.fixture
def browser(db):
    return staff(Role.MANAGER)


def press(browser, button, event, **answers):
    """As a button on the page of the event, for what the list does not offer."""
    return act(browser, button, event, from_page="yes", **answers)


def fields_of(answer):
    return answer.context["form"].fields


def test_pause_and_resume_work_at_once(browser, event):
    for verb, is_paused in (("pause_sales", True), ("resume_sales", False)):
        assert [level for level, _ in messages_of(act(browser, verb, event))] == ["success"]
        event.refresh_from_db()
        assert event.is_sales_paused is is_paused
        assert [level for level, _ in messages_of(act(browser, verb, event))] == ["warning"]


def test_postponing_asks_for_a_reason_and_shows_who_is_told(browser, event, make_type, book):
    book((make_type(event=event), 2)).confirm()
    answer = act(browser, "postpone", event)
    assert list(fields_of(answer)) == ["reason"]
    assert "1 sold booking, whose customers are told" in answer.content.decode()
    answer = act(browser, "postpone", event, confirmed="yes", reason="Storm")
    event.refresh_from_db()
    assert (event.is_postponed, event.is_sales_paused) == (True, True)
    page = browser.get(url(Event, "change", event.pk))
    assert "Postponed" in page.content.decode()
    assert [name for name, _ in page.context["page_actions"]] == ["reschedule", "clone", "cancel"]
    page = browser.get(url(Event, "history", event.pk)).content.decode()
    assert ("Postponed" in page, "Storm" in page) == (True, True)


def test_rescheduling_takes_local_times(browser, event, make_type):
    seat = make_type(event=event, sales_end_at=AT - HOUR)
    answer = press(browser, "reschedule", event)
    assert list(fields_of(answer)) == ["starts_at", "ends_at", "reason"]
    assert 'value="2089-06-12T20:00"' in answer.content.decode()
    times = {"starts_at": "2089-12-12T20:00", "ends_at": "2089-12-12T19:00"}
    answer = press(browser, "reschedule", event, confirmed="yes", **times)
    assert "An event must end after it starts." in answer.content.decode()
    answer = press(browser, "reschedule", event, confirmed="yes", **{**times, "ends_at": "2089-12-12T23:00"})
    event.refresh_from_db()
    seat.refresh_from_db()
    assert event.starts_at == dt.datetime(2089, 12, 12, 19, tzinfo=dt.UTC)
    assert seat.sales_end_at == dt.datetime(2089, 12, 12, 18, tzinfo=dt.UTC)
    assert [level for level, _ in messages_of(answer)] == ["success"]


def test_local_time_that_does_not_exist_is_an_error(browser, event):
    times = {"starts_at": "2027-03-28T02:30", "ends_at": "2027-03-28T05:00"}
    answer = press(browser, "reschedule", event, confirmed="yes", **times)
    assert "does not exist in Europe/Vienna" in answer.content.decode()
    event.refresh_from_db()
    assert event.starts_at == AT


def test_copy_opens_the_new_draft(browser, event, make_type):
    make_type(event=event)
    answer = press(browser, "clone", event)
    assert list(fields_of(answer)) == ["starts_at", "name", "count", "days"]
    data = {"starts_at": "2089-06-19T20:00", "name": "Gala", "count": "1", "days": ""}
    answer = press(browser, "clone", event, confirmed="yes", **data)
    copy = Event.objects.exclude(pk=event.pk).get()
    assert answer.redirect_chain[-1][0] == url(Event, "change", copy.pk)
    assert (copy.name, copy.status, copy.starts_at) == ("Gala", "draft", AT + 7 * DAY)
    assert copy.ticket_types.count() == 1


def test_series_keeps_the_local_hour_across_a_clock_change(browser, event):
    data = {"starts_at": "2089-10-20T20:00", "name": "Concert", "count": "3", "days": "7"}
    answer = press(browser, "clone", event, confirmed="yes", **data)
    assert "3 drafts were made." in messages_of(answer)[-1][1]
    starts = Event.objects.exclude(pk=event.pk).values_list("starts_at", flat=True)
    assert [f"{it:%d %H}" for it in starts] == ["20 18", "27 18", "03 19"]


@pytest.mark.parametrize("data", [{"count": "101"}, {"count": "0"}, {"name": ""}, {"starts_at": ""}, {"days": "367"}])
def test_copy_with_wrong_fields_makes_nothing(data, browser, event):
    whole = {"starts_at": "2089-06-19T20:00", "name": "Gala", "count": "1", "days": "7"}
    answer = press(browser, "clone", event, confirmed="yes", **{**whole, **data})
    assert answer.context["form"].errors.keys() == data.keys()
    assert Event.objects.count() == 1


def test_unpublishing_asks_first_and_refuses_what_was_booked(browser, event, make_type, book):
    assert "confirmed" in act(browser, "unpublish", event).content.decode()
    event.refresh_from_db()
    assert event.status == "published"
    act(browser, "unpublish", event, confirmed="yes")
    event.refresh_from_db()
    assert event.status == "draft"
    event.publish(at=timezone.now())
    book((make_type(event=event), 1)).cancel()
    answer = act(browser, "unpublish", event, confirmed="yes")
    assert messages_of(answer)[0][0] == "error"
    event.refresh_from_db()
    assert event.status == "published"


def test_saving_shows_warnings(browser, event, make_event, make_type):
    make_event(venue=event.venue, starts_at=AT + HOUR, name="Other")
    make_type(event=event, sales_end_at=AT - HOUR)
    answer = send_form(browser, event, open_form(browser, event), starts_at="2089-06-12T19:00")
    texts = [text for level, text in messages_of(answer) if level == "warning"]
    assert ["“Other”" in texts[0], "keeps its times" in texts[1], len(texts)] == [True, True, 2]


def test_saving_a_ticket_type_shows_warnings(browser, event, make_type):
    seat = make_type(event=event)
    answer = send_form(browser, seat, open_form(browser, seat), capacity="900")
    assert TicketType.objects.get().capacity == 900
    assert ["quantity of 900" in text for level, text in messages_of(answer) if level == "warning"] == [True]
