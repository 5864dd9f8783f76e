"""What the admin pages of all apps share: they write through the model's verbs, and say in words what was refused."""

from config.admin.columns import (
    amount,
    change_url,
    in_one_line,
    in_two_lines,
    list_url,
    local,
    local_span,
    on_the_wall,
    utc,
)
from config.admin.exporting import on_the_clock, priced
from config.admin.forms import EmailField, ReasonForm, TextField, VerbForm
from config.admin.pages import CatalogueAdmin, DomainAdmin, Page, Rows, ViewOnly
from config.admin.refusals import REFUSALS, faults, sentence

__all__ = [
    "REFUSALS",
    "CatalogueAdmin",
    "DomainAdmin",
    "EmailField",
    "Page",
    "ReasonForm",
    "Rows",
    "TextField",
    "VerbForm",
    "ViewOnly",
    "amount",
    "change_url",
    "faults",
    "in_one_line",
    "in_two_lines",
    "list_url",
    "local",
    "local_span",
    "on_the_clock",
    "on_the_wall",
    "priced",
    "sentence",
    "utc",
]
