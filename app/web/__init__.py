"""The HTTP side: REST and, later, the browser admin."""
