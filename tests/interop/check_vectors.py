"""Checks every vector of docs/vectors: python check_vectors.py FOLDER"""

import json
import sys
from pathlib import Path

from checks import check, finish, outcome, same
from onecode import accusations, cbor, chain, codes, covers, grid_codes, lists, messages, rules, stations, streams
from onecode import wallet_proof
from onecode.keys import NAMES, SigningKey, verify
from onecode.objects import OBJECTS, confirmation, confirmed, open_object, read_payload, seal

FOLDER = Path(sys.argv[1])
SIGNERS = {}


def load(name):
    return json.loads((FOLDER / name).read_text())


def key_of(value):
    return NAMES[value["algorithm"]], bytes.fromhex(value["bytes"])


def wire(kind, value):
    """A field of the JSON as it stands in an object."""
    match kind.rstrip("?"):
        case _ if value is None:
            return None
        case "code":
            return codes.read_code(value)
        case "codes":
            return [codes.read_code(code) for code in value]
        case "mark":
            return True if value else None
        case "cells":
            return [bytes.fromhex(cell) for cell in value]
        case "prices":
            return [[bytes.fromhex(one["item"]), one["measure"], int(one["amount"])] for one in value]
        case "key":
            return list(key_of(value))
        case "confirmation":
            return confirmation(key_of(value))
        case "currency" | "id" | "ref":
            return bytes.fromhex(value)
        case "grid":
            return grid_codes.read_grid_code(value)
        case "u64" | "amount" | "reading" | "i64":
            same(type(value), str)
            return int(value)
        case "name" | "saying":
            return value
        case "stream":
            return [int(value["unit"]), value["count"], bytes.fromhex(value["anchor"])]
    same(type(value), int)
    return value


# --- one function per list of vectors


def good_code(vector):
    key = bytes.fromhex(vector["birth_key_spki"])
    data = bytes.fromhex(vector["bytes"])
    parts = [vector["kind"], vector["issuer"], vector["station"], int(vector["sequence"])]
    same(codes.make(*parts, key), data)
    same(codes.crc10(data), vector["crc10"])
    same(data[10:].hex(), vector["fingerprint"])
    same(list(codes.fields(codes.check_bytes(data)).values()), parts)
    same(codes.write_text(data), vector["text"])
    same(codes.groups(vector["text"]), vector["groups"])
    same(codes.read_code(vector["groups"]), data)
    same("HTTPS://ID.EXAMPLE/1/" + vector["text"], vector["uri"])


def check_codes():
    vectors = load("codes.json")
    for vector in vectors["codes"]:
        check(f"code {vector['text']}", lambda: good_code(vector))
    for vector in vectors["also_read"]:
        read = lambda: codes.write_text(codes.read_code(vector["text"]))
        check(f"code read from {vector['text']}", lambda: same(read(), vector["code"]))
    for vector in vectors["refused_texts"]:
        read = lambda: codes.read_code(vector["text"])
        check(f"code refused: {vector['why']}", lambda: same(outcome(read), vector["error"]))
    for vector in vectors["refused_bytes"]:
        read = lambda: codes.check_bytes(bytes.fromhex(vector["bytes"]))
        check(f"code refused: {vector['bytes']}", lambda: same(outcome(read), vector["error"]))
    check("the check of 123456789", lambda: same(codes.crc10(b"123456789"), 0x199))


def good_grid_code(vector):
    data = bytes.fromhex(vector["bytes"])
    minutes = None if vector["minutes"] is None else int(vector["minutes"])
    made = grid_codes.make(
        vector["issuer"], vector["station"], vector["level"], vector["latitude"],
        vector["longitude"], vector["height_dm"], vector["start_unix_minutes"], minutes,
        codes.read_code(vector["owner"]),
    )  # fmt: skip
    same(made, data)
    read = grid_codes.read_bytes(data)
    same(read | {"minutes": minutes}, {name: vector[name] for name in read} | {"minutes": minutes})
    same(read["minutes"], minutes)
    same(grid_codes.write_text(data), vector["text"])
    same(codes.groups(vector["text"]), vector["groups"])
    same(grid_codes.read_grid_code(vector["groups"]), data)
    same("HTTPS://ID.EXAMPLE/G/" + vector["text"], vector["uri"])


