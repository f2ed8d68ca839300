"""GSM: the SMS codec and the modem that carries it."""
