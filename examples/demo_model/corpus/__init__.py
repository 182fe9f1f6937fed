"""The text that the demo model learns from: one module per skill, put together in :mod:`.mixture`."""
