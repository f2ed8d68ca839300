"""Steer simulated modems from another process: a JSON line in, a JSON line out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from hw.sim.air import Air
from hw.sim.counts import Counts
from hw.sim.faults import Fault
from hw.sim.modem import SimModem
from hw.sim.pty import SimPtys

_SETTABLE = ("noise_every", "rssi", "deaf", "endless_noise", "report_status")
_SETTABLE_MS = ("delay", "command_delay", "ready_delay", "report_delay")


class Control:
    """What the lines do. Each has ``do`` and often ``modem`` (a name, or ``*`` for all); ``id`` is repeated.

    stats · reset · fault (fields of hw.sim.faults.Fault) · clear-faults · unplug · plug (link: another name)
    · sms (from, text) · pdu (pdu) · set (delay_ms, rssi, registered, deaf, …) · inbox (number, limit)
    · wait (messages, timeout) · watch (on): event lines when a command, prompt, body comes or a part is sent
    """

    def __init__(self, modems: dict[str, SimModem], air: Air, ptys: SimPtys, links: Path | None) -> None:
        self._modems = modems
        self._air = air
        self._ptys = ptys
        self._links = links
        self._orders: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "stats": self._stats,
            "reset": self._reset,
            "fault": self._fault,
            "clear-faults": self._clear_faults,
            "unplug": self._unplug,
            "plug": self._plug,
            "sms": self._sms,
            "pdu": self._pdu,
            "set": self._set,
            "inbox": self._inbox,
            "wait": self._wait,
        }
        self._out_guard = threading.Lock()

    def serve(self, lines: TextIO, out: TextIO) -> None:
        """Obey until ``quit`` or the end of the input."""
        self._say(out, {"ready": True, "modems": [self._card(name) for name in self._modems]})
        for line in lines:
            if not line.strip():
                continue
            try:
                order = json.loads(line)
                if order.get("do") == "quit":
                    return
                answer = self._watch(order, out) if order.get("do") == "watch" else self.obey(order)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                answer, order = {"ok": False, "error": f"{type(error).__name__}: {error}"}, {}
            if isinstance(order, dict) and "id" in order:
                answer["id"] = order["id"]
            self._say(out, answer)

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """One order; the answer. Raises KeyError, TypeError or ValueError for what is wrong with it."""
        try:
            act = self._orders[order["do"]]
        except KeyError:
            raise ValueError(f"no order {order.get('do')!r}; there are {', '.join(self._orders)}") from None
        return {"ok": True, **act(order)}

    def _say(self, out: TextIO, answer: dict[str, Any]) -> None:
        with self._out_guard:
            out.write(json.dumps(answer, ensure_ascii=False) + "\n")
            out.flush()

    def _chosen(self, order: dict[str, Any]) -> list[SimModem]:
        name = order.get("modem", "*")
        if name == "*":
            return list(self._modems.values())
        if name not in self._modems:
            raise ValueError(f"no modem {name!r}")
        return [self._modems[name]]

    def _card(self, name: str) -> dict[str, Any]:
        modem = self._modems[name]
        return {
            "name": name,
            "path": self._ptys.path(modem),
            "family": modem.family.name,
            "imei": modem.imei,
            "iccid": modem.card.iccid,
        }

    def _stats(self, order: dict[str, Any]) -> dict[str, Any]:
        each = {modem.name: modem.counts.as_json() for modem in self._chosen(order)}
        total = {key: sum(counts[key] for counts in each.values()) for key in Counts().as_json()}
        return {
            **total,
            "messages": self._air.messages,
            "duplicates": self._air.duplicates,
            "modems": each,
        }

    def _reset(self, order: dict[str, Any]) -> dict[str, Any]:
        for modem in self._chosen(order):
            with modem.changed:
                modem.counts = Counts()
        self._air.clear()
        return {}

    def _fault(self, order: dict[str, Any]) -> dict[str, Any]:
        fields = {key: value for key, value in order.items() if key not in ("do", "modem", "id")}
        for modem in self._chosen(order):
            modem.faults.add(Fault.from_json(fields))
        return {}

    def _clear_faults(self, order: dict[str, Any]) -> dict[str, Any]:
        for modem in self._chosen(order):
            modem.faults.clear()
            modem.deaf = modem.endless_noise = False
        return {}

    def _unplug(self, order: dict[str, Any]) -> dict[str, Any]:
        for modem in self._chosen(order):
            self._ptys.unplug(modem)
        return {}

    def _plug(self, order: dict[str, Any]) -> dict[str, Any]:
        paths = {}
        for modem in self._chosen(order):
            self._ptys.unplug(modem)
            modem.power_up()
            name = order.get("link", modem.name)
            paths[modem.name] = self._ptys.plug_in(modem, self._links / name if self._links else None)
        return {"paths": paths}

    def _sms(self, order: dict[str, Any]) -> dict[str, Any]:
        for modem in self._chosen(order):
            modem.sms_in(order["from"], order["text"], reference=order.get("reference", 1))
        return {}

    def _pdu(self, order: dict[str, Any]) -> dict[str, Any]:
        for modem in self._chosen(order):
            modem.pdu_in(order["pdu"])
        return {}

    def _set(self, order: dict[str, Any]) -> dict[str, Any]:
        for modem in self._chosen(order):
            for key, value in order.items():
                if key in ("do", "modem", "id"):
                    continue
                if key in _SETTABLE:
                    setattr(modem, key, value)
                elif key.removesuffix("_ms") in _SETTABLE_MS and key.endswith("_ms"):
                    setattr(modem, key.removesuffix("_ms"), value / 1000)
                elif key == "registered":
                    modem.register(int(value))
                elif key == "pin":
                    modem.card.pin = value
                else:
                    raise ValueError(f"nothing called {key!r} can be set")
        return {}

    def _inbox(self, order: dict[str, Any]) -> dict[str, Any]:
        messages = self._air.inbox(order.get("number"))[-int(order.get("limit", 100)) :]
        return {"messages": [vars(message) for message in messages]}

    def _wait(self, order: dict[str, Any]) -> dict[str, Any]:
        self._air.await_messages(int(order["messages"]), float(order.get("timeout", 60.0)))
        return {"messages": self._air.messages}

    def _watch(self, order: dict[str, Any], out: TextIO) -> dict[str, Any]:
        for modem in self._chosen(order):
            modem.on_event = self._teller(modem.name, out) if order.get("on", True) else None
        return {"ok": True}

    def _teller(self, name: str, out: TextIO) -> Callable[[str], None]:
        return lambda event: self._say(out, {"event": event, "modem": name})
