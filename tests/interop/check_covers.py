"""Money that is spent before it settles, at a running gateway: chapter 9.12."""

import os

from checks import check, outcome, same
from live import LOADED, REFERENCE, USD, ask, enrolled, granted, load, now, refusal
from onecode import accusations, cbor, coap, covers, messages
from onecode.keys import ED25519, SigningKey
from onecode.objects import seal
from onecode.purse import Purse


def named(purse):
    """What a payment says that its payee may spend."""
    return {"covers_for": purse.allowance.reference}


def check_covers(payer, middle, third):
    """The middle purse is paid, and pays the third beyond its own limit with what it got."""

    def invoiced():
        asked = middle.invoice(600, REFERENCE, now())
        payment = payer.pay_invoice(asked, now())
        same(payment["covers_for"], middle.allowance.reference)
        same(payer.pay_invoice(asked, now()).id, payment.id)
        receipt = middle.accept(payer.evidence(payment), now())
        same(payer.take_receipt(receipt, now()).id, payment.id)
        same(outcome(lambda: payer.pay_invoice(middle.invoice(1, REFERENCE, now() - 601), now())), "invoice_expired")

    check("allowances say how far what they pay may be spent on", lambda: same(payer.allowance["hops"] >= 1, True))
    check("an invoice names the allowance that its payment is to cover", invoiced)
    cover = next(iter(middle.taken.values()))
    check_wrong_covers(payer, middle, third, cover)
    limit = middle.allowance["limit"]
    payment = middle.pay(third.identity.code, limit - middle.odometer + 300, REFERENCE, [cover])
    evidence = middle.evidence(payment)

    def taken():
        same(payment["odometer"], limit + 300)
        receipt = third.accept(evidence, now())
        same(third.accept(evidence, now()), receipt)
        forger = SigningKey(ED25519, os.urandom(32))
        fields = {"payee": third.identity.code, "payment": payment.id, "time": now()}
        forged = seal("receipt", fields, third.network, forger).bytes
        message = messages.write("receipt", forged, third.identity.own_pass.bytes)
        same(outcome(lambda: middle.take_receipt(message, now())), "bad_signature")
        items = messages.read(evidence)[1][0]
        claim = messages.write("covered", items, forged)
        same(refusal(third.identity, claim)[1:], ("bad_signature", payment.reference))
        same(middle.take_receipt(receipt, now()).id, payment.id)

    def claimed():
        code, statement = ask(third.identity, third.claim(evidence))
        same(code, "2.04")
        for purse in (middle, third):
            same(purse.take_statement(statement), (payment.id, "settled"))
        same(ask(third.identity, third.claim(evidence))[1], statement)
        same(ask(middle.identity, evidence)[1], statement)

    def cover_settled():
        _, statement = ask(payer.identity, payer.evidence(cover.payment))
        for purse in (payer, middle):
            same(purse.take_statement(statement), (cover.payment.id, "settled"))
        same(ask(middle.identity, middle.claim(payer.evidence(cover.payment)))[1], statement)

    check("money that was just received is spent, and a forged receipt for it is found", taken)
    check("the third purse claims it with its covers, and everybody gets the same statement", claimed)
    check("what covered it has settled by the signature of who spent it", cover_settled)
    check_covers_again(payer, middle, third, cover)
    check_spent_on(payer, middle, third)
    check_declined_on_covers(payer, middle, third)
    check_declined_cover(middle, cover)


