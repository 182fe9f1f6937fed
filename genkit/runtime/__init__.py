"""The only code that waits: by blocking the thread, or by awaiting on an event loop.

Everything above this package is written once, as ``async def``, and waits only through a
:class:`~genkit.runtime.base.Runtime`.
"""
