//! The people of the demonstration at work: the operator's and the treasurer's calls to the API.

use super::child::Doors;
use protocol::Code;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Calls the gateway's API with one token. Blocking.
#[derive(Clone)]
pub struct Office {
    base: String,
    token: String,
    agent: ureq::Agent,
}

#[derive(Deserialize)]
struct Secrets {
    secrets: Vec<String>,
}

/// The books of one currency, summed from the postings.
#[derive(Clone, Debug, Deserialize)]
pub struct Books {
    /// Three letters.
    pub currency: String,
    /// What the issuer put in minus what was redeemed.
    pub issued_minus_redeemed: u64,
    /// The sum over every account that is not the issuer's.
    pub accounts_sum: u64,
    /// Of that, in purses.
    pub purses: u64,
    /// Of that, on the way.
    pub in_transit: u64,
    /// Of that, everywhere else.
    pub others: u64,
    /// Whether both sides are equal.
    pub holds: bool,
}

#[derive(Deserialize)]
struct AllBooks {
    currencies: Vec<Books>,
}

/// How many payments stand where.
#[derive(Clone, Debug, Deserialize)]
pub struct Summary {
    /// On the way.
    pub in_transit: u64,
    /// Fraud cases on record.
    pub fraud_cases: u64,
}

#[derive(Deserialize)]
struct Frauds {
    items: Vec<Fraud>,
}

#[derive(Deserialize)]
struct Fraud {
    id: i64,
}

impl Office {
    /// An office that carries this token.
    pub fn new(doors: Doors, token: String) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(std::time::Duration::from_secs(30)))
            .build()
            .new_agent();
        Self {
            base: doors.portal(),
            token,
            agent,
        }
    }

    /// One-time secrets for `count` devices.
    pub fn secrets(&self, count: usize) -> Result<Vec<String>> {
        let made: Secrets = self.post(
            "/api/v1/secrets",
            &json!({"count": count, "kind": "device", "life_s": 3600}),
        )?;
        Ok(made.secrets)
    }

    /// Puts money into a purse. The key makes a repetition harmless.
    pub fn load(&self, code: &Code, currency: &str, amount_minor: u64, key: &str) -> Result<()> {
        let order = json!({"code": code.to_string(), "currency": currency, "amount_minor": amount_minor, "key": key});
        self.post::<Value>("/api/v1/loads", &order).map(drop)
    }

    /// The conservation check, a line a currency.
    pub fn books(&self) -> Result<Vec<Books>> {
        let all: AllBooks = self.get("/api/v1/conservation")?;
        Ok(all.currencies)
    }

    /// How many payments stand where.
    pub fn summary(&self) -> Result<Summary> {
        self.get("/api/v1/payments/summary")
    }

    /// The newest fraud proof, as bytes.
    pub fn newest_proof(&self) -> Result<Vec<u8>> {
        let cases: Frauds = self.get("/api/v1/frauds")?;
        let newest = cases.items.first().ok_or("no fraud case is on record")?;
        let path = format!("/api/v1/frauds/{}/proof", newest.id);
        let mut answer = self
            .agent
            .get(format!("{}{path}", self.base))
            .header("authorization", self.bearer())
            .call()?;
        if !answer.status().is_success() {
            return Err(format!("{path} answered {}", answer.status()).into());
        }
        Ok(answer.body_mut().read_to_vec()?)
    }

    /// Wallet messages the gateway has refused since it was started.
    pub fn refused(&self) -> Result<u64> {
        let text = self
            .agent
            .get(format!("{}/metrics", self.base))
            .call()?
            .body_mut()
            .read_to_string()?;
        let samples = text
            .lines()
            .filter(|line| line.starts_with("onecode_wallet_refused_total"));
        Ok(samples
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum())
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let request = self.agent.get(format!("{}{path}", self.base));
        let answer = request.header("authorization", self.bearer()).call()?;
        read(path, answer)
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T> {
        let request = self.agent.post(format!("{}{path}", self.base));
        let answer = request
            .header("authorization", self.bearer())
            .header("content-type", "application/json")
            .send(body.to_string())?;
        read(path, answer)
    }
}

fn read<T: DeserializeOwned>(
    path: &str,
    mut answer: ureq::http::Response<ureq::Body>,
) -> Result<T> {
    let text = answer.body_mut().read_to_string()?;
    if !answer.status().is_success() {
        return Err(format!("{path} answered {}: {text}", answer.status()).into());
    }
    serde_json::from_str(&text).map_err(|error| format!("{path} answered {text}: {error}").into())
}
