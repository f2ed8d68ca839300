"""The brokers the device takes messages from: one subscriber each, started and changed at run time.

    brokers = Brokers(gateway, settings, announce, clock, usable=count_of_usable_modems, device="a1b2c3")
    brokers.start()
    brokers.apply(settings.one(SubscriberAmqp))   # after a change of that section; returns at once
    brokers.statuses()                            # for the page and the health answer
    brokers.stop()

``device`` tells this device from others on the same broker and stays the same after a restart.
"""

from app.brokers.brokers import Brokers
from app.brokers.status import BrokerStatus, Standing

__all__ = ["BrokerStatus", "Brokers", "Standing"]
