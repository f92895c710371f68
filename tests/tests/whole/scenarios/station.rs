//! A factory from an order to proofs: things on a serial line and behind a command, labels printed
//! and read back, the power gone at every step; then home, where every code proves what it is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::factory::{Factory, OnTheBench};
use tests::house::House;
use tests::program::{PROGRAM_TIMEOUT, built, onecode, run};

const COUNT: &str = "3";
/// Numbers used: one thing is dropped and replaced.
const NUMBERS: [u64; 4] = [1, 2, 3, 4];
/// A label is a picture on a pile of paper; the scanner is zbar.
const TOOLS: &str = r#"
case $1 in
print) cp "$3" "$PAPER/$2.zpl" && cp "${3%.zpl}.png" "$PAPER/$2.png" ;;
scan) exec zbarimg --raw --quiet --nodbus -Sdisable -Sqrcode.enable "$PAPER/$2.png" ;;
esac
"#;

/// How things are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Serial,
    Hook,
}

/// A factory with an order, a bench, a printer and a scanner.
struct Line {
    factory: Factory,
    reach: Reach,
    order: String,
    tools: String,
    on_the_bench: Option<OnTheBench>,
    /// How often the station was killed at its work.
    kills: usize,
}

/// Of the six steps at which the station is killed, so many have to be met: on a busy machine a kill
/// comes late now and then, when the next step is done already.
const KILLS_LEAST: usize = 4;

impl Line {
    fn new(house: &House, reach: Reach) -> Self {
        let mut factory = Factory::beside(house);
        let paper = factory.path("paper");
        for name in [&paper, &factory.path("things")] {
            fs::create_dir(name).unwrap();
        }
        factory.set("PAPER", paper);
        let tools = factory.path("tools.sh");
        fs::write(&tools, TOOLS).unwrap();
        let station = factory.admitted(house, &["--plain-keys"], "device", 100);
        let wish = ["--count", COUNT, "--product", "Meter 3", "--batch", "B-17"];
        let order = factory.order(house, station, &wish);
        Self {
            factory,
            reach,
            order,
            tools: format!("sh {tools}"),
            on_the_bench: None,
            kills: 0,
        }
    }

    /// The folder of the thing that gets this number.
    fn thing(&self, number: u64) -> PathBuf {
        PathBuf::from(self.factory.path(&format!("things/{number}")))
    }

    /// Takes away what lies on the bench and puts the thing there that gets this number; a hook
    /// finds it by itself.
    fn put(&mut self, number: u64) {
        self.on_the_bench = None;
        if self.reach == Reach::Serial {
            self.on_the_bench = Some(OnTheBench::new(&self.thing(number)));
        }
    }

    /// `onecode-station run` with all its tools.
    fn work(&self, more: &[&str]) -> Command {
        let program = built("examples/provision");
        let hook = format!("{} --hook test {}", program.display(), self.things());
        let (flag, device) = match &self.on_the_bench {
            Some(thing) => ("--serial", thing.line()),
            None => ("--device-hook", hook),
        };
        let events = self.factory.path("events.jsonl");
        let mut words = vec!["run", &self.order, flag, &device, "--events", &events];
        words.extend(["--print-hook", &self.tools, "--scan-hook", &self.tools]);
        words.extend(more);
        self.factory.command(&words)
    }

    fn things(&self) -> String {
        self.factory.path("things")
    }

    fn makes_one(&self) {
        run(&mut self.work(&["--most", "1"])).succeeded();
    }

    fn journal(&self) -> String {
        fs::read_to_string(self.factory.path("station/journal")).unwrap_or_default()
    }

    /// Numbers of the lines of the journal that begin with this word.
    fn numbers(&self, step: &str) -> Vec<u64> {
        let journal = self.journal();
        let lines = journal.lines().map(|line| line.split(' '));
        let ours = lines.filter_map(|mut words| (words.next() == Some(step)).then(|| words.next()));
        ours.map(|number| number.unwrap().parse().unwrap())
            .collect()
    }

