"""A simulated modem: bytes in, bytes out, with the habits of its family and faults on demand."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from hw.gsm.messages import Submit
from hw.gsm.pdu import PduError, decode
from hw.sim.air import Air
from hw.sim.card import SimCard
from hw.sim.counts import Counts
from hw.sim.desk import Said, answer
from hw.sim.families import Family, family
from hw.sim.faults import Fault, FaultBook
from hw.sim.receiving import Receiving

_CTRL_Z, _ESC, _CR, _BS = 0x1A, 0x1B, 0x0D, 0x08
_PDU_TEXT = re.compile(r"[0-9A-Fa-f]{20,}$")


class SimModem(Receiving):
    """The state machine behind ``sim://NAME`` and behind a pseudo-terminal.

    delay: seconds from Ctrl-Z to +CMGS. command_delay: seconds to any other answer. ready_delay: seconds
    from power-up, or PIN, to a usable SIM. noise_every: a line of noise before every n-th answer, 0 never.
    report_delay: seconds from +CMGS to the delivery report, when the message asked for one.
    Whoever serves it calls receive() with what the host wrote, take() for what is due, next_due() for when
    to look again; ``changed`` is notified, and on_output called, when there is something new to take.
    """

    def __init__(
        self,
        name: str = "sim",
        *,
        make: str | Family = "generic",
        air: Air | None = None,
        card: SimCard | None = None,
        imei: str = "490154203237518",
        delay: float = 0.0,
        command_delay: float = 0.0,
        ready_delay: float = 0.0,
        report_delay: float = 0.0,
        noise_every: int = 0,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        known = make if isinstance(make, Family) else family(make)
        super().__init__(known, card if card is not None else SimCard(), steady)
        self.name = name
        self.air = air if air is not None else Air()
        self.imei = imei
        self.delay = delay
        self.command_delay = command_delay
        self.ready_delay = ready_delay
        self.report_delay = report_delay
        self.noise_every = noise_every
        self.faults = FaultBook()
        self.counts = Counts()
        self.stray_lines: list[str] = []
        self.on_unplug: Callable[[], None] | None = None
        self.on_event: Callable[[str], None] | None = None
        self.on_reset: Callable[[], None] | None = None
        self.access_point = ""  # what AT+CGDCONT set; without one nobody gets into the internet
        self.baud: int | None = None  # the one rate at which it is understood; None: any
        self.menu: dict[str, str | tuple[str, bool]] = {
            "*888#": "Your balance is Rp 25.000.",
            "*123#": ("1. Balance\n2. Packages", True),
            "1": "Your balance is Rp 25.000.",
        }
        self.ussd_early = False  # whether +CUSD comes before the OK of its command
        self.rssi = 20
        self._reference = 0
        self._answers = 0
        self._silenced: set[str] = set()
        self.power_up()

    # Power and plug

    def power_up(self) -> None:
        """Start as after plugging in: echo on, text mode, the SIM locked again, boot lines out."""
        with self.changed:
            self.silence_now()
            self._input = bytearray()
            self._awaiting: tuple[int, str] | None = None  # length, command of the prompt that is open
            self._wedged = False
            self._busy_until = 0.0
            self.echo, self.quiet = True, False
            self.cmee, self.text_mode, self.functional = 0, True, 1
            self.news_mode = [0, 0, 0, 0, 0]
            self.creg_mode = {"+CREG": 0, "+CGREG": 0, "+CEREG": 0}
            self.stores = [self.family.stores[0]] * 3
            self.charset = "GSM" if self.family.name in ("wavecom", "generic") else "IRA"
            self.session = False
            self._silenced.clear()
            self.card.verified = False
            self.ready_at = self.steady() + self.ready_delay if self.card.pin is None else float("inf")
            for line in self.family.boot:
                self.say(line)
            if self.card.pin is None:
                self.sim_opens()
            self.resume_noise()

    def reset(self) -> None:
        """The host restarts it; on_reset decides how it comes back (as another tty, never), else at once."""
        if self.on_reset is not None:
            self.on_reset()
        else:
            self.power_up()

    def sim_opens(self) -> None:
        """The SIM is open; it can be used after ready_delay."""
        self.ready_at = self.steady() + self.ready_delay
        for line in self.family.ready:
            self.say(line, self.ready_delay)

    @property
    def sim_ready(self) -> bool:
        return self.card.state == "READY" and self.steady() >= self.ready_at

    def unplug(self) -> None:
        """The stick is pulled: what it was about to say or send is lost."""
        with self.changed:
            self.silence_now()
            self._awaiting = None
            self.changed.notify_all()
        if self.on_unplug is not None:
            self.on_unplug()

    # The wire

    def receive(self, data: bytes) -> None:
        """Bytes that the host wrote."""
        with self.changed:
            if self.deaf:
                return
            for byte in data:
                self._input_byte(byte)

    def _input_byte(self, byte: int) -> None:
        if self._wedged:
            self._wedged = byte != _ESC
            return
        if self._awaiting is not None:
            self._body_byte(byte)
        elif byte == _CR:
            line = self._input.decode("latin-1")
            self._input.clear()
            if self.echo:
                self.schedule(0.0, f"{line}\r".encode("latin-1"))
            self._command(line.strip("\x00\n "))
        elif byte == _ESC:
            self._input.clear()
        elif byte == _BS:
            del self._input[-1:]
        else:
            self._input.append(byte)

    def _body_byte(self, byte: int) -> None:
        if byte == _ESC:
            self._awaiting = None
            self._input.clear()
            self._finish(Said(), 0.0)
        elif byte == _CTRL_Z:
            body = self._input.decode("latin-1").strip()
            self._input.clear()
            if self.echo:
                self.schedule(0.0, body.encode("latin-1"))
            self._body(body)
        else:
            self._input.append(byte)

    # Commands

    def _command(self, line: str) -> None:
        if not line:
            return
        if not line.upper().startswith("AT"):
            self._stray(line)
            return
        self.counts.commands += 1
        self._tell("command")
        if self.steady() < self._busy_until:
            self.counts.overlaps += 1
        if any(";" in part for part in line.split('"')[::2]) and not line.upper().startswith("ATD"):
            self.counts.joined += 1
        fault = self.faults.take("command", command=line)
        if fault is not None and fault.action == "silence":
            return
        if fault is not None and fault.action == "unplug":
            self.unplug()
            return
        late = fault.seconds if fault is not None and fault.action == "late" else 0.0
        if fault is not None and fault.action == "refuse":
            self._finish(Said(final=fault.final), late)
            return
        said = answer(self, line)
        if fault is not None and fault.action == "no-ok":
            said = Said(said.lines, None)
        self._finish(said, self.command_delay + late)

    def _stray(self, line: str) -> None:
        """A line that is no command: noise, or a body that arrived where no prompt was open."""
        self.counts.strays += 1
        self.stray_lines.append(line)
        if _PDU_TEXT.match(line):
            self.counts.stray_pdus += 1

    def _finish(self, said: Said, after: float) -> None:
        self._answers += 1
        if self.noise_every and self._answers % self.noise_every == 0 and not self._is_silenced:
            self.say(self.noise(), after)
        out = "".join(f"\r\n{line}\r\n" for line in said.lines)
        if said.final is not None:
            out += f"\r\n{self._worded(said.final)}\r\n"
        self._busy_until = self.steady() + after
        if out and not self.quiet:
            self.schedule(after, out.encode("latin-1", "replace"))
        for line in said.news:
            self.say(line, after)

    def _worded(self, final: str) -> str:
        """Errors in the detail that AT+CMEE asked for."""
        if final.startswith("+CME ERROR") and self.cmee == 0:
            return "ERROR"
        return final

    @property
    def _is_silenced(self) -> bool:
        return bool(self.family.silencers) and self._silenced.issuperset(self.family.silencers)

    def silence(self, command: str) -> bool:
        """A vendor's command against noise; whether this family knows it."""
        if command.upper() in self.family.silencers:
            self._silenced.add(command.upper())
            return True
        return False

    # Sending

    def prompt(self, length: int, command: str) -> Said:
        """AT+CMGS=length: open the prompt, unless a script says otherwise."""
        self.counts.prompts += 1
        self._tell("prompt")
        fault = self.faults.take("prompt", command=command)
        if fault is None:
            self._open_prompt(length, command, self.command_delay)
        elif fault.action == "refuse":
            return Said(final=fault.final)
        elif fault.action == "unplug":
            self.unplug()
        elif fault.action == "late":
            self._open_prompt(length, command, fault.seconds)
        elif fault.action == "wedge":
            self._open_prompt(length, command, self.command_delay)
            self._wedged = True
        return Said(final=None)

    def _open_prompt(self, length: int, command: str, after: float) -> None:
        if self.noise_every and not self._is_silenced:
            self.say(self.noise(), after)
        if after <= 0:
            self._awaiting = (length, command)
        else:
            self.schedule(after, lambda: self._await_body(length, command))
        self.schedule(after, b"\r\n> ")

    def _await_body(self, length: int, command: str) -> None:
        self._awaiting = (length, command)

    def _body(self, body: str) -> None:
        assert self._awaiting is not None
        length, command = self._awaiting
        self._awaiting = None
        self.counts.bodies += 1
        self._tell("body")
        if self.text_mode:  # the digits of a PDU on their way to nobody
            self._stray(body)
        try:
            octets = bytes.fromhex(body)
            message = decode(body, direction="MO")
        except (ValueError, PduError):
            self._refuse("+CMS ERROR: 304")
            return
        if not octets or len(octets) - 1 - octets[0] != length or not isinstance(message, Submit):
            self.counts.wrong_lengths += 1
            self._refuse("+CMS ERROR: 304")
            return
        if "+CMGW" in command.upper():
            index = self.card.keep(body, self.family.first_index, status=2)
            self._finish(
                Said((f"+CMGW: {index}",)) if index is not None else Said(final="+CMS ERROR: 322"), 0.0
            )
            return
        self._send(message)

    def _send(self, message: Submit) -> None:
        fault = self.faults.take("body", number=message.address.number)
        if fault is not None and fault.action == "refuse":
            self._refuse(fault.final)
        elif fault is not None and fault.action == "unplug":
            if fault.sent:
                self._on_air(message)
            self.unplug()
        elif fault is not None and fault.action == "wedge":
            self._wedged = True
        elif self.registered not in (1, 5, 6, 7):
            self._refuse("+CMS ERROR: 331")
        else:
            self._take_message(message, fault)

    def _take_message(self, message: Submit, fault: Fault | None) -> None:
        self._reference = (self._reference + 1) % 256
        reference = self._reference
        silent = fault is not None and fault.action == "silence"
        late = fault.seconds if fault is not None and fault.action == "late" else 0.0
        on_air = fault is None or not silent or fault.sent
        if on_air:
            if self.delay > 0:
                self.schedule(self.delay, lambda: self._on_air(message))
            else:
                self._on_air(message)
        if not silent:
            final = None if fault is not None and fault.action == "no-ok" else "OK"
            self._finish(Said((f"+CMGS: {reference}",), final), self.delay + late)
        if message.report_requested and on_air:
            self.schedule(self.delay + late + self.report_delay, lambda: self.report(message, reference))

    def _on_air(self, message: Submit) -> None:
        self.counts.parts += 1
        self.air.carry(self.name, message)
        self._tell("sent")

    def _refuse(self, final: str) -> None:
        self.counts.refused += 1
        self._finish(Said(final=final), self.delay)

    def _tell(self, event: str) -> None:
        if self.on_event is not None:
            self.on_event(event)
