#!/usr/bin/env python3
"""broadcast: each node tells its neighbours what they have not acknowledged, again and again.

With --once it tells them once: what a partition swallows, some nodes never learn.
"""

import sys

from node import Node

node = Node()
once = "--once" in sys.argv
neighbours, messages, unacknowledged = [], set(), {}


@node.on("topology")
def topology(message):
    neighbours.extend(message["body"]["topology"][node.node_id])
    node.reply(message, {"type": "topology_ok"})


def learn(value, source):
    with node.lock:
        if value in messages:
            return
        messages.add(value)
        for neighbour in neighbours:
            if neighbour != source:
                unacknowledged.setdefault(neighbour, set()).add(value)
                tell(neighbour, [value])


def tell(neighbour, values):
    if values:
        node.rpc(neighbour, {"type": "tell", "values": values}, lambda _: acknowledge(neighbour, values))


def acknowledge(neighbour, values):
    with node.lock:
        unacknowledged[neighbour].difference_update(values)


@node.on("broadcast")
def broadcast(message):
    learn(message["body"]["message"], None)
    node.reply(message, {"type": "broadcast_ok"})


@node.on("tell")
def told(message):
    for value in message["body"]["values"]:
        learn(value, message["src"])
    node.reply(message, {"type": "tell_ok"})


@node.on("read")
def read(message):
    with node.lock:
        node.reply(message, {"type": "read_ok", "messages": sorted(messages)})


def tell_again():
    with node.lock:
        for neighbour, values in unacknowledged.items():
            tell(neighbour, sorted(values))


if not once:
    node.every(0.5, tell_again)
node.run()
