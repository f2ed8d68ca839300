"""Every option of the device, declared once.

To add a section, write one module that declares it and name its class in one list:

1. `app/settings/NAME.py`: a frozen class derived from `section.Section`, with `about = About(...)` (name,
   title, reset flag; `many=True` and `key=` for a collection) and one `option(...)` a field. Types that check
   themselves (hosts, ports, time zones, …) come from `checks`; add one there when several sections want it.
   - `conflicts(self)` yields what two fields of one item may not say together;
   - `clashes(cls, items)` yields what two items of a collection may not say together;
   - `cautions(self, around)` yields warnings: what is allowed but will not do what its owner hopes;
   - `listeners(self)` names the ports it opens, so that no other section takes them.
2. `app/settings/sections.py`: the class goes into `SECTIONS`; a check that needs two sections goes into
   `cross.CHECKS`.
3. `tests/settings/test_every_field.py`: a right and a wrong value for each field, by hand.
4. `scripts/settings-manual` writes `docs/settings.md` anew.

From that declaration come the checked load, the masked dump, `set` and `show`, the forms' fields, the JSON
schema, the manual, backup and restore, and the factory reset.

Who reads settings imports `store.SettingsStore` and the section's class, nothing else:

    store = SettingsStore(home)
    loaded = store.load()                      # .settings .problems .warnings .revisions
    port = loaded.settings.one(Api).http_port
    modems = loaded.settings.items(Modem)      # item id → Modem
"""
