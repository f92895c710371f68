"""As much of a CoAP client (RFC 7252) as a wallet message needs: one confirmable POST at a time, large ones in
blocks (RFC 7959), with the Echo that the gateway wants from whom it does not know (RFC 9175)."""

import os
import socket

CONFIRMABLE, ACKNOWLEDGEMENT, RESET = 0, 2, 3
POST = 0x02
URI_PATH, CONTENT_FORMAT, BLOCK2, BLOCK1, ECHO = 11, 12, 23, 27, 252
CBOR = 60
ATTEMPTS, FIRST_TIMEOUT_S = 5, 2
BLOCK_BYTES, BLOCK_SIZE_CODE = 1_024, 6
CONTINUE, UNAUTHORIZED = "2.31", "4.01"


class Client:
    """Speaks to one server over UDP without encryption."""

    def __init__(self, host, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((host, port))
        self.message_id = int.from_bytes(os.urandom(2))

    def post(self, path, payload):
        """The code of the answer as in `2.04`, and its payload."""
        options = [(URI_PATH, segment.encode()) for segment in path.split("/")]
        options.append((CONTENT_FORMAT, bytes([CBOR])))
        if len(payload) <= BLOCK_BYTES:
            return self._ask(options, payload)
        blocks = [payload[at : at + BLOCK_BYTES] for at in range(0, len(payload), BLOCK_BYTES)]
        for number, block in enumerate(blocks):
            more = number + 1 < len(blocks)
            which = (number << 4 | more << 3 | BLOCK_SIZE_CODE).to_bytes(1 if number < 16 else 2)
            answer = self._ask([*options, (BLOCK1, which)], block)
            if more and answer[0] != CONTINUE:
                break
        return answer

    def _ask(self, options, payload):
        code, told, answer = self._ask_once(options, payload)
        echo = [value for number, value in told if number == ECHO]
        if code == UNAUTHORIZED and echo:
            code, _, answer = self._ask_once([*options, (ECHO, echo[0])], payload)
        return code, answer

    def _ask_once(self, options, payload):
        self.message_id = self.message_id + 1 & 0xFFFF
        token = os.urandom(4)
        head = bytes([0x40 | CONFIRMABLE << 4 | len(token), POST]) + self.message_id.to_bytes(2)
        datagram = head + token + _write_options(options) + b"\xff" + payload
        for attempt in range(ATTEMPTS):
            self.socket.send(datagram)
            self.socket.settimeout(FIRST_TIMEOUT_S << attempt)
            try:
                return self._answer(token)
            except TimeoutError:
                continue
        raise TimeoutError("the CoAP door does not answer")

    def _answer(self, token):
        while True:
            data = self.socket.recv(2_048)
            kind, length, code = data[0] >> 4 & 3, data[0] & 15, data[1]
            if kind == RESET:
                raise ConnectionError("the CoAP door resets")
            if code == 0 or data[4 : 4 + length] != token:
                continue  # an empty acknowledgement, or the answer to an earlier request
            if kind == CONFIRMABLE:
                self.socket.send(bytes([0x40 | ACKNOWLEDGEMENT << 4, 0]) + data[2:4])
            options, payload = _read_options(data[4 + length :])
            if any(number == BLOCK2 and value and value[-1] & 8 for number, value in options):
                raise ConnectionError("the answer goes on in another block")
            return f"{code >> 5}.{code & 31:02}", options, payload


def _write_options(options):
    written, last = b"", 0
    for number, value in options:
        nibbles, extended = 0, b""
        for size in (number - last, len(value)):
            nibbles = nibbles << 4 | min(size, 13)
            extended += bytes([size - 13]) if size >= 13 else b""
        written += bytes([nibbles]) + extended + value
        last = number
    return written


def _read_options(data):
    options, number, at = [], 0, 0
    while at < len(data) and data[at] != 0xFF:
        sizes = [data[at] >> 4, data[at] & 15]
        at += 1
        for which, size in enumerate(sizes):
            if size == 13:
                sizes[which] = 13 + data[at]
                at += 1
            elif size == 14:
                sizes[which] = 269 + int.from_bytes(data[at : at + 2])
                at += 2
        number += sizes[0]
        options.append((number, data[at : at + sizes[1]]))
        at += sizes[1]
    return options, data[at + 1 :]
