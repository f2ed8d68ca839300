"""How the families of modems differ on the wire: names, noise, dialect of the commands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """One make of modem.

    boot: lines after power-up. ready: lines once the SIM is usable. noise: lines in between anything.
    iccid: the command that tells it, and its answer with {} for the number. ussd: text, ucs2 or packed.
    cnmi: the values that AT+CNMI=? admits. silencers: vendor commands that end the noise.
    imei_write: the command's name for writing the IMEI, or "".
    """

    name: str
    manufacturer: str
    model: str
    revision: str
    boot: tuple[str, ...] = ()
    ready: tuple[str, ...] = ()
    noise: tuple[str, ...] = ()
    iccid: tuple[str, str] = ("+CCID", "{}")
    ussd: str = "text"
    cnmi: tuple[str, ...] = ("0-2", "0-3", "0,2", "0-2", "0,1")
    stores: tuple[str, ...] = ("SM",)
    first_index: int = 1
    silencers: tuple[str, ...] = ()
    imei_write: str = ""
    tries: tuple[str, str] = ("", "")
    unknown_command: str = "ERROR"
    cpin_without_ok: bool = False
    busy_error: int = 14
    named_ids: bool = False


FAMILIES = {
    family.name: family
    for family in (
        Family("generic", "Generic", "GSM Modem", "1.0"),
        Family(
            "sim800",
            "SIMCOM_Ltd",
            "SIMCOM_SIM800L",
            "Revision:1418B05SIM800L24",
            boot=("RDY", "+CFUN: 1"),
            ready=("+CPIN: READY", "Call Ready", "SMS Ready"),
            noise=('*PSUTTZ: 2024,5,16,9,30,12,"+28",0', "DST: 0", '+CIEV: 10,"51010","TSEL","TSEL", 0, 0'),
            tries=("+SPIC", "+SPIC: {},10,0,10"),
            imei_write="+SIMEI",
        ),
        Family(
            "sim7600",
            "SIMCOM INCORPORATED",
            "SIMCOM_SIM7600E-H",
            "LE20B04SIM7600M22",
            boot=("RDY", "+CPIN: READY", "SMS DONE", "PB DONE"),
            ready=("+CPIN: READY", "SMS DONE", "PB DONE"),
            noise=('*ISIMAID: "A0000000871004FFFFFFFF8903050001"', "+CIEV: 10,1"),
            iccid=("+CICCID", "+ICCID: {}"),
            ussd="ucs2",
            stores=("ME", "SM"),
            first_index=0,
            tries=("+SPIC", "+SPIC: {},10,0,10"),
            imei_write="+SIMEI",
        ),
        Family(
            "huawei",
            "huawei",
            "E173",
            "11.126.85.00.209",
            boot=("^BOOT:27710117,0,0,0,6",),
            ready=("^SIMST:1", "^SRVST:2"),
            noise=("^RSSI:18", "^MODE:5,4", "^DSFLOWRPT:0000000A,00000000,00000000,0,0,0,0",
                   '^HCSQ:"WCDMA",40,35,66', "^STIN: 7, 0, 0", "^SRVST:2"),
            iccid=("^ICCID?", "^ICCID: {}"),
            ussd="packed",
            stores=("SM", "ME"),
            first_index=0,
            silencers=("AT^CURC=0",),
            tries=("^CPIN?", "^CPIN: READY,,10,{},10,3"),
            unknown_command="COMMAND NOT SUPPORT",
        ),
        Family(
            "quectel",
            "Quectel",
            "EC25",
            "EC25EFAR06A06M4G",
            boot=("RDY", "+CFUN: 1", "+CPIN: READY"),
            ready=("+QUSIM: 1", "+QIND: SMS DONE", "+QIND: PB DONE"),
            noise=('+QIND: "csq",20,99', '+QIND: "act","LTE"'),
            iccid=("+QCCID", "+QCCID: {}"),
            stores=("ME", "SM", "MT"),
            first_index=0,
            tries=('+QPINC="SC"', '+QPINC: "SC",{},10'),
            imei_write="+EGMR",
        ),
        Family(
            "zte",
            "ZTE INCORPORATED",
            "MF180",
            "BD_MF180V1.0.0B05",
            boot=("+ZUSIMR:2",),
            ready=('+ZPASR: "UMTS"',),
            noise=('+ZPASR: "UMTS"', '+ZDONR: "TSEL",510,10,"CS_PS","ROAM_OFF"', "+ZUSIMR:2"),
            iccid=("+ZGETICCID", "+ZGETICCID: {}"),
            ussd="ucs2",
            stores=("SM", "ME"),
            first_index=0,
            tries=("+ZPINPUK=?", "+ZPINPUK: {},10"),
        ),
        Family(
            "wavecom",
            "WAVECOM MODEM",
            "MULTIBAND  900E  1800",
            "641b09gg.Q2403A 1320676 061804 14:38",
            boot=("+WIND: 1", "+WIND: 3"),
            ready=("+WIND: 7", "+WIND: 4"),
            noise=("+WIND: 8", "+WIND: 11"),
            iccid=("+CCID", '+CCID: "{}"'),
            cnmi=("0-3", "0-3", "0-3", "0-2", "0,1"),
            silencers=("AT+WIND=0",),
            cpin_without_ok=True,
            busy_error=515,
        ),
        Family(
            "mediatek",
            "MTK",
            "MT6261",
            "MAUI.11B.W12.50.MP.V8",
            ready=("+CIEV: 3,1",),
            noise=("+CIEV: 2,4", "+EIND: 128"),
            imei_write="+EGMR",
        ),
    )
}  # fmt: skip


def family(name: str) -> Family:
    """The family of this name. Raises ValueError with the names there are."""
    try:
        return FAMILIES[name]
    except KeyError:
        raise ValueError(f"no family {name!r}; there are {', '.join(FAMILIES)}") from None
