"""A real Chromium without a window: pages opened, looked at and used, and everything that they ask for written down."""

import asyncio
import base64
import os
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

_QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1200,800",
)
DEADLINE_S = 120
Answer = TypeVar("Answer")


class Page:
    """A page that is open in the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._count = 0
        self.asked: list[str] = []

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        """Ask the browser for something, as its DevTools protocol names it."""
        self._count += 1
        await self._socket.send_json({"id": self._count, "method": method, "params": params})
        while True:
            answer = await asyncio.wait_for(self._socket.receive_json(), DEADLINE_S)
            if answer.get("method") == "Network.requestWillBeSent":
                self.asked.append(answer["params"]["request"]["url"])
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    async def value(self, expression: str) -> Any:
        """The value of an expression of the page's language; an error in it is an error here."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def wait(self, expression: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + DEADLINE_S
        while not await self.value(expression):
            assert time.monotonic() < deadline, f"never true: {expression}"
            await asyncio.sleep(0.05)

    async def open(self, address: str) -> None:
        """Go there, and wait until it is loaded."""
        answer = await self.call("Page.navigate", url=address)
        assert "errorText" not in answer, answer
        await self.wait(f"location.href.startsWith({address!r}) && document.readyState === 'complete'")

    async def middle(self, selector: str) -> tuple[float, float]:
        """Where the middle of an element is."""
        x, y = await self.value(
            f"(box => [box.x + box.width / 2, box.y + box.height / 2])"
            f"(document.querySelector({selector!r}).getBoundingClientRect())"
        )
        return x, y

    async def hover(self, selector: str) -> None:
        """Move the pointer onto an element."""
        x, y = await self.middle(selector)
        await self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    async def click(self, selector: str) -> None:
        """Click on an element."""
        x, y = await self.middle(selector)
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def type(self, text: str) -> None:
        """Type text where the cursor is."""
        await self.call("Input.insertText", text=text)

    async def picture(self, file: Path) -> None:
        """Write what is seen into a file."""
        answer = await self.call("Page.captureScreenshot")
        file.write_bytes(base64.b64decode(answer["data"]))


def in_chromium(room: Path, work: Callable[[Page], Awaitable[Answer]]) -> tuple[Answer, list[str]]:
    """The answer of `work` on a page of a new browser, and the address of everything that the page asked for.

    What it, or the browser for itself, would send anywhere goes to a proxy that is not there.
    """
    return asyncio.run(_worked(room, work))


async def _worked(room: Path, work: Callable[[Page], Awaitable[Answer]]) -> tuple[Answer, list[str]]:
    async with _browser(room) as address, aiohttp.ClientSession() as session:
        async with session.get(f"http://{address}/json/list") as listed:
            pages = [each for each in await listed.json() if each["type"] == "page"]
        async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=1 << 28) as opened:
            page = Page(opened)
            await page.call("Page.enable")
            await page.call("Network.enable")
            return await work(page), page.asked


@asynccontextmanager
async def _browser(room: Path) -> AsyncIterator[str]:
    profile = room / "profile"
    profile.mkdir(parents=True)
    told = (f"--user-data-dir={profile}", "--remote-debugging-port=0", "--remote-allow-origins=*")
    through = ("--proxy-server=http://127.0.0.1:9", "--proxy-bypass-list=<-loopback>")
    with open(room / "chromium.log", "ab") as log:
        process = subprocess.Popen(
            ["chromium", *_QUIET, *told, *through, "about:blank"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "HOME": str(room)},
        )  # fmt: skip
    try:
        yield f"127.0.0.1:{await _port_of(profile, process)}"
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


async def _port_of(profile: Path, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + DEADLINE_S
    told = profile / "DevToolsActivePort"
    while True:
        with suppress(FileNotFoundError, IndexError, ValueError):
            return int(told.read_text().splitlines()[0])
        assert process.poll() is None and time.monotonic() < deadline, f"it did not start; see {profile.parent}"
        await asyncio.sleep(0.05)
