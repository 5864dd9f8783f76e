"""Tickets as PDF: one page of A4 for each, with letters that a telephone shows large enough to read."""

import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from bookings.messages.documents.fonts import BOLD, REGULAR, fonts, runs, width, wrap
from bookings.messages.documents.qr import qr_code
from config.backoffice.formats import event_times, format_amount

WIDTH, HEIGHT = A4
MARGIN, QR_SIDE, LABELS = 20 * mm, 78 * mm, 48 * mm
ROOM = WIDTH - 2 * MARGIN
DARK, GREY, LINE = HexColor("#111111"), HexColor("#555555"), HexColor("#bbbbbb")
TITLE_SIZES = (26, 20, 16)
GROUP = 4  # characters of a code, to read it out


def tickets_pdf(booking: Any, tickets: Sequence[Any]) -> bytes:
    """One page for each ticket. Needs the items of the booking, its event and its venue."""
    for name in (REGULAR, BOLD):
        fonts(name)
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, pageCompression=1, invariant=1, lang="en")
    canvas.setTitle(f"{booking.event.name}: {booking.confirmation_code}")
    canvas.setAuthor(settings.PROJECT_NAME)
    canvas.setCreator(settings.PROJECT_NAME)
    items = {item.ticket_type_id: item for item in booking.item_list}
    for number, ticket in enumerate(tickets, start=1):
        Page(canvas, booking).draw(ticket, items[ticket.ticket_type_id], f"{number} / {len(tickets)}")
        canvas.showPage()
    canvas.save()
    return out.getvalue()


class Page:
    """Writes from the top down; `y` is where the next line begins."""

    def __init__(self, canvas: Canvas, booking: Any) -> None:
        self.canvas, self.booking = canvas, booking
        self.y = HEIGHT - MARGIN

    def draw(self, ticket: Any, item: Any, number: str) -> None:
        event, venue = self.booking.event, self.booking.event.venue
        self.heading(number)
        self.title(event.name)
        self.y -= 3 * mm
        self.text(event_times(event), BOLD, 14, most=2)
        self.text(f"{venue.name}, {venue.address}", REGULAR, 12, most=3, color=GREY)
        self.y -= 6 * mm
        self.qr(ticket.code)
        self.field("Ticket", item.name)
        self.field("Holder", ticket.holder)
        self.field("Price", price_text(item, self.booking.currency))
        self.field("Booking", self.booking.confirmation_code)
        self.footer()

    def heading(self, number: str) -> None:
        shown = width(number, REGULAR, 11)
        self.line(number, REGULAR, 11, WIDTH - MARGIN - shown, self.y - 11, GREY)
        self.text(settings.PROJECT_NAME, REGULAR, 11, most=1, color=GREY, room=ROOM - LABELS)
        self.rule()

    def title(self, name: str) -> None:
        """As large as four lines of it may be."""
        size = next((it for it in TITLE_SIZES if len(wrap(name, BOLD, it, ROOM, 5)) < 5), TITLE_SIZES[-1])
        self.text(name, BOLD, size, most=5)

    def rule(self) -> None:
        self.y -= 1 * mm
        self.canvas.setStrokeColor(LINE)
        self.canvas.line(MARGIN, self.y, WIDTH - MARGIN, self.y)
        self.y -= 9 * mm

    def text(
        self, text: str, font: str, size: float, *, most: int, color: Any = DARK, x: float = MARGIN, room: float = ROOM
    ) -> None:
        for line in wrap(text, font, size, room, most):
            self.y -= size
            self.line(line, font, size, x, self.y, color)
            self.y -= 0.3 * size

    def line(self, text: str, font: str, size: float, x: float, y: float, color: Any = DARK) -> None:
        self.canvas.setFillColor(color)
        for run in runs(text, font, size):
            self.canvas.setFont(run.font, size)
            self.canvas.drawString(x, y, run.text)
            x += run.width

    def field(self, name: str, value: str) -> None:
        top = self.y
        self.line(name, REGULAR, 11, MARGIN, top - 14, GREY)
        self.text(value, BOLD, 14, most=3, x=MARGIN + LABELS, room=ROOM - LABELS)
        self.y = min(self.y, top - 18) - 2 * mm

    def qr(self, code: str) -> None:
        """The QR code as dark runs of modules, and the code in groups below it."""
        matrix = qr_code(code).matrix
        side = QR_SIDE / len(matrix)
        left, top = (WIDTH - QR_SIDE) / 2, self.y
        path = self.canvas.beginPath()
        for row, modules in enumerate(matrix):
            for start, length in dark_runs(modules):
                path.rect(left + start * side, top - (row + 1) * side, length * side, side)
        self.canvas.setFillColor(DARK)
        self.canvas.drawPath(path, stroke=0, fill=1)
        self.y = top - QR_SIDE - 4 * mm
        grouped = " ".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))
        self.line(grouped, REGULAR, 12, (WIDTH - width(grouped, REGULAR, 12)) / 2, self.y - 12)
        self.y -= 12 + 10 * mm

    def footer(self) -> None:
        support = f" Questions: {settings.SUPPORT_EMAIL}" if settings.SUPPORT_EMAIL else ""
        self.y = MARGIN + 12 * mm
        self.rule()
        self.y += 7 * mm
        self.text(f"Show this code at the entrance. It admits one holder, once.{support}", REGULAR, 10, most=2)


def dark_runs(modules: Sequence[int]) -> list[tuple[int, int]]:
    """The start and the length of each run of dark modules in a row."""
    found: list[tuple[int, int]] = []
    for index, is_dark in enumerate(modules):
        if is_dark and found and sum(found[-1]) == index:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        elif is_dark:
            found.append((index, 1))
    return found


def price_text(item: Any, currency: str) -> str:
    """What one ticket costs, with the fee in it."""
    price: Decimal = item.price_with_fee
    if not price:
        return "free"
    fee = f", with a fee of {format_amount(item.unit_fee, currency)}" if item.unit_fee else ""
    return f"{format_amount(price, currency)}{fee}"
