"""What the admin pages of all apps share: they write through the model's verbs, and say in words what was refused."""

from config.backoffice import wording
from config.backoffice.columns import (
    amount,
    badge,
    change_url,
    fill,
    in_one_line,
    in_two_lines,
    list_url,
    local,
    local_span,
    number,
    on_the_wall,
    utc,
    with_letters,
)
from config.backoffice.exporting import on_the_clock, priced
from config.backoffice.forms import EmailField, ReasonForm, TextField, VerbForm
from config.backoffice.lists import ChosenFilter, DayFilter, choice_of
from config.backoffice.pages import CatalogueAdmin, Discreet, DomainAdmin, Page, PassedOver, Rows, ViewOnly
from config.backoffice.refusals import REFUSALS, faults, sentence
from config.backoffice.times import first_instant, office_day
from config.backoffice.wording import Setting, in_words

__all__ = [
    "REFUSALS",
    "CatalogueAdmin",
    "ChosenFilter",
    "DayFilter",
    "Discreet",
    "DomainAdmin",
    "EmailField",
    "Page",
    "PassedOver",
    "ReasonForm",
    "Rows",
    "Setting",
    "TextField",
    "VerbForm",
    "ViewOnly",
    "amount",
    "badge",
    "change_url",
    "choice_of",
    "faults",
    "fill",
    "first_instant",
    "in_one_line",
    "in_two_lines",
    "in_words",
    "list_url",
    "local",
    "local_span",
    "number",
    "office_day",
    "on_the_clock",
    "on_the_wall",
    "priced",
    "sentence",
    "utc",
    "with_letters",
    "wording",
]
