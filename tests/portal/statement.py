"""Judges a camt.053.001.08 statement by the types of the public schema, as pyiso20022 has them.

    statement.py FILE

Elements, their order, what is required, patterns, lengths, digits and lists of words are those of the
schema; then the statement has to add up. Prints how many entries there are.
"""

import enum
import re
import sys
from dataclasses import fields, is_dataclass
from decimal import Decimal

from pyiso20022.camt.camt_053_001_08 import Document
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig

STRICT = ParserConfig(
    fail_on_unknown_properties=True,
    fail_on_unknown_attributes=True,
    fail_on_converter_warnings=True,
)


def judge(value, at):
    """Every field against what the schema says of it."""
    for field in fields(value):
        meta, name = field.metadata, f"{at}.{field.name}"
        held = getattr(value, field.name)
        if isinstance(held, list):
            assert len(held) >= meta.get("min_occurs", 0), f"{name}: too few"
        elif held is None:
            assert not meta.get("required"), f"{name}: missing"
        for one in held if isinstance(held, list) else [held]:
            if one is None:
                continue
            if is_dataclass(one):
                judge(one, name)
            elif isinstance(one, str) and not isinstance(one, enum.Enum):
                assert meta.get("min_length", 0) <= len(one) <= meta.get("max_length", 1 << 30), f"{name}: length of {one!r}"
                if "pattern" in meta:
                    assert re.fullmatch(meta["pattern"], one), f"{name}: {one!r}"
            elif isinstance(one, Decimal):
                _, digits, exponent = one.as_tuple()
                assert one >= meta.get("min_inclusive", one), f"{name}: {one}"
                assert -exponent <= meta.get("fraction_digits", 99), f"{name}: {one}"
                assert len(digits) <= meta.get("total_digits", 99), f"{name}: {one}"


def signed(amount, side):
    return amount.value if side.value == "CRDT" else -amount.value


def main(path):
    with open(path, "rb") as file:
        text = file.read()
    document = XmlParser(config=STRICT).from_bytes(text, Document)
    judge(document, "Document")
    # The order of elements: what is written again from the types has them in the schema's order.
    names = re.findall(rb"<([A-Za-z]+)", text)
    from xsdata.formats.dataclass.serializers import XmlSerializer

    again = XmlSerializer().render(document).encode()
    assert names == [name.split(b":")[-1] for name in re.findall(rb"<([A-Za-z0-9:]+)", again)], "another order of elements"
    (statement,) = document.bk_to_cstmr_stmt.stmt
    opening, closing = statement.bal
    assert (opening.tp.cd_or_prtry.cd, closing.tp.cd_or_prtry.cd) == ("OPBD", "CLBD")
    balance = signed(opening.amt, opening.cdt_dbt_ind)
    counts = {"CRDT": [0, Decimal(0)], "DBIT": [0, Decimal(0)]}
    for entry in statement.ntry:
        balance += signed(entry.amt, entry.cdt_dbt_ind)
        side = counts[entry.cdt_dbt_ind.value]
        side[0] += 1
        side[1] += entry.amt.value
        (details,) = entry.ntry_dtls
        (transaction,) = details.tx_dtls
        assert transaction.amt.value == entry.amt.value
    assert balance == signed(closing.amt, closing.cdt_dbt_ind), f"it comes to {balance}"
    for total, side in ((statement.txs_summry.ttl_cdt_ntries, "CRDT"), (statement.txs_summry.ttl_dbt_ntries, "DBIT")):
        assert [int(total.nb_of_ntries), total.sum] == counts[side], side
    print(len(statement.ntry))


main(sys.argv[1])