def check_wrong_covers(payer, middle, third, cover):
    """The third purse and the gateway refuse alike, and nothing is recorded."""
    other = payer.pay(middle.identity.code, 200, REFERENCE)
    middle.accept(payer.evidence(other), now())
    unnamed = middle.spendable(other)
    room = middle.allowance["limit"] - middle.odometer
    elsewhere = payer.pay(third.identity.code, 100, REFERENCE, **named(middle))
    third.accept(payer.evidence(elsewhere), now())
    elsewhere = third.spendable(elsewhere)

    def spent(amount, on, **changes):
        return middle.item(middle.order(third.identity.code, amount, REFERENCE, on) | changes, on)

    def refused(item, status, evidence=None):
        evidence = evidence or messages.write("covered", covers.write_items(item))
        same(outcome(lambda: third.accept(evidence, now())), status)
        code, word, about = refusal(third.identity, evidence)
        same((code, word, about), ("4.22", status, item.payment.reference))

    def not_as_signed():
        good = spent(room + 100, [cover])
        alone = messages.write("evidence", good.allowance.bytes, good.payment.bytes)
        refused(good, "wrong_cover", alone)
        refused(covers.Item(good.allowance, good.payment, [unnamed]), "wrong_cover")
        refused(spent(room + 100, [cover], covers=None), "wrong_cover")
        refused(spent(room + 100, [cover], covers=bytes(32)), "wrong_cover")

    def not_its_own():
        refused(spent(room + 100, [unnamed]), "wrong_cover")
        refused(spent(room + 100, [elsewhere]), "wrong_cover")

    def not_enough_or_too_much():
        refused(spent(room + cover.counts + 1, [cover]), "above_limit")
        refused(spent(room, [cover]), "wrong_cover")
        refused(spent(room + 100, []), "above_limit", evidence_of(spent(room + 100, [])))

    def too_late():
        short = payer.pay(middle.identity.code, 50, REFERENCE, settle_by=now() + 3_600, **named(middle))
        middle.accept(payer.evidence(short), now())
        refused(spent(room + 10, [middle.spendable(short)], settle_by=cover.payment["settle_by"]), "too_late")

    def another_spelling():
        good = spent(room + 100, [cover])
        items = cbor.read(covers.write_items(good))
        for wrong, status in (
            ([items[0], [*items[1][:2], []]], "malformed"),
            ([items[1]], "malformed"),
            ([items[0], items[0], [*items[1][:2], [0, 1]]], "malformed"),
            ([items[0], [0, items[0][1], []], [*items[1][:2], [0, 1]]], "wrong_cover"),
            ([[b"", b"", []], *[[0, b"", []]] * 15, [0, b"", list(range(16))]], "malformed"),
            ([[bytes(1_700), bytes(1_700), []], items[1]], "over_budget"),
        ):  # fmt: skip
            evidence = messages.write("covered", cbor.write(wrong))
            same(outcome(lambda: third.accept(evidence, now())), status)
            same((status, refusal(third.identity, evidence)[1]), (status, status))

    check("covers other than the ones signed are refused by payee and gateway alike", not_as_signed)
    check("covers for somebody else or for no allowance are refused", not_its_own)
    check("more than limit and covers, and covers that are not needed, are refused", not_enough_or_too_much)
    check("a deadline after its cover's is refused", too_late)
    check("items in another spelling or over the budget are refused", another_spelling)


def evidence_of(item):
    return messages.write("evidence", item.allowance.bytes, item.payment.bytes)


def check_covers_again(payer, middle, third, cover):
    """Readings stay above the limit, so later payments bring earlier covers again."""
    seed = os.urandom(32)
    stream = payer.stream(middle.identity.code, 25, 10, REFERENCE, seed, **named(middle))
    middle.accept(payer.evidence(stream), now())
    same(middle.take_unit(payer.release(stream, 6)), 150)
    payment = middle.pay(third.identity.code, 420, REFERENCE, [cover, middle.spendable(stream)])

    def spent():
        evidence = middle.evidence(payment)
        same(middle.take_receipt(third.accept(evidence, now()), now()).id, payment.id)
        _, statement = ask(third.identity, third.claim(evidence))
        same(third.take_statement(statement), (payment.id, "settled"))

    def stream_so_far():
        _, statement = ask(payer.identity, payer.evidence(stream))
        same(payer.take_statement(statement), (stream.id, "in_transit", 6))
        same(middle.take_unit(payer.release(stream, 8)), 200)
        payer.take_receipt(middle.close(stream, now()), now())
        _, statement = ask(middle.identity, middle.claim_stream(stream))
        same(middle.take_statement(statement), (stream.id, "settled", 8))

    def next_allowance():
        same(granted(middle, 1_000)["base_odometer"], middle.odometer)

    check("a cover again and the units of a stream pay the next one", spent)
    check("the units of a stream that were spent have reached who spent them, and it stays open", stream_so_far)
    check("the next allowance begins where the covered payments end", next_allowance)


