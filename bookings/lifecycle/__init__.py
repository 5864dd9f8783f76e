"""The verbs of a booking: place, confirm, extend, cancel, expire, correct. `sql` has the statements written by hand."""
