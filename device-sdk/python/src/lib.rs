//! The SDK for Python: `device_sdk::thing` with calls that block, and never hold the interpreter while
//! they do. What it means stands in `onecode/__init__.py`.

use device_sdk::enrol::{EnrolError, Keys};
use device_sdk::identity_file::{Identity, load_keys, parse_key, save_keys};
use device_sdk::links::mqtt::Peer;
use device_sdk::purse::{Event, HandInCursor, Order};
use device_sdk::thing::kept::{Bounds, WhenFull};
use device_sdk::thing::till::{Meant, Till};
use device_sdk::thing::{self, Happening, Happenings, Settings};
use protocol::rules::Trust;
use protocol::{AmountMinor, Code, Currency, Network, Reference, Status, Timestamp};
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::collections::VecDeque;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::runtime::Runtime;

create_exception!(
    onecode,
    Error,
    PyException,
    "What went wrong, and what to do."
);
create_exception!(
    onecode,
    Waiting,
    Error,
    "Somebody has to accept the thing first."
);

/// Draws of a transport key before the source of randomness counts as broken.
const DRAWS_MAX: usize = 4;
/// The largest payment taken from a payer that nobody can be asked about: none, for what comes
/// through a gateway is in transit there.
const MOST: u64 = i64::MAX as u64;
/// Happenings that wait aside while a payment is under way.
const ASIDE_MAX: usize = 256;

fn error(what: impl Display) -> PyErr {
    Error::new_err(what.to_string())
}

fn refused(status: Status) -> PyErr {
    Error::new_err(format!("{status}: {}", status.sentence()))
}

fn now() -> Timestamp {
    let age = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u32::try_from(age.as_secs()).unwrap_or(u32::MAX))
}

/// Gives the thing in `folder` its code.
#[pyfunction]
fn enrol(
    py: Python<'_>,
    folder: PathBuf,
    gateway: String,
    network: &str,
    root_key: &str,
    secret: Option<String>,
) -> PyResult<String> {
    let network = Network::new(network).ok_or_else(|| error("the trust file names no network"))?;
    let key = parse_key(root_key).ok_or_else(|| error("the trust file has no root key"))?;
    let trust = Trust::new(network, key);
    py.detach(|| {
        if let Some(known) = Identity::load(&folder).map_err(error)? {
            return Ok(known.credentials.code.to_string());
        }
        let keys = keys(&folder)?;
        let secret = secret.as_deref();
        let given = device_sdk::enrol::enrol(&gateway, &trust, secret, &keys, now());
        let credentials = given.map_err(|why| match why {
            EnrolError::Waiting(sentence) => Waiting::new_err(sentence),
            why => error(why),
        })?;
        let code = credentials.code.to_string();
        let identity = Identity {
            trust,
            keys,
            credentials,
        };
        identity.save(&folder).map_err(error)?;
        Ok(code)
    })
}

/// Renews certificate and pass of the thing in `folder` when it is time for it, or at once if `early`;
/// says whether it did. Handles that are open go on with what they have.
#[pyfunction]
#[pyo3(signature = (folder, gateway, host, *, mqtt=None, coaps=None, early=false))]
fn reenrol(
    py: Python<'_>,
    folder: PathBuf,
    gateway: String,
    host: &str,
    mqtt: Option<u16>,
    coaps: Option<u16>,
    early: bool,
) -> PyResult<bool> {
    let settings = settings(&folder, host, mqtt, coaps)?;
    py.detach(|| {
        let identity = identity(&folder)?;
        let work = thing::reenrol::reenrol(&folder, &settings, &gateway, &identity, early, now());
        let renewed = runtime()?.block_on(work).map_err(error)?;
        Ok(renewed.is_some())
    })
}

fn runtime() -> PyResult<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(error)
}

fn settings(
    folder: &Path,
    host: &str,
    mqtt: Option<u16>,
    coaps: Option<u16>,
) -> PyResult<Settings> {
    match (mqtt, coaps) {
        (Some(port), None) => Ok(Settings::mqtt(folder, host, port)),
        (None, Some(port)) => Ok(Settings::coap(folder, host, port)),
        _ => Err(error("give the port of one door: mqtt= or coaps=")),
    }
}

