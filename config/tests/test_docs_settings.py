import re

import pytest
from django.conf import settings

PAGE = (settings.BASE_DIR / "docs" / "settings.md").read_text()
EXAMPLE = dict(
    re.findall(r"^# ([A-Z][A-Z0-9_]*)=(.*)$", (settings.BASE_DIR / ".env.example").read_text(), re.MULTILINE)
)
ROWS = re.findall(r"^\| `(\w+)` \| (?:none|`(.*?)`) \| \S", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("name", "default"), ROWS)
def test_settings_page_has_the_default_of_env_example(name, default):
    assert EXAMPLE[name] == default


def test_settings_page_has_a_table():
    assert len(ROWS) == PAGE.count("\n| `") > 10
