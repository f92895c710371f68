//! An owner says where exactly its place is, and a stranger believes it offline.

use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tests::house::House;
use tests::program::{Ended, onecode, run};
use tests::thing::Thing;

const START_MINUTES: u64 = 26_297_280;

struct Surveyed {
    house: House,
    owner: Thing,
    grid: String,
    record: PathBuf,
}

impl Surveyed {
    /// A place of about a metre beside a tower, for ever.
    fn begin() -> Self {
        let house = House::start();
        let owner = Thing::enrol(&house, "owner");
        let wish = json!({
            "name": "Bay 4", "owner": owner.code().to_string(), "level": 8,
            "latitude_nanodegrees": 48_858_370_012_i64,
            "longitude_nanodegrees": 2_294_481_077_i64,
            "start_unix_minutes": START_MINUTES,
        });
        let (status, place) = house.api("/api/v1/grids", Some(&wish));
        assert_eq!(status, 200, "{place}");
        let grid = place["grid"].as_str().expect("a grid code").to_owned();
        let record = house.folder().join("place-record.cbor");
        Self {
            house,
            owner,
            grid,
            record,
        }
    }

    fn survey(&self, by: &Thing, latitude: &str) -> Ended {
        let mut command = Command::new(onecode());
        command.args(["device", "survey", "--folder"]);
        command.arg(by.folder()).arg("--gateway");
        command.arg(self.house.url("")).arg(&self.grid);
        command.args(["--latitude", latitude, "--longitude", "2.294481077"]);
        command.args(["--accuracy-mm", "14", "--method", "corrected-satellites"]);
        run(command.arg("--write").arg(&self.record))
    }

    fn judged(&self) -> Ended {
        let mut command = Command::new(onecode());
        command.arg("verify").arg(&self.record).arg("--trust");
        run(command.arg(self.house.data().join("trust.toml")))
    }
}

#[test]
fn an_owner_surveys_its_place_and_the_record_is_judged_with_no_server() {
    let mut place = Surveyed::begin();
    let outside = place.survey(&place.owner, "48.868").failed();
    assert!(outside.contains("does not lie in the cell"), "{outside}");
    let stranger = Thing::enrol(&place.house, "stranger");
    place.survey(&stranger, "48.858370012").failed();
    assert!(!place.record.exists(), "a record of nobody's survey");

    place.survey(&place.owner, "48.858370012").succeeded();
    let served = format!("/G/{}/record", place.grid);
    let mut served = ureq::get(place.house.url(&served))
        .call()
        .expect("a record");
    let served = served.body_mut().read_to_vec().expect("bytes");
    let mut kept = fs::read(&place.record).expect("a record");
    assert_eq!(served, kept);

    place.house.kill();
    let said = place.judged().succeeded();
    for word in ["48.858370012", "2.294481077", "14 mm"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    // The owner's signature stands before the gateway's.
    let middle = kept.len() / 2;
    kept[middle] ^= 1;
    fs::write(&place.record, kept).expect("a file");
    place.judged().failed();
}
