"""A day in the back office, each part as the role that does it."""

import csv
import datetime as dt
import re

import pytest

from config.access.roles import Role

WAYS = {
    Role.MANAGER: [
        *("Dashboard", "Calendar", "Sell", "Till", "Events", "Bookings", "Payments", "Door", "Tickets", "Mails"),
        *("Venues", "Import"),
    ],
    Role.BOX_OFFICE: [
        *("Dashboard", "Calendar", "Sell", "Till", "Events", "Bookings", "Payments", "Door", "Tickets", "Mails"),
        "Venues",
    ],
    Role.DOOR: ["Dashboard", "Calendar", "Events", "Door", "Tickets", "Venues"],
    Role.AUDITOR: ["Dashboard", "Calendar", "Till", "Events", "Bookings", "Payments", "Tickets", "Mails", "Venues"],
}
HEADER = (
    "venue_name,venue_address,venue_capacity,venue_timezone,event_name,event_starts_at,event_ends_at,"
    "ticket_type_name,ticket_type_price\n"
)
SURE = "Yes, I\N{RIGHT SINGLE QUOTATION MARK}m sure"
CODE = re.compile(r"Booking ([A-Z2-9]{8})")


@pytest.mark.parametrize("role", list(WAYS))
def test_log_in_by_role_and_see_the_dashboard(sit_down, role):
    desk = sit_down(role)
    assert desk.page.locator("#navigation a").all_inner_texts() == WAYS[role]
    assert ("Sold today" in desk.text) == (role != Role.DOOR)
    assert "Upcoming" in desk.text
    assert desk.look() == []
    desk.press("Log out")
    desk.go("/admin/")
    assert desk.page.get_by_label("Username").is_visible()


def test_wrong_password_is_told(sit_down):
    desk = sit_down(Role.DOOR)
    desk.press("Log out")
    desk.log_in("door", "wrong")
    assert "Please enter the correct username and password" in desk.page.locator(".errornote").inner_text()
    assert desk.look() == []


def test_number_on_the_dashboard_leads_to_the_list_behind_it(sit_down):
    desk = sit_down(Role.AUDITOR)
    tickets = desk.number_after("Sold in 30 days")
    desk.page.get_by_role("listitem").filter(has_text="Sold in 30 days").get_by_role("link").first.click()
    assert desk.number_after(r"Confirmed\s+[\d,]+ bookings,") == tickets
    assert desk.look() == []


def test_plan_an_event_with_a_ticket_type_and_publish_it(sit_down):
    desk = sit_down(Role.MANAGER)
    desk.follow("Events")
    desk.follow("Add event", exact=False)
    desk.page.locator(".field-venue .select2-selection").click()
    desk.page.locator(".select2-search__field").fill("paradiso")
    zones = desk.page.locator(".zone")
    assert zones.all_inner_texts() == ["local time at the venue"] * 2
    desk.page.get_by_role("option", name="Paradiso").click()
    assert zones.all_inner_texts() == ["Europe/Amsterdam"] * 2
    desk.page.get_by_label("Name").fill("New Voices of Spring")
    desk.page.get_by_label("Starts at").fill("2029-03-25T02:30")
    desk.page.get_by_label("Ends at").fill("2029-03-25T05:00")
    desk.press("Save and continue editing")
    assert "Sun 25 Mar 2029, 02:30 does not exist in Europe/Amsterdam" in desk.text
    assert desk.look() == []
    desk.page.get_by_label("Starts at").fill("2029-03-25T20:30")
    desk.page.get_by_label("Ends at").fill("2029-03-25T23:00")
    desk.press("Save and continue editing")
    assert "Sun 25 Mar 2029, 20:30 to 23:00 Europe/Amsterdam" in desk.text
    desk.follow("Add a ticket type")
    desk.page.get_by_label("Name:", exact=True).fill("Admission")
    desk.page.get_by_label("Price").fill("17.50")
    desk.press("Save")
    assert "17.50" in desk.text
    assert "Draft" in desk.text
    desk.press("Publish")
    assert desk.messages == ["Published: 1 event."]
    assert "On sale" in desk.text
    assert desk.look() == []
    desk.go("/admin/events/event/calendar/?month=2029-03")
    assert "1,500 available" in desk.text
    desk.follow("20:30 New Voices of Spring")
    assert desk.page.get_by_role("heading", level=1).inner_text() == "New Voices of Spring"


def sell(desk, words, quantity):
    """Sells so many of the first ticket type of an event; returns the confirmation code."""
    desk.follow("Sell")
    desk.page.get_by_label("Event or venue").fill(words)
    desk.press("Search")
    desk.page.locator("#content table a").first.click()
    desk.page.locator("input[type=number]:focus").press_sequentially(str(quantity))  # there the page begins
    return desk


