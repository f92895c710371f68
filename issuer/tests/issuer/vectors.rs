//! The vectors of stations in `docs/vectors/stations.json`, which the Python client reads as well.

use issuer::Grant;
use issuer::manifest::{self, Checked, ManifestFault, Position};
use issuer::order::SignedOrder;
use protocol::Digest;
use serde_json::Value;

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/stations.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn read(grant: &Grant, file: &str) -> Result<Checked, ManifestFault> {
    let position = Position {
        head: Digest::default(),
        next_sequence: 1,
        number: 1,
    };
    let station = grant.view().unwrap();
    let trust = grant.trust();
    manifest::read(
        &mut file.as_bytes(),
        &station,
        &trust,
        &grant.passes[0],
        &position,
    )
}

#[test]
fn orders_and_manifests_of_the_vectors_come_to_what_they_say() {
    let vectors = vectors();
    let grant = Grant::read(text(&vectors["grant"])).unwrap();
    for vector in vectors["orders"].as_array().unwrap() {
        let order = SignedOrder::read(text(&vector["text"])).unwrap();
        let order = order.check(&grant.trust(), &grant.passes[0]).unwrap();
        let words = |words: Option<&str>| words.map_or(Value::Null, Value::from);
        assert_eq!(
            u64::from(order.kind as u8),
            vector["kind"].as_u64().unwrap()
        );
        assert_eq!(u64::from(order.count), vector["count"].as_u64().unwrap());
        assert_eq!(
            words(order.product.as_ref().map(|text| text.as_str())),
            vector["product"]
        );
        assert_eq!(
            words(order.batch.as_ref().map(|text| text.as_str())),
            vector["batch"]
        );
    }
    let checked = read(&grant, text(&vectors["manifest"])).unwrap();
    let things = checked.things.iter().map(|thing| thing.code);
    let items = checked
        .items
        .iter()
        .flat_map(|made| made.codes.iter().copied());
    let made: Vec<String> = things.chain(items).map(|code| code.to_string()).collect();
    assert_eq!(Value::from(made), vectors["made"]);
    let said = &checked.manifest;
    assert_eq!(said.head.to_string(), text(&vectors["head"]));
    assert_eq!(said.lines.to_string(), text(&vectors["lines"]));
    assert_eq!(
        said.next_sequence.to_string(),
        text(&vectors["next_sequence"])
    );
    let scrapped = vectors["scrapped"].as_array().unwrap();
    assert_eq!(checked.scrapped.len(), scrapped.len());
    for ((number, reason), vector) in checked.scrapped.iter().zip(scrapped) {
        assert_eq!(number.to_string(), text(&vector["sequence"]));
        assert_eq!(reason, text(&vector["reason"]));
    }
}

#[test]
fn a_manifest_of_the_vectors_with_anything_exchanged_is_refused() {
    let vectors = vectors();
    let grant = Grant::read(text(&vectors["grant"])).unwrap();
    let whole = text(&vectors["manifest"]);
    for vector in vectors["refused"].as_array().unwrap() {
        let (from, why) = (text(&vector["from"]), text(&vector["why"]));
        assert!(whole.contains(from), "{why}");
        let changed = whole.replace(from, text(&vector["to"]));
        assert!(read(&grant, &changed).is_err(), "{why}");
    }
}
