"""A purse: chapters 9.4, 9.5 and 9.9, without the durable journal that a real one needs."""

from . import Refused, codes, messages, rules, streams
from .objects import RIGHTS, confirmed, open_object, seal

SYNC_MARGIN_S = 60
MOST_OFFLINE = 5_000_000
UNITS_AT_ONCE_MAX = 4_096
KEY_EPOCH = 1
OUTCOMES = {"settled", "in_transit", "open_claim", "declined", "returned"}


class Purse:
    """One currency of one thing."""

    def __init__(self, identity, currency):
        self.identity, self.currency = identity, currency
        self.network = identity.trust.network
        self.allowance = None
        self.sequence, self.head, self.odometer = 0, bytes(16), 0
        self.payments = {}  # by identifier: what this purse signed
        self.seeds = {}  # by identifier: of the streams that this purse signed
        self.released = {}  # by identifier: the units of them that were let out
        self.streams = {}  # by identifier: allowance, payment, and the newest units and value
        self.receipts = {}  # by identifier of the payment: what this purse answered
        self.declined = set()  # identifiers
        self.newest = {}  # by payer: the newest payment taken

    @property
    def gateway_key(self):
        """The pass key of the one gateway that this purse trusts."""
        return confirmed(self.identity.gateway_pass["key"])

    def seal(self, name, fields):
        """Signs anything with the wallet key."""
        return seal(name, fields, self.network, self.identity.wallet)

    # --- the payer

    def renewal(self, wanted, now, **changes):
        """A request for an allowance."""
        fields = {
            "code": self.identity.code, "key_epoch": KEY_EPOCH, "currency": self.currency,
            "sequence": self.sequence, "head": self.head, "odometer": self.odometer,
            "wanted": wanted, "time": now,
        }  # fmt: skip
        return messages.write("renewal", self.seal("renewal", fields | changes).bytes)

    def take_grant(self, message, now):
        """A gateway's answer to a renewal."""
        name, parts = messages.read(message)
        if name == "refusal":
            raise Refused(parts[0])
        granted = open_object("allowance", parts[0], self.network).checked(self.gateway_key)
        if codes.write_text(granted["gateway"]) != self.identity.gateway_pass["subject"]:
            raise Refused("unknown_gateway")
        if granted["code"] != self.identity.code:
            raise Refused("not_for_you")
        if tuple(granted["wallet_key"]) != self.identity.wallet.public:
            raise Refused("wrong_allowance")
        if granted["expires"] <= now:
            raise Refused("expired")
        self.allowance = granted
        return granted

    def order(self, payee, amount, reference):
        """The fields of the next payment; a test may want them wrong."""
        return {
            "payer": self.identity.code, "key_epoch": KEY_EPOCH, "sequence": self.sequence + 1,
            "previous": self.head, "payee": payee, "currency": self.currency, "amount": amount,
            "odometer": self.odometer + amount, "allowance": self.allowance.reference,
            "settle_by": self.allowance["expires"], "reference": reference,
        }  # fmt: skip

    def pay(self, payee, amount, reference):
        """Signs the next payment and remembers it."""
        return self._sign(self.order(payee, amount, reference))

    def stream(self, payee, unit, count, reference, seed):
        """Signs a payment that is released by the unit; `seed` is the value of the last one."""
        order = self.order(payee, unit * count, reference)
        chain = streams.Chain(order["payer"], order["key_epoch"], order["sequence"])
        payment = self._sign(order | {"stream": [unit, count, chain.down(seed, count)]})
        self.seeds[payment.id] = seed
        return payment

    def release(self, payment, units):
        """So many units in all, as a message."""
        self.released[payment.id] = max(units, self.released.get(payment.id, 0))
        steps = payment["stream"][1] - units
        value = streams.Chain.of(payment).down(self.seeds[payment.id], steps)
        return messages.write("unit", payment.id[:4], units, value)

    def _sign(self, order):
        payment = self.seal("payment", order)
        rules.fits(self.allowance, payment)
        self.sequence, self.head = payment["sequence"], payment.reference
        self.odometer = payment["odometer"]
        self.payments[payment.id] = payment
        return payment

    def evidence(self, payment):
        """A payment with its allowance, as a message."""
        return messages.write("evidence", self.allowance.bytes, payment.bytes)

    def take_receipt(self, message, now):
        """The payment that a receipt is for, if the receipt counts."""
        name, parts = messages.read(message)
        if name != "receipt":
            raise Refused("malformed")
        receipt = open_object("receipt", parts[0], self.network)
        payment = self.payments.get(receipt["payment"])
        if payment is None or receipt["payee"] != payment["payee"]:
            raise Refused("wrong_receipt")
        given = rules.pass_under(self.identity.gateway_pass, parts[1], self.network)
        rules.in_time(given, now)
        if codes.read_code(given["subject"]) != receipt["payee"]:
            raise Refused("wrong_receipt")
        if not given["rights"] & RIGHTS["accept"]:
            raise Refused("wrong_receipt")
        receipt.checked(confirmed(given["key"]))
        if streams.answer(payment, receipt) == "declined":
            raise Refused(messages.STATUSES[receipt["declined"]])
        if (receipt["units"] or 0) > self.released.get(payment.id, 0):
            raise Refused("wrong_receipt")
        return payment

    def take_statement(self, message):
        """Identifier of the payment and what became of it; of a stream also how many units."""
        name, parts = messages.read(message)
        if name == "refusal":
            raise Refused(parts[0])
        statement = open_object("statement", parts[0], self.network).checked(self.gateway_key)
        if codes.write_text(statement["gateway"]) != self.identity.gateway_pass["subject"]:
            raise Refused("unknown_gateway")
        outcome = messages.STATUSES.get(statement["outcome"])
        if outcome not in OUTCOMES:
            raise Refused("malformed")
        units = statement["units"]
        return (statement["payment"], outcome, *([] if units is None else [units]))

    # --- the payee

    def accept(self, message, now, expected=None):
        """Takes a payment: the receipt message."""
        name, parts = messages.read(message)
        if name != "evidence":
            raise Refused("malformed")
        payment = open_object("payment", parts[1], self.network)
        if payment["payee"] != self.identity.code:
            raise Refused("not_for_you")
        if payment.id in self.declined:
            raise Refused("declined")
        if payment.id in self.receipts:
            return self.receipts[payment.id]
        if payment.id in self.streams:
            return messages.write("unit", payment.id[:4], 0, payment["stream"][2])
        if not self.identity.own_pass["rights"] & RIGHTS["accept"]:
            raise Refused("not_permitted")
        allowance = open_object("allowance", parts[0], self.network)
        gateway = self.identity.gateway_pass
        if codes.write_text(allowance["gateway"]) != gateway["subject"]:
            raise Refused("unknown_gateway")
        if gateway["expires"] <= now:
            raise Refused("expired")
        allowance.checked(self.gateway_key)
        payment.checked(tuple(allowance["wallet_key"]))
        newest = self.newest.get(payment["payer"])
        view = rules.View(self.identity.code, now, SYNC_MARGIN_S, [MOST_OFFLINE] * 3, newest, expected)
        rules.acceptable(allowance, payment, view)
        self.newest[payment["payer"]] = rules.Taken.of(payment)
        if payment["stream"] is not None:
            anchor = payment["stream"][2]
            self.streams[payment.id] = allowance, payment, 0, anchor
            return messages.write("unit", payment.id[:4], 0, anchor)
        return self._receipt(payment, now)

    def decline(self, payment, status, now):
        """Does not take a payment: the receipt message that says so."""
        if payment.id in self.receipts or payment.id in self.streams:
            raise Refused("contradiction")
        self.declined.add(payment.id)
        return self._receipt(payment, now, declined=messages.NUMBERS[status])

    def _receipt(self, payment, now, **said):
        fields = {"payee": self.identity.code, "payment": payment.id, "time": now}
        receipt = self.seal("receipt", fields | said)
        answer = messages.write("receipt", receipt.bytes, self.identity.own_pass.bytes)
        self.receipts[payment.id] = answer
        return answer

    def take_unit(self, message):
        """Takes units of a stream: what all of them cost."""
        name, parts = messages.read(message)
        if name != "unit":
            raise Refused("malformed")
        start, units, value = parts
        for key, (allowance, payment, known_units, known) in self.streams.items():
            if key[:4] != start:
                continue
            if key in self.receipts or units > known_units + UNITS_AT_ONCE_MAX:
                raise Refused("wrong_unit")
            if units < known_units:  # overtaken
                streams.released(payment, units, value, known_units, known)
                return streams.released(payment, known_units, known, known_units, known)
            cost = streams.released(payment, known_units, known, units, value)
            self.streams[key] = allowance, payment, units, value
            return cost
        raise Refused("wrong_unit")

    def close(self, payment, now):
        """Takes no more units: the receipt message for those it has."""
        return self._receipt(payment, now, units=self.streams[payment.id][2])

    def claim_stream(self, payment):
        """What was released so far, with the receipt once it is closed, as a message for a gateway."""
        allowance, payment, units, value = self.streams[payment.id]
        parts = [allowance.bytes, payment.bytes, units, value]
        if payment.id in self.receipts:
            parts.append(messages.read(self.receipts[payment.id])[1][0])
        return messages.write("stream_claim", *parts)

    def claim(self, evidence):
        """Evidence and the receipt for it, as a message for a gateway."""
        _, (allowance, payment) = messages.read(evidence)
        taken = open_object("payment", payment, self.network)
        _, (receipt, _) = messages.read(self.receipts[taken.id])
        return messages.write("claim", allowance, payment, receipt)
