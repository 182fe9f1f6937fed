"""What happens to a request on its way down, and to its events on their way up."""