/// The keys in a folder; made, and stored before anybody hears of them, when there are none.
fn keys(folder: &Path) -> PyResult<Keys> {
    if let Some(keys) = load_keys(folder).map_err(error)? {
        return Ok(keys);
    }
    for _ in 0..DRAWS_MAX {
        let mut random = [[0; 32]; 2];
        for half in &mut random {
            getrandom::fill(half).map_err(error)?;
        }
        let [transport, wallet] = &random;
        if let Ok(keys) = Keys::from_random(transport, wallet) {
            save_keys(folder, &keys).map_err(error)?;
            return Ok(keys);
        }
    }
    Err(error("this machine's randomness makes no keys"))
}

/// What somebody told the thing.
#[pyclass(frozen, module = "onecode")]
struct Told {
    /// `command`, `desired` or `paid`.
    #[pyo3(get)]
    kind: &'static str,
    /// Of a command: by which its result is called. Of a payment: the payer's code.
    #[pyo3(get)]
    id: Option<String>,
    bytes: Vec<u8>,
    told: Mutex<Option<thing::Told>>,
}

#[pymethods]
impl Told {
    /// What was said; of a payment: the amount in the smallest unit, a space, the currency.
    #[getter]
    fn payload<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.bytes)
    }

    /// It was done, or needs not be: the gateway may forget it. Until then it comes again.
    fn done(&self) {
        if let Some(told) = lock(&self.told).take() {
            told.done();
        }
    }
}

/// What one thread at a time may use.
struct Ears {
    happenings: Happenings,
    /// Came while a payment was waited for.
    aside: VecDeque<Told>,
    till: Option<Till>,
}

/// A thing at work.
#[pyclass(frozen, module = "onecode")]
struct Thing {
    folder: PathBuf,
    open: Mutex<Option<Open>>,
    ears: Mutex<Option<Ears>>,
    #[pyo3(get)]
    code: String,
}

struct Open {
    runtime: Runtime,
    thing: thing::Thing,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[pymethods]
impl Thing {
    #[new]
    #[pyo3(signature = (folder, host, *, mqtt=None, coaps=None, most_bytes=16 << 20, drop_oldest=true))]
    fn new(
        folder: PathBuf,
        host: &str,
        mqtt: Option<u16>,
        coaps: Option<u16>,
        most_bytes: u64,
        drop_oldest: bool,
    ) -> PyResult<Self> {
        let mut settings = settings(&folder, host, mqtt, coaps)?;
        let when_full = match drop_oldest {
            true => WhenFull::DropOldest,
            false => WhenFull::Refuse,
        };
        settings.bounds = Bounds {
            bytes_max: most_bytes,
            when_full,
        };
        let identity = identity(&folder)?;
        let runtime = runtime()?;
        let started = runtime.block_on(async { thing::Thing::start(&settings, &identity) });
        let (thing, happenings) = started.map_err(error)?;
        Ok(Self {
            folder,
            code: identity.credentials.code.to_string(),
            open: Mutex::new(Some(Open { runtime, thing })),
            ears: Mutex::new(Some(Ears {
                happenings,
                aside: VecDeque::new(),
                till: None,
            })),
        })
    }

    /// Says something under the own code, such as `t/room`. Durable when it returns its number.
    fn say(&self, py: Python<'_>, topic: &str, payload: Payload) -> PyResult<u64> {
        py.detach(|| self.thing()?.1.say(topic, &payload.0).map_err(error))
    }

    /// The same, as the newest value of its topic: `s`, `twin/reported`.
    fn state(&self, py: Python<'_>, topic: &str, payload: Payload) -> PyResult<u64> {
        py.detach(|| self.thing()?.1.state(topic, &payload.0).map_err(error))
    }

    /// The next thing that somebody tells; `None` after so many seconds.
    #[pyo3(signature = (timeout_s=None))]
    fn next(&self, py: Python<'_>, timeout_s: Option<f64>) -> PyResult<Option<Told>> {
        let until = timeout_s.map(|s| Instant::now() + seconds(s));
        loop {
            // In turns, so that Ctrl-C is heard.
            let turn = Instant::now() + Duration::from_millis(200);
            let turn_ends = until.map_or(turn, |until| until.min(turn));
            if let Some(told) = py.detach(|| self.one(turn_ends))? {
                return Ok(Some(told));
            }
            py.check_signals()?;
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(None);
            }
        }
    }

