//! A station's side of the line, against a thing whose power goes, whose line is bad, and which is
//! offered what does not belong to it.

use super::*;
use crate::test_house::House;
use std::cell::Cell;
use tempfile::TempDir;

/// A thing on the bench, and what a station says to it.
struct Place {
    folder: TempDir,
    root_key: Option<PublicKey>,
    /// So many draws of randomness were made, over all lives of the thing.
    draws: Cell<u8>,
}

/// Why provisioning ended.
type Outcome = Result<Vec<u8>, String>;

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            root_key: None,
            draws: Cell::new(0),
        }
    }

    /// The thing is switched on and given to `talk`.
    fn powered<T>(&self, talk: impl FnOnce(&mut Bench<'_>) -> T) -> T {
        let mut random = |bytes: &mut [u8]| {
            self.draws.set(self.draws.get() + 1);
            bytes.fill(self.draws.get());
            Ok(())
        };
        talk(&mut Bench::new(
            self.folder.path(),
            "meter",
            self.root_key,
            &mut random,
        ))
    }

    /// From its first word to all parts read back, with these parts; the request that it made.
    fn provision(&self, parts: impl Fn(&[u8]) -> Parts8) -> Outcome {
        self.powered(|bench| {
            hello(bench);
            let request = asked(bench)?;
            let parts = parts(&request);
            put(bench, &parts)?;
            keep(bench, &parts)?;
            for (name, content) in &parts {
                assert_eq!(got(bench, name)?, *content, "{name} comes back unchanged");
            }
            Ok(request)
        })
    }

    fn birth(&self) -> Option<Birth> {
        Birth::load(self.folder.path()).unwrap()
    }
}

