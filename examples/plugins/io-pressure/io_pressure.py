#!/usr/bin/env python3
"""A Scope plugin: how long this host's tasks wait for disks, CPUs or memory.

Reads the kernel's pressure stall information (/proc/pressure) and adds to this host's node
a metric, a row, a table of all pressures, and a control that chooses which one the metric is.
Nothing but Python's standard library is needed.
"""

import argparse
import datetime
import http.server
import json
import os
import pathlib
import signal
import socket
import socketserver
import sys
import threading
import urllib.parse

ID = "io-pressure"
RESOURCES = ["io", "cpu", "memory"]
NAMES = {"io": "I/O", "cpu": "CPU", "memory": "Memory"}
TABLE = "io-pressure-table-"


def now():
    """The time as reports write it."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def read_pressure(root, resource):
    """Lines of /proc/pressure/<resource> as {"some": {"avg10": 1.5, ...}, "full": {...}}."""
    lines = {}
    try:
        text = (pathlib.Path(root) / resource).read_text()
    except OSError:
        return lines
    for line in text.splitlines():
        kind, *pairs = line.split()
        lines[kind] = {key: float(value) for key, value in (pair.split("=") for pair in pairs)}
    return lines


class Plugin:
    """What is reported, and which resource the metric is of."""

    def __init__(self, host, root):
        self.node = f"{host};<host>"
        self.root = root
        self.shown = "io"
        self.lock = threading.Lock()

    def report(self):
        with self.lock:
            shown = self.shown
        time = now()
        latest = {}
        value = 0.0
        for resource in RESOURCES:
            pressure = read_pressure(self.root, resource)
            for kind, numbers in pressure.items():
                row = f"{TABLE}{NAMES[resource]} ({kind})___"
                # A row has no title of its own: what it is about is a column like the others.
                latest[row + "of"] = {"timestamp": time, "value": f"{NAMES[resource]} ({kind})"}
                for column in ["avg10", "avg60", "avg300"]:
                    latest[row + column] = {"timestamp": time, "value": f"{numbers.get(column, 0):.2f} %"}
            if resource == shown:
                value = pressure.get("some", {}).get("avg10", 0.0)
        latest["io-pressure-shown"] = {"timestamp": time, "value": NAMES[shown]}
        following = RESOURCES[(RESOURCES.index(shown) + 1) % len(RESOURCES)]
        control = f"show-{following}"
        latest["active_controls"] = {"timestamp": time, "value": control}
        return {
            "Host": {
                "nodes": {
                    self.node: {
                        "latest": latest,
                        "metrics": {"io-pressure": {"samples": [{"date": time, "value": value}], "min": 0, "max": 100}},
                    }
                },
                "metadata_templates": {
                    "io-pressure-shown": {"id": "io-pressure-shown", "label": "Pressure shown", "priority": 20, "from": "latest"}
                },
                "metric_templates": {
                    "io-pressure": {"id": "io-pressure", "label": f"{NAMES[shown]} pressure", "format": "percent", "priority": 0.1}
                },
                "table_templates": {
                    TABLE: {
                        "id": TABLE,
                        "label": "Pressure",
                        "prefix": TABLE,
                        "type": "multicolumn-table",
                        "columns": [
                            {"id": "of", "label": "Waiting for", "dataType": ""},
                            {"id": "avg10", "label": "10 s", "dataType": ""},
                            {"id": "avg60", "label": "1 min", "dataType": ""},
                            {"id": "avg300", "label": "5 min", "dataType": ""},
                        ],
                    }
                },
                "controls": {
                    control: {"id": control, "human": f"Show {NAMES[following]} pressure", "icon": "fa fa-tachometer-alt", "rank": 5}
                },
            },
            "Plugins": [
                {
                    "id": ID,
                    "label": "I/O pressure",
                    "description": "How long tasks wait for disks, CPUs or memory",
                    "interfaces": ["reporter", "controller"],
                    "api_version": "1",
                }
            ],
        }

    def control(self, request):
        resource = request.get("Control", "").removeprefix("show-")
        if request.get("NodeID") != self.node or resource not in RESOURCES:
            return {"error": f"no such control: {request.get('Control')}"}
        with self.lock:
            self.shown = resource
        return {"shortcutReport": self.report()}


class Handler(http.server.BaseHTTPRequestHandler):
    """GET /report and POST /control."""

    plugin = None

    def do_GET(self):
        if urllib.parse.urlsplit(self.path).path == "/report":
            self.answer(self.plugin.report())
        else:
            self.send_error(404)

    def do_POST(self):
        if urllib.parse.urlsplit(self.path).path != "/control":
            self.send_error(404)
            return
        length = min(int(self.headers.get("Content-Length", 0)), 1 << 20)
        try:
            request = json.loads(self.rfile.read(length))
        except ValueError:
            self.send_error(400)
            return
        self.answer(self.plugin.control(request))

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "probe"

    def log_message(self, *_):
        """One poll a second is not worth a line each."""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default="/var/run/scope/plugins", help="the probe's plugins' directory")
    parser.add_argument("--host", default=os.environ.get("SCOPE_HOSTNAME") or socket.gethostname(), help="the probe's host name")
    parser.add_argument("--pressure", default="/proc/pressure", help="where the kernel's pressure files are")
    args = parser.parse_args()
    directory = pathlib.Path(args.root) / ID
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{ID}.sock"
    path.unlink(missing_ok=True)
    Handler.plugin = Plugin(args.host, args.pressure)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with Server(str(path), Handler) as server:
            server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
