"""Everything that is tested; run it with ``trial tests``."""

from __future__ import annotations

import faulthandler
import os

# A run that hangs where nobody watches says where every thread is, and fails.
if "CI" in os.environ:
    faulthandler.dump_traceback_later(600, exit=True)
