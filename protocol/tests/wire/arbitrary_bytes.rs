//! Bytes from outside never make a decoder panic, and whatever a decoder does accept it writes back
//! byte for byte.

use crate::cast::{BOTH, Cast, SEED, network};
use proptest::collection::vec;
use proptest::prelude::*;
use protocol::code::{CODE_BYTES, grid::GRID_BYTES};
use protocol::cose::open;
use protocol::enrol::{WALLET_PROOF_MAX, WalletProof};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Allowance, Invoice, Pass, Payment, Receipt, Renewal, Statement};
use protocol::rules::judge_proof;
use protocol::{Code, Currency, GridCode, PublicKey};
use std::sync::LazyLock;

fn meets_every_decoder(bytes: &[u8]) {
    let network = network();
    let _ = open::<Pass>(bytes, &network);
    let _ = open::<Allowance>(bytes, &network);
    let _ = open::<Payment>(bytes, &network);
    let _ = open::<Receipt>(bytes, &network);
    let _ = open::<Renewal>(bytes, &network);
    let _ = open::<Statement>(bytes, &network);
    if let Ok(invoice) = open::<Invoice>(bytes, &network) {
        let _ = invoice.peek().asked();
    }
    let trust = Cast::new(BOTH[0]).trust();
    let _ = trust.issuer(bytes);
    let _ = trust.gateway(bytes, bytes);
    let _ = judge_proof(&trust, bytes);
    if let Ok(message) = Message::read(bytes) {
        let mut out = [0; MESSAGE_MAX];
        let len = message.write(&mut out).unwrap();
        assert_eq!(out[..len], *bytes);
    }
    if let Ok(proof) = WalletProof::read(bytes) {
        let mut out = [0; WALLET_PROOF_MAX];
        let len = proof.write(&mut out);
        assert_eq!(out[..len], *bytes);
        let _ = proof.verify(&network, bytes);
    }
    for algorithm in BOTH {
        if let Some(key) = PublicKey::from_slice(algorithm, bytes) {
            assert_eq!(key.as_bytes(), bytes);
            let _ = key.verifies(bytes, &[0x11; 64]);
        }
    }
}

static REAL_ONES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for algorithm in BOTH {
        let cast = Cast::new(algorithm);
        let [
            pass,
            allowance,
            payment,
            receipt,
            renewal,
            statement,
            invoice,
        ] = cast.one_of_each().map(|(_, bytes, _)| bytes);
        let messages = [
            Message::Evidence {
                allowance: &allowance,
                payment: &payment,
            },
            Message::Claim {
                allowance: &allowance,
                payment: &payment,
                receipt: &receipt,
            },
            Message::Receipt {
                receipt: &receipt,
                pass: &pass,
            },
            Message::Renewal { renewal: &renewal },
            Message::Grant {
                allowance: &allowance,
            },
            Message::Statement {
                statement: &statement,
            },
            Message::Invoice {
                invoice: &invoice,
                pass: &pass,
            },
            Message::Unit {
                about: [0xab; 4],
                units: 37,
                value: SEED,
            },
            Message::StreamClaim {
                allowance: &allowance,
                payment: &payment,
                units: 37,
                value: SEED,
                receipt: None,
            },
            Message::StreamClaim {
                allowance: &allowance,
                payment: &payment,
                units: 37,
                value: SEED,
                receipt: Some(&receipt),
            },
            Message::Proof {
                issuer: &pass,
                gateway: &pass,
                allowances: [&allowance; 2],
                payments: [&payment; 2],
            },
        ];
        for message in messages {
            let mut out = [0; MESSAGE_MAX];
            let len = message.write(&mut out).unwrap();
            all.push(out[..len].to_vec());
        }
        all.extend(cast.every_form().into_iter().map(|(_, bytes, _)| bytes));
    }
    all
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn noise_never_panics(bytes in vec(any::<u8>(), 0..700)) {
        meets_every_decoder(&bytes);
    }

    /// Heads that promise much: containers and strings of every announced length.
    #[test]
    fn great_promises_never_panic(head in 0u8..=255, promise in any::<u64>(), rest in vec(any::<u8>(), 0..40)) {
        let bytes = [&[head], promise.to_be_bytes().as_slice(), &rest].concat();
        meets_every_decoder(&bytes);
        meets_every_decoder(&[&[0xd2, 0x84], bytes.as_slice()].concat());
        meets_every_decoder(&[&[0x83, 0x01], bytes.as_slice()].concat());
    }

    #[test]
    fn damaged_real_ones_never_panic(which in any::<proptest::sample::Index>(),
                                     edits in vec((any::<proptest::sample::Index>(), any::<u8>(), 0u8..4), 1..8)) {
        let mut bytes = which.get(&REAL_ONES).clone();
        for (at, value, how) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = value,
                1 => bytes.insert(at, value),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        meets_every_decoder(&bytes);
    }

    #[test]
    fn names_never_panic(code in any::<[u8; CODE_BYTES]>(), grid in any::<[u8; GRID_BYTES]>(), currency in any::<[u8; 6]>()) {
        if let Ok(code) = Code::from_bytes(code) {
            prop_assert_eq!(code.text().as_str().parse::<Code>(), Ok(code));
            let _ = (code.kind(), code.issued_by(), code.sequence(), code.commits_to(b""));
        }
        if let Ok(grid) = GridCode::from_bytes(grid) {
            prop_assert_eq!(grid.text().as_str().parse::<GridCode>(), Ok(grid));
            let _ = (grid.corner(), grid.height_dm(), grid.span(), grid.issued_by(), grid.level());
        }
        if let Some(currency) = Currency::from_bytes(currency) {
            prop_assert_eq!(Currency::new(currency.issuer(), currency.name().as_bytes().try_into().unwrap()), Some(currency));
        }
    }
}
