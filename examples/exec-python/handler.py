#!/usr/bin/env python3
"""A handler in Python, for segrunner's plugin `exec`: adds up the amounts of each account.

    [consumer balances]
    stream = payments
    partitions = 8
    group = balances
    plugin = exec
    option.command = exec python3 examples/exec-python/handler.py

A message is a line on standard input; its answer is a line on standard output. Each partition has its own process, and
all messages of a key come to the same process, in order: so a plain dictionary is enough here. But the dictionary starts
empty when the partition moves to another runner. Data that must last belongs in a database, with the message's id.
"""
import json
import sys

balances = {}


def handle(message):
    """Returns the answer to one message."""
    try:
        amount = int(message["data"])
    except (KeyError, ValueError):
        return {"dead_letter": "the amount is not a number"}
    account = message["key"]
    balances[account] = balances.get(account, 0) + amount
    # Diagnostics go to standard error, which segrunner logs. Standard output is only for answers.
    print(f"{account} has {balances[account]}", file=sys.stderr, flush=True)
    return {"ok": True}


for line in sys.stdin:
    print(json.dumps(handle(json.loads(line))), flush=True)
