#!/usr/bin/env python3
"""A small replicated store over HTTP, with known bugs: node 1 keeps all values, the other nodes forward to it.

    GET  /kv/KEY                                   {"value": V}, null before the first write
    PUT  /kv/KEY      {"value": V}                 {}
    POST /kv/KEY/cas  {"from": V, "to": V}         {"swapped": true or false}
    GET  /status                                   {"role": ..., "wall_clock_ms": ...}

503 says that nothing was done and never will be; 504 that the node does not know.
"""
import http.client, http.server, json, os, sys, threading, time

NODE, FIRST, DATA, BUG = int(sys.argv[1]), *sys.argv[2:5]
PORT = 8000
lock, values, cache = threading.Lock(), {}, {}
log = open(os.path.join(DATA, "log"), "a+")


def replay():
    log.seek(0)
    for line in log:
        if line.endswith("\n"):  # a kill may have cut the last line short: it was not acknowledged
            key, value = json.loads(line)
            values[key] = value


def put(key, value):
    if BUG != "forgets":
        log.write(json.dumps([key, value]) + "\n")
        log.flush()
    values[key] = value


def keep(method, key, body):
    """The keeper's answer."""
    with lock:
        if method == "GET":
            return 200, {"value": values.get(key)}
        if method == "PUT":
            put(key, body["value"])
            return 200, {}
        swapped = values.get(key) == body["from"]
        if swapped:
            put(key, body["to"])
        return 200, {"swapped": swapped}


def forward(method, path, key, body):
    """The keeper's answer through another node."""
    if BUG == "cache" and method == "GET" and key in cache:
        return 200, {"value": cache[key]}
    keeper = http.client.HTTPConnection(FIRST, PORT, timeout=0.5)
    try:
        keeper.connect()
    except OSError as error:
        return 503, {"error": f"the keeper cannot be reached: {error}"}
    try:
        keeper.request(method, path, json.dumps(body))
        response = keeper.getresponse()
        status, answer = response.status, json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        return 504, {"error": f"no answer from the keeper: {error}"}
    finally:
        keeper.close()
    if status == 200 and method != "POST":
        cache[key] = answer["value"] if method == "GET" else body["value"]
    return status, answer


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    disable_nagle_algorithm = True

    def serve(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
        if self.path == "/status":
            role = "leader" if NODE == 1 else "follower"
            status, answer = 200, {"role": role, "wall_clock_ms": int(time.time() * 1000)}
        else:
            key = self.path.split("/")[2]
            status, answer = (
                keep(self.command, key, body) if NODE == 1 else forward(self.command, self.path, key, body)
            )
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = serve

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


replay()
print("serves", flush=True)
Server(("0.0.0.0", PORT), Handler).serve_forever()
