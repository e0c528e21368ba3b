# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP over a unix socket as one of the users."""
import http.client
import json


class Answer:
    def __init__(self, status, text, headers):
        self.status, self.text, self.headers = status, text, headers

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def error(self):
        try:
            return self.json["error"]
        except (ValueError, KeyError, TypeError):
            return {"code": None, "message": self.text[:100]}

    @property
    def addresses(self):
        return [one["address"] for claim in self.json["claims"] for one in claim["assignments"]]

    def __str__(self):
        return f"{self.status} {' '.join(self.text[:160].split())}"


class Connection(http.client.HTTPConnection):
    def __init__(self, path, user, patience):
        super().__init__("localhost", timeout=patience)
        self.path, self.user = str(path), user

    def connect(self):
        self.sock = self.user.connected(self.path, self.timeout)
        self.sock.settimeout(self.timeout)

    def ask(self, method, route, document=None, headers=None):
        body = document if isinstance(document, (bytes, type(None))) else json.dumps(document)
        self.request(method, route, body, headers or {})
        answer = self.getresponse()
        return Answer(answer.status, answer.read().decode(errors="replace"), answer.headers)