def check_grid_codes():
    vectors = load("grid-codes.json")
    for vector in vectors["grid_codes"]:
        check(f"grid code {vector['text']}: {vector['what']}", lambda: good_grid_code(vector))
    for vector in vectors["from_nanodegrees"]:
        degrees = [int(vector[f"{axis}_nanodegrees"]) for axis in ("latitude", "longitude")]
        units = vector["latitude"], vector["longitude"]
        check(f"nanodegrees {degrees}", lambda: same(grid_codes.from_nanodegrees(*degrees), units))
    for vector in vectors["refused_texts"]:
        read = lambda: grid_codes.read_grid_code(vector["text"])
        check(f"grid code refused: {vector['why']}", lambda: same(outcome(read), vector["error"]))
    for vector in vectors["refused_bytes"]:
        read = lambda: grid_codes.read_bytes(bytes.fromhex(vector["bytes"]))
        check(f"grid code refused: {vector['why']}", lambda: same(outcome(read), vector["error"]))


def good_key(vector):
    key = SigningKey(NAMES[vector["algorithm"]], bytes.fromhex(vector["seed"]))
    SIGNERS[vector["name"]] = key
    message, signature = bytes.fromhex(vector["message"]), bytes.fromhex(vector["signature"])
    same(key.algorithm, vector["cose_algorithm"])
    same(key.public[1].hex(), vector["public_key"])
    same(key.sign(message), signature)
    same(verify(key.public, message, signature), True)
    same(verify(key.public, message + b"!", signature), False)


def check_keys():
    vectors = load("keys.json")
    for vector in vectors["keys"]:
        check(f"key {vector['name']}", lambda: good_key(vector))
    for name, vector in vectors["codes"].items():
        text = lambda: codes.write_text(bytes.fromhex(vector["bytes"]))
        check(f"code of the {name}", lambda: same(text(), vector["text"]))
    for vector in vectors["refused_signatures"]:
        parts = bytes.fromhex(vector["message"]), bytes.fromhex(vector["signature"])
        held = lambda: verify(key_of(vector["public_key"]), *parts)
        check(f"signature refused: {vector['why']}", lambda: same(held(), False))


def good_object(vector):
    name, network = vector["object"], vector["network"]
    table = [(field, kind) for _, field, kind in OBJECTS[name]]
    same(sorted(vector["fields"]), sorted(field for field, _ in table))
    fields = {field: wire(kind, vector["fields"][field]) for field, kind in table}
    key = SIGNERS[vector["signer"]]
    same(key.public, key_of(vector["signer_key"]))
    made = seal(name, fields, network, key)
    for field, found in (
        ("payload", made.payload), ("to_be_signed", made.to_be_signed), ("id", made.id),
        ("signature", made.signature), ("reference", made.reference), ("signed", made.bytes),
    ):  # fmt: skip
        same(found.hex(), vector[field])
    read = open_object(name, bytes.fromhex(vector["signed"]), network).checked(key.public)
    same(read.fields, fields)
    same(read_payload(name, read.payload), fields)
    if name == "pass":
        same(confirmed(read["key"]), key_of(vector["fields"]["key"]))


def check_objects():
    for vector in load("objects.json")["objects"]:
        what = f"{vector['object']}, {vector['what']}, signed by {vector['signer']}"
        check(what, lambda: good_object(vector))
    for vector in load("bad-objects.json")["bad_objects"]:
        data, key = bytes.fromhex(vector["bytes"]), key_of(vector["key"])
        read = lambda: open_object(vector["object"], data, vector["network"]).checked(key)
        what = f"bad {vector['object']}: {vector['why']}"
        check(what, lambda: same(outcome(read), vector["status"]))


def good_message(vector):
    data, name = bytes.fromhex(vector["bytes"]), vector["message"]
    parts = [bytes.fromhex(part) for part in vector.get("parts", [])]
    match name:
        case "refusal":
            about = None if vector["about"] is None else bytes.fromhex(vector["about"])
            status = messages.STATUSES[vector["status"]]
            same(messages.write_refusal(status, about), data)
            same(messages.read(data), (name, [status, about]))
            return
        case "unit":
            parts = [bytes.fromhex(vector["about"]), vector["units"], bytes.fromhex(vector["value"])]
        case "ask":
            parts = [bytes.fromhex(vector["currency"])]
        case "stream_claim":
            parts[2:2] = [vector["units"], bytes.fromhex(vector["value"])]
        case "accusation":
            passes = vector["credentials"]
            parts = [vector["charge"], parts[:passes], parts[passes:]]
    same(messages.write(name, *parts), data)
    read_name, read_parts = messages.read(data)
    same((read_name, [part for part in read_parts if part is not None]), (name, parts))


