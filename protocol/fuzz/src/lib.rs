//! What each target does with bytes from outside: it must not panic, and what is accepted must come
//! out again byte for byte. The tests of `protocol` run the same functions on a stable compiler.

use protocol::chain::{
    self, ACT_MAX, Act, Checkpoint, LogProof, Note, NoteKey, PATH_MOST, SignatureKind, Submission,
};
use protocol::code::grid::GRID_BYTES;
use protocol::code::{CODE_BYTES, IssuedBy};
use protocol::cose::{SIGNED_MAX, open, seal};
use protocol::covers::{COVERED_MAX, Items};
use protocol::enrol::{WALLET_PROOF_MAX, WalletProof};
use protocol::keys::{Algorithm, SoftwareKey};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{
    Acceptance, Acknowledgement, Allowance, Area, Beacon, ClaimNote, Closing, ClosingBalance,
    Credit, Filter, FloatWarrant, Invoice, Lease, Manifest, Move, Object, Pass, Payment,
    PlaceRecord, Receipt, RefundAnswer, RefundRequest, Release, Renewal, Revocations, Statement,
    Successor, Survey, Tariff, Transfer, TrustUpdate, Void, WalletCall, Watermark, WorkOrder,
};
use protocol::provision::{Call, LINE_BYTES_MAX, Reply};
use protocol::revocations::{Changes, List, Signed, Whole};
use protocol::rules::{Spent, Trust, contradiction, covered, fits, judge, judge_proof, survey};
use protocol::{Code, Digest, GridCode, Kind, Network, PublicKey, Signer, Timestamp};
use sha2::{Digest as _, Sha256};

/// Bytes of a signature and of its head, which nobody but its key can write again.
const SIGNATURE_ITEM_BYTES: usize = 66;

/// Whose codes a list is asked about.
const HERE: IssuedBy = IssuedBy {
    issuer: 1,
    station: 1,
};

fn network() -> Network {
    Network::new("test").expect("a name of a network")
}

/// The root of the test vectors: everybody knows its seed.
fn root() -> SoftwareKey {
    SoftwareKey::ed25519(&[1; 32])
}

/// A code as bytes or as text.
pub fn code(bytes: &[u8]) {
    let from_bytes = <[u8; CODE_BYTES]>::try_from(bytes).map(Code::from_bytes);
    let from_text = std::str::from_utf8(bytes).map(str::parse::<Code>);
    for code in [
        from_bytes.ok().and_then(Result::ok),
        from_text.ok().and_then(Result::ok),
    ] {
        let Some(code) = code else { continue };
        assert_eq!(code.text().as_str().parse(), Ok(code));
        let _ = (code.kind(), code.issued_by(), code.sequence());
        assert!(!code.commits_to(bytes), "80 bits of SHA-256 were guessed");
    }
}

/// A grid code as bytes or as text.
pub fn grid_code(bytes: &[u8]) {
    let from_bytes = <[u8; GRID_BYTES]>::try_from(bytes).map(GridCode::from_bytes);
    let from_text = std::str::from_utf8(bytes).map(str::parse::<GridCode>);
    for grid in [
        from_bytes.ok().and_then(Result::ok),
        from_text.ok().and_then(Result::ok),
    ] {
        let Some(grid) = grid else { continue };
        assert_eq!(grid.text().as_str().parse(), Ok(grid));
        let _ = (
            grid.corner(),
            grid.height_dm(),
            grid.span(),
            grid.issued_by(),
            grid.level(),
        );
    }
}

/// A public key, then a signature and a message.
pub fn key(bytes: &[u8]) {
    for (algorithm, size) in [(Algorithm::Ed25519, 32), (Algorithm::P256, 33)] {
        let Some((key, rest)) = bytes.split_at_checked(size) else {
            continue;
        };
        let Some(key) = PublicKey::from_slice(algorithm, key) else {
            continue;
        };
        assert_eq!(key.as_bytes(), &bytes[..size]);
        if let Some((signature, message)) = rest.split_first_chunk() {
            let _ = key.verifies(message, signature);
        }
    }
}

