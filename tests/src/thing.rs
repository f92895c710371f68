//! A thing with a code, made by the same command a person would type.

use std::path::{Path, PathBuf};
use std::process::Command;

use device_sdk::identity_file::Identity;
use device_sdk::journal_file::FileJournal;
use device_sdk::purse::{Clock, Event, HandInCursor, OUT_MAX, Order, Purse, Settings};
use protocol::keys::SoftwareKey;
use protocol::rules::Expected;
use protocol::{Code, Status};

use crate::by_hand::{Signatory, USD, amount};
use crate::house::{House, now};
use crate::program::{onecode, run};

/// The purse of a test: small, so that its bounds are near.
pub type ThingPurse = Purse<SoftwareKey, FileJournal, 16, 8>;

/// A thing in a folder of its own.
pub struct Thing {
    folder: PathBuf,
    identity: Identity,
}

impl Thing {
    /// Makes its keys and gets its code with a one-time secret.
    pub fn enrol(house: &House, name: &str) -> Self {
        let folder = house.folder().join(name);
        run(Command::new(onecode())
            .args([
                "device",
                "init",
                "--gateway",
                &house.url(""),
                "--secret",
                &house.secret(),
            ])
            .arg("--trust")
            .arg(house.data().join("trust.toml"))
            .arg("--folder")
            .arg(&folder))
        .succeeded();
        Self::in_folder(&folder)
    }

    /// One that has its code already.
    pub fn in_folder(folder: &Path) -> Self {
        let identity = Identity::load(folder)
            .expect("a readable folder")
            .expect("a finished identity");
        let folder = folder.to_owned();
        Self { folder, identity }
    }

    /// One of Mosquitto's programs as this thing: its certificate, and its code with a suffix as
    /// client id.
    pub fn mosquitto(&self, program: &str, house: &House, version: &str, name: &str) -> Command {
        let door = house.doors().mqtt;
        let mut command = Command::new(program);
        command.args(["-V", version, "-i", &format!("{}.{name}", self.code())]);
        command.args(["-h", &door.ip().to_string(), "-p", &door.port().to_string()]);
        command.arg("--cafile").arg(house.trusted());
        command.arg("--cert").arg(self.certificate());
        command.arg("--key").arg(self.key());
        command
    }

    /// Its name.
    pub fn code(&self) -> Code {
        self.identity.credentials.code
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it shows at the doors.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its certificate, PEM.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    /// Its transport key as programs by others want it: PKCS#8 in PEM, spelled by openssl.
    pub fn key(&self) -> PathBuf {
        let (der, pem) = (self.folder.join("key.der"), self.folder.join("key.pem"));
        if !pem.exists() {
            let key = self
                .identity
                .keys
                .transport_pkcs8()
                .expect("a key can be encoded");
            std::fs::write(&der, key.secret_pkcs8_der()).expect("the folder can be written");
            run(Command::new("openssl")
                .args(["pkey", "-inform", "DER", "-in"])
                .arg(&der)
                .arg("-out")
                .arg(&pem))
            .succeeded();
        }
        pem
    }

    /// One of its topics, which are CoAP paths as well.
    pub fn topic(&self, below: &str) -> String {
        format!("oc/1/{}/{below}", self.code())
    }

    /// Its wallet key, to sign whatever a test wants.
    pub fn signatory(&self) -> Signatory {
        Signatory {
            code: self.code(),
            key: self.identity.keys.wallet(),
            network: self.identity.trust.network,
        }
    }

    /// The purse in its folder; it trusts the gateway that gave it its code.
    pub fn purse(&self) -> ThingPurse {
        self.purse_for()
    }

    /// The same with room for so many payments without a final word.
    pub fn purse_for<const OUTBOX: usize>(&self) -> Purse<SoftwareKey, FileJournal, OUTBOX, 8> {
        let given = &self.identity.credentials;
        let passes = given.passes();
        let settings = Settings {
            me: given.code,
            pass: &passes,
            trust: self.identity.trust,
            sync_margin_s: 60,
            most_by_class: [amount(5_000_000); 3],
            place: None,
            clock: Clock::Kept,
        };
        let journal = FileJournal::open(&self.folder.join("purse.journal")).expect("a journal");
        let mut purse =
            Purse::open(settings, self.identity.keys.wallet(), journal).expect("a purse");
        purse
            .trust_gateway(&given.issuer_pass, &given.gateway_pass, now())
            .expect("the gateway's passes hold");
        purse
    }
}

/// What a step of a purse wrote.
pub fn written(step: impl FnOnce(&mut [u8]) -> Result<usize, Status>) -> Result<Vec<u8>, Status> {
    let mut out = [0; OUT_MAX];
    let len = step(&mut out)?;
    Ok(out[..len].to_vec())
}

/// Loads a thing's purse and has it granted the money to pay with; gives what the purse made of it.
pub fn granted(house: &House, payer: &mut ThingPurse, load_minor: u64, grant_minor: u64) -> Event {
    house.load(payer.me(), load_minor);
    let wanted = amount(grant_minor);
    let renewal = written(|out| payer.renewal(USD, wanted, now(), out)).expect("a renewal");
    let grant = house.wallet(payer.me(), &renewal).payload;
    payer.receive(&grant, now()).expect("a grant")
}

/// A payment from purse to purse with nobody else in reach. Gives what the payer made of the receipt.
pub fn pays(payer: &mut ThingPurse, payee: &mut ThingPurse, order: &Order) -> Event {
    let expected = Expected {
        amount: order.amount,
        reference: order.reference,
    };
    let evidence = written(|out| payer.pay(order, now(), out)).expect("a payment");
    let taken = written(|out| payee.accept(&evidence, Some(expected), now(), out));
    payer
        .receive(&taken.expect("a receipt"), now())
        .expect("a receipt that holds")
}

/// Shows the gateway everything a purse holds, and tells the purse what it says. Gives the answers.
pub fn synchronise(house: &House, purse: &mut ThingPurse) -> Vec<Event> {
    let mut cursor = HandInCursor::default();
    let mut out = [0; OUT_MAX];
    let mut events = Vec::new();
    while let Some(len) = purse
        .hand_in(&mut cursor, &mut out)
        .expect("the journal is whole")
    {
        let answer = house.wallet(purse.me(), &out[..len]);
        events.push(
            purse
                .receive(&answer.payload, now())
                .expect("a gateway's answer"),
        );
    }
    events
}
