"""Builds every object of the gateway once, in reading order; starts it, stops it, applies what changed."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.core.blocklist import BlockList
from app.core.clock import SystemClock
from app.core.delivery import Delivery
from app.core.digest import KeyedDigest
from app.core.duplicates import Duplicates
from app.core.errors import MailFailed
from app.core.events import ClockStepped, Events
from app.core.gateway import Gateway
from app.core.intake import Intake, Rules
from app.core.msisdn import Numbering
from app.core.otp import OtpBook, OtpPolicy
from app.core.ports import Job
from app.core.recovery import recover
from app.core.routing import Router
from app.jobs import ClockWatch, Jobs
from app.modems.fleet import Fleet
from app.modems.spec import ModemSpec
from app.numbering import normalise
from app.settings.api import Api, ApiUser
from app.settings.blocking import BlockedNumber
from app.settings.general import General
from app.settings.modems import Modem
from app.settings.problems import Problem
from app.settings.section import Section
from app.settings.sms import Sms
from app.settings.store import Loaded, SettingsStore
from app.settings.watch import Changed, Watcher
from app.store.database import Database
from app.store.keys import DeviceKeys
from app.store.ledger import SqliteLedger
from app.store.modems import ModemMemory
from app.store.otp import SqliteOtpStore
from app.store.places import Places
from app.store.spool import FileSpool

log = logging.getLogger(__name__)

KEEP_MESSAGES = 90 * 24 * 3600.0  # seconds a message stays in the ledger