/// A signed object of any type.
pub fn object(bytes: &[u8]) {
    one::<Pass>(bytes);
    one::<Allowance>(bytes);
    one::<Payment>(bytes);
    one::<Receipt>(bytes);
    one::<Renewal>(bytes);
    one::<Statement>(bytes);
    one::<Invoice>(bytes);
    one::<FloatWarrant>(bytes);
    one::<Area>(bytes);
    one::<Closing>(bytes);
    one::<Void>(bytes);
    one::<Beacon>(bytes);
    one::<Filter>(bytes);
    one::<Move>(bytes);
    one::<Lease>(bytes);
    one::<Release>(bytes);
    one::<ClosingBalance>(bytes);
    one::<Credit>(bytes);
    one::<ClaimNote>(bytes);
    one::<Watermark>(bytes);
    one::<Acknowledgement>(bytes);
    one::<Tariff>(bytes);
    one::<WorkOrder>(bytes);
    one::<Manifest>(bytes);
    one::<Transfer>(bytes);
    one::<Acceptance>(bytes);
    one::<TrustUpdate>(bytes);
    one::<Successor>(bytes);
    one::<Survey>(bytes);
    one::<PlaceRecord>(bytes);
    one::<WalletCall>(bytes);
    one::<RefundRequest>(bytes);
    one::<RefundAnswer>(bytes);
}

fn one<T: Object>(bytes: &[u8]) {
    let network = network();
    let Ok(sealed) = open::<T>(bytes, &network) else {
        return;
    };
    let mut again = [0; SIGNED_MAX];
    let both = [root(), SoftwareKey::p256(&[1; 32]).expect("a scalar")];
    let spelled = both.iter().any(|key| {
        let (len, id) = seal(sealed.peek(), &network, key, &mut again).expect("what was read fits");
        let signed = len - SIGNATURE_ITEM_BYTES;
        id == sealed.id() && len == bytes.len() && again[..signed] == bytes[..signed]
    });
    assert!(spelled, "an object that is read has one spelling");
    let _ = sealed.verify(&root().public_key());
}

/// A message; evidence is also judged.
pub fn message(bytes: &[u8]) {
    let Ok(message) = Message::read(bytes) else {
        return;
    };
    let mut again = [0; MESSAGE_MAX];
    let len = message.write(&mut again).expect("what was read fits");
    assert_eq!(again[..len], *bytes);
    match message {
        Message::Evidence { allowance, payment } => evidence(allowance, payment),
        Message::Covered { items, .. } => covers(items),
        Message::Accusation { .. } => {
            let trust = Trust::new(network(), root().public_key());
            let _ = judge(&trust, bytes);
        }
        Message::PlaceRecord { .. } => {
            let trust = Trust::new(network(), root().public_key());
            if let Ok(held) = survey::judge(&trust, bytes) {
                assert!(held.record.place.hints_at(&held.surveyed.survey.owner));
            }
        }
        _ => {}
    }
}

/// A list of items: one spelling, and rules that end whatever stands in it.
pub fn covers(bytes: &[u8]) {
    let Ok(items) = Items::read(bytes) else {
        return;
    };
    let mut again = [0; COVERED_MAX];
    let len = items.write(&mut again).expect("what was read fits");
    assert_eq!(again[..len], *bytes);
    let key = root().public_key();
    let _ = covered(&items, &network(), |_| Some(key), |_, _| Ok(()));
}

/// Signatures are made anew, so that the rules meet what no honest gateway or purse would sign.
fn evidence(allowance: &[u8], payment: &[u8]) {
    let network = network();
    let (Ok(allowance), Ok(payment)) = (
        open::<Allowance>(allowance, &network),
        open::<Payment>(payment, &network),
    ) else {
        return;
    };
    let (mut allowance_bytes, mut payment_bytes) = ([0; SIGNED_MAX], [0; SIGNED_MAX]);
    let (len, id) = seal(allowance.peek(), &network, &root(), &mut allowance_bytes).expect("fits");
    let allowance = open::<Allowance>(&allowance_bytes[..len], &network).expect("just written");
    let mut payment = *payment.peek();
    payment.allowance = id.reference();
    let (len, id) = seal(&payment, &network, &root(), &mut payment_bytes).expect("fits");
    let payment = open::<Payment>(&payment_bytes[..len], &network).expect("just written");
    let key = root().public_key();
    let allowance = allowance.verify(&key).expect("signed by this key");
    let payment = payment.verify(&key).expect("signed by this key");
    let _ = fits(&allowance, &payment);
    if let Some(spent) = Spent::new(id, payment.get()) {
        assert_eq!(
            contradiction(&spent, &spent),
            None,
            "a payment never contradicts itself"
        );
    }
}

/// A wallet proof.
pub fn wallet_proof(bytes: &[u8]) {
    let Ok(proof) = WalletProof::read(bytes) else {
        return;
    };
    let mut again = [0; WALLET_PROOF_MAX];
    let len = proof.write(&mut again);
    assert_eq!(again[..len], *bytes);
    let _ = proof.verify(&network(), b"transport key");
}

