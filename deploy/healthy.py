"""Says by its exit status whether the site on this machine lives; a container's health check."""

import http.client
import os
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["PORT"]), timeout=4)
connection.request("GET", "/healthz")
sys.exit(connection.getresponse().status != 200)