def check_spent_on(payer, middle, third):
    """What is spent is spent on: as change, and by the third purse, as far as the hops go."""
    first = paid_naming(payer, middle, 60)
    room = middle.allowance["limit"] - middle.odometer
    change = middle.pay(payer.identity.code, room + 10, REFERENCE, [first])
    second = middle.pay(third.identity.code, 50, REFERENCE, [first], **named(third))

    def changed():
        evidence = middle.evidence(change)
        middle.take_receipt(payer.accept(evidence, now()), now())
        _, statement = ask(payer.identity, payer.claim(evidence))
        same(middle.take_statement(statement), (change.id, "settled"))

    def two_hops():
        third.accept(middle.evidence(second), now())
        room = third.allowance["limit"] - third.odometer
        last = third.pay(payer.identity.code, room + 50, REFERENCE, [third.spendable(second)])
        evidence = third.evidence(last)
        if payer.allowance["hops"] < 2:
            same(outcome(lambda: payer.accept(evidence, now())), "above_hops")
            same(refusal(payer.identity, evidence)[1], "above_hops")
            return
        third.take_receipt(payer.accept(evidence, now()), now())
        _, statement = ask(payer.identity, payer.claim(evidence))
        same(third.take_statement(statement), (last.id, "settled"))
        _, statement = ask(middle.identity, middle.evidence(second))
        same(middle.take_statement(statement), (second.id, "settled"))

    def too_many_hops():
        spenders = [middle, third]
        while len(spenders) <= payer.allowance["hops"]:
            spenders.append(funded(ED25519, 10))
        spent = paid_naming(payer, middle, 40)
        for by, to in zip(spenders, [*spenders[1:], payer], strict=True):
            over = {"odometer": by.allowance["limit"] + 40}
            spent = by.item(by.order(to.identity.code, 40, REFERENCE, [spent]) | named(to) | over, [spent])
        evidence = messages.write("covered", covers.write_items(spent))
        same(outcome(lambda: payer.accept(evidence, now())), "above_hops")
        same(refusal(payer.identity, evidence)[1], "above_hops")

    def many():
        granted(middle, 100)
        room = middle.allowance["limit"] - middle.odometer
        many = [paid_naming(payer, middle, 10) for _ in range(12)]
        payment = middle.pay(third.identity.code, room + 120, REFERENCE, many)
        evidence = middle.evidence(payment)
        same(len(evidence) > 2 * coap.BLOCK_BYTES, True)
        third.accept(evidence, now())
        _, statement = ask(third.identity, third.claim(evidence))
        same(third.take_statement(statement), (payment.id, "settled"))

    check("change is a payment back, covered by what it answers", changed)
    check("what covers is spent on by the next one, as far as its allowance says", two_hops)
    check("and no further", too_many_hops)
    check("twelve covers fill several blocks, and settle", many)
    granted(middle, 1_000)


def paid_naming(payer, payee, amount):
    """A payment taken that its payee may spend."""
    payment = payer.pay(payee.identity.code, amount, REFERENCE, **named(payee))
    payee.accept(payer.evidence(payment), now())
    return payee.spendable(payment)


def check_declined_on_covers(payer, middle, third):
    room = middle.allowance["limit"] - middle.odometer
    received = paid_naming(payer, middle, 80).payment
    payment = middle.pay(third.identity.code, room + 80, REFERENCE, [middle.spendable(received)])
    evidence = middle.evidence(payment)

    def declined():
        same(middle.take_statement(ask(middle.identity, evidence)[1]), (payment.id, "in_transit"))
        receipt = third.decline(payment, "wrong_amount", now())
        same(outcome(lambda: middle.take_receipt(receipt, now())), "wrong_amount")
        _, statement = ask(third.identity, receipt)
        same(middle.take_statement(statement), (payment.id, "declined"))
        same(outcome(lambda: third.accept(evidence, now())), "declined")
        _, statement = ask(payer.identity, payer.evidence(received))
        same(payer.take_statement(statement), (received.id, "settled"))

    check("a declined payment goes back, and what covered it stays settled", declined)


