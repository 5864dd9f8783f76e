from events.admin.events import SALE_STATES, EventAdmin

__all__ = ["SALE_STATES", "EventAdmin"]