    /// Works, and is ended by SIGKILL as soon as a line of this step stands in the journal; unless it
    /// stands there already, because the kill before came late.
    fn killed_at(&mut self, step: &str) {
        if !self.numbers(step).is_empty() {
            return;
        }
        let mut command = self.work(&["--most", "1"]);
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = quiet.spawn().unwrap();
        let end = Instant::now() + PROGRAM_TIMEOUT;
        while self.numbers(step).is_empty() {
            assert!(Instant::now() < end, "it never came to {step}");
            let status = child.try_wait().unwrap();
            assert!(status.is_none(), "it ended before {step}: {status:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(self.numbers("done").is_empty(), "killed at {step}");
        self.kills += 1;
    }
}

/// What the symbols in these pictures say.
fn read_by_zbar(pictures: &[PathBuf]) -> BTreeSet<String> {
    let mut zbar = Command::new("zbarimg");
    zbar.args(["--raw", "--quiet", "--nodbus", "-Sdisable"]);
    let said = run(zbar.arg("-Sqrcode.enable").args(pictures)).succeeded();
    said.lines().map(str::to_owned).collect()
}

/// A dry run tries things, printer and scanner, and leaves all of them as they were.
fn tried(line: &mut Line) {
    line.put(99);
    let said = run(&mut line.work(&["--dry-run", "5"])).succeeded();
    assert!(said.contains("5 tried"), "{said}");
    assert_eq!(line.journal(), "");
    let first = PathBuf::from(line.factory.path("paper/1.zpl"));
    assert!(fs::read_to_string(first).unwrap().contains("DRY RUN"));
    for number in [1, 99] {
        let born = line.thing(number).join("born");
        assert!(!born.exists(), "a dry run gave a thing something");
    }
}

/// Everything is made, whatever happens on the way.
fn made(line: &mut Line) {
    line.put(1);
    for step in [
        "reserve", "request", "draft", "signed", "written", "labelled",
    ] {
        line.killed_at(step);
    }
    assert!(line.kills >= KILLS_LEAST, "{} kills", line.kills);
    line.makes_one();
    for number in [2, 3] {
        line.put(number);
        line.makes_one();
    }
    let factory = &line.factory;
    factory.station(&["scrap", "2", "--reason", "dropped on the floor"]);
    line.put(4);
    line.makes_one();
    let (factory, again) = (&line.factory, line.factory.path("again.zpl"));
    let reprint = ["reprint", "3", "--reason", "smudged", "--to", &again];
    factory.station(&reprint);
    let printed = |path: &str| fs::read_to_string(path).unwrap();
    let first = factory.path("paper/3.zpl");
    assert_eq!(printed(&again).trim(), printed(&first).trim());
    let scrapped = ["reprint", "2", "--reason", "smudged", "--to", &again];
    run(&mut factory.command(&scrapped)).failed();
    for step in ["reserve", "request", "draft", "signed", "written", "done"] {
        assert_eq!(line.numbers(step), NUMBERS, "{step}: once for each number");
    }
    assert_eq!(line.numbers("scrap"), [2]);
    assert_eq!(line.numbers("reprint"), [3]);
}

/// The codes of what is to be sold, as the things themselves know them.
fn codes(line: &Line) -> BTreeSet<String> {
    let code = |number: u64| {
        let born = fs::read_to_string(line.thing(number).join("born")).unwrap();
        born.split(' ').nth(2).unwrap().replace('-', "")
    };
    [1, 3, 4].map(code).into()
}

/// A sheet that the station draws later carries the same symbols as the labels on the things.
fn sheets(line: &Line, codes: &BTreeSet<String>) {
    let sheet = PathBuf::from(line.factory.path("sheet.pdf"));
    let to = sheet.to_string_lossy();
    line.factory
        .station(&["labels", "--first", "1", "--last", "4", "--to", &to]);
    let mut draw = Command::new("pdftoppm");
    draw.args(["-gray", "-r", "300", "-singlefile"]).arg(&sheet);
    run(draw.arg(sheet.with_extension(""))).succeeded();
    let symbols = read_by_zbar(&[sheet.with_extension("pgm")]);
    let paper = |number: u64| PathBuf::from(line.factory.path(&format!("paper/{number}.png")));
    assert_eq!(symbols, read_by_zbar(&[1, 3, 4].map(paper)));
    let ends = symbols
        .iter()
        .map(|symbol| symbol.rsplit('/').next().unwrap());
    assert_eq!(ends.map(str::to_owned).collect::<BTreeSet<_>>(), *codes);
}

/// Every event has the shape that docs/station.md gives it, and they say what happened.
fn events(line: &Line, codes: &BTreeSet<String>) {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/station.md");
    let document = fs::read_to_string(document).unwrap();
    let fields_of = |event: &str| -> BTreeSet<String> {
        let begins = format!("| `{event}` |");
        let row = document.lines().find(|line| line.starts_with(&begins));
        let row = row.unwrap_or_else(|| panic!("docs/station.md does not know {event}"));
        let words = row.split('`').skip(3).step_by(2).map(str::to_owned);
        words.chain(["event", "time"].map(str::to_owned)).collect()
    };
    let text = fs::read_to_string(line.factory.path("events.jsonl")).unwrap();
    let mut said: Vec<(String, Value)> = Vec::new();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let name = event["event"].as_str().unwrap().to_owned();
        let held: BTreeSet<String> = event.as_object().unwrap().keys().cloned().collect();
        assert_eq!(held, fields_of(&name), "{line}");
        assert!(event["time"].is_u64(), "{line}");
        said.push((name, event));
    }
    let of = |name: &'static str| said.iter().filter(move |(of, _)| of == name);
    let made: Vec<u64> = of("made")
        .filter(|(_, event)| codes.contains(&event["code"].as_str().unwrap().replace('-', "")))
        .map(|(_, event)| event["number"].as_u64().unwrap())
        .collect();
    assert_eq!(made, [1, 3, 4], "a machine that listens counts right");
    assert!(of("resumed").all(|(_, event)| event["number"] == 1));
    assert!(of("resumed").count() >= line.kills, "once after each kill");
    assert_eq!(of("trouble").count(), 0, "{text}");
    let (_, last) = of("finished").next_back().unwrap();
    assert_eq!((&last["made"], &last["scrapped"]), (&3.into(), &1.into()));
}

/// Each code proves with nobody in reach that it was issued.
fn proofs(house: &mut House, line: &Line, codes: &BTreeSet<String>) {
    house.restart();
    let file = |code: &str| PathBuf::from(line.factory.path(&format!("{code}.tlog-proof")));
    let end = Instant::now() + PROGRAM_TIMEOUT;
    for code in codes {
        // The new leaves are under a signed head within a second or two.
        let proof = loop {
            match ureq::get(house.url(&format!("/1/{code}/proof"))).call() {
                Ok(mut answer) => break answer.body_mut().read_to_vec().unwrap(),
                Err(error) => assert!(Instant::now() < end, "{code}: {error}"),
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        fs::write(file(code), proof).unwrap();
    }
    house.kill();
    for code in codes {
        let mut verify = Command::new(onecode());
        verify.arg("verify").arg(file(code)).arg("--trust");
        let said = run(verify.arg(house.data().join("trust.toml"))).succeeded();
        assert!(said.replace('-', "").contains(code), "{said}");
    }
}

fn from_an_order_to_proofs(reach: Reach) {
    let mut house = House::start();
    house.kill();
    let mut line = Line::new(&house, reach);
    tried(&mut line);
    made(&mut line);
    let codes = codes(&line);
    sheets(&line, &codes);
    events(&line, &codes);
    line.factory.station(&["manifest"]);
    let said = line.factory.import(&house, 1);
    assert!(said.contains("3 codes, 1 numbers given up"), "{said}");
    assert!(line.factory.import(&house, 1).contains("nothing changed"));
    proofs(&mut house, &line, &codes);
}

#[test]
fn a_station_killed_at_every_step_makes_what_was_ordered_over_a_serial_line() {
    from_an_order_to_proofs(Reach::Serial);
}

#[test]
fn a_station_killed_at_every_step_makes_what_was_ordered_by_a_command() {
    from_an_order_to_proofs(Reach::Hook);
}

/// Makes one more thing in a folder, and closes a manifest; the station's command may fail.
fn one_more(factory: &Factory, order: &str, name: &str) {
    let thing = OnTheBench::new(Path::new(&factory.path(name)));
    let line = thing.line();
    factory.station(&["run", order, "--most", "1", "--serial", &line]);
    factory.station(&["manifest"]);
}

#[test]
fn a_station_admitted_again_hands_in_what_it_made_before_a_copy_is_found_out_and_then_it_is_dismissed()
 {
    let mut house = House::start();
    house.kill();
    let factory = Factory::beside(&house);
    let station = factory.admitted(&house, &["--plain-keys"], "device", 10);
    let order = factory.order(&house, station, &["--count", "9"]);
    one_more(&factory, &order, "one");
    let (request, grant) = (factory.path("station/request.pem"), factory.path("new.txt"));
    let again = ["station", "admit", &request, "--to", &grant, "--last"];
    let less = factory
        .home(&house, &[&again[..], &["9"]].concat())
        .failed();
    assert!(less.contains("may only grow"), "{less}");
    let more = [&again[..], &["20", "--days", "400"]].concat();
    factory.home(&house, &more).succeeded();
    assert!(factory.import(&house, 1).contains("1 codes"));

    // A copy of the station from before goes on, too.
    let copy = Factory::copied(&factory, &house);
    factory.station(&["install", &grant]);
    for (factory, name) in [(&factory, "two"), (&copy, "three")] {
        one_more(factory, &order, name);
    }
    assert!(factory.import(&house, 2).contains("1 codes"));
    let other = copy.taken(&house, 2).failed();
    assert!(other.contains("another manifest 2"), "{other}");

    let code = station.to_string();
    let dismiss = [
        "station",
        "dismiss",
        &code,
        "--reason",
        "its disk was copied",
    ];
    for _ in 0..2 {
        factory.home(&house, &dismiss).succeeded();
    }
    one_more(&factory, &order, "four");
    let refused = factory.taken(&house, 3).failed();
    assert!(refused.contains("its disk was copied"), "{refused}");
    let refused = factory.home(&house, &more).failed();
    assert!(refused.contains("dismissed"), "{refused}");
    house.restart();
    let [one, two, four] = ["one", "two", "four"].map(|name| {
        let born = fs::read_to_string(factory.path(name) + "/born").unwrap();
        let code = born.split(' ').nth(2).unwrap().to_owned();
        ureq::get(house.url(&format!("/1/{code}"))).call().is_ok()
    });
    assert!(
        one && two && !four,
        "what was handed in stays, nothing else came"
    );
}
