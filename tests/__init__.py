"""Everything that is tested; run it with ``trial tests``."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys

# A shell has what it runs in the background ignore SIGINT, and so would the programs that tests
# start and end with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# nohup has a run ignore SIGHUP, and so would they. With this the run goes on all the same, and they
# have the system's default again.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

# What follows is for what runs tests; programs that tests start load no trial.
# How long it takes to make an example says how busy the machine is, and nothing of what is tested.
if "twisted.trial" in sys.modules:
    from hypothesis import HealthCheck, settings

    from tests.support.examples import examples

    settings.register_profile(
        "any machine",
        max_examples=examples(100),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("any machine")

# A run that hangs where nobody watches says where every thread is, and fails. A process that forks
# must not have this: its child could never take it back.
if "CI" in os.environ and "twisted.trial" in sys.modules:
    faulthandler.dump_traceback_later(1700, exit=True)
