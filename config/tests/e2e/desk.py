"""A browser of a staff member, which collects everything wrong with a page."""

import re
from urllib.parse import urlsplit

WIDE, SMALL = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
# Chromium as root, without its own background connections.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SERIOUS = ("serious", "critical")
# axe would load style sheets again and insert them inline, which the CSP forbids.
AXE = "axe.run(document, {preload: false, resultTypes: ['violations']})"
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""


class Desk:
    def __init__(self, browser, base, axe, *, size=None, scheme="light"):
        self.base, self.axe = base, axe
        self.context = browser.new_context(
            viewport=size or WIDE, color_scheme=scheme, locale="en-GB", accept_downloads=True, base_url=base
        )
        self.context.add_init_script(WATCH)
        self.page = self.context.new_page()
        self.complaints = []
        self.page.on("console", self.hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error in a script: {error}"))
        self.page.on("requestfailed", self.miss)
        self.page.on("response", self.answered)

    def hear(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(f"console: {message.text}")

    def miss(self, request):
        if request.failure != "net::ERR_ABORTED":  # a download does not navigate
            self.complaints.append(f"not loaded: {request.url} {request.failure}")

    def answered(self, response):
        if response.status >= 400:
            self.complaints.append(f"{response.status}: {response.url}")

    def log_in(self, name, password, code=""):
        self.go("/admin/")
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_label("Code").fill(code)
        self.press("Log in")
        return self

    def go(self, path):
        self.page.goto(path)
        return self.page

    def press(self, name, *, exact=True):
        self.page.get_by_role("button", name=name, exact=exact).click()
        self.page.wait_for_load_state()

    def follow(self, name, *, exact=True):
        self.page.get_by_role("link", name=name, exact=exact).first.click()
        self.page.wait_for_load_state()

    @property
    def messages(self):
        return [text.strip() for text in self.page.locator(".messagelist li").all_inner_texts()]

    @property
    def text(self):
        return self.page.locator("#content").inner_text()

    def look(self):
        """All problems of the open page: accessibility and browser errors."""
        where = urlsplit(self.page.url).path
        wrong = [f"{where}: {complaint}" for complaint in self.complaints]
        wrong += [f"{where}: against the policy: {it}" for it in self.page.evaluate("window.violations")]
        too_wide = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        wrong += [f"{where}: {too_wide} pixels wider than the window"] if too_wide > 0 else []
        self.page.evaluate(self.axe)
        for found in self.page.evaluate(AXE)["violations"]:
            if found["impact"] in SERIOUS:
                nodes = "; ".join(node["html"][:150] for node in found["nodes"][:3])
                wrong.append(f"{where}: {found['impact']}: {found['help']}: {nodes}")
        self.complaints.clear()
        return wrong

    def shoot(self, path):
        """A screenshot of the window without a blinking cursor."""
        self.page.evaluate("document.activeElement?.blur()")
        self.page.screenshot(path=path, caret="hide", animations="disabled")

    def number_after(self, text):
        return int(re.search(rf"{text}\D*([\d,]+)", self.text)[1].replace(",", ""))

    def leave(self):
        self.context.close()