def check_messages():
    vectors = load("messages.json")
    for vector in vectors["messages"]:
        check(f"message {vector['message']}", lambda: good_message(vector))
    for vector in vectors["refused"]:
        read = lambda: messages.read(bytes.fromhex(vector["bytes"]))
        check(f"message refused: {vector['why']}", lambda: same(outcome(read), vector["status"]))


def good_proof(vector):
    proof, spki = bytes.fromhex(vector["proof"]), bytes.fromhex(vector["transport_spki"])
    key, network = SIGNERS[vector["wallet"]], vector["network"]
    same(wallet_proof.signed_message(network, spki).hex(), vector["signed_message"])
    same(key.sign(wallet_proof.signed_message(network, spki)).hex(), vector["signature"])
    same(wallet_proof.make(key, network, spki), proof)
    same(wallet_proof.check(proof, network, spki), key_of(vector["wallet_key"]))


def check_wallet_proofs():
    vectors = load("wallet-proofs.json")
    for vector in vectors["proofs"]:
        check(f"wallet proof of {vector['wallet']}", lambda: good_proof(vector))
    for vector in vectors["refused"]:
        proof, spki = bytes.fromhex(vector["proof"]), bytes.fromhex(vector["transport_spki"])
        read = lambda: wallet_proof.check(proof, vector["network"], spki)
        check(f"wallet proof refused: {vector['why']}", lambda: same(outcome(read), vector["status"]))


def check_statuses():
    vectors = load("statuses.json")["statuses"]
    found = {vector["number"]: vector["word"] for vector in vectors}
    check("the table of statuses", lambda: same(found, messages.STATUSES))
    for vector in vectors:
        group = messages.GROUPS[vector["number"] & 0xF0]
        check(f"group of {vector['word']}", lambda: same(vector["fault"], group))


def check_passes():
    vectors = load("passes.json")
    network = vectors["network"]
    issuer = rules.issuer_pass(bytes.fromhex(vectors["issuer_pass"]), key_of(vectors["root_key"]), network)
    gateway = rules.gateway_pass(issuer, bytes.fromhex(vectors["gateway_pass"]), network)
    for vector in vectors["passes"]:
        read = lambda: rules.pass_under(gateway, bytes.fromhex(vector["pass"]), network)
        check(f"pass: {vector['why']}", lambda: same(outcome(read), vector["issued"]))


def view_of(value):
    newest, expected = value["newest"], value["expected"]
    return rules.View(
        me=codes.read_code(value["me"]),
        now=value["now"],
        sync_margin_s=value["sync_margin_s"],
        most_by_class=[int(most) for most in value["most_by_class"]],
        newest=newest
        and rules.Taken(
            bytes.fromhex(newest["id"]), codes.read_code(newest["payer"]), newest["key_epoch"],
            newest["sequence"], bytes.fromhex(newest["currency"]), int(newest["from"]), int(newest["to"]),
        ),
        expected=expected and (bytes.fromhex(expected["reference"]), int(expected["amount"])),
    )  # fmt: skip


def judged(vector, network, gateway_key):
    name, parts = messages.read(bytes.fromhex(vector["evidence"]))
    same(name, "evidence")
    allowance = open_object("allowance", parts[0], network).checked(gateway_key)
    payment = open_object("payment", parts[1], network).checked(tuple(allowance["wallet_key"]))
    same(outcome(lambda: rules.fits(allowance, payment)), vector["fits"])
    accept = lambda: rules.acceptable(allowance, payment, view_of(vector["view"]))
    same(outcome(accept), vector["acceptable"])


def check_evidence():
    vectors = load("evidence.json")
    key = key_of(vectors["gateway_key"])
    for vector in vectors["evidence"]:
        check(f"evidence: {vector['why']}", lambda: judged(vector, vectors["network"], key))


