"""The one HTTP client: which addresses may be asked, and the asking."""
