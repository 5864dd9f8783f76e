"""Two servers behind deploy/nginx.conf, of which one stops while clients read and write."""

import threading
import time
from collections import Counter

from config.tests.harness.nginx import nginx
from config.tests.proxy.conftest import ask

HALL = {"name": "Hall", "address": "1 Main Street", "capacity": 100, "timezone": "UTC"}


class Clients:
    """Some that read past the cache and some that write, until `stop`."""

    def __init__(self, url, known):
        self.url, self.known = url, known
        self.answers = Counter()
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(6)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        while not self.is_over.is_set():
            if number % 2:
                self.answers[ask(self.url, "GET", "/api/v1/venues?limit=1", **self.known).status] += 1
            else:
                self.answers[ask(self.url, "POST", "/api/v1/venues", HALL, **self.known).status] += 1

    def stop(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()


def test_server_that_is_taken_out_first_stops_unnoticed(server, serve, known):
    with serve(workers=1) as other, nginx(other.url, server.url) as proxy:
        clients = Clients(proxy.url, known)
        time.sleep(1)
        proxy.take_out(other.url)
        time.sleep(1)
        other.process.terminate()
        other.process.wait(timeout=30)
        time.sleep(1)
        clients.stop()
    assert set(clients.answers) == {200, 201}


def test_server_that_just_stops_refuses_hardly_anybody(server, serve, known):
    """nginx repeats what only reads. A write that was on its way is 503, because it may have been done."""
    with serve(workers=1) as other, nginx(other.url, server.url) as proxy:
        clients = Clients(proxy.url, known)
        time.sleep(1)
        other.process.terminate()
        other.process.wait(timeout=30)
        time.sleep(1)
        clients.stop()
    refused = clients.answers.pop(503, 0)
    assert set(clients.answers) == {200, 201}
    assert refused <= len(clients.threads) / 2  # those that write, once each
