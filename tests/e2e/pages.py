#!/usr/bin/env python3
"""Runs the commands that the pages for users show, each page in an empty directory, and checks the pages' links.

  pages.py BUILD_DIRECTORY SOURCE_DIRECTORY [PAGE...]

The ```sh blocks of a page run unchanged and in order in one shell, and must succeed. A ```text block shows the output
of the block before it: its lines must come in that order, and … stands for any text. The last command of that block runs
again until the lines match. Other blocks (```c, ```console, ...) do not run. PAGE#Heading runs only that section.

Each page runs twice: block by block, as typed by a reader who looks at the answers; and pasted, all blocks at once without
pauses and without second tries.

A link to a file of this repository must name one, and a link to a heading must name one of that page.
"""
import glob
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

# The part of these pages that runs; None: no part. Other pages run as a whole.
RUN = {"README.md": "README.md#From an empty directory to a running group", "examples/README.md": None}
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


def paste_page(source, page, directory, environment):
    shell = Shell(directory, environment)
    try:
        run_block(shell, "\n".join(commands for commands, _ in blocks_of(source, page)), "")
    finally:
        shell.close()


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


def tests_of(source, pages):
    """Pairs of a test's name and the call that runs it in a directory and an environment."""
    for page in pages:
        if "#" not in page:
            yield f"the links of {page} lead somewhere", lambda *_, page=page: follow_links(source, page)
        page = RUN.get(page, page)
        if page and blocks_of(source, page):
            yield f"the commands of {page}", lambda *where, page=page: run_page(source, page, *where)
            yield f"the commands of {page}, pasted", lambda *where, page=page: paste_page(source, page, *where)


def main():
    build, source = sys.argv[1:3]
    tests = list(tests_of(source, sys.argv[3:] or pages_of(source)))
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