def check_declined_cover(middle, cover):
    """Who spent a payment cannot have declined it."""

    def accused():
        spent = next(item for item in middle.items.values() if cover in item.covers)
        fields = {"payee": middle.identity.code, "payment": cover.payment.id, "time": now(), "declined": 48}
        decline = middle.seal("receipt", fields).bytes
        thing = middle.identity
        passes = [thing.issuer_pass.bytes, thing.gateway_pass.bytes]
        objects = [spent.allowance.bytes, spent.payment.bytes, covers.hashed(spent.covers), decline]
        root = thing.trust.root_key, thing.trust.network
        message = messages.write("accusation", 4, passes, objects)
        same(accusations.accusation(message, *root), thing.code)
        taken = messages.read(middle.receipts[cover.payment.id])[1][0]
        honest = messages.write("accusation", 4, passes, [*objects[:3], taken])
        same(outcome(lambda: accusations.accusation(honest, *root)), "malformed")

    check("who declines what it spent is proven guilty with the root's key alone", accused)


def check_cover_that_never_comes(payer, middle, third):
    """A payment that covers turns out to be a fork: what it was to pay waits."""
    granted(middle, 500)
    twice = payer.order(middle.identity.code, 90, REFERENCE) | named(middle)
    cover = paid_naming(payer, middle, 90).payment
    room = middle.allowance["limit"] - middle.odometer
    payment = middle.pay(third.identity.code, room + 90, REFERENCE, [middle.spendable(cover)])
    evidence = middle.evidence(payment)
    third.accept(evidence, now())

    def waits():
        first = payer.seal("payment", twice | {"payee": third.identity.code})
        _, statement = ask(payer.identity, messages.write("evidence", payer.allowance.bytes, first.bytes))
        same(payer.take_statement(statement), (first.id, "in_transit"))
        _, statement = ask(third.identity, third.claim(evidence))
        same(third.take_statement(statement), (payment.id, "waiting_for_cover", room))
        same(ask(third.identity, third.claim(evidence))[1], statement)
        _, statement = ask(middle.identity, payer.evidence(cover))
        same(middle.take_statement(statement), (cover.id, "open_claim"))

    check("what a forked cover was to pay waits, and the statement says how much was paid", waits)


def check_given_up(payer, payee):
    """What a purse says it will never sign, and a purse that lost its journal."""

    def recorded():
        unused = payer.sequence + 5
        void = {"code": payer.identity.code, "key_epoch": payer.key_epoch, "first": unused, "last": unused + 4}
        void = messages.write("void", payer.seal("void", void | {"time": now()}).bytes)
        closing = {
            "code": payer.identity.code, "key_epoch": payer.key_epoch, "currency": USD,
            "allowance": payer.allowance.reference, "sequence": payer.sequence, "odometer": payer.odometer,
            "time": now(),
        }  # fmt: skip
        closing = messages.write("closing", payer.seal("closing", closing).bytes)
        for message in (void, closing):
            for _ in range(2):
                same(ask(payer.identity, message), ("2.04", b""))
        forged = payee.seal("void", {"code": payer.identity.code, "key_epoch": 1, "first": 1, "last": 2, "time": now()})
        same(refusal(payer.identity, messages.write("void", forged.bytes))[1:], ("bad_signature", forged.reference))

    def lost():
        asked = payer.renewal(100, now() + 1, lost=True)
        _, first = ask(payer.identity, asked)
        allowance = payer.take_grant(first, now())
        same((allowance["key_epoch"], allowance["base_sequence"], allowance["base_odometer"]), (2, 0, 0))
        same((allowance["base_head"], allowance["limit"]), (bytes(16), 100))
        same(ask(payer.identity, asked)[1], first)
        same(refusal(payer.identity, payer.renewal(100, now(), lost=True))[1], "expired")
        payment = payer.pay(payee.identity.code, 100, REFERENCE)
        evidence = payer.evidence(payment)
        payee.accept(evidence, now())
        same(payer.take_statement(ask(payee.identity, payee.claim(evidence))[1]), (payment.id, "settled"))

    check("a void and a closing are recorded, and nothing is answered", recorded)
    check("a purse that lost its journal begins a new key epoch", lost)


def funded(algorithm, wanted):
    """A purse with money and an allowance."""
    purse = Purse(enrolled(algorithm), USD)
    load(purse.identity, LOADED)
    granted(purse, wanted)
    return purse


def life(algorithms):
    purses = [funded(*each) for each in zip(algorithms, (4_000, 1_000, 1_000), strict=True)]
    check_covers(*purses)
    check_given_up(purses[2], purses[1])
    check_cover_that_never_comes(*purses)
