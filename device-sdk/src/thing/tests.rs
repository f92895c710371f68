use super::kept::{Bounds, FOLDER_BYTES_MIN, KeepError, Kept, PAYLOAD_BYTES_MAX, WhenFull};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const FOLDER: &str = "KEPT_CHILD_FOLDER";

fn open(folder: &Path) -> Kept {
    Kept::open(folder, Bounds::default()).unwrap()
}

fn numbers(kept: &Kept, most: usize) -> Vec<u64> {
    let entries = kept.oldest(most).unwrap();
    entries.iter().map(|entry| entry.number).collect()
}

#[test]
fn what_was_said_waits_in_its_order_until_it_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = open(folder.path());
    assert!(matches!(
        Kept::open(folder.path(), Bounds::default()),
        Err(KeepError::InUse)
    ));
    for number in 1..=5 {
        let payload = vec![number; usize::from(number)];
        assert_eq!(
            kept.push("t/room", number == 4, &payload).unwrap(),
            u64::from(number)
        );
    }
    let all = kept.oldest(9).unwrap();
    assert_eq!((all.len(), all[3].keep, all[2].keep), (5, true, false));
    assert_eq!(
        (all[1].topic.as_str(), all[1].payload.as_slice()),
        ("t/room", &[2, 2][..])
    );
    kept.taken_below(3).unwrap();
    assert_eq!(numbers(&kept, 2), [3, 4]);
    drop(kept);

    let mut kept = open(folder.path());
    assert_eq!((numbers(&kept, 9), kept.waiting()), (vec![3, 4, 5], 3));
    kept.taken_below(6).unwrap();
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        2,
        "lock and taken"
    );
    drop(kept);
    let mut kept = open(folder.path());
    assert_eq!(
        kept.push("e/door", false, b"open").unwrap(),
        6,
        "no number comes twice"
    );
    assert!(matches!(kept.push("", false, b""), Err(KeepError::Unfit)));
    let long = vec![0; PAYLOAD_BYTES_MAX + 1];
    assert!(matches!(
        kept.push("t/x", false, &long),
        Err(KeepError::Unfit)
    ));
}

#[test]
fn a_full_folder_drops_the_oldest_and_counts_them_or_refuses_the_newest() {
    let payload = vec![7; PAYLOAD_BYTES_MAX / 2];
    let bounds = |when_full| Bounds {
        bytes_max: FOLDER_BYTES_MIN,
        when_full,
    };
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path(), bounds(WhenFull::DropOldest)).unwrap();
    for _ in 0..100 {
        kept.push("t/x", false, &payload).unwrap();
        let sizes = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata());
        let bytes: u64 = sizes.map(|data| data.unwrap().len()).sum();
        assert!(bytes <= FOLDER_BYTES_MIN + 64, "{bytes}");
    }
    let (left, dropped) = (kept.waiting(), kept.dropped());
    assert_eq!(left + dropped, 100);
    assert!(left >= 12, "{left}");
    assert_eq!(numbers(&kept, 1), [dropped + 1]);
    drop(kept);
    let kept = Kept::open(folder.path(), bounds(WhenFull::DropOldest)).unwrap();
    assert_eq!((kept.waiting(), kept.dropped()), (left, dropped));

    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::open(folder.path(), bounds(WhenFull::Refuse)).unwrap();
    let refused = (0..100).find_map(|_| kept.push("t/x", false, &payload).err());
    assert!(matches!(refused, Some(KeepError::Full)));
    assert_eq!((numbers(&kept, 1), kept.dropped()), (vec![1], 0));
    let all = kept.waiting();
    kept.taken_below(all).unwrap();
    kept.push("t/x", false, &payload).unwrap();
}

#[test]
fn a_half_written_end_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let segment = folder.path().join(format!("{:020}.log", 1));
    let mut kept = open(folder.path());
    for payload in [b"one", b"two", b"six"] {
        kept.push("t/x", false, payload).unwrap();
    }
    drop(kept);
    let whole = fs::read(&segment).unwrap();
    for cut in 0..whole.len() {
        fs::write(&segment, &whole[..cut]).unwrap();
        let mut kept = open(folder.path());
        let left = kept.waiting();
        assert_eq!(left, (cut * 3 / whole.len()) as u64, "{cut}");
        assert_eq!(kept.push("t/x", false, b"new").unwrap(), left + 1);
        let all = kept.oldest(9).unwrap();
        assert_eq!(all.last().unwrap().payload, b"new");
        assert_eq!(all.len() as u64, left + 1);
        drop(kept);
        fs::remove_file(&segment).unwrap();
    }
}

#[test]
fn what_damage_has_swallowed_counts_as_dropped_once_it_is_passed_and_once_only() {
    let payload = vec![7; PAYLOAD_BYTES_MAX / 2];
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds {
        bytes_max: FOLDER_BYTES_MIN,
        when_full: WhenFull::Refuse,
    };
    let open = || Kept::open(folder.path(), bounds).unwrap();
    let mut kept = open();
    for _ in 0..10 {
        kept.push("t/x", false, &payload).unwrap();
    }
    drop(kept);
    // The second segment holds two entries, the first of which is damaged.
    let segment = folder.path().join(format!("{:020}.log", 3));
    let mut bytes = fs::read(&segment).unwrap();
    bytes[100] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let mut kept = open();
    let left = [1, 2, 5, 6, 7, 8, 9, 10];
    assert_eq!((numbers(&kept, 99), kept.waiting()), (left.to_vec(), 8));
    kept.taken_below(2).unwrap();
    drop(kept);
    let mut kept = open();
    assert_eq!((kept.waiting(), kept.dropped()), (7, 0));
    kept.taken_below(6).unwrap();
    drop(kept);
    let mut kept = open();
    assert_eq!((numbers(&kept, 2), kept.dropped()), (vec![6, 7], 2));
    assert_eq!(kept.push("t/x", false, b"new").unwrap(), 11);
}

/// Says numbers, and tells each when it is durable, until it is killed.
#[test]
fn child_that_says_numbers() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let mut kept = open(folder.as_ref());
    loop {
        let number = kept.push("t/count", false, b"x").unwrap();
        println!("kept {number}");
        if number.is_multiple_of(7) {
            kept.taken_below(number - 5).unwrap();
            println!("taken {}", number - 5);
        }
    }
}

#[test]
fn a_kill_loses_nothing_that_was_durable() {
    let folder = tempfile::tempdir().unwrap();
    let (mut last, mut below) = (0, 1);
    for turn in 0..10 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "thing::tests::child_that_says_numbers",
                "--nocapture",
            ])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for (count, line) in (0..).zip(lines.map_while(Result::ok)) {
            if count == 10 + turn * 7 {
                child.kill().unwrap();
            }
            let number = |word| {
                line.strip_prefix(word)
                    .and_then(|digits| digits.parse().ok())
            };
            last = number("kept ").unwrap_or(last);
            below = number("taken ").unwrap_or(below);
        }
        child.wait().unwrap();
        let kept = open(folder.path());
        let left = numbers(&kept, usize::MAX);
        let (first, newest) = (left[0], left[left.len() - 1]);
        assert!(
            first <= below.max(1) || first == below + 7,
            "{first} {below}"
        );
        assert!(newest == last || newest == last + 1, "{newest} {last}");
        assert_eq!(left.len() as u64, newest - first + 1, "no gap");
        assert_eq!(kept.dropped(), 0);
        last = newest;
    }
    assert!(last > 20, "{last}");
}
