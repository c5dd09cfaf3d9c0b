"""Everything that is tested; run it with ``trial tests``."""

from __future__ import annotations

import faulthandler
import os
import signal

# A shell has what it runs in the background ignore SIGINT, and so would the programs that tests start and end with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A run that hangs where nobody watches says where every thread is, and fails.
if "CI" in os.environ:
    faulthandler.dump_traceback_later(1700, exit=True)
