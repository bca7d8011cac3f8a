#!/usr/bin/env python3
"""Runs what the pages for users tell them to type, from top to bottom, each page in an empty directory.

  pages.py BUILD_DIRECTORY SOURCE_DIRECTORY [PAGE...]

In a page, a block of ```sh is run as it stands, in one shell for the whole page, and must succeed. A block with a file's name behind
its language is written to that file. A block of ```text is what the block before it prints: its lines must come in that order, where … stands for
anything; the last command of that block is run again until they do, for what takes a moment. Other blocks (```c, ```console, ...) are to be read.
A page is named with `#Heading` behind it where only that section is run.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

PAGES = ["README.md#A plugin in five minutes"] + [
    f"examples/guides/{name}.md" for name in ("first-plugin", "ordering", "tuning", "migrating", "operating")]
PATIENCE = 60  # seconds for a block
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)


class Failure(Exception):
    pass


class Shell:
    """One shell for a page: directories, variables and jobs last from block to block."""

    def __init__(self, directory, environment):
        self.directory = directory
        self.count = 0
        self.process = subprocess.Popen(["bash", "--norc"], cwd=directory, env=environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
                                        start_new_session=True)
        self.process.stdin.write("set -m\nPATH=$PATH:.\n")

    def run(self, commands):
        """The exit status of commands, and what they print."""
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


def run_page(source, page, directory, environment):
    path, _, heading = page.partition("#")
    text = open(os.path.join(source, path)).read()
    blocks = [match.groups() for match in BLOCK.finditer(section_of(text, heading) if heading else text)]
    shell, ran = Shell(directory, environment), 0
    try:
        for i, (language, name, content) in enumerate(blocks):
            if language == "sh":
                follows = blocks[i + 1] if i + 1 < len(blocks) else (None, None, "")
                run_block(shell, content, follows[2] if follows[0] == "text" else "")
                ran += 1
            elif name:
                with open(os.path.join(shell.run("pwd")[1].strip(), name), "w") as file:
                    file.write(content)
    finally:
        shell.close()
    if not ran:
        raise Failure("nothing to run")


def main():
    build, source = sys.argv[1:3]
    pages = sys.argv[3:] or PAGES
    failed = 0
    print(f"[==========] Running {len(pages)} test(s).")
    with tempfile.TemporaryDirectory(prefix="seg-pages-") as root:
        prefix = os.path.join(root, "prefix")
        subprocess.run(["cmake", "--install", build, "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
        environment = dict(os.environ, PATH=f"{prefix}/bin:{os.environ['PATH']}", CMAKE_PREFIX_PATH=prefix, HOME=root,
                           PKG_CONFIG_PATH=f"{prefix}/lib/pkgconfig", LC_ALL="C.UTF-8", NO_COLOR="1",
                           LD_LIBRARY_PATH=f"{prefix}/lib")
        for page in pages:
            name = "the commands of " + page
            directory = tempfile.mkdtemp(dir=root)
            print(f"[ RUN      ] {name}", flush=True)
            try:
                run_page(source, page, directory, environment)
                print(f"[       OK ] {name}", flush=True)
            except Failure as failure:
                failed += 1
                print(f"{failure}\n[  FAILED  ] {name}", flush=True)
    print(f"[  PASSED  ] {len(pages) - failed} test(s).")
    if failed:
        print(f"[  FAILED  ] {failed} test(s), listed above")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
