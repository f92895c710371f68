//! A station whose keys lie in a token and never leave it.

use std::fs;
use std::path::Path;
use std::process::Command;

use tests::factory::{Factory, OnTheBench};
use tests::house::House;
use tests::program::run;

const PIN: &str = "2718";
const LABEL: &str = "line 3";
/// What lists the files of SoftHSM, by the tools of Debian and of Fedora.
const LISTS: [&[&str]; 2] = [&["dpkg", "-L", "libsofthsm2"], &["rpm", "-ql", "softhsm"]];

/// SoftHSM's library, wherever its package put it.
fn module() -> String {
    let listed = LISTS.into_iter().filter_map(|words| {
        let said = Command::new(words[0]).args(&words[1..]).output().ok()?;
        said.status
            .success()
            .then(|| String::from_utf8(said.stdout).unwrap())
    });
    let mut files = listed.flat_map(|list| list.lines().map(str::to_owned).collect::<Vec<_>>());
    let found = files.find(|file| file.ends_with("/libsofthsm2.so") && Path::new(file).exists());
    found.expect("no package of SoftHSM lists its library; ./test installs softhsm2")
}

/// An empty token in the factory.
fn token(factory: &mut Factory) {
    let (folder, settings) = (factory.path("tokens"), factory.path("softhsm2.conf"));
    fs::create_dir(&folder).unwrap();
    fs::write(&settings, format!("directories.tokendir = {folder}\n")).unwrap();
    let mut make = Command::new("softhsm2-util");
    make.args(["--init-token", "--free", "--label", LABEL]);
    make.args(["--pin", PIN, "--so-pin", "31415926"]);
    run(make.env("SOFTHSM2_CONF", &settings)).succeeded();
    factory.set("SOFTHSM2_CONF", settings);
    factory.set("ONECODE_STATION_PIN", PIN.to_owned());
}

#[test]
fn a_station_with_its_keys_in_a_token_makes_things_and_its_manifest_is_taken() {
    let mut house = House::start();
    house.kill();
    let mut factory = Factory::beside(&house);
    token(&mut factory);
    let module = module();
    let init = ["--pkcs11", &module, "--label", LABEL];

    let absent = ["init", "--network", "test", "--pkcs11", &module, "--label"];
    let absent = factory.command(&[&absent[..], &["line 4"]].concat());
    let said = run(&mut { absent }).failed();
    assert!(said.contains(LABEL), "it says what there is: {said}");
    let station = factory.admitted(&house, &init, "device,passive-item", 100);
    let place = fs::read(factory.path("station/token.txt")).unwrap();
    factory.station(&[&["init", "--network", "test"], &init[..]].concat());
    let again = fs::read(factory.path("station/token.txt")).unwrap();
    assert_eq!(again, place, "the keys are made once");
    let files = fs::read_dir(factory.path("station")).unwrap();
    let mut names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert!(!names.any(|name| name.contains("key")), "a key in a file");

    let order = factory.order(&house, station, &["--count", "2"]);
    let things = ["one", "two"].map(|name| OnTheBench::new(Path::new(&factory.path(name))));
    let lines = things.each_ref().map(OnTheBench::line);
    let make = ["run", &order, "--serial", &lines[0], "--serial", &lines[1]];
    let wrong = run(factory.command(&make).env("ONECODE_STATION_PIN", "1111")).failed();
    assert!(wrong.contains("PIN"), "{wrong}");
    factory.station(&make);
    // Things without keys get their secrets from the token, too.
    let wish = ["--count", "5", "--kind", "passive-item"];
    let order = factory.order(&house, station, &wish);
    factory.station(&["run", &order]);
    factory.station(&["manifest"]);
    let said = factory.import(&house, 1);
    assert!(said.contains("7 codes"), "{said}");

    house.restart();
    for thing in ["one", "two"] {
        let born = fs::read_to_string(factory.path(thing) + "/born").unwrap();
        let code = born.split(' ').nth(2).unwrap();
        let page = ureq::get(house.url(&format!("/1/{code}"))).call();
        let page = page.unwrap().body_mut().read_to_string().unwrap();
        assert!(page.contains("Genuine"), "{page}");
    }
}
