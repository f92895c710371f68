//! The document of the API, held against the table and against what is really answered.

use crate::api::{call, read, scene};
use crate::browser::{Scene, send};
use crate::pages::one_payment;
use admin::door::Who;
use admin::routes::table;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use ledger::{JobLine, NewJob};
use protocol::code::grid::{Cell, Level, Place, Point, Span};
use protocol::{Digest, Kind};
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn document(scene: &Scene) -> Value {
    let request = Request::get("/api/v1/openapi.json").body(Body::empty());
    let page = send(&scene.app, request.unwrap()).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.headers[header::CONTENT_TYPE], "application/json");
    assert!(!page.headers.contains_key(header::SET_COOKIE));
    read(&page)
}

#[tokio::test]
async fn the_document_says_what_the_table_does_and_nothing_else() {
    let (scene, _) = scene().await;
    let document = document(&scene).await;
    assert_eq!(document["openapi"], json!("3.1.0"));
    let mut told = BTreeSet::new();
    let mut names = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            told.insert((method.to_uppercase(), path.clone()));
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name), "{path}: two operations of one name");
            let answers = operation["responses"].as_object().unwrap();
            for status in ["200", "401", "403", "422", "429", "500", "503"] {
                assert!(answers.contains_key(status), "{method} {path}: {status}");
            }
            let in_path = path.matches('{').count();
            let parameters = operation["parameters"].as_array().unwrap().iter();
            let named = parameters.filter(|parameter| parameter["in"] == "path");
            assert_eq!(named.count(), in_path, "{path}");
        }
    }
    let served = table().into_iter().filter_map(|route| match route.who {
        Who::Tokens(..) => Some((route.method.to_string(), route.path.to_owned())),
        _ => None,
    });
    assert_eq!(told, served.collect::<BTreeSet<_>>());
    assert!(told.len() > 50, "{}", told.len());
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        let schema = &document["components"]["schemas"][name];
        assert!(schema.is_object(), "{name} is named and not told");
    }
}

/// Where a value is not as its schema says; as much of JSON Schema as the document uses.
fn wrong(document: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.strip_prefix("#/components/schemas/").unwrap();
        return wrong(
            document,
            &document["components"]["schemas"][name],
            value,
            at,
        );
    }
    if let Some(all) = schema["allOf"].as_array() {
        return all.iter().find_map(|one| wrong(document, one, value, at));
    }
    for any in ["oneOf", "anyOf"] {
        if let Some(some) = schema[any].as_array() {
            let fits = some
                .iter()
                .any(|one| wrong(document, one, value, at).is_none());
            return (!fits).then(|| format!("{at}: none of {any}"));
        }
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !types.contains(&is) {
        return Some(format!("{at}: {is} instead of {types:?}"));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        return Some(format!("{at}: {value} is no word of its list"));
    }
    if let Some(text) = value.as_str() {
        let chars = text.chars().count() as u64;
        let least = schema["minLength"].as_u64().unwrap_or(0);
        let most = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
        if !(least..=most).contains(&chars) {
            return Some(format!("{at}: {chars} characters"));
        }
    }
    if let Some(items) = value.as_array() {
        let item = |(number, item): (usize, &Value)| {
            wrong(document, &schema["items"], item, &format!("{at}[{number}]"))
        };
        return items.iter().enumerate().find_map(item);
    }
    let fields = value.as_object()?;
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for name in required.iter().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            return Some(format!("{at}.{name}: missing"));
        }
    }
    let told = schema["properties"].as_object()?;
    fields.iter().find_map(|(name, value)| {
        let of = told.get(name)?;
        wrong(document, of, value, &format!("{at}.{name}"))
    })
}

#[tokio::test]
async fn what_is_shown_is_as_the_document_says() {
    let (scene, _) = scene().await;
    let house = &scene.house;
    let (mut car, charger, payment) = one_payment(house).await;
    for reference in ["copy a", "copy b"] {
        let evidence = car.pay(&charger.code, 1_000_000, reference, true);
        let receipt = Some(charger.receipt(&evidence, house.now()));
        let handed = house.ledger.hand_in(evidence, receipt, house.now()).await;
        handed.unwrap();
    }
    let point = Point::from_nanodegrees(48_858_370_000, 2_294_481_000).unwrap();
    let place = Place {
        by: crate::house::STATION,
        level: Level::DEFAULT,
        point,
        height_dm: Some(-7),
        span: Span::new(u64::from(house.now().0) / 60, None).unwrap(),
        owner: car.code,
    };
    let grid = protocol::GridCode::derive(&place).unwrap();
    let now = house.now();
    let ledger = &house.ledger;
    ledger
        .issue_grid(grid, "Bay 1", car.code, "test", now)
        .await
        .unwrap();
    ledger
        .bind(&charger.code, Some(grid), "built", "test", now)
        .await
        .unwrap();
    let cells = [Cell::around(point, Level::DEFAULT)];
    let area = ledger
        .define_area(&cells, "Yard", "test", now)
        .await
        .unwrap();
    let request = json!({"way": "in", "code": charger.code.to_string(), "currency": "USD",
        "amount_minor": 7, "key": "two"});
    let asked = call(&scene, "/api/v1/requests", Some(request)).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text());
    let job = NewJob {
        key: Digest([7; 32]),
        title: "Meters".to_owned(),
        by: "test".to_owned(),
        lines: vec![JobLine {
            line: 1,
            kind: Kind::Device,
            name: "Meter".to_owned(),
            product: String::new(),
            request: vec![0x30, 0],
            outcome: None,
        }],
    };
    house.ledger.begin_job(job, now).await.unwrap();
    let document = document(&scene).await;
    let mut seen = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let answer = &methods["get"]["responses"]["200"]["content"]["application/json"];
        let absent = ["{station}", "{order}"]
            .iter()
            .any(|name| path.contains(name));
        if answer.is_null() || absent {
            continue;
        }
        let address = path
            .replace("{code}", &charger.code.to_string())
            .replace("{grid}", &grid.to_string())
            .replace("{area}", &area.reference.to_string())
            .replace("{payment}", &payment)
            .replace("{number}", "1")
            .replace("{height}", "1")
            .replace("{source}", "1")
            .replace("{first}", "1");
        let page = call(&scene, &address, None).await;
        assert_eq!(page.status, StatusCode::OK, "{address}: {}", page.text());
        let found = wrong(&document, &answer["schema"], &read(&page), path);
        assert_eq!(found, None, "{}", page.text());
        seen += 1;
    }
    assert!(seen > 25, "{seen}");
    let problem = json!({"$ref": "#/components/schemas/Problem"});
    let refused = read(&call(&scene, "/api/v1/codes/2000", None).await);
    assert_eq!(wrong(&document, &problem, &refused, "problem"), None);
    assert!(wrong(&document, &problem, &json!({"status": "x"}), "problem").is_some());
}
