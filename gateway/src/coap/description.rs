//! What a thing has to say and hear, as a Thing Description (W3C WoT 1.1): its places in the tree,
//! and those of its telemetry that are kept now. Addresses are relative to where it was fetched.

use crate::tree::{Leaf, Topic};
use protocol::Code;
use serde_json::{Map, Value, json};

/// Content-Format application/td+json.
pub(super) const TD_JSON: u16 = 432;

/// The description of one code. `kept` are the topics of its branch that can be read now.
pub(super) fn of(code: &Code, kept: &[Topic]) -> String {
    let branch = format!("/oc/1/{code}");
    let mut properties = Map::new();
    for (name, leaf, title) in [
        ("status", "s", "Status, and last will"),
        ("reported", "twin/reported", "What it says it is"),
        ("desired", "twin/desired", "What it shall become"),
    ] {
        let form = json!({
            "href": format!("{branch}/{leaf}"),
            "contentType": "application/octet-stream",
            "op": ["readproperty", "observeproperty"],
        });
        properties.insert(name.to_owned(), property(title, vec![form]));
    }
    for topic in kept {
        if let Leaf::Telemetry(name) = &topic.leaf {
            let href = format!("{branch}/t/{name}");
            let forms = ["application/senml+json", "application/senml+cbor"];
            let forms = forms.map(|kind| {
                json!({
                    "href": href,
                    "contentType": kind,
                    "op": ["readproperty", "observeproperty"],
                })
            });
            let title = name.as_str();
            properties.insert(format!("t/{name}"), property(title, forms.to_vec()));
        }
    }
    let event = |leaf: &str, title: &str| {
        json!({
            "title": title,
            "uriVariables": { "name": { "type": "string" } },
            "forms": [{ "href": format!("{branch}/{leaf}/{{name}}"), "op": "subscribeevent" }],
        })
    };
    let description = json!({
        "@context": "https://www.w3.org/2022/wot/td/v1.1",
        "title": code.to_string(),
        "securityDefinitions": {
            "certificate": {
                "scheme": "auto",
                "description": "DTLS with the certificate of a code that may read this branch",
            },
        },
        "security": "certificate",
        "properties": properties,
        "events": {
            "event": event("e", "What happened"),
            "command": event("c", "What it is told to do"),
            "result": event("r", "What came of it"),
        },
    });
    description.to_string()
}

fn property(title: &str, forms: Vec<Value>) -> Value {
    json!({ "title": title, "readOnly": true, "observable": true, "forms": forms })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::topic;

    #[test]
    fn it_names_the_places_of_a_code_and_its_telemetry_in_both_forms() {
        let kept = [topic("oc/1/A/t/room/heat"), topic("oc/1/A/s")];
        let code = kept[0].code;
        let description: Value = serde_json::from_str(&of(&code, &kept)).unwrap();
        assert_eq!(description["title"], code.to_string());
        let heat = &description["properties"]["t/room/heat"];
        assert_eq!(
            heat["forms"][0]["href"],
            format!("/oc/1/{code}/t/room/heat")
        );
        assert_eq!(heat["forms"][1]["contentType"], "application/senml+cbor");
        let properties = description["properties"].as_object().unwrap();
        assert_eq!(properties.len(), 4);
        let command = &description["events"]["command"]["forms"][0]["href"];
        assert_eq!(*command, format!("/oc/1/{code}/c/{{name}}"));
    }
}
