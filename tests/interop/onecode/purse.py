"""A purse: chapters 9.4, 9.5, 9.9, 9.10 and 9.12, without the durable journal that a real one needs."""

import os

from . import Refused, codes, covers, messages, rules, streams
from .objects import RIGHTS, confirmed, open_object, seal

SYNC_MARGIN_S = 60
MOST_OFFLINE = 5_000_000
UNITS_AT_ONCE_MAX = 4_096
OUTCOMES = {
    "settled", "in_transit", "open_claim", "declined", "returned", "waiting_for_cover", "guaranteed",
}  # fmt: skip


class Purse:
    """One currency of one thing."""

    def __init__(self, identity, currency):
        self.identity, self.currency = identity, currency
        self.network = identity.trust.network
        self.allowance = None
        self.key_epoch, self.sequence, self.head, self.odometer = 1, 0, bytes(16), 0
        self.payments = {}  # by identifier: what this purse signed
        self.items = {}  # by identifier: the same under their allowances, on what covers them
        self.seeds = {}  # by identifier: of the streams that this purse signed
        self.released = {}  # by identifier: the units of them that were let out
        self.streams = {}  # by identifier: allowance, payment, and the newest units and value
        self.taken = {}  # by identifier: what may cover a payment of this purse, with its own covers
        self.invoices = {}  # by reference: what this purse asked for and nobody paid yet
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
            "code": self.identity.code, "key_epoch": self.key_epoch, "currency": self.currency,
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
        if granted["key_epoch"] < self.key_epoch:
            raise Refused("wrong_allowance")
        if granted["expires"] <= now:
            raise Refused("expired")
        if granted["key_epoch"] > self.key_epoch:
            self.key_epoch, self.sequence, self.head, self.odometer = granted["key_epoch"], 0, bytes(16), 0
        self.allowance = granted
        return granted

    def order(self, payee, amount, reference, on=()):
        """The fields of the next payment; a test may want them wrong."""
        deadlines = [self.allowance["expires"], *(item.payment["settle_by"] for item in on)]
        return {
            "payer": self.identity.code, "key_epoch": self.key_epoch, "sequence": self.sequence + 1,
            "previous": self.head, "payee": payee, "currency": self.currency, "amount": amount,
            "odometer": self.odometer + amount, "allowance": self.allowance.reference,
            "settle_by": min(deadlines), "reference": reference,
        }  # fmt: skip

    def pay(self, payee, amount, reference, on=(), **changes):
        """Signs the next payment and remembers it; `on` are the items of 9.12 that cover it."""
        return self._sign(self.order(payee, amount, reference, on) | changes, on)

    def pay_invoice(self, message, now, on=()):
        """The payment that an invoice for an amount asks for."""
        name, parts = messages.read(message)
        if name != "invoice":
            raise Refused("malformed")
        invoice = open_object("invoice", parts[0], self.network)
        given = rules.in_time(rules.pass_under(self.identity.gateway_pass, parts[1], self.network), now)
        if codes.read_code(given["subject"]) != invoice["payee"]:
            raise Refused("not_for_you")
        if not given["rights"] & RIGHTS["accept"]:
            raise Refused("not_permitted")
        invoice.checked(confirmed(given["key"]))
        if streams.asks(invoice) != "amount":
            raise Refused("malformed")
        for payment in self.payments.values():
            if (payment["payee"], payment["reference"]) == (invoice["payee"], invoice.reference):
                return payment
        if invoice["expires"] <= now:
            raise Refused("invoice_expired")
        if self.allowance is None or invoice["currency"] != self.currency:
            raise Refused("no_allowance")
        if self.allowance["class"] < invoice["least_class"]:
            raise Refused("above_class")
        named = {"covers_for": invoice["covers_for"]}
        return self.pay(invoice["payee"], invoice["amount"], invoice.reference, on, **named)

    def stream(self, payee, unit, count, reference, seed, **changes):
        """Signs a payment that is released by the unit; `seed` is the value of the last one."""
        order = self.order(payee, unit * count, reference)
        chain = streams.Chain(order["payer"], order["key_epoch"], order["sequence"])
        payment = self._sign(order | {"stream": [unit, count, chain.down(seed, count)]} | changes)
        self.seeds[payment.id] = seed
        return payment

    def release(self, payment, units):
        """So many units in all, as a message."""
        self.released[payment.id] = max(units, self.released.get(payment.id, 0))
        steps = payment["stream"][1] - units
        value = streams.Chain.of(payment).down(self.seeds[payment.id], steps)
        return messages.write("unit", payment.id[:4], units, value)

    def _sign(self, order, on=()):
        item = self.item(order, on)
        covers.check_item(item)
        payment = item.payment
        self.sequence, self.head = payment["sequence"], payment.reference
        self.odometer = payment["odometer"]
        self.payments[payment.id], self.items[payment.id] = payment, item
        return payment

    def item(self, order, on):
        """A payment on what covers it, signed and not checked; nothing is remembered of it."""
        if on:
            order = {"covers": covers.hash_of(covers.hashed(on))} | order
        return covers.Item(self.allowance, self.seal("payment", order), list(on))

    def evidence(self, payment):
        """A payment with its allowance and what covers it, as a message."""
        item = self.items.get(payment.id)
        if item is not None and item.covers:
            return messages.write("covered", covers.write_items(item))
        allowance = self.allowance if item is None else item.allowance
        return messages.write("evidence", allowance.bytes, payment.bytes)

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
        """Identifier of the payment, what became of it, and the units or the amount it says beside it."""
        name, parts = messages.read(message)
        if name == "refusal":
            raise Refused(parts[0])
        statement = self.statement(parts[0])
        outcome = messages.STATUSES.get(statement["outcome"])
        if outcome not in OUTCOMES:
            raise Refused("malformed")
        more = [statement[of] for of in ("units", "paid") if statement[of] is not None]
        return (statement["payment"], outcome, *more)

    def statement(self, data):
        """A statement by the gateway this purse trusts."""
        statement = open_object("statement", data, self.network).checked(self.gateway_key)
        if codes.write_text(statement["gateway"]) != self.identity.gateway_pass["subject"]:
            raise Refused("unknown_gateway")
        return statement

    # --- the payee

    def invoice(self, amount, reference, now, life_s=600, **changes):
        """Asks for an amount, as a message; what pays it may cover a payment of this purse."""
        fields = {
            "payee": self.identity.code, "currency": self.currency, "amount": amount, "reference": reference,
            "nonce": int.from_bytes(os.urandom(8)), "expires": now + life_s, "least_class": 0,
            "covers_for": self.allowance and self.allowance.reference,
        }  # fmt: skip
        invoice = self.seal("invoice", fields | changes)
        self.invoices[invoice.reference] = invoice
        return messages.write("invoice", invoice.bytes, self.identity.own_pass.bytes)

    def accept(self, message, now, expected=None):
        """Takes a payment: the receipt message."""
        name, parts = messages.read(message)
        if name not in ("evidence", "covered"):
            raise Refused("malformed")
        alone = name == "evidence"
        payment = open_object("payment", parts[1] if alone else covers.read_items(parts[0])[-1][1], self.network)
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
        if alone:
            allowance = open_object("allowance", parts[0], self.network)
            allowance.checked(self._key_of(allowance, now))
            payment.checked(tuple(allowance["wallet_key"]))
            items = [covers.Item(allowance, payment)]
        else:
            items = covers.judge(parts[0], self.network, lambda allowance: self._key_of(allowance, now))
        self._judge(items, now, expected)
        return self._take(items[-1], now)

    def _key_of(self, allowance, now):
        gateway = self.identity.gateway_pass
        if codes.write_text(allowance["gateway"]) != gateway["subject"]:
            raise Refused("unknown_gateway")
        if gateway["expires"] <= now:
            raise Refused("expired")
        return self.gateway_key

    def _judge(self, items, now, expected):
        *covering, last = items
        allowance, payment = last.allowance, last.payment
        invoice = self.invoices.get(payment["reference"])
        if invoice is not None:
            if invoice["expires"] <= now:
                raise Refused("invoice_expired")
            if payment["currency"] != invoice["currency"]:
                raise Refused("wrong_amount")
            streams.answers(payment, invoice)
            if allowance["class"] < invoice["least_class"]:
                raise Refused("above_class")
        newest = self.newest.get(payment["payer"])
        for item in covering:
            self._not_against(rules.Taken.of(item.payment))
        view = rules.View(self.identity.code, now, SYNC_MARGIN_S, [MOST_OFFLINE] * 3, newest, expected)
        rules.acceptable(allowance, payment, view, covering)

    def _not_against(self, shown):
        """Refuses a cover that contradicts what was taken, or that this purse is to have signed and did not."""
        newest = self.newest.get(shown.payer)
        if newest is not None and rules.contradiction(shown, newest) is not None:
            raise Refused("contradiction")
        if shown.payer == self.identity.code and shown.id not in self.payments:
            raise Refused("contradiction")

    def _take(self, item, now):
        payment = item.payment
        self.newest[payment["payer"]] = rules.Taken.of(payment)
        self.invoices.pop(payment["reference"], None)
        self.taken[payment.id] = item
        if payment["stream"] is not None:
            anchor = payment["stream"][2]
            self.streams[payment.id] = item.allowance, payment, 0, anchor
            return messages.write("unit", payment.id[:4], 0, anchor)
        return self._receipt(payment, now)

    def spendable(self, payment):
        """A payment taken, as a cover; of a stream, as far as it was released."""
        item = self.taken[payment.id]
        if payment.id in self.streams:
            item.units, item.value = self.streams[payment.id][2:]
        return item

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
        name, parts = messages.read(evidence)
        payment = parts[1] if name == "evidence" else covers.read_items(parts[0])[-1][1]
        _, (receipt, _) = messages.read(self.receipts[open_object("payment", payment, self.network).id])
        if name == "evidence":
            return messages.write("claim", *parts, receipt)
        return messages.write("covered", parts[0], receipt)
