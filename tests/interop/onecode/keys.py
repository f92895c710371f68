"""Keys and signatures: chapter 4. A public key is a tuple of algorithm number and bytes."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ED25519, P256 = -8, -7
NAMES = {"ed25519": ED25519, "p256": P256}
KEY_BYTES = {ED25519: 32, P256: 33}
SIGNATURE_BYTES = 64

FIELD_25519 = 2**255 - 19
# The y of every point whose order divides 8; the last two are those of order 8.
SMALL_ORDER_Y = {
    0,
    1,
    FIELD_25519 - 1,
    int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
    int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
}  # fmt: skip
ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ECDSA = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


class SigningKey:
    """A secret key in memory."""

    def __init__(self, algorithm, seed):
        self.algorithm = algorithm
        if algorithm == ED25519:
            self.secret = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
            form = Encoding.Raw, PublicFormat.Raw
        else:
            self.secret = ec.derive_private_key(int.from_bytes(seed), ec.SECP256R1())
            form = Encoding.X962, PublicFormat.CompressedPoint
        self.public = algorithm, self.secret.public_key().public_bytes(*form)

    def sign(self, message):
        """64 bytes, the same for the same message."""
        if self.algorithm == ED25519:
            return self.secret.sign(message)
        r, s = decode_dss_signature(self.secret.sign(message, ECDSA))
        return r.to_bytes(32) + min(s, ORDER_P256 - s).to_bytes(32)


def verify(key, message, signature):
    """Whether the strict rule holds."""
    algorithm, public = key
    if len(public) != KEY_BYTES[algorithm] or len(signature) != SIGNATURE_BYTES:
        return False
    check = _verify_ed25519 if algorithm == ED25519 else _verify_p256
    try:
        return check(public, message, signature)
    except (InvalidSignature, ValueError):
        return False


def _verify_ed25519(public, message, signature):
    for point in (public, signature[:32]):
        y = int.from_bytes(point, "little") & 2**255 - 1
        if y >= FIELD_25519 or y in SMALL_ORDER_Y:
            return False
    # OpenSSL wants S below the group order and compares the encoding of [S]B - [k]A with R.
    ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    return True


def _verify_p256(public, message, signature):
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    if not 1 <= r < ORDER_P256 or not 1 <= s <= (ORDER_P256 - 1) // 2:
        return False
    if public[0] not in (2, 3):
        return False
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
    point.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    return True
