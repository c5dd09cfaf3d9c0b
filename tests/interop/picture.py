"""Takes the picture of the page that the documents show: ``python -m tests.interop.picture`` writes
docs/page.png.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from tests.interop.browser import Browser
from tests.support.markdown import ROOT

__all__: list[str] = []

_WIDTH, _HEIGHT = 1360, 1120
_MINUTES = 5


def _take() -> bytes:
    program = shutil.which("chromium")
    if program is None:
        sys.exit("chromium is not installed")
    command = [sys.executable, "-m", "tests.support.pretended_relay", "--minutes", str(_MINUTES)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        browser = Browser(program)
        try:
            browser.screen(_WIDTH, _HEIGHT)
            browser.prefer(prefers_color_scheme="dark")
            browser.open(f"http://{address}/")
            browser.wait_for("document.body?.dataset.state === 'live'")
            # The pretended minutes have gone by when the page shows a second that is as long as a
            # second.
            spoken = "(async () => (await (await fetch('/api/snapshot')).json()).time)()"
            first = browser.evaluate(spoken)
            # On a busy machine that takes minutes.
            browser.wait_for(spoken, lambda now: now >= first + 60 * _MINUTES - 20, seconds=600)
            browser.wait_for(
                "new Promise(done => requestAnimationFrame(() => setTimeout(done, 100, true)))"
            )
            return browser.picture()
        finally:
            browser.close()
            server.stdin.close()


if __name__ == "__main__":
    (ROOT / "docs" / "page.png").write_bytes(_take())
