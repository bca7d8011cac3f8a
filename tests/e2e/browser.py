#!/usr/bin/env python3
"""Opens a page in headless Chromium in the four ways people see it: on a phone and on a desk, light and dark.

    browser.py URL DIRECTORY EXPRESSION

In each of the four, waits until the JavaScript EXPRESSION is true. Then the page must fit its window's width, and must
have violated no rule of its content security policy and raised no error. Writes screenshots to DIRECTORY. Exits with 0;
with 1 and a line that says what was wrong; or with 77 if Chromium is not installed.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

PATIENCE = 60  # seconds, for each step

WINDOWS = {"phone": (360, 780, True), "desk": (1440, 900, False)}


class Browser:
    """Chromium, controlled through a pair of pipes with messages in JSON; a NUL ends each message."""

    def __init__(self, program, profile):
        to_browser, self.to_browser = os.pipe()
        self.from_browser, from_browser = os.pipe()

        def give_pipes():
            # Chromium reads descriptor 3 and writes 4, so the pipes' ends must get these numbers.
            reading, writing = os.dup(to_browser), os.dup(from_browser)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        arguments = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                     "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(arguments, preexec_fn=give_pipes, close_fds=False,
                                        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        os.set_blocking(self.from_browser, False)
        self.buffer = b""
        self.number = 0
        self.session = None
        self.complaints = []

    def receive(self, deadline):
        while b"\0" not in self.buffer:
            if time.monotonic() > deadline:
                raise TimeoutError("the browser does not answer")
            try:
                piece = os.read(self.from_browser, 1 << 20)
                if not piece:
                    raise EOFError("the browser has ended")
                self.buffer += piece
            except BlockingIOError:
                time.sleep(0.005)
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def note(self, message):
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(parameters["exceptionDetails"])[:500])
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            # Browsers request this without being told.
            if not parameters["entry"].get("url", "").endswith("/favicon.ico"):
                self.complaints.append(parameters["entry"]["text"])

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self.receive(deadline)
            if answer.get("id") != self.number:
                self.note(answer)
                continue
            if "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']['message']}")
            return answer["result"]

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']['text']}")
        return result["result"].get("value")

    def wait_for(self, expression):
        deadline = time.monotonic() + PATIENCE
        while not self.evaluate(expression):
            if time.monotonic() > deadline:
                text = self.evaluate("document.body.innerText")
                raise TimeoutError(f"it never became true that {expression}; the page says:\n{text}")
            time.sleep(0.1)

    def open_tab(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable")

    def look(self, url, expression, window, scheme, directory):
        width, height, mobile = WINDOWS[window]
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, mobile=mobile,
                  deviceScaleFactor=1)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'")
        self.wait_for(expression)
        # One picture of the first screen, one of the whole page.
        for name, beyond in ((f"{window}-{scheme}", False), (f"{window}-{scheme}-whole", True)):
            picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=beyond,
                                **({"clip": self.whole(width)} if beyond else {}))["data"]
            with open(os.path.join(directory, name + ".png"), "wb") as file:
                file.write(base64.b64decode(picture))
        wide = self.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            raise AssertionError(f"{window}: the page is {wide} pixels wide, and the window {width}")

    def whole(self, width):
        height = self.evaluate("document.documentElement.scrollHeight")
        return {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}

    def close(self):
        self.process.kill()
        self.process.wait()


def main():
    url, directory, expression = sys.argv[1:4]
    program = shutil.which("chromium")
    if not program:
        print("there is no chromium (Debian: chromium)")
        return 77
    profile = tempfile.mkdtemp(prefix="browser-")
    browser = Browser(program, profile)
    backgrounds = set()
    try:
        browser.open_tab()
        for window in WINDOWS:
            for scheme in ("light", "dark"):
                browser.look(url, expression, window, scheme, directory)
                backgrounds.add(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
        if len(backgrounds) != 2:
            raise AssertionError("light and dark look the same")
        if browser.complaints:
            raise AssertionError("the browser complains: " + "; ".join(browser.complaints))
    except (AssertionError, RuntimeError, TimeoutError, EOFError) as error:
        print(error)
        return 1
    finally:
        browser.close()
        shutil.rmtree(profile, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
