"""Families of modems: chosen by their own names, written as data files."""

from __future__ import annotations

import pytest

from hw.at.command import checked
from hw.gsm.dialects import choose, dialects, parse, says


@pytest.mark.parametrize(
    ("manufacturer", "model", "name"),
    [
        ("SIMCOM_Ltd", "SIMCOM_SIM800L", "SIM800"),
        ("SIMCOM_Ltd", "SIMCOM_SIM900", "SIM800"),
        ("SIMCOM INCORPORATED", "SIMCOM_SIM7600E-H", "SIM7600"),
        ("SIMCOM INCORPORATED", "A7670E-FASE", "SIM7600"),
        ("huawei", "E173", "Huawei"),
        ("Huawei Technologies Co., Ltd.", "E3372", "Huawei"),
        ("Quectel", "EC25", "Quectel"),
        ("Quectel_Ltd", "Quectel_M95", "Quectel"),
        ("ZTE INCORPORATED", "MF180", "ZTE"),
        ("WAVECOM MODEM", "MULTIBAND  900E  1800", "Wavecom"),
        ("Telit", "HE910", "generic"),
        ("", "", "generic"),
    ],
)
def test_a_modem_is_known_by_its_own_names(manufacturer: str, model: str, name: str) -> None:
    assert choose(manufacturer, model).name == name


def test_every_command_of_the_data_files_is_one_command() -> None:
    assert len(dialects()) == 7
    for dialect in dialects():
        for command in (*dialect.silence, *dialect.iccid, *dialect.reset.values()):
            assert checked(command) == command
        for template in filter(None, (dialect.imei_write, dialect.pin_tries)):
            assert checked(template.format("490154203237518"))
        assert set(dialect.reset) == {"radio", "modem", "full"}
        assert all(value.count(",") <= 4 for value in dialect.cnmi)


def test_a_data_file_with_an_unknown_key_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        parse('name = "X"\ncolour = "red"\n')


@pytest.mark.parametrize(
    ("line", "said"),
    [("+WIND: 1", True), ("+WIND: 11", False), ("^BOOT:27710117,0,0,0,6", True), ("^BOOTS", False)],
)
def test_a_line_with_values_is_recognised(line: str, said: bool) -> None:
    assert says(line, ("+WIND: 1", "^BOOT")) == said