def proven(vector, root_key, network):
    try:
        code, how = rules.fraud_proof(bytes.fromhex(vector["proof"]), root_key, network)
    except rules.Refused as refused:
        same((None, refused.status), (vector["code"], vector["outcome"]))
    else:
        same((codes.write_text(code), how), (vector["code"], vector["outcome"]))


def check_fraud_proofs():
    vectors = load("fraud-proofs.json")
    key, network = key_of(vectors["root_key"]), vectors["network"]
    for vector in vectors["proofs"]:
        check(f"fraud proof: {vector['why']}", lambda: proven(vector, key, network))


def covered(vector, network, gateway_key):
    name, (items, _) = messages.read(bytes.fromhex(vector["message"]))
    same(name, "covered")
    sums = []
    last = lambda: covers.judge(items, network, lambda _: gateway_key)[-1]
    judge = lambda: sums.append(sum(cover.counts for cover in last().covers))
    wanted = [] if vector["sum"] is None else [int(vector["sum"])]
    same((outcome(judge), sums), (vector["outcome"], wanted))


def check_covers():
    vectors = load("covers.json")
    network, key = vectors["network"], key_of(vectors["gateway_key"])
    for vector in vectors["evidence"]:
        check(f"covers: {vector['why']}", lambda: covered(vector, network, key))


def accused(vector, root_key, network):
    data, found = bytes.fromhex(vector["message"]), []
    same(messages.read(data)[1][0], vector["charge"])
    judge = lambda: found.append(codes.write_text(accusations.accusation(data, root_key, network)))
    wanted = [] if vector["code"] is None else [vector["code"]]
    same((outcome(judge), found), (vector["outcome"], wanted))


def check_accusations():
    vectors = load("accusations.json")
    key, network = key_of(vectors["root_key"]), vectors["network"]
    for vector in vectors["accusations"]:
        check(f"accusation: {vector['why']}", lambda: accused(vector, key, network))


def good_chain(vector):
    payer, seed = codes.read_code(vector["payer"]), bytes.fromhex(vector["seed"])
    chain = streams.Chain(payer, vector["key_epoch"], vector["sequence"])
    same((chain.head + seed).hex(), vector["first_step_hashes"])
    value, index = seed, vector["count"]
    for wanted in reversed(vector["values"]):
        value, index = chain.down(value, index - wanted["index"]), wanted["index"]
        same(value.hex(), wanted["value"])
    same(chain.down(value, index).hex(), vector["anchor"])


def check_streams():
    vectors = load("streams.json")
    network, key = vectors["network"], key_of(vectors["payer_key"])
    for vector in vectors["chains"]:
        check(f"chain of {vector['count']} by {vector['payer']}", lambda: good_chain(vector))
    for vector in vectors["releases"]:
        payment = open_object("payment", bytes.fromhex(vector["payment"]), network).checked(key)
        known, value = bytes.fromhex(vector["known"]), bytes.fromhex(vector["value"])
        costs = []
        release = lambda: costs.append(streams.released(payment, vector["known_units"], known, vector["units"], value))
        cost = [] if vector["cost"] is None else [int(vector["cost"])]
        found = lambda: (outcome(release), costs)
        check(f"release: {vector['why']}", lambda: same(found(), (vector["outcome"], cost)))


def check_invoices():
    vectors = load("invoices.json")
    network, payer, payee = vectors["network"], key_of(vectors["payer_key"]), key_of(vectors["payee_key"])
    invoice_of = lambda vector: open_object("invoice", bytes.fromhex(vector["invoice"]), network).checked(payee)
    for vector in vectors["invoices"]:
        found = lambda: streams.asks(invoice_of(vector))
        check(f"invoice: {vector['why']}", lambda: same(found(), vector["asks"]))
    for vector in vectors["answers"]:
        payment = open_object("payment", bytes.fromhex(vector["payment"]), network).checked(payer)
        answers = lambda: streams.answers(payment, invoice_of(vector))
        what = f"payment under an invoice: {vector['why']}"
        check(what, lambda: same(outcome(answers), vector["outcome"]))


