"""The one HTTP client: rules for addresses, and transfers within bounds."""
