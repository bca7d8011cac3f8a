#!/usr/bin/env python3
"""Runs the commands that the pages for users show, each page in an empty directory, and checks the pages' links.

  pages.py [--pause SECONDS] BUILD_DIRECTORY SOURCE_DIRECTORY [PAGE...]

The ```sh blocks of a page run unchanged and in order in one shell, and must succeed. A ```text block shows the output
of the block before it: its lines must come in that order, and … stands for any text. The last command of that block runs
again until the lines match. Other blocks (```c, ```console, ...) do not run. PAGE#Heading runs only that section.

Each page runs twice: block by block, as typed by a reader who looks at the answers; and pasted into an interactive shell on a
terminal, all blocks at once without second tries. --pause: pastes command by command, so many seconds apart.

A link to a file of this repository must name one, and a link to a heading must name one of that page.
"""
import argparse
import glob
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

# The part of these pages that runs. Other pages run as a whole.
RUN = {"README.md": "README.md#From an empty directory to a running group"}
# What a page finds of the repository in its directory.
NEEDS = {"examples/README.md": ["examples/plugin-c", "examples/producer"]}
PATIENCE = 60  # seconds for a block
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^()\s]+)\)")


def pages_of(source):
    """README, the guides and the examples' page, by their paths."""
    guides = sorted(glob.glob(os.path.join(source, "examples/guides/*.md")))
    return ["README.md", "examples/README.md"] + [os.path.relpath(guide, source) for guide in guides]


class Failure(Exception):
    pass


class Shell:
    """One shell for a page: the directory, variables and jobs persist from block to block."""

    def __init__(self, directory, environment):
        self.directory = directory
        self.count = 0
        self.process = subprocess.Popen(["bash", "--norc"], cwd=directory, env=environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
                                        start_new_session=True)
        self.process.stdin.write("set -m\nPATH=$PATH:.\n")

    def run(self, commands):
        """The exit status of commands, and their output."""
        self.count += 1
        script, out, status = (os.path.join(self.directory, f".{kind}{self.count}") for kind in ("in", "out", "status"))
        with open(script, "w") as file:
            file.write(commands + "\n")
        # A failing command ends the block, not the shell with its jobs.
        self.process.stdin.write(f"trap 'echo \"$?\" > {status}.new; mv {status}.new {status}; trap - ERR; return' ERR; "
                                 f". {script} > {out} 2>&1; trap - ERR; [ -e {status} ] || echo 0 > {status}\n")
        self.process.stdin.flush()
        deadline = time.monotonic() + PATIENCE
        while not (os.path.exists(status) and os.path.getsize(status)):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise Failure(f"no end within {PATIENCE} s of:\n{commands}\n{open(out).read()}")
            time.sleep(0.01)
        return int(open(status).read()), open(out, errors="replace").read()

    def close(self):
        try:
            self.process.stdin.write("kill $(jobs -p) 2>/dev/null; wait; exit\n")
            self.process.stdin.close()
            self.process.wait(20)
        except (OSError, subprocess.TimeoutExpired):
            os.killpg(self.process.pid, signal.SIGKILL)
            raise Failure("what the page starts does not stop") from None


def commands_of(text):
    """The commands of a block: as few lines each as bash takes for complete."""
    lines = []
    for line in text.strip().splitlines():
        lines.append(line)
        tried = subprocess.run(["bash", "-n"], input="\n".join(lines) + "\n", capture_output=True, text=True, check=False)
        if tried.returncode == 0 and not tried.stderr:  # a here-document without an end is a warning
            yield "\n".join(lines)
            lines = []
    if lines:
        raise Failure("bash finds no end of:\n" + "\n".join(lines))


class Terminal:
    """An interactive shell on a terminal of its own. It notes the status of each command that it has run."""

    def __init__(self, directory, environment):
        self.statuses = os.path.join(directory, ".statuses")
        open(self.statuses, "w").close()
        environment = dict(environment, TERM="dumb", PS1="", PS2="", HISTFILE="/dev/null", SEG_STATUSES=self.statuses,
                           PATH=environment["PATH"] + ":.", PROMPT_COMMAND='echo "$?" >> "$SEG_STATUSES"')
        self.said = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            # What is typed would appear amid the output.
            subprocess.run(["stty", "-echo"], check=True)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], environment)

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return
        try:
            self.said += os.read(self.fd, 65536).decode(errors="replace")
        except OSError:  # the shell has ended
            time.sleep(seconds)

    def count(self):
        """How many commands have ended. The first prompt ends none."""
        return len(open(self.statuses).read().split()) - 1

    def type(self, text):
        """Writes as fast as the terminal takes it, and reads what appears there meanwhile."""
        rest = text.encode()
        while rest:
            if select.select([], [self.fd], [], 0.05)[1]:
                rest = rest[os.write(self.fd, rest[:256]):]
            self.read(0)

    def wait(self, count, what):
        deadline = time.monotonic() + PATIENCE
        while self.count() < count:
            if time.monotonic() > deadline:
                raise Failure(f"no end within {PATIENCE} s of:\n{what}\n{self.said}")
            self.read(0.05)

    def check(self, commands, expected):
        for command, status in zip(commands, open(self.statuses).read().split()[1:]):
            if status != "0":
                raise Failure(f"exit code {status} of:\n{command}\nThe terminal shows:\n{self.said}")
        # The newest output may come from the terminal later than the shell notes the status.
        deadline = time.monotonic() + PATIENCE
        while not is_said(expected, self.said) and time.monotonic() < deadline:
            self.read(0.05)
        if not is_said(expected, self.said):
            raise Failure(f"expected:\n{expected}\nThe terminal shows:\n{self.said}")

    def close(self):
        deadline = time.monotonic() + 20
        self.type("kill $(jobs -p) 2>/dev/null; wait; exit\n")
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise Failure("what the page starts does not stop")
            self.read(0.05)
        os.close(self.fd)


