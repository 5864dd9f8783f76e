from events.inventory.stock import CapacityBelowReserved, CounterField, Inventory

__all__ = ["CapacityBelowReserved", "CounterField", "Inventory"]
