"""The QR code of a ticket's code. Its letters and digits need no more than 29 modules a side."""

import io

import segno


def qr_code(code: str) -> segno.QRCode:
    """With enough redundancy for a scratched screen or a folded page."""
    return segno.make(code, error="q", micro=False, boost_error=False)


def svg(code: str) -> bytes:
    out = io.BytesIO()
    qr_code(code).save(out, kind="svg", scale=8, border=4, light="#fff", title=f"Ticket {code}")
    return out.getvalue()


def png(code: str) -> bytes:
    out = io.BytesIO()
    qr_code(code).save(out, kind="png", scale=12, border=4)
    return out.getvalue()
