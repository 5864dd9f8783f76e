"""Every page in light and dark mode and on a small screen; screenshots for the documentation."""

import json
import urllib.request
from pathlib import Path

import pytest
from django.conf import settings

from config.tests.e2e.desk import SMALL, WIDE

PICTURES = Path(settings.BASE_DIR) / "docs" / "screenshots"
# WCAG 2.2 asks for 24 pixels; axe looks at that only when it is told to.
SIZES = "axe.run(document, {preload: false, runOnly: ['target-size']})"
LISTS = [
    "access/apitoken",
    "access/loginfailure",
    "auth/group",
    "auth/user",
    "booking_messages/message",
    "bookings/booking",
    "bookings/bookingchange",
    "bookings/bookingitem",
    "bookings/ticket",
    "events/event",
    "history/change",
    "payments/payment",
    "payments/providerevent",
    "webhooks/webhookendpoint",
    "webhooks/webhookdelivery",
    "ticket_types/tickettype",
    "venues/venue",
]
ADDED = ["access/apitoken", "auth/group", "auth/user", "events/event", "ticket_types/tickettype", "venues/venue"]
DELETED = ["events/event", "ticket_types/tickettype", "venues/venue"]
PAGES = [
    "/admin/",
    "/admin/bookings/",
    "/admin/password_change/",
    "/admin/password_reset/",
    "/admin/second_factor/",
    "/admin/events/event/calendar/",
    "/admin/bookings/booking/sell/",
    "/admin/bookings/ticket/door/",
    "/admin/payments/payment/till/",
    "/admin/booking_messages/",
    "/admin/booking_messages/message/preview/",
    "/admin/ticket_types/tickettype/import_catalogue/",
    *(f"/admin/{name}/" for name in LISTS),
    *(f"/admin/{name}/add/" for name in ADDED),
]
WAYS_TO_LOOK = {
    "light": {"size": WIDE, "scheme": "light"},
    "dark": {"size": WIDE, "scheme": "dark"},
    "small": {"size": SMALL, "scheme": "light"},
}


def objects(desk):
    """The page of the first row of each list, its history, and the page that asks before it is deleted."""
    for name in LISTS:
        desk.go(f"/admin/{name}/")
        link = desk.page.locator("#result_list tbody th a, #result_list tbody td.action-checkbox + td a").first
        if link.count():
            page = link.get_attribute("href").partition("?")[0]
            yield page
            yield page.removesuffix("change/") + "history/"
            if name in DELETED:
                yield page.removesuffix("change/") + "delete/"


@pytest.mark.parametrize("way", list(WAYS_TO_LOOK))
def test_nothing_is_wrong_with_any_page(sit_down, way):
    desk = sit_down(**WAYS_TO_LOOK[way])
    event = desk.go("/admin/bookings/booking/sell/").locator("#content table a").first.get_attribute("href")
    wrong = []
    door = desk.go("/admin/bookings/ticket/door/").locator("#content table a").first.get_attribute("href")
    counters = [f"/admin/bookings/booking/sell/{event}", f"/admin/bookings/ticket/door/{door}"]
    for path in [*PAGES, *counters, *objects(desk)]:
        desk.go(path)
        wrong += desk.look()
    assert not wrong, "\n".join(wrong)


def test_small_screen_shows_the_figures_and_the_way_to_the_filters(sit_down):
    desk = sit_down(size=SMALL)
    box = desk.go("/admin/").locator("[aria-labelledby=coming-up] .fill > span").first.bounding_box()
    assert box["x"] + box["width"] <= SMALL["width"]
    desk.go("/admin/bookings/booking/")
    desk.follow("Filters")
    assert desk.page.locator("#changelist-filter-header").bounding_box()["y"] < SMALL["height"]


@pytest.mark.parametrize("path", ["/admin/", "/admin/bookings/booking/", "/admin/venues/venue/"])
def test_what_is_pressed_is_large_enough(sit_down, path):
    desk = sit_down()
    desk.go(path)
    desk.page.evaluate(desk.axe)
    (found,) = desk.page.evaluate(SIZES)["violations"] or [{"nodes": []}]
    assert [node["html"] for node in found["nodes"]] == []


def test_page_asked_for_by_the_theme_switch_is_dark(sit_down):
    desk = sit_down()
    page = desk.go("/admin/")
    page.locator("#header .theme-toggle").click()  # from what the system has, which is light, to the other
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert desk.look() == []


def hold(server):
    """Bookings that are being paid, some of them not for much longer."""
    types = json.load(urllib.request.urlopen(f"{server.url}/api/v1/ticket-types?on_sale=true&limit=40"))["results"]
    names = [("Rosa Hansen", 4), ("Jack Taylor", 6), ("Yuki Sato", 9)]
    for (name, minutes), kind in zip(names, types[::10], strict=False):
        body = {
            "customer_name": name,
            "customer_email": f"{name.split()[0].lower()}@example.com",
            "items": [{"ticket_type": kind["id"], "quantity": kind["min_per_booking"]}],
            "hold_minutes": minutes,
        }
        request = urllib.request.Request(
            f"{server.url}/api/v1/bookings", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request).close()


def open_event(desk, name):
    desk.go(f"/admin/events/event/?q={name}")
    desk.page.locator("#result_list tbody th a").first.click()


def open_booking(desk):
    desk.go("/admin/bookings/booking/?q=quist-lindqvist")
    desk.page.locator("#result_list tbody th a").first.click()


def open_counter(desk):
    desk.go("/admin/bookings/booking/sell/?q=planets")
    desk.page.locator("#content table a").first.click()
    for number, quantity in enumerate((2, 0, 1)):
        desk.page.get_by_role("spinbutton").nth(number).fill(str(quantity))


PICTURED = {
    "dashboard": (lambda desk: desk.go("/admin/"), "light"),
    "dashboard-dark": (lambda desk: desk.go("/admin/"), "dark"),
    "dashboard-small": (lambda desk: desk.go("/admin/"), "small"),
    "calendar": (lambda desk: desk.go("/admin/events/event/calendar/"), "light"),
    "events": (lambda desk: desk.go("/admin/events/event/?when=upcoming"), "light"),
    "event": (lambda desk: open_event(desk, "voices+of+soho"), "light"),
    "bookings": (lambda desk: desk.go("/admin/bookings/booking/?q=soho"), "light"),
    "booking": (open_booking, "light"),
    "sell": (open_counter, "light"),
    "sell-small": (open_counter, "small"),
}


def test_pictures_for_the_documentation(server, sit_down):
    hold(server)
    PICTURES.mkdir(exist_ok=True)
    desks = {way: sit_down(**how) for way, how in WAYS_TO_LOOK.items()}
    for name, (open_page, way) in PICTURED.items():
        open_page(desks[way])
        desks[way].shoot(PICTURES / f"{name}.png")
        assert desks[way].complaints == []
    assert all(0 < (PICTURES / f"{name}.png").stat().st_size < 200_000 for name in PICTURED)