type Parts8 = Vec<(&'static str, Vec<u8>)>;
/// What a bench offers for a request.
type Offer<'a> = &'a dyn Fn(&[u8]) -> Parts8;

/// One call; the answer is taken apart by `read`.
fn say<T>(bench: &mut Bench<'_>, call: &Call<'_>, read: impl FnOnce(Reply<'_>) -> T) -> T {
    let line = call.line(7).unwrap();
    let answer = bench.answer(line.as_bytes()).unwrap();
    let (tag, reply) = Reply::read(&answer).unwrap();
    assert_eq!(tag, 7);
    read(reply)
}

fn done(reply: Reply<'_>) -> Result<(), String> {
    match reply {
        Reply::Ok => Ok(()),
        Reply::No { reason } => Err(reason.to_owned()),
        other => panic!("{other:?}"),
    }
}

fn hello(bench: &mut Bench<'_>) {
    let network = Network::new("test").unwrap();
    say(bench, &Call::Hello { network }, |reply| {
        assert_eq!(reply, Reply::Hello { model: "meter" });
    });
}

/// All pieces of something.
fn whole(bench: &mut Bench<'_>, call: impl Fn(usize) -> Call<'static>) -> Outcome {
    let mut bytes = Vec::new();
    loop {
        let piece = say(bench, &call(bytes.len()), |reply| match reply {
            Reply::Data { total, chunk } => Ok((total, chunk)),
            other => Err(done(other).unwrap_err()),
        });
        let (total, chunk) = piece?;
        bytes.extend_from_slice(chunk.as_bytes());
        if bytes.len() == total {
            return Ok(bytes);
        }
    }
}

fn asked(bench: &mut Bench<'_>) -> Outcome {
    whole(bench, |offset| Call::Ask { offset })
}

fn got(bench: &mut Bench<'_>, name: &'static str) -> Outcome {
    whole(bench, |offset| Call::Get { name, offset })
}

fn put(bench: &mut Bench<'_>, parts: &Parts8) -> Result<(), String> {
    for (name, content) in parts {
        let mut offset = 0;
        while offset < content.len() {
            let chunk = Chunk::of(content, offset);
            let call = Call::Put {
                name,
                offset,
                total: content.len(),
                chunk,
            };
            // Said twice: answers get lost.
            say(bench, &call, done)?;
            say(bench, &call, done)?;
            offset += chunk.as_bytes().len();
        }
    }
    Ok(())
}

fn digest(parts: &Parts8) -> Digest {
    let mut all = Parts::default();
    for (name, content) in parts {
        all.add(name, content);
    }
    all.digest()
}

fn keep(bench: &mut Bench<'_>, parts: &Parts8) -> Result<(), String> {
    let digest = digest(parts);
    say(bench, &Call::Keep { digest }, done)
}

/// What a station of this house gives a thing.
fn made(house: &House, sequence: u64) -> impl Fn(&[u8]) -> Parts8 + '_ {
    move |request| house.parts(request, sequence)
}

#[test]
fn a_thing_keeps_what_a_station_gives_it_and_gives_it_back_unchanged() {
    let (house, place) = (House::new(1), Place::new());
    let request = place.provision(made(&house, 5)).unwrap();
    let birth = place.birth().unwrap();
    let keys = load_keys(place.folder.path()).unwrap().unwrap();
    assert_eq!(birth.check(&keys), Ok(()));
    assert_eq!(
        (birth.code.issued_by().station, birth.code.sequence()),
        (2, 5)
    );
    assert_eq!(birth.trust.root_key, house.trust().root_key);
    // All of it once more changes nothing: the same keys, the same request, the same birth.
    assert_eq!(place.provision(made(&house, 5)).unwrap(), request);
    assert_eq!(place.birth().unwrap().passes, birth.passes);
    assert_eq!(place.draws.get(), 2);
}

/// Every file that is written, in turn, cannot be: what a power cut leaves at that moment. A folder
/// where its new content goes first keeps it from being written.
#[test]
fn wherever_a_write_is_cut_the_thing_is_not_born_and_the_station_goes_on_with_it() {
    let house = House::new(1);
    let files = PART_NAMES.into_iter().chain([
        "keys",
        "certificate.pem",
        "authorities.pem",
        "key.pem",
        BORN,
    ]);
    for file in files {
        // In its first life, and when it is given new credentials in a second one.
        for reborn in [false, true] {
            if reborn && file == "keys" {
                continue;
            }
            let place = Place::new();
            if reborn {
                place.provision(made(&house, 4)).unwrap();
            }
            let path = place.folder.path().join(format!("{file}.new"));
            fs::create_dir(&path).unwrap();
            let cut = place.provision(made(&house, 5));
            assert_eq!(cut, Err("storage".to_owned()), "{file}");
            fs::remove_dir(&path).unwrap();
            assert!(place.birth().is_none(), "{file}: half of it counts");
            let kept = place.powered(|bench| got(bench, "pass"));
            assert_eq!(kept, Err("not-kept".to_owned()), "{file}");
            let request = place.provision(made(&house, 5)).unwrap();
            let birth = place.birth().unwrap();
            let keys = load_keys(place.folder.path()).unwrap().unwrap();
            assert_eq!(birth.check(&keys), Ok(()), "{file}");
            assert_eq!(birth.code.sequence(), 5, "{file}");
            assert_eq!(request, keys.request(&house.network).unwrap(), "{file}");
        }
    }
}

#[test]
fn when_the_power_goes_between_any_two_lines_the_next_attempt_is_whole() {
    let house = House::new(1);
    let lines = {
        let place = Place::new();
        let request = place.powered(|bench| {
            hello(bench);
            asked(bench).unwrap()
        });
        house.parts(&request, 5).len()
    };
    for until in 0..=lines {
        let place = Place::new();
        place.powered(|bench| {
            hello(bench);
            let request = asked(bench).unwrap();
            put(bench, &house.parts(&request, 5)[..until].to_vec()).unwrap();
        });
        assert!(place.birth().is_none());
        place.provision(made(&house, 5)).unwrap();
        assert!(place.birth().is_some());
    }
}

#[test]
fn parts_of_another_thing_station_or_house_are_not_kept() {
    let (house, strangers) = (House::new(1), House::new(101));
    let neighbour = Place::new();
    let theirs = neighbour.provision(made(&house, 6)).unwrap();
    for (at, name) in PART_NAMES.into_iter().enumerate() {
        let offer: [Offer<'_>; 3] = [
            &|_| house.parts(&theirs, 6),
            &|_| strangers.parts(&theirs, 6),
            &|request| strangers.parts(request, 5),
        ];
        for (who, other) in offer.into_iter().enumerate() {
            let (place, same) = (Place::new(), Cell::new(false));
            let offered = place.provision(|request| {
                let (mut parts, others) = (house.parts(request, 5), other(request));
                same.set(parts[at] == others[at]);
                parts[at].1.clone_from(&others[at].1);
                parts
            });
            // What all things of a house share is the same.
            assert_eq!(offered.is_ok(), same.get(), "{name} of {who}");
            assert_eq!(place.birth().is_some(), same.get(), "{name} of {who}");
        }
    }
}

#[test]
fn a_thing_takes_no_other_root_than_the_one_it_was_born_or_built_with() {
    let (house, strangers) = (House::new(1), House::new(101));
    let mut place = Place::new();
    place.root_key = Some(house.trust().root_key);
    let refused = Err("root-key".to_owned());
    assert_eq!(place.provision(made(&strangers, 5)), refused);
    place.provision(made(&house, 5)).unwrap();
    // One that was built without a root keeps the first one it is given.
    place.root_key = None;
    assert_eq!(place.provision(made(&strangers, 5)), refused);
    assert_eq!(
        place.birth().unwrap().trust.root_key,
        house.trust().root_key
    );
    place.provision(made(&house, 9)).unwrap();
    assert_eq!(place.birth().unwrap().code.sequence(), 9);
}

#[test]
fn gaps_lengths_and_too_many_parts_are_refused_and_noise_is_passed_over() {
    let place = Place::new();
    place.powered(|bench| {
        let piece = |name, offset, total| Call::Put {
            name,
            offset,
            total,
            chunk: Chunk::of(&[1; 16], 0),
        };
        for (call, reason) in [
            (piece("pass", 16, 64), "order"),
            (piece("pass", 0, 15), "length"),
            (Call::Ask { offset: 0 }, "no-hello"),
            (
                Call::Get {
                    name: "pass",
                    offset: 0,
                },
                "not-kept",
            ),
            (
                Call::Get {
                    name: "keys",
                    offset: 0,
                },
                "not-kept",
            ),
            (
                Call::Keep {
                    digest: Digest([1; 32]),
                },
                "digest",
            ),
        ] {
            assert_eq!(say(bench, &call, done), Err(reason.to_owned()), "{call:?}");
        }
        let names: Vec<String> = (0..=PARTS_MAX).map(|n| format!("part-{n}")).collect();
        let said: Vec<_> = names
            .iter()
            .map(|name| say(bench, &piece(name, 0, 16), done))
            .collect();
        assert!(said[..PARTS_MAX].iter().all(Result::is_ok));
        assert_eq!(said[PARTS_MAX], Err("parts".to_owned()));
        for noise in ["", "\n", "U-Boot 2026.04\n", "OC1 7 GET pass 0 00000000\n"] {
            assert_eq!(bench.answer(noise.as_bytes()), None, "{noise:?}");
        }
    });
    // A whole conversation among noise, as it comes along a wire.
    let call = Call::Hello {
        network: Network::new("test").unwrap(),
    };
    let mut heard = b"boot\xff\n".to_vec();
    heard.extend_from_slice(&[b'x'; 2 * LINE_BYTES_MAX]);
    heard.push(b'\n');
    heard.extend_from_slice(call.line(3).unwrap().as_bytes());
    let mut said = Vec::new();
    place.powered(|bench| bench.serve(&mut heard.as_slice(), &mut said).unwrap());
    assert_eq!(
        Reply::read(&said),
        Some((3, Reply::Hello { model: "meter" }))
    );
}

#[test]
fn without_randomness_there_are_no_keys_and_without_keys_no_request() {
    let folder = tempfile::tempdir().unwrap();
    let mut broken = |_: &mut [u8]| Err(io::Error::other("no entropy"));
    let mut bench = Bench::new(folder.path(), "meter", None, &mut broken);
    hello(&mut bench);
    assert_eq!(asked(&mut bench), Err("random".to_owned()));
    assert!(load_keys(folder.path()).unwrap().is_none());
}