def said(vector, network, payer, payee):
    payment = open_object("payment", bytes.fromhex(vector["payment"]), network).checked(payer)
    receipt = open_object("receipt", bytes.fromhex(vector["receipt"]), network)
    name, (same_receipt, _) = messages.read(bytes.fromhex(vector["message"]))
    same((name, same_receipt), ("receipt", receipt.bytes))
    answer = []
    found = outcome(lambda: answer.append(streams.answer(payment, receipt)))
    same(answer[0] if answer else found, vector["answer"])
    if answer:
        receipt.checked(payee)


def check_receipts():
    vectors = load("receipts.json")
    network, keys = vectors["network"], [key_of(vectors[whose]) for whose in ("payer_key", "payee_key")]
    for vector in vectors["receipts"]:
        check(f"receipt: {vector['why']}", lambda: said(vector, network, *keys))


def act_of(vector):
    """A leaf as the JSON says it."""
    name = lambda text: codes.read_code(text) if len(text) == 34 else grid_codes.read_grid_code(text)
    values = {
        1: vector["kind"],
        2: name(vector["of"]),
        3: vector["at"],
        4: vector["other"] and name(vector["other"]),
        5: vector["signed"] and bytes.fromhex(vector["signed"]),
        6: vector["certificate"] and bytes.fromhex(vector["certificate"]),
    }
    return cbor.write({key: value for key, value in values.items() if value is not None})


def check_chain():
    vectors = load("chain.json")
    unhex = lambda texts: [bytes.fromhex(text) for text in texts]
    hashes = unhex(vector["leaf_hash"] for vector in vectors["acts"])
    roots = unhex(vectors["roots"])
    for vector in vectors["acts"]:
        leaf = bytes.fromhex(vector["leaf"])
        check(f"act {vector['kind']} on {vector['of']}", lambda: same(act_of(vector), leaf))
        check("its hash", lambda: same(chain.leaf_hash(leaf).hex(), vector["leaf_hash"]))
    for size, top in enumerate(roots):
        check(f"root of {size} leaves", lambda: same(chain.root(hashes[:size]), top))
    for vector in vectors["inclusion"]:
        index, size, path = vector["index"], vector["size"], unhex(vector["path"])
        found = lambda: chain.included(hashes[index], index, size, path)
        check(f"leaf {index} of {size}", lambda: same(chain.inclusion(index, hashes[:size]), path))
        check("leads to the root", lambda: same(found(), roots[size]))
    for vector in vectors["consistency"]:
        old, new, path = vector["old"], vector["new"], unhex(vector["path"])
        check(f"{old} leaves begin {new}", lambda: same(chain.consistency(old, hashes[:new]), path))
    key = chain.Key.read(vectors["log_key"])
    for vector in vectors["proofs"]:
        check(f"proof: {vector['why']}", lambda: same(proof_holds(vector["proof"], key), vector["holds"]))


def proof_holds(text, key):
    def proves():
        proof = chain.Proof.read(text)
        proof.proves(chain.byte_strings(proof.extra)[0], key)

    return outcome(proves) == "ok"


def transferred(vector, network):
    given, taken = bytes.fromhex(vector["transfer"]), bytes.fromhex(vector["acceptance"])
    owner = codes.read_code(vector["owner"]), vector["owners"]
    keys = key_of(vector["from_key"]), key_of(vector["to_key"])
    judge = lambda: rules.transferred(given, taken, owner, keys, network, vector["now"])
    same(outcome(judge), vector["outcome"])


def updated(vector, network):
    roots = lambda value: [value[name] and key_of(value[name]) for name in ("root_key", "other_root")]
    found = []
    update = bytes.fromhex(vector["update"])
    judge = lambda: found.extend(rules.updated_roots(roots(vector["before"]), update, network, vector["now"]))
    same(outcome(judge), vector["outcome"])
    same(found, roots(vector["after"]) if vector["after"] else [])


def check_transfers():
    vectors = load("transfers.json")
    for vector in vectors["transfers"]:
        check(f"transfer: {vector['why']}", lambda: transferred(vector, vectors["network"]))
    for vector in vectors["updates"]:
        check(f"trust update: {vector['why']}", lambda: updated(vector, vectors["network"]))


def succession(vector, root_key, network):
    parts = [bytes.fromhex(vector[name]) for name in ("issuer", "gateway", "former", "successor")]
    same(outcome(lambda: rules.succession(*parts, root_key, network, vector["now"])), vector["outcome"])


