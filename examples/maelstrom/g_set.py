#!/usr/bin/env python3
"""g-set: every node sends all it has to all others, twice a second.

With --lazy it sends only what was added at the node itself since it sent last: what gets lost is not sent again.
"""

import sys

from node import Node

node = Node()
lazy = "--lazy" in sys.argv
elements, fresh = set(), set()


@node.on("add")
def add(message):
    with node.lock:
        elements.add(message["body"]["element"])
        fresh.add(message["body"]["element"])
    node.reply(message, {"type": "add_ok"})


@node.on("read")
def read(message):
    with node.lock:
        node.reply(message, {"type": "read_ok", "value": sorted(elements)})


@node.on("merge")
def merge(message):
    with node.lock:
        elements.update(message["body"]["elements"])


def gossip():
    with node.lock:
        news = sorted(fresh if lazy else elements)
        fresh.clear()
        for peer in node.peers():
            node.send(peer, {"type": "merge", "elements": news})


node.every(0.5, gossip)
node.run()
