"""The ``genkit`` command."""
