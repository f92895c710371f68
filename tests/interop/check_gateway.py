"""Lives a whole life at a running gateway: python check_gateway.py URL COAP_HOST:PORT TRUST_FILE

The token of the office's API is taken from ONECODE_TOKEN.
"""

import os

from cryptography import x509

import check_chain
import check_covers
from checks import check, finish, outcome, same, within
from live import LOADED, REFERENCE, USD, WANTED, ask, door, enrolled, load, new_thing, now, office, refusal
from onecode import codes, enrol, messages, rules
from onecode.keys import ED25519, P256, SigningKey
from onecode.objects import seal
from onecode.purse import Purse

# --- getting a code


def check_enrolment():
    authorities = office.authorities()
    transport, wallet, csr, once = new_thing(ED25519)

    def refused_requests():
        same(office.enrol(csr, None)[0], 202)  # it waits to be accepted
        same(office.enrol(b"\x30\x00", once)[0], 400)
        same(office.enrol(csr, "no such secret")[0], 403)
        other = enrol.request(transport, wallet, "another-network")
        same(office.enrol(other, once)[0], 400)

    def repeated_request():
        first, again = office.enrol(csr, once), office.enrol(csr, once)
        same((first[0], again[0]), (200, 200))
        same(first[1], again[1])
        same(office.enrol(enrol.request(transport, wallet, office.trust.network), once)[0], 403)
        certificate_of(first[1])
        thing = enrol.identity(office, first[1], transport, wallet, now())
        same(rules.confirmed(thing.own_pass["key"]), wallet.public)
        same(thing.own_pass["subject"], thing.text)
        same(thing.own_pass["class"], 0)

    def chain_of_certificates():
        root, issuer, gateway = authorities
        for above, below in ((root, root), (root, issuer), (issuer, gateway)):
            below.verify_directly_issued_by(above)
        for certificate, kind, sequence, path_length in (
            (root, codes.ISSUER, 0, None), (issuer, codes.ISSUER, 1, 1), (gateway, codes.GATEWAY, 2, 0),
        ):  # fmt: skip
            code = codes.read_code(attribute(certificate, x509.NameOID.SERIAL_NUMBER))
            assert codes.commits_to(code, enrol.spki(certificate.public_key()))
            parts = codes.fields(code)
            same((parts["kind"], parts["station"], parts["sequence"]), (kind, 0, sequence))
            constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
            same((constraints.value.ca, constraints.value.path_length), (True, path_length))

    def certificate_of(leaf):
        leaf.verify_directly_issued_by(authorities[2])
        text = attribute(leaf, x509.NameOID.COMMON_NAME)
        same(attribute(leaf, x509.NameOID.SERIAL_NUMBER), text)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        place = codes.fields(codes.read_code(text))
        host = names.get_values_for_type(x509.DNSName)[0]
        same(host.startswith(f"{text.lower()}.{place['station']}.{place['issuer']}."), True)
        uri = names.get_values_for_type(x509.UniformResourceIdentifier)[0]
        same((uri.startswith("HTTPS://"), uri.endswith(f"/1/{text}")), (True, True))
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        same(list(usage), [x509.ExtendedKeyUsageOID.CLIENT_AUTH])
        kept = leaf.extensions.get_extension_for_oid(enrol.OID_ASSURANCE_CLASS)
        same((kept.critical, kept.value.value), (False, b"\x02\x01\x00"))

    check("certificates chain to a root, and every authority's code commits to its key", chain_of_certificates)
    check("requests that are wrong are refused and spend nothing", refused_requests)
    check("the same request gets the same certificate; the passes hold up to the root", repeated_request)
    check("a code that nobody has has no pass", lambda: same(outcome(lambda: office.pass_of("0" * 34)), "unknown_code"))


def attribute(certificate, oid):
    return certificate.subject.get_attributes_for_oid(oid)[0].value


# --- money


