"""Getting a code: chapter 10."""

import base64
import urllib.error
import urllib.request
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs7

from . import Refused, codes, rules, wallet_proof
from .keys import SigningKey
from .objects import Signed

TIMEOUT_S = 30
OID_WALLET_PROOF = bytes.fromhex("2b0601040181fd590101")  # 1.3.6.1.4.1.32473.1.1
OID_ASSURANCE_CLASS = x509.ObjectIdentifier("1.3.6.1.4.1.32473.1.2")
ECDSA_WITH_SHA256 = bytes.fromhex("2a8648ce3d040302")

INTEGER, BIT_STRING, OCTET_STRING, OID, SEQUENCE, SET, ATTRIBUTES = 2, 3, 4, 6, 0x30, 0x31, 0xA0


def der(tag, *parts):
    """One value in DER."""
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def spki(public_key):
    """The birth key of a code."""
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def request(transport, wallet, network):
    """A PKCS#10 request with a wallet proof; the subject is empty."""
    birth_key = spki(transport.public_key())
    proof = wallet_proof.make(wallet, network, birth_key)
    attribute = der(SEQUENCE, der(OID, OID_WALLET_PROOF), der(SET, der(OCTET_STRING, proof)))
    info = der(SEQUENCE, der(INTEGER, b"\0"), der(SEQUENCE), birth_key, der(ATTRIBUTES, attribute))
    signature = transport.sign(info, ec.ECDSA(hashes.SHA256()))
    algorithm = der(SEQUENCE, der(OID, ECDSA_WITH_SHA256))
    return der(SEQUENCE, info, algorithm, der(BIT_STRING, b"\0", signature))


@dataclass
class Trust:
    """What a thing is born with."""

    network: str
    root_key: tuple


class Office:
    """The HTTP door of a gateway."""

    def __init__(self, url, trust):
        self.url, self.trust = url.rstrip("/"), trust

    def call(self, path, body=None, headers=()):
        """Status and body of one request."""
        asked = urllib.request.Request(self.url + path, body, dict(headers))
        try:
            with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def authorities(self):
        """Root, issuer and gateway certificates."""
        return _certificates(*self.call("/.well-known/est/cacerts"))

    def enrol(self, csr, secret):
        """HTTP status, and the certificate or the sentence of a refusal."""
        headers = {"Content-Type": "application/pkcs10"}
        if secret is not None:
            password = base64.b64encode(b"thing:" + secret.encode()).decode()
            headers["Authorization"] = f"Basic {password}"
        path = "/.well-known/est/simpleenroll"
        status, body = self.call(path, base64.b64encode(csr), headers)
        return status, _certificates(status, body)[0] if status == 200 else body.decode()

    def pass_of(self, code_text):
        """The pass of a code in bytes."""
        status, body = self.call(f"/1/{code_text}/pass")
        if status != 200:
            raise Refused("unknown_code")
        return body


def _certificates(status, body):
    if status != 200:
        raise ConnectionError(f"{status}: {body.decode()}")
    return pkcs7.load_der_pkcs7_certificates(base64.b64decode(body))


@dataclass
class Identity:
    """A thing with its code and its three passes, checked up to the root."""

    code: bytes
    certificate: x509.Certificate
    transport: ec.EllipticCurvePrivateKey
    wallet: SigningKey
    trust: Trust
    own_pass: Signed
    gateway_pass: Signed
    issuer_pass: Signed

    @property
    def text(self):
        """Its code as text."""
        return codes.write_text(self.code)


def identity(office, certificate, transport, wallet, now):
    """Fetches the passes of a thing that got a certificate, and checks all of them."""
    trust = office.trust
    name = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
    code = codes.read_code(name)
    if not codes.commits_to(code, spki(transport.public_key())):
        raise Refused("not_for_you")
    own = office.pass_of(name)
    # Who signed a pass stands in it; nothing of it is believed before the root's key says so.
    gateway = office.pass_of(_issuer_of(own, trust))
    issuer = office.pass_of(_issuer_of(gateway, trust))
    issuer = rules.in_time(rules.issuer_pass(issuer, trust.root_key, trust.network), now)
    gateway = rules.in_time(rules.gateway_pass(issuer, gateway, trust.network), now)
    own = rules.in_time(rules.pass_under(gateway, own, trust.network), now)
    return Identity(code, certificate, transport, wallet, trust, own, gateway, issuer)


def _issuer_of(data, trust):
    return rules.open_object("pass", data, trust.network)["issuer"]
