"""The verbs of events that move them: each owns its transaction. `Event` has a method for each."""