def is_said(expected, output):
    lines = iter(output.splitlines())
    return all(any(re.fullmatch(".*".join(map(re.escape, line.rstrip().split("…"))), said.rstrip()) for said in lines)
               for line in expected.splitlines() if line.strip())


def run_block(shell, commands, expected):
    lines = commands.strip().splitlines()
    first, last = ("\n".join(lines[:-1]), lines[-1]) if expected else (commands, None)
    status, output = shell.run(first)
    if status:
        raise Failure(f"exit code {status} of:\n{first}\n{output}")
    deadline = time.monotonic() + PATIENCE
    while last:
        status, said = shell.run(last)
        if status == 0 and is_said(expected, output + said):
            break
        if time.monotonic() > deadline:
            raise Failure(f"expected:\n{expected}\nof:\n{commands}\nbut it prints, with exit code {status}:\n{output}{said}")
        time.sleep(0.2)


def section_of(text, heading):
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,2}} |\Z)", text, re.M | re.S)
    if not found:
        raise Failure(f"there is no section {heading}")
    return found.group(2)


def blocks_of(source, page):
    """Pairs of commands and their output; "" if the page does not show the output."""
    path, _, heading = page.partition("#")
    text = open(os.path.join(source, path)).read()
    blocks = BLOCK.findall(section_of(text, heading) if heading else text) + [(None, "")]
    return [(content, following[1] if following[0] == "text" else "")
            for (language, content), following in zip(blocks, blocks[1:]) if language == "sh"]


def run_page(source, page, directory, environment):
    shell = Shell(directory, environment)
    try:
        for commands, expected in blocks_of(source, page):
            run_block(shell, commands, expected)
    finally:
        shell.close()


def paste_page(source, page, pause, directory, environment):
    blocks = blocks_of(source, page)
    commands = [command for text, _ in blocks for command in commands_of(text)]
    terminal = Terminal(directory, environment)
    try:
        terminal.wait(0, "bash")
        if pause:
            for number, command in enumerate(commands, 1):
                time.sleep(pause)
                terminal.type(command + "\n")
                terminal.wait(number, command)
        else:
            terminal.type("\n".join(commands) + "\n")
            terminal.wait(len(commands), "the page")
        terminal.check(commands, "\n".join(expected for _, expected in blocks))
    finally:
        terminal.close()


def anchors_of(text):
    """The headings of a page, as GitHub names them in links."""
    titles = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def follow_links(source, page):
    path = os.path.join(source, page)
    wrong = []
    for link in LINK.findall(open(path).read()):
        if re.match(r"https?:", link):
            continue
        file, _, anchor = link.partition("#")
        target = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
        if not os.path.exists(target) or anchor and anchor not in anchors_of(open(target).read()):
            wrong.append(link)
    if wrong:
        raise Failure("these links lead nowhere: " + ", ".join(wrong))


def tests_of(source, pages, pause):
    """Pairs of a test's name and the call that runs it in a directory and an environment."""
    for page in pages:
        if "#" not in page:
            yield f"the links of {page} lead somewhere", lambda *_, page=page: follow_links(source, page)
        page = RUN.get(page, page)
        if blocks_of(source, page):
            yield f"the commands of {page}", lambda *where, page=page: run_page(source, page, *where)
            yield f"the commands of {page}, pasted", lambda *where, page=page: paste_page(source, page, pause, *where)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--pause", type=float, default=0, metavar="SECONDS", help="before each pasted command (0: all at once)")
    parser.add_argument("build")
    parser.add_argument("source")
    parser.add_argument("pages", nargs="*")
    given = parser.parse_args()
    build, source = given.build, given.source
    tests = list(tests_of(source, given.pages or pages_of(source), given.pause))
    failed = 0
    print(f"[==========] Running {len(tests)} test(s).")
    with tempfile.TemporaryDirectory(prefix="seg-pages-") as root:
        prefix = os.path.join(root, "prefix")
        subprocess.run(["cmake", "--install", build, "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
        environment = dict(os.environ, PATH=f"{prefix}/bin:{os.environ['PATH']}", CMAKE_PREFIX_PATH=prefix, HOME=root,
                           PKG_CONFIG_PATH=f"{prefix}/lib/pkgconfig", LC_ALL="C.UTF-8", NO_COLOR="1",
                           LD_LIBRARY_PATH=f"{prefix}/lib")
        for name, test in tests:
            directory = tempfile.mkdtemp(dir=root)
            for needed in [path for page, paths in NEEDS.items() if f" {page}" in name for path in paths]:
                shutil.copytree(os.path.join(source, needed), os.path.join(directory, needed))
            print(f"[ RUN      ] {name}", flush=True)
            try:
                test(directory, environment)
                print(f"[       OK ] {name}", flush=True)
            except Failure as failure:
                failed += 1
                print(f"{failure}\n[  FAILED  ] {name}", flush=True)
    print(f"[  PASSED  ] {len(tests) - failed} test(s).")
    if failed:
        print(f"[  FAILED  ] {failed} test(s), listed above")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
