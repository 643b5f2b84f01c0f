#!/usr/bin/env python3
"""g-counter and pn-counter: what each node has added and taken away, by node; nodes exchange the larger numbers.

With --sum nodes add what they are sent instead of taking the larger numbers: what is sent twice counts twice.
"""

import sys

from node import Node

node = Node()
wrong = "--sum" in sys.argv
added, taken = {}, {}


@node.on("add")
def add(message):
    delta = message["body"]["delta"]
    with node.lock:
        side = added if delta >= 0 else taken
        side[node.node_id] = side.get(node.node_id, 0) + abs(delta)
    node.reply(message, {"type": "add_ok"})


@node.on("read")
def read(message):
    with node.lock:
        node.reply(message, {"type": "read_ok", "value": sum(added.values()) - sum(taken.values())})


@node.on("merge")
def merge(message):
    with node.lock:
        for side, theirs in ((added, message["body"]["added"]), (taken, message["body"]["taken"])):
            for name, count in theirs.items():
                if name != node.node_id:
                    side[name] = side.get(name, 0) + count if wrong else max(side.get(name, 0), count)


def gossip():
    with node.lock:
        for peer in node.peers():
            node.send(peer, {"type": "merge", "added": added, "taken": taken})


node.every(0.3, gossip)
node.run()
