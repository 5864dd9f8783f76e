"""The catalogue from a file: venues, events, and what their tickets cost. docs/importing.md describes the file.

`preview` says what an import would do, `apply` does it: all of it, or nothing when anything in the file is wrong. Both
take the file's bytes and its format, and answer an Outcome.
"""

from ticket_types.imports.applying import Outcome, apply, preview
from ticket_types.imports.planning import Step
from ticket_types.imports.reading import FORMATS, Fault, format_of

__all__ = ["FORMATS", "Fault", "Outcome", "Step", "apply", "format_of", "preview"]