    /// Pays another code through the gateway, from what a treasurer has loaded, and waits for the
    /// payee. The same reference to the same payee is the same payment. `settled`, or `sent` when
    /// nothing is known after so many seconds: then it is in transit.
    #[pyo3(signature = (to, amount, reference, currency="USD", timeout_s=30.0))]
    fn pay(
        &self,
        py: Python<'_>,
        to: &str,
        amount: u64,
        reference: u64,
        currency: &str,
        timeout_s: f64,
    ) -> PyResult<&'static str> {
        let payee: Code = to.parse().map_err(error)?;
        let issuer = own_issuer(&self.code)?;
        let name = currency.as_bytes().try_into().ok();
        let currency = name.and_then(|name| Currency::new(issuer, name));
        let order = Order {
            payee,
            currency: currency.ok_or_else(|| error("a currency has three capital letters"))?,
            amount: AmountMinor::new(amount).ok_or_else(|| error("more than an amount can be"))?,
            reference: Reference(u128::from(reference).to_be_bytes()),
        };
        let until = Instant::now() + seconds(timeout_s);
        py.detach(|| self.paid(&order, until))
    }

    /// How many messages wait for the gateway.
    #[getter]
    fn waiting(&self) -> PyResult<u64> {
        Ok(self.thing()?.1.waiting())
    }

    /// How many were dropped for want of room, in the life of the folder.
    #[getter]
    fn dropped(&self) -> PyResult<u64> {
        Ok(self.thing()?.1.dropped())
    }

    /// How many the gateway has refused.
    #[getter]
    fn refused(&self) -> PyResult<u64> {
        Ok(self.thing()?.1.refused())
    }

    /// Ends the connection. What waits stays in the folder.
    fn close(&self, py: Python<'_>) {
        py.detach(|| {
            drop(lock(&self.ears).take());
            if let Some(Open { runtime, thing }) = lock(&self.open).take() {
                drop(thing);
                runtime.shutdown_timeout(Duration::from_secs(2));
            }
        });
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _trace: &Bound<'_, PyAny>,
    ) {
        self.close(py);
    }
}

impl Thing {
    fn thing(&self) -> PyResult<(tokio::runtime::Handle, thing::Thing)> {
        match lock(&self.open).as_ref() {
            Some(open) => Ok((open.runtime.handle().clone(), open.thing.clone())),
            None => Err(error("this thing was closed")),
        }
    }

    /// The next happening that is not for the purse alone; the purse takes the others.
    fn one(&self, until: Instant) -> PyResult<Option<Told>> {
        let mut ears = lock(&self.ears);
        let ears = ears
            .as_mut()
            .ok_or_else(|| error("this thing was closed"))?;
        loop {
            if let Some(told) = ears.aside.pop_front() {
                return Ok(Some(told));
            }
            if self.heard(ears, until)?.is_none() && ears.aside.is_empty() {
                return Ok(None);
            }
        }
    }

    /// Waits for one happening; what a program has to hear of is put aside. `None` when none came.
    fn heard(&self, ears: &mut Ears, until: Instant) -> PyResult<Option<Option<Event>>> {
        let (runtime, thing) = self.thing()?;
        let next = async { tokio::time::timeout_at(until.into(), ears.happenings.next()).await };
        let told = match runtime.block_on(next) {
            Ok(Some(told)) => told,
            Ok(None) => return Err(error("the connection was shut down")),
            Err(_) => return Ok(None),
        };
        let (kind, id, bytes) = match told.happening.clone() {
            Happening::Command { id, payload } => ("command", Some(id), payload),
            Happening::Desired(payload) => ("desired", None, payload),
            Happening::Wallet(message) => {
                let meant = self.till(&mut ears.till)?.take(&message, now());
                let event = match meant {
                    Ok(Meant::Paid { payment, receipt }) => {
                        let peer = Peer::Code(payment.payer);
                        let handed = runtime.block_on(thing.hand(peer, &receipt));
                        handed.map_err(error)?;
                        let said = format!("{} {}", payment.amount, payment.currency);
                        let by = Some(payment.payer.to_string());
                        put_aside(ears, "paid", by, said.into_bytes(), None);
                        None
                    }
                    Ok(Meant::Event(event)) => Some(event),
                    // The purse failed, and not the message: it waits at the gateway.
                    Err(status @ (Status::Storage | Status::Busy)) => {
                        ears.till = None;
                        return Err(refused(status));
                    }
                    Ok(Meant::Nothing) | Err(_) => None,
                };
                told.done();
                return Ok(Some(event));
            }
        };
        put_aside(ears, kind, id, bytes, Some(told));
        Ok(Some(None))
    }

