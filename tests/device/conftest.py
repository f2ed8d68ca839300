"""What tests of mobile internet and of the cable share."""

from tests.device.networkmanager import network_manager as network_manager