def check_allowance(payer):
    thing = payer.identity

    def refused():
        forged = Purse(thing, USD)
        forged.identity = Purse(impostor(thing), USD).identity
        same(refusal(thing, forged.renewal(WANTED, now()))[:2], ("4.00", "bad_signature"))
        same(refusal(thing, b"\x80"), ("4.00", "malformed", None))
        euro = payer.renewal(WANTED, now(), currency=(1).to_bytes(3) + b"ZZZ")
        same(refusal(thing, euro)[1], "no_allowance")
        old = payer.renewal(WANTED, now(), key_epoch=2)
        same(refusal(thing, old)[1], "wrong_allowance")

    def granted_nothing():
        _, empty = ask(thing, payer.renewal(WANTED, now()))
        allowance = payer.take_grant(empty, now())
        same((allowance["limit"], allowance["base_odometer"]), (0, 0))
        gateway = codes.read_code(payer.identity.gateway_pass["subject"])
        same(outcome(lambda: payer.pay(gateway, 1, REFERENCE)), "above_limit")

    def granted():
        load(thing, LOADED)
        asked = payer.renewal(WANTED, now() + 1)
        _, first = ask(thing, asked)
        allowance = payer.take_grant(first, now())
        same((allowance["limit"], allowance["base_odometer"], allowance["base_sequence"]), (WANTED, 0, 0))
        same(allowance["issued_total"] >= WANTED, True)
        same(ask(thing, asked)[1], first)

    def elsewhere():
        same(door.post("oc/1/" + thing.text + "/t/temperature", b"25")[0], "4.01")

    check("renewals that are wrong are refused with a status", refused)
    check("a purse that holds nothing gets an allowance without room", granted_nothing)
    check("an allowance is granted, counts, and is repeated byte for byte", granted)
    check("the plain door takes wallet messages and nothing else", elsewhere)


def impostor(thing):
    """The same thing in the hands of somebody who does not have its wallet key."""
    return enrol.Identity(**{**vars(thing), "wallet": SigningKey(ED25519, os.urandom(32))})


def check_payment(payer, payee):
    """One payment, receipt first; gives the payment."""
    payment = payer.pay(payee.identity.code, 1_500, REFERENCE)
    evidence = payer.evidence(payment)

    def wrong_invoice():
        same(outcome(lambda: payee.accept(evidence, now(), (REFERENCE, 1_501))), "wrong_amount")
        same(outcome(lambda: payee.accept(evidence, now(), (bytes(16), 1_500))), "wrong_reference")
        same(outcome(lambda: payer.accept(evidence, now())), "not_for_you")

    def taken():
        receipt = payee.accept(evidence, now(), (REFERENCE, 1_500))
        same(payee.accept(evidence, now() + 9), receipt)
        same(payer.take_receipt(receipt, now()).id, payment.id)

    def forged_receipts():
        receipt = {"payee": payee.identity.code, "payment": payment.id, "time": now()}
        given = payee.identity.own_pass.bytes
        forger = SigningKey(ED25519, os.urandom(32))
        forged = messages.write("receipt", seal("receipt", receipt, payer.network, forger).bytes, given)
        same(outcome(lambda: payer.take_receipt(forged, now())), "bad_signature")
        other = payee.seal("receipt", receipt | {"payment": bytes(32)})
        same(outcome(lambda: payer.take_receipt(messages.write("receipt", other.bytes, given), now())), "wrong_receipt")
        elsewhere = seal("receipt", receipt, "elsewhere", payee.identity.wallet)
        elsewhere = messages.write("receipt", elsewhere.bytes, given)
        same(outcome(lambda: payer.take_receipt(elsewhere, now())), "bad_signature")
        # The gateway says the same about a claim with a receipt by somebody else.
        claim = [payer.allowance.bytes, payment.bytes]
        forged = seal("receipt", receipt, payer.network, forger).bytes
        same(refusal(payee.identity, messages.write("claim", *claim, forged))[1], "bad_signature")
        same(refusal(payee.identity, messages.write("claim", *claim, other.bytes))[1], "wrong_receipt")

    def claimed():
        code, statement = ask(payee.identity, payee.claim(evidence))
        same(code, "2.04")
        for purse in (payee, payer):
            same(purse.take_statement(statement), (payment.id, "settled"))
        same(ask(payee.identity, payee.claim(evidence))[1], statement)
        same(ask(payer.identity, evidence)[1], statement)
        forged = bytearray(statement)
        forged[-1] ^= 1
        same(outcome(lambda: payer.take_statement(bytes(forged))), "bad_signature")

    check("a payment is refused by whoever asked for something else", wrong_invoice)
    check("a payment is taken once, and its receipt counts", taken)
    check("forged receipts are found by the payer and by the gateway", forged_receipts)
    check("a claim settles, and everybody gets the same statement", claimed)
    return payment


