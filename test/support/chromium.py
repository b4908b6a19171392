"""
A page in headless Chromium without a network, and what it says about it.

The DevTools protocol is spoken over two pipes (``--remote-debugging-pipe``): JSON messages that
end with a zero byte. So no port is opened, and nothing is needed but the browser.
"""
import base64
import contextlib
from dataclasses import dataclass, field
import fcntl
import json
import os
from pathlib import Path
import select
import shutil
import subprocess
import time

PROGRAMS = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')
READS, WRITES = 3, 4  # file descriptors that the browser expects
DEADLINE_S = 120.0
OPTIONS = ('--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
           '--no-first-run', '--disable-extensions', '--disable-background-networking',
           '--disable-component-update', '--disable-sync', '--hide-scrollbars',
           '--host-resolver-rules=MAP * ~NOTFOUND', '--remote-debugging-pipe')
TOO_WIDE = """Array.from(document.querySelectorAll('body, .wide')).filter(
    each => each.scrollWidth > each.clientWidth + 1).map(each => each.innerText.slice(0, 40))"""
IMAGES = """Promise.all(Array.from(document.images, image => image.decode().then(
    () => null, () => null).then(() => [image.alt, image.naturalWidth, image.naturalHeight])))"""


def find_chromium() -> str | None:
    """Path of the browser, or None."""
    return next((path for path in map(shutil.which, PROGRAMS) if path), None)


@dataclass
class Opened:
    """
    What was seen of a page.

    :param problems: messages of its console, exceptions, and what the browser logs about it.
    :param requests: addresses that it asked for, without that of the page and data in it.
    :param images: alternative text, width and height (pixels; 0 if it did not load) of each.
    :param too_wide: the first letters of each part that is wider than its place.
    :param text: as a reader sees it.
    :param screenshot: PNG of the top of the page, if it was asked for.
    """

    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    images: list[tuple[str, int, int]] = field(default_factory=list)
    too_wide: list[str] = field(default_factory=list)
    text: str = ''
    screenshot: bytes = b''


def open_page(page: Path, profile: Path, size: tuple[int, int] = (1280, 900),
              screenshot: bool = False) -> Opened:
    """
    Open a file and wait until it has loaded.

    :param profile: an empty folder for the files of the browser.
    :param size: width and height of the window, pixels.
    """
    browser = Browser(profile, size)
    try:
        return browser.open(page.resolve().as_uri(), screenshot)
    finally:
        browser.close()


class Browser:
    """The process, and the messages to and from it."""

    def __init__(self, profile: Path, size: tuple[int, int]) -> None:
        to_browser, self._to = os.pipe()
        self._from, from_browser = os.pipe()
        self._next, self._rest, self.events = 0, b'', []
        self._deadline = time.monotonic() + DEADLINE_S

        # Above those that the shell gives to the browser.
        ends = [fcntl.fcntl(each, fcntl.F_DUPFD, 10) for each in (to_browser, from_browser)]
        self._log = profile / 'stderr.txt'
        command = [find_chromium(), *OPTIONS, f'--user-data-dir={profile}',
                   f'--window-size={size[0]},{size[1]}', 'about:blank']
        connect = f'exec "$@" {READS}<&{ends[0]} {WRITES}>&{ends[1]} 2>"$0"'
        self._process = subprocess.Popen(
            ['bash', '-c', connect, str(self._log), *command], pass_fds=ends,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            env={**os.environ, 'HOME': str(profile)})
        for each in (to_browser, from_browser, *ends):
            os.close(each)

    def open(self, address: str, screenshot: bool) -> Opened:
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self.call(f'{domain}.enable', session)
        self.call('Page.navigate', session, url=address)
        while not any(event['method'] == 'Page.loadEventFired' for event in self.events):
            self._receive()
        images = self._evaluate(IMAGES, session)
        found = Opened(images=[tuple(image) for image in images],
                       too_wide=self._evaluate(TOO_WIDE, session),
                       text=self._evaluate('document.body.innerText', session))
        if screenshot:
            shot = self.call('Page.captureScreenshot', session, format='png')
            found.screenshot = base64.b64decode(shot['data'])
        for event in self.events:
            _note(event, address, found)
        return found

    def call(self, method: str, session: str | None = None, **parameters):
        """Call a method and wait for its result."""
        self._next += 1
        message = {'id': self._next, 'method': method, 'params': parameters}
        if session:
            message['sessionId'] = session
        os.write(self._to, json.dumps(message).encode() + b'\0')
        while True:
            answer = self._receive()
            if answer.get('id') == self._next:
                assert 'error' not in answer, answer
                return answer['result']

    def close(self) -> None:
        with contextlib.suppress(OSError, AssertionError):
            self.call('Browser.close')
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for each in (self._to, self._from):
            os.close(each)

    def _evaluate(self, expression: str, session: str):
        answer = self.call('Runtime.evaluate', session, expression=expression, awaitPromise=True,
                           returnByValue=True)
        assert 'exceptionDetails' not in answer, answer
        return answer['result']['value']

    def _receive(self) -> dict:
        while b'\0' not in self._rest:
            ready = select.select([self._from], [], [], self._deadline - time.monotonic())[0]
            assert ready, f'chromium did not answer within {DEADLINE_S} s'
            data = os.read(self._from, 1 << 20)
            assert data, f'chromium has ended: {self._log.read_text()[-2000:]}'
            self._rest += data
        text, _, self._rest = self._rest.partition(b'\0')
        message = json.loads(text)
        if 'method' in message:
            self.events.append(message)
        return message


def _note(event: dict, address: str, found: Opened) -> None:
    """Keep what an event says about the page."""
    method, values = event['method'], event['params']
    if method == 'Runtime.consoleAPICalled':
        found.problems.append(f'console.{values["type"]}: {values["args"]}')
    elif method == 'Runtime.exceptionThrown':
        found.problems.append(f'exception: {values["exceptionDetails"]["text"]}')
    elif method == 'Log.entryAdded':
        found.problems.append(f'{values["entry"]["level"]}: {values["entry"]["text"]}')
    elif method == 'Network.requestWillBeSent':
        url = values['request']['url']
        if url != address and not url.startswith(('data:', 'about:')):
            found.requests.append(url)
