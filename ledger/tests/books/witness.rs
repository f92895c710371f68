use crate::support::*;
use ledger::Ledger;
use ledger::chain::Cosigned;
use protocol::chain::merkle::Head;
use protocol::chain::{
    Checkpoint, Note, NoteKey, Origin, SignatureKind, WitnessRefusal, write_signature,
    write_submission,
};
use protocol::keys::SoftwareKey;
use protocol::{Digest, Signer};

/// A gateway whose log others witness. All worlds of these tests have one key and code, so the
/// witness of a test is known by another name in its own books.
struct Log {
    _folder: tempfile::TempDir,
    ledger: Ledger,
    purse: Purse,
    key: String,
    turn: u32,
}

fn origin(world: &World) -> String {
    let (network, gateway) = (network(), world.gateway);
    Origin { network, gateway }.to_string()
}

fn key(world: &World, kind: SignatureKind) -> String {
    let public = world.gateway_key.public_key();
    let origin = origin(world);
    NoteKey::new(&origin, kind, &public).unwrap().to_string()
}

impl Log {
    async fn new() -> Self {
        let (folder, world, ledger) = house().await;
        let purse = Purse::register(&ledger, &world, 11).await;
        let key = key(&world, SignatureKind::Log);
        Self {
            _folder: folder,
            ledger,
            purse,
            key,
            turn: 0,
        }
    }

    /// So many more acts, and a checkpoint over them.
    async fn grow(&mut self, acts: u32) -> Head {
        for _ in 0..acts {
            let state = [ledger::ThingState::Frozen, ledger::ThingState::Active];
            let state = state[self.turn as usize % 2];
            self.turn += 1;
            let done = self
                .ledger
                .set_state(&self.purse.code, state, "", "op", NOW);
            done.await.unwrap();
        }
        self.ledger.publish(NOW).await.unwrap()
    }

    async fn submission(&self, old: u64) -> String {
        let note = self.ledger.checkpoint().await.unwrap().unwrap();
        let size = Checkpoint::read(Note::read(&note).unwrap().text());
        let path = self.ledger.consistency(old, size.unwrap().head.size).await;
        let mut body = String::new();
        write_submission(old, &path.unwrap(), &note, &mut body).unwrap();
        body
    }
}

fn refused(refusal: WitnessRefusal) -> Cosigned {
    Cosigned::Refused(refusal)
}

#[tokio::test]
async fn a_witness_cosigns_what_extends_what_it_saw_and_nothing_else() {
    let (_folder, world, witness) = house().await;
    let mut log = Log::new().await;
    let known = [log.key.clone()];
    let first = log.grow(3).await;
    let body = log.submission(0).await;
    let ask = async |body: &str| witness.add_checkpoint(&known, body, NOW).await.unwrap();
    let none = witness.add_checkpoint(&[], &body, NOW).await.unwrap();
    assert_eq!(none, refused(WitnessRefusal::UnknownLog));

    let Cosigned::Line(line) = ask(&body).await else {
        panic!("refused")
    };
    let (_, note) = body.split_once("\n\n").unwrap();
    let note = format!("{note}{line}");
    let note = Note::read(&note).unwrap();
    let cosigner = key(&world, SignatureKind::Cosignature);
    let cosigner = NoteKey::read(&cosigner).unwrap();
    assert_eq!(note.cosigned_by(&cosigner), Ok(u64::from(NOW.0)));

    assert_eq!(
        ask(&body).await,
        refused(WitnessRefusal::Conflict(first.size))
    );
    let same = log.submission(first.size).await;
    assert!(matches!(ask(&same).await, Cosigned::Line(_)));
    let second = log.grow(300).await;
    let wrong = log.submission(1).await;
    assert_eq!(
        ask(&wrong).await,
        refused(WitnessRefusal::Conflict(first.size))
    );
    let tampered = wrong.replace("old 1\n", &format!("old {}\n", first.size));
    assert_eq!(ask(&tampered).await, refused(WitnessRefusal::Inconsistent));
    assert!(matches!(
        ask(&log.submission(first.size).await).await,
        Cosigned::Line(_)
    ));
    // What is older is not signed again.
    assert_eq!(
        ask(&body).await,
        refused(WitnessRefusal::Conflict(second.size))
    );

    let seen = witness
        .witnessed(&hash(&origin(&world)))
        .await
        .unwrap()
        .unwrap();
    let seen = Note::read(&seen).unwrap();
    assert_eq!(seen.cosigned_by(&cosigner), Ok(u64::from(NOW.0)));
    assert_eq!(Checkpoint::read(seen.text()).unwrap().head, second);
    assert_eq!(witness.witnessed(&[0; 32]).await.unwrap(), None);
    assert!(witness.log_forks().await.unwrap().is_empty());
}

