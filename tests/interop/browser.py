"""A headless Chromium, spoken to over the pipe of its DevTools protocol, and what went wrong in it.

The protocol: https://chromedevtools.github.io/devtools-protocol/. With ``--remote-debugging-pipe``
the browser reads commands from descriptor 3 and writes answers and events to descriptor 4, each a
JSON object that a NUL byte ends.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

__all__ = ["Browser"]

_FLAGS = (
    "--headless",
    "--no-sandbox",  # which a browser that runs as root can't have
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--no-first-run",
    "--no-default-browser-check",
    "--mute-audio",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--lang=en-US",
    "--remote-debugging-pipe",
)
_PUT_IN_PLACE = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); "
    "os.execv(sys.argv[3], sys.argv[3:])"
)
_SECONDS = 60.0


class Browser:
    """A browser with one page.

    Args:
        program: Chromium's path.
    """

    def __init__(self, program: str) -> None:
        self.events: list[dict[str, Any]] = []
        """What the browser has told so far, in DevTools' words."""
        self._folder = Path(tempfile.mkdtemp(prefix="pt-chromium-"))
        commands, self._write = os.pipe()
        self._read, answers = os.pipe()
        # Numbers that are neither 3 nor 4, where a Python in between puts the pipes.
        theirs = [
            fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10) for descriptor in (commands, answers)
        ]
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-ISc",
                _PUT_IN_PLACE,
                *map(str, theirs),
                program,
                *_FLAGS,
                f"--user-data-dir={self._folder}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=theirs,
            start_new_session=True,
        )
        for descriptor in (commands, answers, *theirs):
            os.close(descriptor)
        self._number = 0
        self._unread = b""
        self._session: str | None = None
        self._target: str | None = None
        self.new_page()

    def new_page(self) -> None:
        """Close the page, and have an empty one of which nothing was told yet."""
        self._session = None
        closed, self._target = (
            self._target,
            self.command("Target.createTarget", url="about:blank")["targetId"],
        )
        if closed is not None:
            self.command("Target.closeTarget", targetId=closed)
        self._session = self.command("Target.attachToTarget", targetId=self._target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.command(f"{domain}.enable")
        self.events.clear()

    def command(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Have the browser do something, and take what comes of it.

        Raises:
            AssertionError: it says that it can't.
            TimeoutError: it says nothing.
        """
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": arguments}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + _SECONDS
        while True:
            heard = self._hear(end, method)
            if heard.get("id") == number:
                if "error" in heard:
                    problem = f"{method}: {heard['error']['message']}"
                    raise AssertionError(problem)
                result: dict[str, Any] = heard["result"]
                return result

    def evaluate(self, expression: str) -> Any:
        """What a JavaScript expression is in the page; of a promise, what it comes to.

        Raises:
            AssertionError: it throws.
        """
        got = self.command(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in got:
            details = got["exceptionDetails"]
            problem = (
                f"{expression}: {details.get('exception', {}).get('description', details['text'])}"
            )
            raise AssertionError(problem)
        return got["result"].get("value")

    def wait_for(
        self, expression: str, holds: Callable[[Any], object] = bool, seconds: float = 60.0
    ) -> Any:
        """Evaluate an expression until what it is holds.

        Raises:
            TimeoutError: it did not in time.
        """
        end = time.monotonic() + seconds
        while True:
            value = self.evaluate(expression)
            if holds(value):
                return value
            if time.monotonic() > end:
                problem = (
                    f"waited {seconds:.0f} s in the browser for {expression}, which is {value!r}"
                )
                raise TimeoutError(problem)
            time.sleep(0.02)

    def open(self, url: str) -> None:
        """Go to a page; it need not be loaded when this returns."""
        self.command("Page.navigate", url=url)

    def screen(self, width: int, height: int, *, scale: float = 1.0, mobile: bool = False) -> None:
        """Have a screen of so many CSS pixels."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=mobile,
        )

    def prefer(self, **features: str) -> None:
        """Have a system that prefers this, for instance ``prefers_color_scheme="dark"``."""
        wanted = [
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()
        ]
        self.command("Emulation.setEmulatedMedia", features=wanted)

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press and release a key: ``Tab``, ``Enter``, ``Space`` or a character."""
        text = {"Enter": "\r", "Space": " ", "Tab": "", "ArrowRight": ""}.get(key, key)
        name = {"Space": " "}.get(key, key)
        code = {"Enter": 13, "Space": 32, "Tab": 9, "ArrowRight": 39}.get(key, 0)
        common = {"key": name, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.command(
            "Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **common
        )
        self.command("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        """Press the keys of a text."""
        for character in text:
            self.press(character)

    def picture(self) -> bytes:
        """The page as a PNG."""
        return base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"])

    def told(self, method: str) -> list[dict[str, Any]]:
        """What was told of this page so far by events of a kind: their parameters. Of the one
        before something may still come.
        """
        return [
            event["params"]
            for event in self.events
            if event["method"] == method and event.get("sessionId") == self._session
        ]

    def close(self) -> None:
        """End the browser and all of its processes."""
        with suppress(OSError, AssertionError, TimeoutError):
            self._session = None
            self.command("Browser.close")
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, 9)
            self._process.wait(60)
        os.close(self._write)
        os.close(self._read)
        rmtree(self._folder, ignore_errors=True)

    def _hear(self, end: float, what: str) -> dict[str, Any]:
        """The next message; events are kept."""
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            piece = os.read(self._read, 1 << 20) if ready else b""
            if not piece:
                problem = (
                    f"Chromium says nothing to {what}" if not ready else f"Chromium ended at {what}"
                )
                raise TimeoutError(problem)
            self._unread += piece
        message, _, self._unread = self._unread.partition(b"\0")
        heard: dict[str, Any] = json.loads(message)
        if "method" in heard:
            self.events.append(heard)
        return heard
