"""Remote providers: one wire dialect is a request, an answer, and the file of its name that joins them."""