fn hash(origin: &str) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(origin.as_bytes()).into()
}

#[tokio::test]
async fn two_histories_of_one_size_are_kept_as_evidence() {
    let (_folder, world, witness) = house().await;
    let signer = SoftwareKey::ed25519(&[9; 32]);
    let name = origin(&world);
    let key = NoteKey::new(&name, SignatureKind::Log, &signer.public_key()).unwrap();
    let shown = |old: u64, root: u8| {
        let head = Head {
            size: 7,
            root: Digest([root; 32]),
        };
        let origin = name.as_str();
        let text = Checkpoint { origin, head }.to_string();
        let mut note = format!("{text}\n");
        write_signature(&text, &key, 0, &signer, &mut note).unwrap();
        let mut body = String::new();
        write_submission(old, &[], &note, &mut body).unwrap();
        body
    };
    let known = [key.to_string()];
    let ask = async |body: String| witness.add_checkpoint(&known, &body, NOW).await.unwrap();
    assert!(matches!(ask(shown(0, 1)).await, Cosigned::Line(_)));
    for old in [0, 7] {
        assert_eq!(ask(shown(old, 2)).await, refused(WitnessRefusal::Fork));
    }
    let forks = witness.log_forks().await.unwrap();
    let [[stands, other]] = forks.as_slice() else {
        panic!("{forks:?}")
    };
    let heads = [stands, other].map(|note| {
        let note = Note::read(note).unwrap();
        assert_eq!(note.signed_by(&key), Ok(()));
        Checkpoint::read(note.text()).unwrap().head
    });
    assert_eq!(heads[0].size, heads[1].size);
    assert_ne!(heads[0].root, heads[1].root);
    let forged = shown(7, 1).replace("7\n", "8\n");
    assert_eq!(ask(forged).await, refused(WitnessRefusal::Unsigned));
}

#[tokio::test]
async fn cosignatures_stand_below_the_checkpoint_they_are_of() {
    let (_folder, world, witness) = house().await;
    let mut log = Log::new().await;
    let known = [log.key.clone()];
    log.grow(3).await;
    let cosigner = key(&world, SignatureKind::Cosignature);
    assert_eq!(log.ledger.cosigned_size(&cosigner).await.unwrap(), 0);
    let checkpoint = log.ledger.checkpoint().await.unwrap().unwrap();
    let body = log.submission(0).await;
    let Cosigned::Line(line) = witness.add_checkpoint(&known, &body, NOW).await.unwrap() else {
        panic!("refused")
    };
    let keep = async |answer: &str| {
        let kept = log
            .ledger
            .keep_cosignature(&cosigner, &checkpoint, answer, NOW);
        kept.await.unwrap()
    };
    assert!(!keep("").await);
    assert!(!keep(&line.replace(' ', "")).await);
    assert!(keep(&line).await);
    let shown = log.ledger.checkpoint().await.unwrap().unwrap();
    assert_eq!(shown, format!("{checkpoint}{line}"));
    let file = log.ledger.chain_folder().await.join("checkpoint");
    assert_eq!(std::fs::read_to_string(file).unwrap(), shown);
    log.ledger.check_chain().await.unwrap();
    let head = log.grow(1).await;
    // The next one has to be cosigned anew.
    let next = log.ledger.checkpoint().await.unwrap().unwrap();
    assert!(!next.contains(line.trim_end()));
    let last = log.ledger.cosigned_size(&cosigner).await.unwrap();
    assert_eq!(last + 1, head.size);
}
