from config.problems import DomainError


class EventNotPublished(DomainError):
    """Only a published event can be postponed: the times of a draft can be changed."""

    code, title = "event-not-published", "The event is a draft"


class TimesOutOfRange(DomainError):
    """The end of the event, or a sales period that moves along, would leave the years 2000 to 2100."""

    code, title = "times-out-of-range", "Not in the years 2000 to 2100"


class EventPostponed(DomainError):
    """The event is postponed: its sales can be resumed once it is rescheduled."""

    code, title = "event-postponed", "The event is postponed"
