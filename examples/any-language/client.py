#!/usr/bin/env python3
"""A client of store.py: one operation a line in, how it ended a line out. One connection, no retry."""
import http.client, json, sys

node = http.client.HTTPConnection(sys.argv[1], 8000)


def ask(op):
    path, read, method, body = f"/kv/{op['key']}", op["f"] == "read", "GET", None
    if op["f"] == "write":
        method, body = "PUT", {"value": op["value"]}
    elif op["f"] == "cas":
        method, path, body = "POST", path + "/cas", {"from": op["value"][0], "to": op["value"][1]}
    try:
        if node.sock is None:
            node.connect()
    except OSError as error:
        return {"type": "fail", "error": f"connect: {error}"}  # nothing was sent
    # A read changes nothing; anything else may have happened, or happen later.
    unknown = "fail" if read else "info"
    try:
        node.request(method, path, json.dumps(body))
        response = node.getresponse()
        status, answer = response.status, json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        node.close()
        return {"type": unknown, "error": f"connection: {error!r}"}
    if status != 200:  # with 503 the server says that it did nothing
        return {"type": "fail" if status == 503 else unknown, "error": f"status {status}: {answer}"}
    if op["f"] == "cas" and not answer["swapped"]:
        return {"type": "fail", "error": "compare: another value"}
    return {"type": "ok", "value": answer["value"]} if read else {"type": "ok"}


print("ready", flush=True)
for line in sys.stdin:
    op = json.loads(line)
    print(json.dumps({"id": op["id"], **ask(op)}), flush=True)
