"""The page of the door: with a keyboard scanner, the list, and a camera; on a telephone too."""

import os
from contextlib import closing

import pytest

from config.access.roles import Role
from config.tests.e2e.conftest import PASSWORD
from config.tests.e2e.desk import FLAGS, SMALL, WIDE, Desk

CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
# The browser's own detector is not on Linux: this one reads a code once the camera gives a picture.
DETECTOR = """
window.BarcodeDetector = class {
  async detect(video) {
    if (!video.videoWidth) throw new Error("no picture");
    window.pictures = (window.pictures ?? 0) + 1;
    return window.shown ? [{ rawValue: window.shown }] : [];
  }
};
"""
SIZES = pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "small"])


def open_door(desk, name):
    desk.go(f"/admin/bookings/ticket/door/?q={name}")
    desk.page.locator("#content table a").first.click()
    desk.page.wait_for_load_state()
    return desk.page


def codes_of_valid(page):
    rows = page.locator("tr[data-code]:has(button[name='check-in'])")
    return [row.get_attribute("data-code") for row in rows.all()]


def scan(page, code):
    """As a scanner types: wherever the focus is, with Enter at the end."""
    page.evaluate("document.getElementById('result').replaceChildren()")
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    page.locator("#result .title").wait_for()
    return page.locator("#result .title").inner_text()


def inside(page):
    return int(page.locator("#inside").inner_text().replace(",", ""))


@SIZES
def test_let_people_in_with_a_keyboard_scanner(sit_down, size):
    desk = sit_down(Role.DOOR, size=size)
    page = open_door(desk, "club")
    code, before = codes_of_valid(page)[0], inside(page)
    assert scan(page, code.lower()) == "Let in"
    assert (inside(page), page.evaluate("document.activeElement.id")) == (before + 1, "code")
    assert page.locator(f"tr[data-code='{code}']").inner_text().count("Inside") == 1
    assert scan(page, f"{code[:13]}-{code[13:]}") == "Let in before"
    assert scan(page, "hello") == "Unknown ticket"
    page.get_by_label("go out").check()
    page.locator("#content h1").click()  # the focus is nowhere: the scanner's keys find the field
    assert scan(page, code) == "Checked out"
    page.get_by_label("come in").check()
    assert scan(page, code) == "Let in"
    assert inside(page) == before + 1
    assert desk.look() == []
    box = page.locator("#result").bounding_box()
    assert box["x"] + box["width"] <= size["width"]


def test_let_people_in_from_the_list(sit_down):
    desk = sit_down(Role.DOOR)
    page = open_door(desk, "club")
    code, before = codes_of_valid(page)[-1], inside(page)
    row = page.locator(f"tr[data-code='{code}']")
    row.get_by_text("Check in", exact=True).click()
    row.get_by_text("Undo", exact=True).click()
    page.locator("#result", has_text="Check-in undone").wait_for()
    assert inside(page) == before
    desk.follow("Print")
    assert code[:6] in desk.text
    assert desk.look() == []


def wait_for_pictures(page):
    """Without `wait_for_function`, which the page's policy forbids."""
    for _ in range(100):
        if page.evaluate("window.pictures ?? 0") > 2:
            return
        page.wait_for_timeout(100)
    pytest.fail("The camera gives no picture.")


@SIZES
def test_let_people_in_with_the_camera(server, browser, axe, size):
    flags = [*FLAGS, *CAMERA]
    with closing(browser.browser_type.launch(executable_path=os.environ["BROWSER_PATH"], args=flags)) as filming:
        desk = Desk(filming, server.url, axe, size=size)
        desk.context.grant_permissions(["camera"])
        desk.context.add_init_script(DETECTOR)
        page = open_door(desk.log_in(Role.DOOR, PASSWORD), "club")
        code, before = codes_of_valid(page)[0], inside(page)
        desk.press("Use the camera")
        wait_for_pictures(page)
        page.evaluate("code => { window.shown = code }", code)
        page.locator("#result", has_text="Let in").wait_for()
        page.wait_for_timeout(1500)  # the ticket stays before the camera, and is not scanned again
        assert (page.locator("#result .title").inner_text(), inside(page)) == ("Let in", before + 1)
        assert desk.look() == []
        desk.press("Use the camera")
        assert page.locator("#viewfinder").is_hidden()


def test_browser_without_a_detector_offers_no_camera(sit_down):
    assert open_door(sit_down(Role.DOOR), "club").get_by_role("button", name="Use the camera").is_hidden()


def test_lost_connection_is_said(sit_down):
    desk = sit_down(Role.DOOR)
    page = open_door(desk, "club")
    desk.context.set_offline(True)
    assert scan(page, codes_of_valid(page)[0]).startswith("No connection")