def test_sell_at_the_counter_find_the_booking_and_cancel_two_of_its_tickets(sit_down):
    desk = sit_down(Role.BOX_OFFICE)
    sell(desk, "carols", 3)
    assert desk.page.locator("#total").inner_text() == "227.85 GBP"
    desk.page.get_by_label("Name").fill("Zoë Quist-Lindqvist")
    desk.page.locator("#id_payment").select_option("cash")
    assert desk.look() == []
    desk.press("Sell and issue the tickets")
    (message,) = desk.messages
    assert message.startswith("Sold: 3 × Stalls, 227.85")
    code = CODE.search(message)[1]
    assert desk.look() == []

    desk.follow("Bookings")
    desk.page.locator("#searchbar").fill(code.lower())
    desk.press("Search")
    assert desk.page.locator("#result_list tbody tr").count() == 1
    desk.page.locator("#searchbar").fill("quist-l")
    desk.press("Search")
    desk.follow(code)
    assert desk.page.get_by_text("Valid", exact=True).count() == 3

    desk.press("Cancel tickets…")
    everything = desk.page.get_by_label("All 3 tickets")
    everything.check()
    back = desk.page.locator(".ticket-choices output")
    assert back.inner_text() == "227.85 GBP (3 / 3)"
    everything.uncheck()
    desk.press(SURE)
    assert "Choose the tickets to cancel. Nothing was cancelled." in desk.text
    for box in desk.page.locator(".ticket-choices").get_by_role("checkbox").all()[:2]:
        box.check()
    assert desk.page.locator(".ticket-choices output").inner_text() == "151.90 GBP (2 / 3)"
    desk.page.get_by_label("Reason").fill("Two of them are ill")
    desk.page.get_by_label("Cancellation fee, GBP").fill("15.00")
    assert desk.look() == []
    desk.press(SURE)
    assert desk.messages == ["Refunds due: 136.90\N{NO-BREAK SPACE}GBP.", "Tickets cancelled: 1 booking."]
    assert desk.page.get_by_text("Void", exact=True).count() == 2
    assert desk.page.get_by_text("1 of 3").is_visible()
    assert desk.page.locator(".timeline li").last.inner_text().startswith("Tickets cancelled by box-office")
    assert desk.look() == []


def test_sale_of_more_than_is_left_is_refused_in_words(sit_down):
    desk = sit_down(Role.BOX_OFFICE)
    sell(desk, "voices of soho", 8)
    desk.press("Sell and issue the tickets")
    assert "Not sold." in desk.text
    assert re.search(r"“Table”: 8 requested, \d available\.", desk.text)
    assert desk.look() == []


def test_counter_shows_what_others_leave_and_keeps_what_was_typed(sit_down):
    desk, other = sit_down(Role.BOX_OFFICE), sit_down(Role.MANAGER)
    sell(desk, "carols", 2)
    left = desk.page.locator("[data-available]").first
    fewer = f"{int(left.inner_text().replace(',', '')) - 1:,}"
    sell(other, "carols", 1).press("Sell and issue the tickets")
    desk.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when one comes back to the page
    desk.page.locator("#changes", has_text=f"Stalls: {fewer} available").wait_for(state="attached")
    assert (left.inner_text(), desk.page.locator("input[type=number]:focus").input_value()) == (fewer, "2")
    assert desk.look() == []
    desk.page.get_by_label("Name").fill("Bo Ek")
    desk.press("Refresh")
    assert desk.page.get_by_label("Name").input_value() == "Bo Ek"
    assert desk.page.locator("#total").inner_text() == "151.90 GBP"
    assert desk.look() == []


def test_event_that_cannot_be_sold_says_why_and_where_to_go(sit_down):
    desk = sit_down(Role.BOX_OFFICE)
    desk.go("/admin/events/event/?when=past")
    desk.page.locator("#result_list tbody th a").first.click()
    number = re.search(r"/event/(\d+)/", desk.page.url)[1]
    desk.go(f"/admin/bookings/booking/sell/?event={number}")
    assert "This event is" in desk.text
    assert desk.look() == []
    desk.page.locator("a:focus").press("Enter")  # on the way back, where the page begins
    desk.page.get_by_label("Event or venue").wait_for()


