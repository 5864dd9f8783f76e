"""The second factor in the browser: set-up, login by a code and by a recovery code."""

import re
import time

import pytest
from django_otp.oath import TOTP

from config.access.roles import Role
from config.tests.e2e.conftest import PASSWORD
from config.tests.e2e.desk import SMALL, WIDE

PAGE = "/admin/second_factor/"


def code_of(key):
    app = TOTP(bytes.fromhex(key))
    app.time = time.time()
    return f"{app.token():06d}"


@pytest.fixture
def without_second_factor(server):
    yield
    server.manage("reset_second_factor", "door")


@pytest.mark.usefixtures("without_second_factor")
@pytest.mark.parametrize("how", [{"size": WIDE}, {"size": SMALL, "scheme": "dark"}], ids=["light", "small"])
def test_second_factor_is_set_up_and_asked_for(sit_down, how):
    desk = sit_down(Role.DOOR, **how)
    desk.follow("Second factor")
    assert desk.page.locator(".qr-code svg").is_visible()
    key = desk.page.locator("[name=key]").get_attribute("value")
    assert desk.look() == []
    desk.page.get_by_role("textbox", name="Code").fill(code_of(key))
    desk.press("Set up")
    codes = re.findall("(?:[a-z2-7]{4}-?){4}", desk.text)
    assert len(codes) == 10
    assert desk.look() == []
    desk.press("Log out")
    desk.log_in("door", PASSWORD)
    assert desk.page.locator(".errornote").is_visible()
    assert desk.look() == []
    desk.log_in("door", PASSWORD, codes[0])
    desk.follow("Second factor")
    assert "9 recovery codes" in desk.text
    assert desk.look() == []
    desk.press("Log out")
    time.sleep(30 - time.time() % 30)  # the code of the set-up was used
    desk.log_in("door", PASSWORD, code_of(key))
    assert "Upcoming" in desk.text