/// A list of revoked codes, whole or of changes: as it is, and with its body signed anew, so that
/// what no honest gateway would sign is read and asked.
pub fn revocations(bytes: &[u8]) {
    let network = network();
    let key = root();
    if let Ok(signed) = Signed::verify(bytes, &network, &key.public_key()) {
        ask(signed);
    }
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return;
    };
    let body = rest.get(usize::from(u16::from_be_bytes(*length))..);
    let body = body.unwrap_or(rest);
    for base in [None, Some(1)] {
        let head = Revocations {
            gateway: Code::derive(Kind::Gateway, HERE, 1, b"key").expect("a small number"),
            version: 2,
            base,
            time: Timestamp(1),
            body: Digest(Sha256::digest(body).into()),
        };
        let mut out = [0; SIGNED_MAX];
        let (len, _) = seal(&head, &network, &key, &mut out).expect("a head fits");
        let length = u16::try_from(len).expect("a head is short").to_be_bytes();
        let list = [&length[..], &out[..len], body].concat();
        if let Ok(signed) = Signed::verify(&list, &network, &key.public_key()) {
            ask(signed);
        }
    }
}

fn ask(signed: Signed<'_>) {
    let _ = Changes::read(signed);
    let Ok(list) = Whole::read(signed).and_then(|whole| List::new(whole, None)) else {
        return;
    };
    for sequence in 0..4 {
        let code = Code::derive(Kind::Device, HERE, sequence, b"key").expect("a small number");
        let _ = list.is_revoked(&code);
    }
}

/// A leaf of the code chain.
pub fn chain_leaf(bytes: &[u8]) {
    let Ok(act) = Act::read(bytes) else {
        return;
    };
    let mut again = [0; ACT_MAX];
    let len = act.write(&mut again).expect("what was read fits");
    assert_eq!(again[..len], *bytes);
}

/// The texts of the code chain: checkpoints, signed and cosigned notes, verifier keys, proofs, and
/// what a log sends to a witness.
pub fn chain_text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(checkpoint) = Checkpoint::read(text) {
        assert!(text.starts_with(&checkpoint.to_string()));
    }
    if let Some(key) = NoteKey::read(text) {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(note) = Note::read(text) {
        let name = Checkpoint::read(note.text()).map_or("name", |read| read.origin);
        for kind in [SignatureKind::Log, SignatureKind::Cosignature] {
            if let Some(key) = NoteKey::new(name, kind, &root().public_key()) {
                let _ = (note.signed_by(&key), note.cosigned_by(&key));
            }
        }
    }
    if let Ok(proof) = LogProof::read(text) {
        let trust = Trust {
            network: network(),
            root_key: root().public_key(),
            other_root: None,
        };
        let _ = chain::judge(&trust, &proof);
        assert!(proof.path().count() <= PATH_MOST);
    }
    if let Ok(shown) = Submission::read(text) {
        let _ = shown.follows(None);
    }
}

/// A fraud proof under the root of the test vectors.
pub fn fraud_proof(bytes: &[u8]) {
    let trust = Trust::new(network(), root().public_key());
    if judge_proof(&trust, bytes).is_ok() {
        assert!(matches!(Message::read(bytes), Ok(Message::Proof { .. })));
    }
}

/// A line between a station and a thing, either way: what is read is written again with the same
/// meaning, and damage is passed over.
pub fn provision_line(bytes: &[u8]) {
    if let Some((tag, call)) = Call::read(bytes) {
        let line = call.line(tag).expect("what was read can be said");
        assert_eq!(Call::read(line.as_bytes()), Some((tag, call)));
        assert!(line.as_bytes().len() <= LINE_BYTES_MAX);
    }
    if let Some((tag, reply)) = Reply::read(bytes) {
        let line = reply.line(tag).expect("what was read can be said");
        assert_eq!(Reply::read(line.as_bytes()), Some((tag, reply)));
    }
    // A line that begins like ours: the check alone keeps the rest of the reader from being tried.
    let Ok(words) = std::str::from_utf8(bytes) else {
        return;
    };
    let body = format!("OC1 {words}");
    let check = crc32(body.as_bytes());
    let line = format!("{body} {check:08x}\n");
    let _ = (Call::read(line.as_bytes()), Reply::read(line.as_bytes()));
}

/// CRC-32 (ISO-HDLC), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 * (sum & 1));
        }
    }
    !sum
}