def test_refund_a_part_with_a_reason_and_find_it_in_the_till(sit_down):
    desk = sit_down(Role.BOX_OFFICE)
    desk.go("/admin/bookings/booking/?q=quist-l")
    desk.page.locator("#result_list tbody th a").first.click()
    desk.press("Refund…")
    assert "refund of 136.90\N{NO-BREAK SPACE}GBP, from Cash: 136.90\N{NO-BREAK SPACE}GBP" in desk.text
    assert desk.page.get_by_label("Amount, GBP").input_value() == "136.90"
    desk.page.get_by_label("Amount, GBP").fill("100.00")
    desk.page.get_by_label("Reason").fill("Two of them are ill")
    assert desk.look() == []
    desk.press("Yes, refund it")
    assert desk.messages == ["Refunded: 1 booking."]
    assert "Confirmed, refund due: 36.90" in desk.text
    assert desk.page.get_by_role("row").filter(has_text="Two of them are ill").get_by_text("Succeeded").is_visible()
    assert desk.look() == []
    desk.follow("Cash")
    assert "Payment and refunds" in desk.text
    assert desk.look() == []
    desk.follow("Till")
    (row,) = desk.page.locator("#content tbody tr").filter(has_text="box-office").filter(has_text="Cash").all()
    assert " ".join(row.inner_text().replace("\N{NO-BREAK SPACE}", " ").split()) == (
        "box-office Cash 227.85 GBP 100.00 GBP 127.85 GBP 2"
    )
    assert desk.look() == []


def test_sell_on_invoice_and_record_the_payment_later(sit_down):
    desk = sit_down(Role.BOX_OFFICE)
    sell(desk, "carols", 1)
    assert desk.page.locator("#on_invoice").is_hidden()
    desk.page.locator("#id_payment").select_option("invoice")
    assert "75.95" in desk.page.locator("#on_invoice").inner_text()
    assert desk.look() == []
    desk.press("Sell and issue the tickets")
    (message,) = desk.messages
    assert message.startswith("Sold on invoice: 1 × Stalls, 75.95")
    desk.follow(CODE.search(message)[1])
    assert "Confirmed, due: 75.95" in desk.text
    desk.press("Record a payment…")
    desk.page.get_by_label("Paid by").select_option("transfer")
    assert desk.look() == []
    desk.press(SURE)
    assert desk.messages == ["Payment recorded: 1 booking."]
    assert "Bank transfer" in desk.text
    assert desk.look() == []


def test_cancel_with_a_fee(sit_down):
    desk = sit_down(Role.BOX_OFFICE)
    desk.go("/admin/bookings/booking/?q=quist-l")
    desk.page.locator("#result_list tbody th a").first.click()
    desk.press("Cancel…")
    desk.page.get_by_label("Cancellation fee, GBP").fill("75.96")
    desk.press(SURE)
    assert desk.page.locator("#id_fee:invalid").is_visible()  # the browser refuses more than the price
    desk.page.get_by_label("Cancellation fee, GBP").fill("12.00")
    assert desk.look() == []
    desk.press(SURE)
    assert desk.messages == ["Cancelled: 1 booking.", "Refunds due: 100.85\N{NO-BREAK SPACE}GBP."]
    assert desk.look() == []


def test_page_without_permission_leads_back_to_the_dashboard(sit_down):
    desk = sit_down(Role.DOOR)
    desk.go("/admin/bookings/booking/")
    assert desk.page.get_by_role("heading", name="Permission denied").is_visible()
    desk.complaints = [it for it in desk.complaints if "403" not in it]  # which it is, and is meant to be
    assert desk.look() == []
    desk.follow("Back to the dashboard")
    assert "Upcoming" in desk.text


def test_extend_a_hold(sit_down):
    desk = sit_down(Role.BOX_OFFICE)
    desk.go("/admin/bookings/booking/?state=pending")
    desk.page.locator("#result_list tbody th a").first.click()
    desk.press("Extend the hold…")
    desk.page.get_by_label("Minutes from now").fill("60")
    assert desk.look() == []
    desk.press(SURE)
    assert desk.messages == ["Hold extended: 1 booking."]
    assert "60 minutes left" in desk.text


def test_zone_of_a_venue_is_asked_about(sit_down):
    desk = sit_down(Role.MANAGER)
    desk.follow("Venues")
    desk.follow("Paradiso")
    desk.page.locator("#id_timezone").select_option("Asia/Tokyo")
    desk.press("Save")
    question = desk.page.locator("fieldset.readings")
    assert "upcoming events. What happens to them?" in question.inner_text()
    assert question.get_by_role("radio").count() == 2
    assert desk.look() == []


def test_cancel_an_event_and_see_what_it_touches(sit_down):
    desk = sit_down(Role.MANAGER)
    desk.follow("Events")
    desk.page.locator("#searchbar").fill("lunch concert")
    desk.press("Search")
    desk.follow("Lunch Concert")
    desk.press("Cancel…")
    assert re.search(r"\d+ live bookings will be cancelled, \d+ places become available", desk.text)
    assert desk.look() == []
    desk.press(SURE)
    assert desk.page.locator("#id_reason:invalid").is_visible()  # the browser asks for it
    desk.page.get_by_label("Reason").fill("The kitchen is flooded")
    desk.press(SURE)
    done, consequences = desk.messages
    assert done == "Cancelled: 1 event."
    assert re.fullmatch(r"\d+ bookings were cancelled; \d+ refunds? (is|are) due\.", consequences)
    assert "Cancelled The kitchen is flooded" in " ".join(desk.text.split())
    assert desk.look() == []


