import io
import shutil
import subprocess
import time
from decimal import Decimal

import pytest
import segno
from icalendar import Calendar
from pypdf import PdfReader

from bookings.messages.documents import fonts
from bookings.messages.documents.calendar import booking_calendar
from bookings.messages.documents.pdf import tickets_pdf
from bookings.messages.documents.qr import png, qr_code
from config.tests.harness.answers import refused
from conftest import holder_of

pytestmark = pytest.mark.both
HOLDERS = ["Ann Lee", "Žofia Łukasiewicz-Ångström", "Αθηνά Παπαδοπούλου", "Дмитрий Чайковский", "გიორგი", "W" * 200]


@pytest.fixture
def sold(book, make_type, make_event):
    event = make_event(name="Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverleihung " + "lang " * 25)
    booking = book((make_type(event=event, name="Seat, rows 1–12", fee=Decimal("2.50")), 6)).confirm()
    for ticket, name in zip(booking.tickets.order_by("pk"), HOLDERS, strict=True):
        booking.transfer(ticket.code, holder_name=name)
    booking.refresh_from_db()
    return booking


def codes_in(picture):
    """What a scanner reads in a picture."""
    if not shutil.which("zbarimg"):
        print("zbarimg is not installed: QR codes are compared by their modules alone.")
        return None
    return subprocess.run(
        ["zbarimg", "-q", "--raw", str(picture)], check=False, capture_output=True, text=True
    ).stdout.split()


def test_pdf_has_a_page_for_each_ticket(sold):
    reader = PdfReader(io.BytesIO(tickets_pdf(sold, sold.ticket_list)))
    assert len(reader.pages) == 6
    for page, ticket, name in zip(reader.pages, sold.ticket_list, HOLDERS, strict=True):
        text = " ".join(page.extract_text().split())
        code = " ".join(ticket.code[start : start + 4] for start in range(0, 26, 4))
        shown = (
            code,
            sold.confirmation_code,
            name[:20],
            "Seat, rows 1–12",
            "Europe/Vienna",
            "Old Hall",
            "1 Main Street",
        )
        assert [it for it in shown if it not in text] == []
        assert "52.40 EUR, with a fee of 2.50 EUR" in text.replace("\N{NO-BREAK SPACE}", " ")
        assert {it.get("/BaseFont", "")[8:] for it in fonts_of(page)} == {"DejaVuSans", "DejaVuSans-Bold"}


def fonts_of(page):
    found = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    embedded = [font for font in found if "/FontDescriptor" in font]
    assert all("/FontFile2" in font["/FontDescriptor"] for font in embedded)
    return embedded


def test_qr_code_on_the_page_is_the_code_of_the_ticket(sold, tmp_path):
    if not shutil.which("pdftoppm"):
        pytest.skip("pdftoppm is not installed: pages cannot be rendered.")
    path = tmp_path / "tickets.pdf"
    path.write_bytes(tickets_pdf(sold, sold.ticket_list))
    subprocess.run(["pdftoppm", "-r", "72", "-png", path, tmp_path / "page"], check=True)
    read = [codes_in(picture) for picture in sorted(tmp_path.glob("page*.png"))]
    assert read in ([[ticket.code] for ticket in sold.ticket_list], [None] * 6)


def test_qr_code_has_the_modules_of_its_code(sold, tmp_path):
    code = sold.ticket_list[0].code
    assert qr_code(code).matrix == segno.make(code, error="q", micro=False, boost_error=False).matrix
    picture = tmp_path / "code.png"
    picture.write_bytes(png(code))
    assert codes_in(picture) in ([code], None)


def test_page_costs_little(sold):
    tickets_pdf(sold, sold.ticket_list[:1])
    started = time.process_time()
    for _ in range(5):
        tickets_pdf(sold, sold.ticket_list)
    assert (time.process_time() - started) / 30 < 0.018


def test_letters_that_dejavu_lacks_come_from_other_fonts(settings):
    folder = fonts.FOLDER
    settings.TICKET_FONTS = [str(folder / "DejaVuSans-Bold.ttf")]
    fonts.fonts.cache_clear()
    fonts.font_of.cache_clear()
    try:
        assert fonts.font_of(fonts.REGULAR, "a") == "DejaVuSans"
        assert fonts.font_of(fonts.REGULAR, "漢") == "DejaVuSans"  # a box, as no font has it
        (run,) = fonts.runs("漢字", fonts.REGULAR, 10)
        assert run.width > 0
    finally:
        fonts.fonts.cache_clear()
        fonts.font_of.cache_clear()


@pytest.mark.parametrize(
    ("path", "media_type", "start"),
    [
        ("/bookings/{booking}/tickets.pdf", "application/pdf", b"%PDF-"),
        ("/bookings/{booking}.ics", "text/calendar; charset=utf-8", b"BEGIN:VCALENDAR"),
        ("/bookings/{booking}/tickets/{ticket}.svg", "image/svg+xml", b"<?xml"),
        ("/bookings/{booking}/tickets/{ticket}.png", "image/png", b"\x89PNG"),
    ],
)
def test_secret_opens_documents(path, media_type, start, sold, book, anonymous, auditor, door):
    path = path.format(booking=sold.pk, ticket=sold.ticket_list[0].code)
    for answer in (holder_of(sold).get(path), anonymous.get(f"{path}?secret={sold.secret}"), auditor.get(path)):
        assert (answer.status_code, answer["Content-Type"]) == (200, media_type)
        assert answer.content.startswith(start)
    assert anonymous.get(f"{path}?secret={sold.secret}")["Cache-Control"] == "no-store"
    assert anonymous.get(path).status_code == holder_of(book()).get(path).status_code == 404
    assert door.get(path).status_code == 403


def test_documents_of_a_booking_without_tickets_are_refused(sold, book):
    pending = book()
    assert refused(holder_of(pending).get(f"/bookings/{pending.pk}/tickets.pdf"), 409, "booking-not-confirmed")
    ticket = sold.ticket_list[0]
    sold.cancel(tickets=[ticket.code])
    path = f"/bookings/{sold.pk}/tickets/{ticket.code}.svg"
    assert refused(holder_of(sold).get(path), 409, "ticket-void")
    reader = PdfReader(io.BytesIO(holder_of(sold).get(f"/bookings/{sold.pk}/tickets.pdf").content))
    assert len(reader.pages) == 5
    assert ticket.code[:4] not in " ".join(page.extract_text() for page in reader.pages)
    unknown = f"/bookings/{sold.pk}/tickets/{'A' * 26}.png"
    assert holder_of(sold).get(unknown).status_code == 404


def entry(booking):
    booking.refresh_from_db()
    calendar = Calendar.from_ical(booking_calendar(booking))
    (found,) = calendar.walk("VEVENT")
    return calendar["METHOD"], found


def test_calendar_keeps_its_uid_and_counts_up(sold):
    method, first = entry(sold)
    assert (method, first["STATUS"], first["SUMMARY"]) == ("PUBLISH", "CONFIRMED", sold.event.name)
    assert first["DTSTART"].to_ical().endswith(b"Z")
    assert first["DTSTART"].dt == sold.event.starts_at.replace(microsecond=0)
    sold.event.revise(name="Another")
    _, second = entry(sold)
    sold.cancel()
    method, last = entry(sold)
    assert (method, last["STATUS"]) == ("CANCEL", "CANCELLED")
    assert first["UID"] == second["UID"] == last["UID"]
    assert first["SEQUENCE"] < second["SEQUENCE"] < last["SEQUENCE"]
