"""Speed and memory of the whole service, measured from outside."""
