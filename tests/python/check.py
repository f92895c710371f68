"""The package for Python at a running gateway: what a machine's program does with it, the link cut and
a process killed on the way. check.py HTTP MQTT_PORT COAPS_PORT TRUST, the token in ONECODE_TOKEN."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request

import onecode

HTTP, MQTT, COAPS, TRUST = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
DEADLINE_S = 40
# What a process says that is killed while it does.
SAYS = """
import onecode, sys
thing = onecode.Thing(sys.argv[1], "127.0.0.1", mqtt=int(sys.argv[2]))
number = 0
while True:
    number += 1
    thing.say("t/killed", str(number))
    print(number, flush=True)
"""
failed = 0


def check(what, work):
    """One line for each check, which ./test counts."""
    global failed
    try:
        work()
    except Exception:
        failed += 1
        print(f"not ok - {what}", flush=True)
        traceback.print_exc(file=sys.stdout)
    else:
        print(f"ok - {what}", flush=True)


def api(path, body=None):
    headers = {"authorization": "Bearer " + os.environ["ONECODE_TOKEN"], "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(HTTP + path, data, headers)) as answer:
        return json.loads(answer.read() or b"null")


def secret():
    return api("/api/v1/secrets", {"count": 1, "kind": "device", "life_s": 3600})["secrets"][0]


def until(what, work):
    ends = time.monotonic() + DEADLINE_S
    while not work():
        assert time.monotonic() < ends, f"no {what}"
        time.sleep(0.05)


def measured(code, name):
    values = api(f"/api/v1/codes/{code}/telemetry/history?limit=200&name={name}")["items"]
    return sorted({int(value["number"]) for value in values})


class Cable:
    """Passes bytes to the gateway until it is cut."""

    def __init__(self, port):
        self.to, self.plugged, self.pairs = port, True, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            near, _ = self.listener.accept()
            if not self.plugged:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.to))
            self.pairs += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.plugged = False
        for end in self.pairs:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def mend(self):
        self.plugged = True


def enrols(folder):
    code = onecode.enrol(folder, HTTP, TRUST, secret=secret())
    assert onecode.enrol(folder, HTTP, TRUST) == code, "it lived here before"
    assert len(code) == 34, code


def is_refused():
    with tempfile.TemporaryDirectory() as stranger:
        try:
            onecode.enrol(stranger, HTTP, TRUST, secret="no such secret")
        except onecode.Error as error:
            assert "refuses" in str(error), error
        else:
            raise AssertionError("a secret that nobody made lets nobody in")
        try:
            onecode.enrol(stranger, HTTP, TRUST)
        except onecode.Waiting:
            pass
        else:
            raise AssertionError("without a secret somebody has to accept it")


def outlasts_a_cut(folder):
    cable = Cable(MQTT)
    with onecode.Thing(folder, "127.0.0.1", mqtt=cable.port) as thing:
        for number in range(1, 11):
            thing.say("t/cut", str(number))
        until("first ten", lambda: measured(thing.code, "cut") == list(range(1, 11)))
        cable.cut()
        for number in range(11, 61):
            thing.say("t/cut", str(number))
        time.sleep(1)
        assert thing.waiting >= 50, thing.waiting
        cable.mend()
        until("rest", lambda: thing.waiting == 0)
        until("chart", lambda: measured(thing.code, "cut") == list(range(1, 61)))
        assert (thing.dropped, thing.refused) == (0, 0)


def outlasts_a_kill(folder):
    # Nobody listens at this port, so all of it has to wait in the folder.
    nobody = socket.create_server(("127.0.0.1", 0))
    port = nobody.getsockname()[1]
    nobody.close()
    child = subprocess.Popen([sys.executable, "-c", SAYS, folder, str(port)], stdout=subprocess.PIPE, text=True)
    said = 0
    for line in child.stdout:
        said = int(line)
        if said == 50:
            child.kill()
    child.wait()
    with onecode.Thing(folder, "127.0.0.1", mqtt=MQTT) as thing:
        until("all of it", lambda: thing.waiting == 0)
        until("chart", lambda: len(measured(thing.code, "killed")) >= said)
        newest = measured(thing.code, "killed")
        assert newest in (list(range(1, said + 1)), list(range(1, said + 2))), (said, newest)


def is_told(folder, door):
    with onecode.Thing(folder, "127.0.0.1", **door) as thing:
        api(f"/api/v1/codes/{thing.code}/commands", {"payload": "open the gate"})
        told = thing.next(timeout_s=DEADLINE_S)
        assert (told.kind, told.payload) == ("command", b"open the gate"), told
        thing.say(f"r/{told.id}", "opened")
        told.done()
        until("result", lambda: "opened" in json.dumps(api(f"/api/v1/codes/{thing.code}/commands")))
        assert thing.next(timeout_s=0.5) is None


def pays(payer_folder, payee_folder, door):
    with onecode.Thing(payer_folder, "127.0.0.1", **door) as payer:
        with onecode.Thing(payee_folder, "127.0.0.1", mqtt=MQTT) as payee:
            key = f"python {payer.code}"
            api("/api/v1/loads", {"code": payer.code, "currency": "USD", "amount_minor": 900, "key": key})
            taken = []
            taker = threading.Thread(target=lambda: taken.append(payee.next(timeout_s=DEADLINE_S)))
            taker.start()
            assert payer.pay(payee.code, 250, reference=7) == "settled"
            taker.join()
            # The same payment again, whose end is not told twice.
            assert payer.pay(payee.code, 250, reference=7, timeout_s=2) in ("settled", "sent")
            assert payee.next(timeout_s=1) is None
            assert (taken[0].kind, taken[0].id, taken[0].payload.split()[0]) == ("paid", payer.code, b"250"), taken
            try:
                payer.pay(payee.code, 10_000, reference=8)
            except onecode.Error as error:
                assert "funded" in str(error) or "limit" in str(error), error
            else:
                raise AssertionError("nobody pays what they do not have")


def renews(folder):
    file = os.path.join(folder, "certificate.pem")
    before = open(file).read()
    # Ten years are not half over; what does not answer lets nobody in.
    for door in ({"mqtt": MQTT}, {"coaps": COAPS}):
        assert onecode.reenrol(folder, HTTP, "127.0.0.1", early=True, **door) is False
    assert open(file).read() == before
    try:
        onecode.reenrol(folder, "http://127.0.0.1:9", "127.0.0.1", mqtt=MQTT, early=True)
    except onecode.Error as error:
        assert "reached" in str(error), error
    else:
        raise AssertionError("nobody is there")


def is_closed(folder):
    thing = onecode.Thing(folder, "127.0.0.1", mqtt=MQTT)
    try:
        onecode.Thing(folder, "127.0.0.1", mqtt=MQTT)
    except onecode.Error as error:
        assert "in use" in str(error), error
    else:
        raise AssertionError("one folder is one thing's")
    thing.close()
    try:
        thing.say("t/x", "1")
    except onecode.Error as error:
        assert "closed" in str(error), error
    onecode.Thing(folder, "127.0.0.1", mqtt=MQTT).close()


with tempfile.TemporaryDirectory() as home:
    kiosk, meter, gate = (os.path.join(home, name) for name in ("kiosk", "meter", "gate"))
    for folder in (kiosk, meter, gate):
        check("a machine gets its code", lambda: enrols(folder))
    check("a stranger is refused, or waits", is_refused)
    check("what it says while the link is cut arrives when it is mended", lambda: outlasts_a_cut(kiosk))
    check("what it said before it was killed arrives", lambda: outlasts_a_kill(meter))
    check("it is told what to do over MQTT", lambda: is_told(kiosk, {"mqtt": MQTT}))
    check("it is told what to do over CoAP", lambda: is_told(gate, {"coaps": COAPS}))
    check("it pays over MQTT", lambda: pays(kiosk, meter, {"mqtt": MQTT}))
    check("it pays over CoAP", lambda: pays(gate, meter, {"coaps": COAPS}))
    check("it asks for its credentials to be renewed", lambda: renews(kiosk))
    check("a folder is one thing's, until it is closed", lambda: is_closed(kiosk))
sys.exit(failed)