def check_successions():
    vectors = load("successions.json")
    network, root_key = vectors["network"], key_of(vectors["root_key"])
    for vector in vectors["successions"]:
        check(f"succession: {vector['why']}", lambda: succession(vector, root_key, network))
    keys = key_of(vectors["key"]), key_of(vectors["former_key"])
    for vector in vectors["words"]:
        beacon, now = bytes.fromhex(vector["beacon"]), vector["now"]
        judge = lambda: rules.by_either("beacon", beacon, keys, vectors["ends"], network, now)
        check(f"a word {vector['why']}", lambda: same(outcome(judge), vector["outcome"]))


def check_revocations():
    vectors = load("revocations.json")
    network, key = vectors["network"], key_of(vectors["gateway_key"])
    for vector in vectors["lists"]:
        whole = lists.Whole(bytes.fromhex(vector["whole"]), network, key)
        changes = vector["changes"] and lists.Changes(bytes.fromhex(vector["changes"]), network, key)
        newest = changes or whole
        check(f"list: {vector['what']}", lambda: same(newest.head["version"], vector["version"]))
        for asked in vector["codes"]:
            code = codes.read_code(asked["code"])
            found = lambda: (whole.covers(code), lists.revoked(code, whole, changes))
            check(f"{asked['code']} on it", lambda: same(found(), (asked["covered"], asked["revoked"])))
    for vector in vectors["refused"]:
        read = lambda: lists.read(bytes.fromhex(vector["list"]), network, key)
        check(f"list refused: {vector['why']}", lambda: same(outcome(read), vector["error"]))


def check_stations():
    vectors = load("stations.json")
    grant = stations.Grant(vectors["grant"])
    for vector in vectors["orders"]:
        read = lambda: stations.read_order(grant, vector["text"])
        wanted = [vector[name] for name in ("kind", "count", "product", "batch")]
        check(f"order of {vector['product']}", lambda: same([read()[name] for name in ("kind", "count", "product", "batch")], wanted))
    manifest = stations.Manifest(grant, vectors["manifest"])
    made = [codes.write_text(code) for _, code in sorted(manifest.made.items())]
    scrapped = [{"sequence": str(number), "reason": why} for number, why in sorted(manifest.scrapped.items())]
    check("manifest: what was made", lambda: same(made, vectors["made"]))
    check("manifest: what was scrapped", lambda: same(scrapped, vectors["scrapped"]))
    check("manifest: its head", lambda: same(manifest.head.hex(), vectors["head"]))
    for vector in vectors["refused"]:
        text = vectors["manifest"].replace(vector["from"], vector["to"])
        read = lambda: stations.Manifest(grant, text)
        check(f"manifest refused: {vector['why']}", lambda: same(refuses(read), True))


def refuses(read):
    try:
        read()
    except (rules.Refused, KeyError, ValueError):
        return True
    return False


def recorded(vector, network, root_key):
    judge = lambda: rules.place_record(bytes.fromhex(vector["message"]), root_key, network)
    same(outcome(judge), vector["outcome"])


def check_surveys():
    vectors = load("surveys.json")
    for vector in vectors["records"]:
        root_key = key_of(vectors["root_key"])
        check(f"record of a place: {vector['why']}", lambda: recorded(vector, vectors["network"], root_key))


CHECKS = {
    "keys.json": check_keys,  # first, because the others sign with these keys
    "codes.json": check_codes,
    "grid-codes.json": check_grid_codes,
    "objects.json": check_objects,
    "bad-objects.json": lambda: None,  # with the objects
    "messages.json": check_messages,
    "wallet-proofs.json": check_wallet_proofs,
    "statuses.json": check_statuses,
    "passes.json": check_passes,
    "evidence.json": check_evidence,
    "invoices.json": check_invoices,
    "receipts.json": check_receipts,
    "streams.json": check_streams,
    "fraud-proofs.json": check_fraud_proofs,
    "covers.json": check_covers,
    "accusations.json": check_accusations,
    "chain.json": check_chain,
    "revocations.json": check_revocations,
    "transfers.json": check_transfers,
    "surveys.json": check_surveys,
    "successions.json": check_successions,
    "stations.json": check_stations,
}
check("every file of vectors is known", lambda: same({path.name for path in FOLDER.glob("*.json")}, set(CHECKS)))
for vectors_of in CHECKS.values():
    vectors_of()
finish()
