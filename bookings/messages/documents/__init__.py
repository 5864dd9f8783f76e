"""What customers keep of a booking: tickets as PDF and QR code, and its calendar entry."""
