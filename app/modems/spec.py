"""What the settings say of one modem, in the words of those who run it."""

from __future__ import annotations

from dataclasses import dataclass

from app.settings.modems import Modem
from app.settings.sms import Sms
from hw.ports import Line


@dataclass(frozen=True, slots=True)
class ModemSpec:
    """One modem of the settings, with the SMS section's limits where it has none of its own.

    national: whether national tables of GSM may be used where they save parts.
    """

    id: str
    modem: Modem
    per_minute: int
    per_day: int
    national: bool = False

    @classmethod
    def of(cls, item: str, modem: Modem, sms: Sms) -> ModemSpec:
        return cls(
            id=item,
            modem=modem,
            per_minute=modem.limit_per_minute or sms.limit_per_minute,
            per_day=modem.limit_per_day or sms.limit_per_day,
            national=sms.national_alphabets,
        )

    @property
    def name(self) -> str:
        return self.modem.name

    @property
    def line(self) -> Line:
        modem = self.modem
        return Line(modem.baud_rate, modem.data_bits, modem.parity, modem.stop_bits)

    @property
    def carries_messages(self) -> bool:
        """A modem that gives internet access is not used for SMS; one closed to the API neither."""
        modem = self.modem
        return modem.active and modem.send_sms_from_api and not modem.internet_access

    def needs_restart(self, new: ModemSpec, ready: bool) -> bool:
        """Whether the port must be opened, or the modem started, anew to take over the new settings.

        ready: whether it is at work; its SIM card is open then, and wants another PIN at the next start only.
        """

        def essence(spec: ModemSpec) -> tuple[object, ...]:
            modem = spec.modem
            serving = (modem.port, spec.line, modem.active, modem.sms_centre, modem.imei)
            if not modem.internet_access:
                return (*serving, False)
            return (
                *serving,
                modem.init_strings,
                modem.dial_command,
                modem.dial_number,
                modem.apn,
                modem.apn_username,
                modem.apn_password,
                modem.internet_route,
            )

        another_pin = self.modem.sim_pin != new.modem.sim_pin
        return essence(self) != essence(new) or (another_pin and not ready)