    fn till<'t>(&self, till: &'t mut Option<Till>) -> PyResult<&'t mut Till> {
        if till.is_none() {
            let most = AmountMinor::new(MOST).unwrap_or(AmountMinor::ZERO);
            let opened = Till::open(&identity(&self.folder)?, &self.folder, most, now());
            *till = Some(opened.map_err(error)?);
        }
        till.as_mut().ok_or_else(|| error("no purse"))
    }

    fn paid(&self, order: &Order, until: Instant) -> PyResult<&'static str> {
        let (runtime, thing) = self.thing()?;
        let hand =
            |peer, message: &[u8]| runtime.block_on(thing.hand(peer, message)).map_err(error);
        let mut ears = lock(&self.ears);
        let ears = ears
            .as_mut()
            .ok_or_else(|| error("this thing was closed"))?;
        self.hand_in(ears)?;
        if self.till(&mut ears.till)?.spendable(order.currency, now()) < order.amount {
            let asked = self
                .till(&mut ears.till)?
                .renewal(order.currency, order.amount, now());
            let asked = asked.map_err(refused)?;
            let mut event = self.answered(ears, hand(Peer::Gateway, &asked)?)?;
            loop {
                match event {
                    Some(Event::Granted { .. }) => break,
                    Some(Event::Refused { status, .. }) => return Err(refused(status)),
                    _ => {}
                }
                event = match self.heard(ears, until)? {
                    Some(event) => event,
                    None => return Err(error("no answer from the gateway; is it running?")),
                };
            }
        }
        let paid = self
            .till(&mut ears.till)?
            .pay(order, now())
            .map_err(refused);
        let (evidence, named) = paid?;
        let mut event = self.answered(ears, hand(Peer::Code(order.payee), &evidence)?)?;
        loop {
            match event {
                Some(Event::Stated {
                    payment,
                    outcome: Status::Settled,
                }) if payment.reference() == named => return Ok("settled"),
                Some(Event::Declined { payment, reason }) if payment.reference() == named => {
                    return Err(refused(reason));
                }
                Some(Event::Refused { status, .. }) => return Err(refused(status)),
                _ => {}
            }
            event = match self.heard(ears, until)? {
                Some(event) => event,
                None => return Ok("sent"),
            };
        }
    }

    /// Hands in what waits for a gateway; its answers are heard in between.
    fn hand_in(&self, ears: &mut Ears) -> PyResult<()> {
        let (runtime, thing) = self.thing()?;
        let mut cursor = HandInCursor::default();
        while let Some(message) =
            (self.till(&mut ears.till)?.hand_in(&mut cursor)).map_err(refused)?
        {
            let handed = runtime.block_on(thing.hand(Peer::Gateway, &message));
            self.answered(ears, handed.map_err(error)?)?;
        }
        Ok(())
    }

    /// What the purse makes of an answer that came at once, as over CoAP.
    fn answered(&self, ears: &mut Ears, answer: Option<Vec<u8>>) -> PyResult<Option<Event>> {
        let Some(answer) = answer else {
            return Ok(None);
        };
        match self.till(&mut ears.till)?.take(&answer, now()) {
            Ok(Meant::Event(event)) => Ok(Some(event)),
            Ok(_) => Ok(None),
            Err(status) => Err(refused(status)),
        }
    }
}

fn put_aside(
    ears: &mut Ears,
    kind: &'static str,
    id: Option<String>,
    bytes: Vec<u8>,
    told: Option<thing::Told>,
) {
    if ears.aside.len() >= ASIDE_MAX {
        // It was not done, so it comes again.
        ears.aside.pop_front();
    }
    ears.aside.push_back(Told {
        kind,
        id,
        bytes,
        told: Mutex::new(told),
    });
}

/// Text or bytes.
struct Payload(Vec<u8>);

impl<'a, 'py> FromPyObject<'a, 'py> for Payload {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        match object.extract::<String>() {
            Ok(text) => Ok(Self(text.into_bytes())),
            Err(_) => Ok(Self(object.extract::<Vec<u8>>()?)),
        }
    }
}

fn identity(folder: &Path) -> PyResult<Identity> {
    let identity = Identity::load(folder).map_err(error)?;
    identity.ok_or_else(|| error(format!("{}: no thing; call enrol first", folder.display())))
}

fn own_issuer(code: &str) -> PyResult<u32> {
    let code: Code = code.parse().map_err(error)?;
    Ok(code.issued_by().issuer)
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::from_secs(1 << 30))
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("Error", module.py().get_type::<Error>())?;
    module.add("Waiting", module.py().get_type::<Waiting>())?;
    module.add_class::<Thing>()?;
    module.add_class::<Told>()?;
    module.add_function(wrap_pyfunction!(enrol, module)?)?;
    module.add_function(wrap_pyfunction!(reenrol, module)?)
}