def test_export_the_list_as_it_is_filtered(sit_down, tmp_path):
    desk = sit_down(Role.AUDITOR)
    desk.go("/admin/bookings/booking/?q=carols&state=confirmed")
    shown = desk.number_after("Confirmed")
    with desk.page.expect_download() as download:
        desk.page.get_by_role("link", name="Export CSV").click()
    download.value.save_as(tmp_path / "bookings.csv")
    with open(tmp_path / "bookings.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == shown > 0
    assert {(row["event"], row["state"]) for row in rows} == {("Carols by Candlelight", "confirmed")}
    assert desk.look() == []


def test_import_with_an_error_and_then_without(sit_down, tmp_path):
    year = dt.datetime.now(dt.UTC).year + 2
    line = "New Barn,Field Road 1,300,Europe/Vienna,Barn Dance,{day} 19:00,{end} 23:00,Admission,12.50\n"
    wrong, right = tmp_path / "wrong.csv", tmp_path / "season.csv"
    wrong.write_text(HEADER + line.format(day=f"{year}-02-30", end=f"{year}-03-01"), encoding="utf-8")
    right.write_text(HEADER + line.format(day=f"{year}-03-01", end=f"{year}-03-01"), encoding="utf-8")
    desk = sit_down(Role.MANAGER)
    desk.follow("Import")
    assert desk.look() == []
    desk.page.get_by_label("File").set_input_files(wrong)
    desk.press("Show preview")
    assert "event_starts_at" in desk.text
    assert "Nothing was imported" in desk.text
    assert desk.look() == []
    desk.page.get_by_label("File").set_input_files(right)
    desk.press("Show preview")
    assert "create venue New Barn" in desk.text
    assert desk.look() == []
    desk.press("Import")
    assert desk.messages == ["Imported season.csv: 3 changes."]
    assert "Barn Dance" in desk.text
    desk.follow("Import")
    desk.page.get_by_label("File").set_input_files(right)
    desk.press("Show preview")
    assert "No changes: everything exists already." in desk.text


def test_publish_a_draft_that_has_nothing_to_sell_after_a_warning(sit_down):
    desk = sit_down(Role.MANAGER)
    desk.follow("Events")
    desk.follow("Add event", exact=False)
    desk.page.locator(".field-venue .select2-selection").click()
    desk.page.locator(".select2-search__field").fill("paradiso")
    desk.page.get_by_role("option", name="Paradiso").click()
    desk.page.get_by_label("Name").fill("Empty Promises")
    desk.page.get_by_label("Starts at").fill("2029-10-28T02:30")
    desk.page.get_by_label("Ends at").fill("2029-10-28T05:00")
    desk.press("Save and continue editing")
    desk.page.get_by_label("02:30 (CET, UTC+01:00)").check()
    desk.press("Save and continue editing")
    assert "Sun 28 Oct 2029, 02:30 CET to 05:00 Europe/Amsterdam" in desk.text
    desk.press("Publish")
    assert "it has no ticket types, so it cannot be booked." in desk.text
    assert desk.look() == []
    desk.press("Publish anyway")
    assert desk.messages == ["Published: 1 event."]


def test_see_who_changed_what(sit_down):
    desk = sit_down(Role.MANAGER)
    desk.go("/admin/events/event/?q=lunch+concert")
    desk.follow("Lunch Concert")
    desk.follow("History")
    assert "manager" in desk.text
    assert "The kitchen is flooded" in desk.text
    assert desk.look() == []


def test_walk_through_the_months_with_the_keyboard(sit_down):
    desk = sit_down(Role.DOOR)
    page = desk.go("/admin/events/event/calendar/")
    month = page.get_by_role("heading", level=1).inner_text()
    page.get_by_role("link", name="Next month").focus()
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    assert page.get_by_role("heading", level=1).inner_text() != month
    page.get_by_role("link", name="Previous month").focus()
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    assert page.get_by_role("heading", level=1).inner_text() == month


def test_check_in_at_the_door(sit_down):
    desk = sit_down(Role.DOOR)
    desk.go("/admin/bookings/ticket/?status__exact=valid")
    desk.page.locator("#result_list tbody th a").first.click()
    desk.press("Check in…")
    desk.press("Check in")
    assert desk.messages[0] == "Checked in: 1 ticket."
    assert desk.messages[1].startswith("Let in: ")
    assert "Checked in" in desk.text
    assert desk.look() == []
