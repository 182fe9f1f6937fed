"""Remote providers: one file is one wire dialect, in two pure functions, encode and decode."""
