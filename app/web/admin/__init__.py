"""The browser admin.

A request comes to `door.Door`, which finds its `routes.Route`, asks who is there (`sessions`, `people`),
checks role, token and origin, and calls one handler of `pages/` with a `visit.Visit`. A handler reads, calls
and renders a template; forms are made from the declared sections by `forms`. What pages ask of the rest of
the house stands in `house.House`, which the composition root fills in.

To add a page: a module in `pages/` with a list `routes`, named in `pages/__init__.py`. To add a button to a
section's page: an `Action` in `House.actions`. To add a card to Home: a function in `House.cards`.
"""
