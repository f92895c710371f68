"""A running gateway: python CHECK URL COAP_HOST:PORT TRUST_FILE

The token of the office's API is taken from ONECODE_TOKEN.
"""

import json
import os
import sys
import time
import tomllib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from checks import same
from onecode import enrol, messages
from onecode.coap import Client
from onecode.keys import NAMES, P256, SigningKey

URL, COAP, TRUST_FILE = sys.argv[1:]
USD = (1).to_bytes(3) + b"USD"
REFERENCE = b"session 00000001"
LOADED, WANTED = 10_000, 4_000


def trust():
    text = tomllib.loads(Path(TRUST_FILE).read_text())
    algorithm, public = text["root_key"].split(":")
    return enrol.Trust(text["network"], (NAMES[algorithm], bytes.fromhex(public)))


def now():
    return int(time.time())


office = enrol.Office(URL, trust())
door = Client(COAP.rsplit(":", 1)[0], int(COAP.rsplit(":", 1)[1]))


def api(path, order):
    headers = {"Authorization": f"Bearer {os.environ['ONECODE_TOKEN']}", "Content-Type": "application/json"}
    status, body = office.call(path, json.dumps(order).encode(), headers)
    same((status, body if status != 200 else b""), (200, b""))
    return json.loads(body)


def secret():
    return api("/api/v1/secrets", {"count": 1, "kind": "device", "life_s": 3_600})["secrets"][0]


def ask(thing, message):
    """Code and payload of the gateway's answer to a wallet message."""
    return door.post(f"oc/1/{thing.text}/w/out/gateway", message)


def refusal(thing, message):
    """The CoAP code of a refusal, its status word and what it is about."""
    code, payload = ask(thing, message)
    name, parts = messages.read(payload)
    same(name, "refusal")
    return code, *parts


def new_thing(algorithm):
    """Keys and a request, and a secret for it."""
    transport = ec.generate_private_key(ec.SECP256R1())
    seed = os.urandom(31) if algorithm == P256 else os.urandom(32)  # below the order of the curve
    wallet = SigningKey(algorithm, seed)
    return transport, wallet, enrol.request(transport, wallet, office.trust.network), secret()


def enrolled(algorithm):
    transport, wallet, csr, once = new_thing(algorithm)
    status, certificate = office.enrol(csr, once)
    same((status, certificate if status != 200 else ""), (200, ""))
    return enrol.identity(office, certificate, transport, wallet, now())


def load(thing, amount):
    order = {"code": thing.text, "currency": "USD", "amount_minor": amount, "key": f"load {thing.text} {amount}"}
    api("/api/v1/loads", order)


def granted(purse, wanted):
    """A fresh allowance."""
    return purse.take_grant(ask(purse.identity, purse.renewal(wanted, now()))[1], now())