def check_limits(payer, payee):
    def above_the_allowance():
        for change, status in (
            ({"amount": 3_000, "odometer": 4_500}, "above_limit"),
            ({"amount": 0}, "malformed"),
            ({"sequence": 1}, "contradiction"),
            ({"odometer": 2_499, "amount": 2_500}, "out_of_interval"),
            ({"allowance": bytes(16)}, "wrong_allowance"),
            ({"key_epoch": 2}, "wrong_allowance"),
            ({"settle_by": payer.allowance["expires"] + 1}, "too_late"),
        ):  # fmt: skip
            order = payer.order(payee.identity.code, 100, REFERENCE) | change
            payment = payer.seal("payment", order)
            evidence = payer.evidence(payment)
            same((change, outcome(lambda: payee.accept(evidence, now()))), (change, status))
            if status != "contradiction":  # that one the gateway takes down; see below
                code, word, about = refusal(payee.identity, evidence)
                same((change, word, about), (change, status, payment.reference))
                same(code, "4.00" if status == "malformed" else "4.22")

    def most_per_payment():
        order = payer.order(payee.identity.code, payer.allowance["most_per_payment"] + 1, REFERENCE)
        evidence = payer.evidence(payer.seal("payment", order))
        same(outcome(lambda: payee.accept(evidence, now())), "above_most_per_payment")
        same(refusal(payer.identity, evidence)[1], "above_most_per_payment")

    check("payments beyond their allowance are refused by payee and gateway alike", above_the_allowance)
    check("a payment larger than one may be is refused", most_per_payment)


def check_transit(payer, payee):
    payment = payer.pay(payee.identity.code, 500, REFERENCE)
    evidence = payer.evidence(payment)

    def two_steps():
        _, first = ask(payer.identity, evidence)
        same(payer.take_statement(first), (payment.id, "in_transit"))
        same(ask(payer.identity, evidence)[1], first)
        payee.accept(evidence, now())
        _, second = ask(payee.identity, payee.receipts[payment.id])
        same(payee.take_statement(second), (payment.id, "settled"))
        same(ask(payee.identity, payee.claim(evidence))[1], second)
        same(ask(payer.identity, evidence)[1], first)

    def next_allowance():
        asked = payer.renewal(1_000, now())
        granted = payer.take_grant(ask(payer.identity, asked)[1], now())
        same((granted["base_sequence"], granted["base_head"]), (payment["sequence"], payment.reference))
        same((granted["base_odometer"], granted["limit"]), (payer.odometer, payer.odometer + 1_000))
        broken = payer.renewal(1_000, now(), head=bytes(16))
        same(refusal(payer.identity, broken)[1], "links_broken")

    check("evidence puts money in transit, the receipt settles it", two_steps)
    check("the next allowance begins where the payments end", next_allowance)


def check_streams(payer, payee):
    seed = os.urandom(32)
    payment = payer.stream(payee.identity.code, 25, 10, REFERENCE, seed)
    evidence = payer.evidence(payment)

    def by_the_unit():
        ready = payee.accept(evidence, now())
        same(ready, payer.release(payment, 0))
        same(payee.take_unit(payer.release(payment, 1)), 25)
        same(payee.take_unit(payer.release(payment, 4)), 100)
        same(payee.take_unit(payer.release(payment, 3)), 100)
        same(payee.accept(evidence, now()), ready)
        for units in (3, 4, 5, 2**32 - 1):
            forged = messages.write("unit", payment.id[:4], units, bytes(32))
            same((units, outcome(lambda: payee.take_unit(forged))), (units, "wrong_unit"))

    def claimed_so_far():
        four = payee.claim_stream(payment)
        _, statement = ask(payee.identity, four)
        same(payee.take_statement(statement), (payment.id, "in_transit", 4))
        forged = messages.write("stream_claim", payer.allowance.bytes, payment.bytes, 5, bytes(32))
        same(refusal(payee.identity, forged)[1], "wrong_unit")

    def closed():
        same(payee.take_unit(payer.release(payment, 6)), 150)
        fields = {"payee": payee.identity.code, "payment": payment.id, "time": now(), "units": 7}
        greedy = payee.seal("receipt", fields).bytes, payee.identity.own_pass.bytes
        greedy = messages.write("receipt", *greedy)
        same(outcome(lambda: payer.take_receipt(greedy, now())), "wrong_receipt")
        same(payer.take_receipt(payee.close(payment, now()), now()).id, payment.id)
        _, statement = ask(payee.identity, payee.claim_stream(payment))
        for purse in (payer, payee):
            same(purse.take_statement(statement), (payment.id, "settled", 6))
        same(ask(payee.identity, payee.claim_stream(payment))[1], statement)

    check("a stream is taken by the unit", by_the_unit)
    check("a stream's units are claimed while it is open", claimed_so_far)
    check("a closed stream settles for the units of its receipt", closed)


