#!/usr/bin/env python3
"""A small HTTP server that gives the answers of a test's file, and notes every request.

    http_server.py DIRECTORY

Listens on a free port of 127.0.0.1, and writes the port's number to DIRECTORY/port. Line n of DIRECTORY/answers
decides on request n: "STATUS" or "STATUS Header: value" is the answer; "close" closes the connection without one;
"hang" keeps it open without one for a long time. Without such a line the answer is 200. DIRECTORY/requests gets a
line of JSON for each request: its connection's number, headers and body.
"""
import http.server
import json
import os
import sys
import threading
import time

directory = sys.argv[1]
lock = threading.Lock()
requests = 0
connections = 0


def answer_of(number):
    try:
        with open(os.path.join(directory, "answers"), encoding="utf-8") as file:
            return file.read().splitlines()[number]
    except (FileNotFoundError, IndexError):
        return "200"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        global connections
        super().setup()
        with lock:
            connections += 1
            self.number = connections

    def do_POST(self):
        global requests
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with lock:
            answer = answer_of(requests)
            requests += 1
            with open(os.path.join(directory, "requests"), "a", encoding="utf-8") as file:
                headers = {name.lower(): value for name, value in self.headers.items()}
                record = {"connection": self.number, "path": self.path, "headers": headers}
                record["body"] = body.decode("utf-8", "backslashreplace")
                file.write(json.dumps(record) + "\n")
        if answer == "hang":
            time.sleep(60)
        if answer in ("hang", "close"):
            self.close_connection = True
            return
        status, _, header = answer.partition(" ")
        text = b"because\nof this"
        self.send_response(int(status))
        if header:
            name, _, value = header.partition(": ")
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(os.path.join(directory, "port.new"), "w", encoding="utf-8") as port:
    port.write(str(server.server_port))
os.rename(os.path.join(directory, "port.new"), os.path.join(directory, "port"))
server.serve_forever()
