"""Imports venues, events and ticket types from a file; docs/importing.md describes its format.

`preview` shows what an import would do, `apply` does it: everything, or nothing when the file has an error.
"""

from ticket_types.imports.applying import Outcome, apply, preview
from ticket_types.imports.planning import Step
from ticket_types.imports.reading import FORMATS, FileError, format_of

__all__ = ["FORMATS", "FileError", "Outcome", "Step", "apply", "format_of", "preview"]
