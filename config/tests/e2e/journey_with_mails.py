"""Mails in the back office: a preview, a resend, a transfer."""

import re

import pytest

from config.access.roles import Role
from config.tests.e2e.desk import SMALL, WIDE

SIZES = [WIDE, SMALL]


def sell(desk):
    """Sells a place to somebody with an address; returns the path of the booking's page."""
    desk.go("/admin/bookings/booking/sell/")
    desk.page.locator("#content-main table a").first.click()
    desk.page.wait_for_load_state()
    desk.page.locator("input[type=number]:visible").first.fill("1")
    desk.page.get_by_label("Name").first.fill("Zoe Mail")
    desk.page.get_by_label("E-mail").first.fill("zoe.mail@example.com")
    desk.press("Sell and issue the tickets")
    return desk.page.locator(".messagelist a").get_attribute("href")


@pytest.mark.parametrize("size", SIZES, ids=["wide", "small"])
def test_preview_of_each_kind(sit_down, size):
    desk = sit_down(Role.MANAGER, size=size)
    desk.follow("Mails")
    desk.follow("Preview of mails")
    for kind in ("confirmation", "rescheduled", "links"):
        desk.page.get_by_label("Kind").select_option(kind)
        desk.press("Show")
        assert "Summer Concert" in desk.text
        assert desk.look() == []
    address = desk.page.get_by_role("link", name="HTML").get_attribute("href")
    # Its policy forbids scripts, also those that look at the page.
    shown = desk.page.request.get(f"{desk.page.url.partition('/admin')[0]}{address}")
    assert (shown.status, "sandbox" in shown.headers["content-security-policy"]) == (200, True)
    assert "Summer Concert" in shown.text()


@pytest.mark.parametrize("size", SIZES, ids=["wide", "small"])
def test_send_again_and_transfer(sit_down, size):
    desk = sit_down(Role.BOX_OFFICE, size=size)
    booking = sell(desk)
    desk.go(booking)
    desk.press("Send the tickets again")
    assert "Mail will be sent" in desk.messages[0]
    desk.press("Change a holder…")
    desk.page.get_by_label("Name").fill("Bea Moss")
    desk.page.get_by_label("E-mail").fill("bea.moss@example.com")
    desk.page.get_by_label("New code").check()
    assert desk.look() == []
    desk.page.locator("#content input[type=submit], #content button[type=submit]").first.click()
    desk.page.wait_for_load_state()
    assert "Bea Moss" in desk.text
    assert "Void" in desk.text
    assert desk.look() == []
    desk.follow("Mails")
    assert desk.page.get_by_text("bea.moss@example.com").first.is_visible()
    desk.page.get_by_role("link", name=re.compile("new holder")).first.click()
    desk.page.wait_for_load_state()
    assert "This ticket is in your name now." in desk.text
    assert desk.look() == []