def check_declined(payer, payee):
    payment = payer.pay(payee.identity.code, 100, REFERENCE)
    evidence = payer.evidence(payment)

    def declined():
        same(payer.take_statement(ask(payer.identity, evidence)[1]), (payment.id, "in_transit"))
        receipt = payee.decline(payment, "wrong_amount", now())
        same(outcome(lambda: payer.take_receipt(receipt, now())), "wrong_amount")
        _, statement = ask(payee.identity, receipt)
        same(payer.take_statement(statement), (payment.id, "declined"))
        same(outcome(lambda: payee.accept(evidence, now())), "declined")

    check("a declined payment leaves transit again", declined)


def check_fraud(payer, payee, settled):
    """The payer's key signs a second payment under a number that is taken."""
    twice = payer.order(payee.identity.code, 200, REFERENCE)
    first = payer.pay(payee.identity.code, 200, REFERENCE)
    second = payer.seal("payment", twice | {"reference": b"session 00000002"})

    def found_by_payee():
        payee.accept(payer.evidence(first), now())
        same(outcome(lambda: payee.accept(payer.evidence(second), now())), "contradiction")

    def found_by_gateway():
        same(payee.take_statement(ask(payee.identity, payee.claim(payer.evidence(first)))[1]), (first.id, "settled"))
        _, statement = ask(payer.identity, payer.evidence(second))
        same(payer.take_statement(statement), (second.id, "open_claim"))
        same(refusal(payer.identity, payer.renewal(1, now()))[1], "frozen")

    def proven():
        thing, allowance = payer.identity, payer.allowance.bytes
        parts = [thing.issuer_pass.bytes, thing.gateway_pass.bytes, allowance, allowance]
        root = thing.trust.root_key, thing.trust.network
        proof = messages.write("proof", *parts, first.bytes, second.bytes)
        same(rules.fraud_proof(proof, *root), (thing.code, "same_sequence"))
        honest = messages.write("proof", *parts, first.bytes, first.bytes)
        same(outcome(lambda: rules.fraud_proof(honest, *root)), "malformed")
        other = messages.write("proof", *parts, settled.bytes, second.bytes)
        same(outcome(lambda: rules.fraud_proof(other, *root)), "wrong_allowance")
        same(ask(thing, proof), ("2.04", b""))
        same(refusal(thing, honest)[1], "malformed")

    check("the payee finds two payments under one number", found_by_payee)
    check("the gateway keeps the second as an open claim and freezes the payer", found_by_gateway)
    check("who signed both is proven with the root's key alone", proven)


def life(payer_algorithm, payee_algorithm):
    payer, payee = (Purse(enrolled(algorithm), USD) for algorithm in (payer_algorithm, payee_algorithm))
    check_allowance(payer)
    settled = check_payment(payer, payee)
    check_limits(payer, payee)
    check_transit(payer, payee)
    check_streams(payer, payee)
    check_declined(payer, payee)
    check_fraud(payer, payee, settled)


within("enrolment", check_enrolment)
within("an Ed25519 purse pays a P-256 purse", lambda: life(ED25519, P256))
within("a P-256 purse pays an Ed25519 purse", lambda: life(P256, ED25519))
within("Ed25519, P-256 and Ed25519 purses", lambda: check_covers.life((ED25519, P256, ED25519)))
within("P-256, Ed25519 and P-256 purses", lambda: check_covers.life((P256, ED25519, P256)))
within("the code chain", check_chain.life)
finish()
