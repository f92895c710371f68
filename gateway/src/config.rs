//! Settings: defaults, then a TOML file, then `ONECODE_SECTION_KEY`, then flags. One table says all
//! there is, so that documentation, defaults and the check for unknown keys cannot part.

use crate::courier::Relay;
use crate::publishing::Witness;
use crate::upstream;
use ledger::bounds::{COSIGNATURES_MOST, LOGS_MOST};
use protocol::Network;
use protocol::chain::{NoteKey, SignatureKind};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use strsim::levenshtein;

/// Where the file is looked for when no `--config` is given.
pub const DEFAULT_FILE: &str = "/etc/onecode/onecode.toml";

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Table in the file.
    pub section: &'static str,
    /// Name in the table.
    pub name: &'static str,
    /// Used when nothing else is said.
    pub default: &'static str,
    /// What it means.
    pub doc: &'static str,
}

macro_rules! keys {
    ($($section:literal $name:literal = $default:literal, $doc:literal;)*) => {
        /// Every setting there is.
        pub const KEYS: &[Key] = &[$(Key { section: $section, name: $name, default: $default, doc: $doc },)*];
    };
}

keys! {
    "gateway" "data" = "./onecode-data", "Folder of keys and books. Created when absent.";
    "gateway" "network" = "test", "Name of the network; objects of one network mean nothing in another. Fixed once the folder exists.";
    "gateway" "domain" = "onecode.internal", "DNS suffix in certificates. Fixed once the folder exists.";
    "gateway" "resolver" = "LOCALHOST:8080", "Host (and port) printed on labels; at most 16 characters keep the QR code small.";
    "gateway" "names" = "", "Further host names and addresses that things reach this gateway by, separated by commas.";
    "gateway" "station" = "1", "Its number with the issuer, which stands in the codes it makes. Another one, counted down from 4094, for a box that replaces a lost one. Fixed once the folder exists.";
    "mqtt" "listen" = "0.0.0.0:8883", "MQTT over TLS with client certificates.";
    "mqtt" "websocket_listen" = "", "The same over WebSocket, at /mqtt, with client certificates as well; such as 0.0.0.0:8084. Empty: not spoken.";
    "coap" "listen" = "0.0.0.0:5683", "Plain CoAP: signed wallet objects and discovery only.";
    "coap" "secure_listen" = "0.0.0.0:5684", "CoAP over DTLS with client certificates.";
    "http" "listen" = "127.0.0.1:8080", "Portal, enrolment, resolver, metrics. Put a TLS proxy in front before opening it to others.";
    "http" "proxies" = "", "Addresses of the TLS proxies in front, separated by commas: browsers come by https, and X-Forwarded-For of these says from where.";
    "portal" "address" = "", "By which browsers reach the portal, such as https://portal.example.com. Empty: gateway.resolver behind a proxy, http.listen without one.";
    "portal" "tiles" = "", "Where the map gets pictures of the ground, such as https://tiles.example/{z}/{x}/{y}.png. Empty: coastlines alone, which need no network.";
    "wallet" "allowance_life_s" = "604800", "How long an allowance is good.";
    "wallet" "most_per_payment_minor" = "1000000000", "Largest single payment of an allowance.";
    "wallet" "most_payments" = "1000", "Sequence numbers an allowance opens.";
    "wallet" "hops" = "2", "How many times the payments under an allowance may be spent on before they settle; 0: never.";
    "wallet" "most_offline_minor" = "5000000000", "Most that one allowance lets a purse of class 0 spend.";
    "wallet" "most_held_minor" = "9223372036854775807", "Most that a load may bring a purse of class 0 to.";
    "wallet" "most_per_day_minor" = "9223372036854775807", "Most that renewals of one day put behind allowances of a purse of class 0.";
    "wallet" "guarantee_minor" = "0", "Most that the issuer pays for one allowance of class 0 whose purse forked.";
    "wallet" "class_factors" = "1,5,20", "How many times these amounts the classes 0, 1 and 2 have.";
    "wallet" "terms" = "", "Currencies with amounts of their own: EUR allowance=5000 payment=2000 holding=100000 daily=20000; KWH payment=50";
    "wallet" "grace_s" = "1209600", "Longer than the longest isolation of this gateway. Fixed once the folder exists.";
    "codes" "life_s" = "315360000", "How long certificate and pass of a thing are good; never longer than the gateway's own. Things renew theirs by themselves, from half of it on.";
    "oidc" "issuer" = "", "OpenID provider that people may sign in by, exactly as it calls itself, such as https://id.example.com/realms/one. Empty: name and password alone.";
    "oidc" "client_id" = "", "As the provider knows this gateway; its redirect URI there is portal.address and /sign-in/provider/back.";
    "oidc" "client_secret_file" = "", "File with the secret of that client, for the gateway's user alone. Empty: a public client.";
    "oidc" "name" = "single sign-on", "What people call the provider; stands on the button.";
    "oidc" "scopes" = "profile", "Asked for beside openid, separated by spaces.";
    "oidc" "roles_claim" = "", "Claim of the ID token that says what somebody may do, such as groups or realm_access.roles. Empty: owners say it here.";
    "oidc" "roles" = "", "Roles for its values: portal-owners=owner, portal-staff=issuer+operator";
    "oidc" "admit" = "invited", "Who may come in for the first time: invited (by an owner's link), mapped (who has a role by the claim), or roles such as auditor that everybody of the provider gets.";
    "oidc" "loopback" = "no", "yes: a provider on loopback may be asked without TLS. For trials.";
    "alerts" "networks" = "", "Networks beside the public ones that webhooks may reach: private, loopback (also without TLS), separated by commas. Link-local addresses and those by which clouds tell secrets are never reached.";
    "mail" "relay" = "", "Relay that takes mails about alerts, such as mail.example.com:587. Empty: no mail.";
    "mail" "tls" = "starttls", "How the relay is spoken to: starttls, tls (from the first byte, port 465 mostly), or none, which a relay on loopback alone is.";
    "mail" "from" = "", "Whose mails they are, such as onecode@example.com.";
    "mail" "user" = "", "By which name the gateway signs in at the relay. Empty: it does not.";
    "mail" "password_file" = "", "File with the password of that name, for the gateway's user alone.";
    "upstream" "broker" = "", "Broker that telemetry is relayed to and from, such as mqtts://broker.example.com:8883; mqtt:// on loopback alone. The gateway shows its own certificate and code. Empty: none.";
    "upstream" "rules" = "", "What is relayed, as Mosquitto's bridges write it: PATTERN out|in QOS LOCAL-PREFIX REMOTE-PREFIX, separated by semicolons, \"\" for no prefix; such as +/t/# out 1 oc/1/ plant/7/";
    "upstream" "trusted_file" = "", "Who signed the broker's certificate, PEM. Empty: this network's own root.";
    "upstream" "user" = "", "By which name the gateway signs in at the broker, where its certificate does not say enough. Empty: it does not.";
    "upstream" "password_file" = "", "File with the password of that name, for the gateway's user alone.";
    "upstream" "most_mb" = "256", "Disk for telemetry that waits for the broker. When it is full the oldest goes, and is counted.";
    "chain" "logs" = "", "Verifier keys of logs that this gateway cosigns as a witness, separated by commas.";
    "chain" "witnesses" = "", "Who cosigns this gateway's log: KEY URL, KEY URL; a gateway's keys stand at /chain/key, and its witness at http://HOST/witness.";
    "log" "filter" = "info,rumqttd=error,rustls=error", "What is logged, in the form of RUST_LOG.";
}

/// All settings, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of keys and books.
    pub data: PathBuf,
    /// Name of the network.
    pub network: Network,
    /// DNS suffix in certificates.
    pub domain: String,
    /// Host printed on labels.
    pub resolver: String,
    /// Further names of the server certificate.
    pub names: Vec<String>,
    /// The gateway's number with its issuer.
    pub station: u16,
    /// MQTT over TLS.
    pub mqtt_listen: SocketAddr,
    /// MQTT over WebSocket over TLS, where it is spoken.
    pub mqtt_websocket_listen: Option<SocketAddr>,
    /// Plain CoAP.
    pub coap_listen: SocketAddr,
    /// CoAP over DTLS.
    pub coaps_listen: SocketAddr,
    /// HTTP.
    pub http_listen: SocketAddr,
    /// The TLS proxies in front of HTTP.
    pub proxies: admin::Proxies,
    /// The provider that people may sign in by, without its secret.
    pub sso: Option<admin::SsoSettings>,
    /// File with that secret.
    pub sso_secret_file: Option<PathBuf>,
    /// By which address browsers reach the portal, without a slash at its end.
    pub portal_address: String,
    /// Networks beside the public ones that webhooks may reach.
    pub webhooks_reach: admin::Reach,
    /// The relay that takes mails, without its password.
    pub mail: Option<crate::courier::Relay>,
    /// Where the portal's map gets pictures of the ground.
    pub tiles: Option<admin::Tiles>,
    /// How long an allowance is good.
    pub allowance_life_s: u32,
    /// Largest single payment of an allowance.
    pub most_per_payment_minor: u64,
    /// Sequence numbers an allowance opens.
    pub most_payments: u32,
    /// How many times the payments under an allowance may be spent on before they settle.
    pub hops: u32,
    /// Most that one allowance lets a purse spend.
    pub most_offline_minor: u64,
    /// Most that a load may bring a purse to.
    pub most_held_minor: u64,
    /// Most that renewals of one day put behind allowances.
    pub most_per_day_minor: u64,
    /// Most that the issuer pays for one allowance.
    pub guarantee_minor: u64,
    /// How many times these amounts each class has.
    pub class_factors: [u32; 3],
    /// Currencies with amounts of their own, as text.
    pub terms: String,
    /// Longest isolation of this gateway.
    pub grace_s: u32,
    /// How long certificate and pass of a thing are good.
    pub credentials_life_s: u32,
    /// Logs that this gateway cosigns, by their verifier keys.
    pub known_logs: Vec<String>,
    /// Who cosigns this gateway's log.
    pub witnesses: Vec<Witness>,
    /// What is above.
    pub upstream: Option<upstream::Settings>,
    /// Megabytes of telemetry that may wait for it.
    pub upstream_most_mb: u32,
    /// What is logged.
    pub log_filter: String,
}

/// Why the settings cannot be used; always names where the value came from.
#[derive(Debug)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// Values with where each came from, keyed by `section.name`.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    values: BTreeMap<String, (String, String)>,
}

impl Sources {
    /// Defaults only.
    pub fn defaults() -> Self {
        let mut sources = Self::default();
        for key in KEYS {
            sources.put(
                &format!("{}.{}", key.section, key.name),
                key.default,
                "default",
            );
        }
        sources
    }

    /// Adds a file. An unknown key is an error with a suggestion.
    pub fn file(mut self, path: &Path) -> Result<Self, ConfigError> {
        let place = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError(format!("cannot read {place}: {error}")))?;
        let tables: toml::Table = text
            .parse()
            .map_err(|error| ConfigError(format!("{place}: {error}")))?;
        for (section, table) in tables {
            let toml::Value::Table(table) = table else {
                return Err(ConfigError(format!(
                    "{place}: `{section}` stands outside a [section]"
                )));
            };
            for (name, value) in table {
                let key = format!("{section}.{name}");
                if !self.values.contains_key(&key) {
                    return Err(ConfigError(format!(
                        "{place}: no setting `{key}`{}",
                        suggestion(&key)
                    )));
                }
                let value = match value {
                    toml::Value::String(text) => text,
                    toml::Value::Integer(number) => number.to_string(),
                    other => {
                        return Err(ConfigError(format!("{place}: `{key}` cannot be {other}")));
                    }
                };
                self.put(&key, &value, &place);
            }
        }
        Ok(self)
    }

    /// Adds `ONECODE_SECTION_KEY` variables. An unknown one is an error, too.
    pub fn environment(
        mut self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        for (variable, value) in variables {
            let Some(rest) = variable.strip_prefix("ONECODE_") else {
                continue;
            };
            let key = rest.to_ascii_lowercase().replacen('_', ".", 1);
            // Variables of the tests and of deployment scripts are none of ours.
            let Some((section, _)) = key.split_once('.') else {
                continue;
            };
            if !KEYS.iter().any(|known| known.section == section) {
                continue;
            }
            if !self.values.contains_key(&key) {
                return Err(ConfigError(format!(
                    "no setting for {variable}{}",
                    suggestion(&key)
                )));
            }
            self.put(&key, &value, &variable);
        }
        Ok(self)
    }

    /// Adds a flag of the command line.
    pub fn flag(mut self, key: &str, value: Option<String>) -> Self {
        if let Some(value) = value {
            self.put(key, &value, "command line");
        }
        self
    }

    fn put(&mut self, key: &str, value: &str, place: &str) {
        self.values
            .insert(key.to_owned(), (value.to_owned(), place.to_owned()));
    }

    /// The value of a key and where it came from.
    pub fn get(&self, key: &str) -> (&str, &str) {
        self.values
            .get(key)
            .map_or(("", "default"), |(value, place)| (value, place))
    }

    fn parse<T: FromStr>(&self, key: &str, wanted: &str) -> Result<T, ConfigError> {
        let (value, place) = self.get(key);
        value
            .parse()
            .map_err(|_| ConfigError(format!("{key} = \"{value}\" ({place}): wants {wanted}")))
    }

    fn known_logs(&self) -> Result<Vec<String>, ConfigError> {
        let (text, place) = self.get("chain.logs");
        let keys = text.split(',').map(str::trim).filter(|key| !key.is_empty());
        let keys: Vec<String> = keys.map(str::to_owned).collect();
        let is_log =
            |key: &String| NoteKey::read(key).is_some_and(|key| key.kind == SignatureKind::Log);
        match keys.len() <= LOGS_MOST && keys.iter().all(is_log) {
            true => Ok(keys),
            false => Err(ConfigError(format!(
                "chain.logs = \"{text}\" ({place}): wants verifier keys of logs, {LOGS_MOST} at most; a gateway shows its own at /chain/key, on the first line"
            ))),
        }
    }

    fn witnesses(&self) -> Result<Vec<Witness>, ConfigError> {
        let (text, place) = self.get("chain.witnesses");
        let witnesses = Witness::read_all(text);
        let few = witnesses.filter(|all| all.len() <= COSIGNATURES_MOST as usize);
        few.ok_or_else(|| {
            ConfigError(format!(
                "chain.witnesses = \"{text}\" ({place}): wants KEY URL, {COSIGNATURES_MOST} at most, separated by commas; a gateway shows its key at /chain/key, on the second line"
            ))
        })
    }

    /// By which address browsers reach the portal, without a slash at its end.
    fn portal_address(&self) -> Result<String, ConfigError> {
        let (text, place) = self.get("portal.address");
        let text = text.trim_end_matches('/');
        if text.is_empty() {
            let proxied = !self.get("http.proxies").0.trim().is_empty();
            return Ok(match proxied {
                true => format!(
                    "https://{}",
                    self.get("gateway.resolver").0.to_ascii_lowercase()
                ),
                false => format!("http://{}", self.get("http.listen").0),
            });
        }
        let host = text.split_once("://").map(|(_, host)| host);
        match host {
            Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => {
                Ok(text.to_owned())
            }
            _ => Err(ConfigError(format!(
                "portal.address = \"{text}\" ({place}): wants https:// and a host, such as https://portal.example.com"
            ))),
        }
    }

    fn sso(&self) -> Result<Option<admin::SsoSettings>, ConfigError> {
        let text = |name: &str| self.get(&format!("oidc.{name}")).0.trim().to_owned();
        if text("issuer").is_empty() {
            return Ok(None);
        }
        let settings = admin::SsoSettings {
            issuer: text("issuer"),
            client_id: text("client_id"),
            client_secret: None,
            redirect: format!("{}{}", self.portal_address()?, admin::BACK_PATH),
            name: text("name"),
            scopes: text("scopes")
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            roles_claim: Some(text("roles_claim")).filter(|claim| !claim.is_empty()),
            roles: self.parse("oidc.roles", "VALUE=role+role, VALUE=role")?,
            admit: self.parse("oidc.admit", "invited, mapped, or roles such as auditor")?,
            loopback: match text("loopback").as_str() {
                "yes" => true,
                "no" => false,
                _ => return Err(ConfigError("oidc.loopback: wants yes or no".to_owned())),
            },
        };
        settings.check().map_err(ConfigError)?;
        Ok(Some(settings))
    }

    fn upstream(&self) -> Result<Option<upstream::Settings>, ConfigError> {
        let text = |name: &str| self.get(&format!("upstream.{name}")).0.trim().to_owned();
        if text("broker").is_empty() {
            return Ok(None);
        }
        let file = |name: &str| Some(text(name)).filter(|file| !file.is_empty());
        let user = Some(text("user")).filter(|user| !user.is_empty());
        let password = file("password_file").map(PathBuf::from);
        if user.is_some() != password.is_some() {
            let both = "upstream.user and upstream.password_file: both or neither";
            return Err(ConfigError(both.to_owned()));
        }
        Ok(Some(upstream::Settings {
            broker: self.parse(
                "upstream.broker",
                "mqtts:// and a host, such as mqtts://broker.example.com:8883; mqtt:// only on loopback",
            )?,
            rules: self.parse(
                "upstream.rules",
                "PATTERN out|in 1|2 LOCAL-PREFIX REMOTE-PREFIX, separated by semicolons",
            )?,
            trusted_file: file("trusted_file").map(PathBuf::from),
            user: user.zip(password),
        }))
    }

    fn mail(&self) -> Result<Option<Relay>, ConfigError> {
        let text = |name: &str| self.get(&format!("mail.{name}")).0.trim().to_owned();
        if text("relay").is_empty() {
            return Ok(None);
        }
        let user = text("user");
        let relay = Relay {
            server: self.parse("mail.relay", "a host and port such as mail.example.com:587")?,
            tls: self.parse("mail.tls", "starttls, tls or none")?,
            from: self.parse(
                "mail.from",
                "an address of mail such as onecode@example.com",
            )?,
            user: Some(user).filter(|user| !user.is_empty()),
            password_file: Some(text("password_file"))
                .filter(|file| !file.is_empty())
                .map(PathBuf::from),
        };
        relay
            .check()
            .map_err(|what| ConfigError(format!("mail: {what}")))?;
        Ok(Some(relay))
    }

    /// Checks everything.
    pub fn config(&self) -> Result<Config, ConfigError> {
        const ADDRESS: &str = "an address and port such as 127.0.0.1:8883";
        const SECONDS: &str = "a whole number of seconds";
        const AMOUNT: &str = "a whole number of the smallest unit";
        let (network, place) = self.get("gateway.network");
        let network = Network::new(network).ok_or_else(|| {
            ConfigError(format!(
                "gateway.network = \"{network}\" ({place}): wants 1 to 24 of a-z, 0-9, dot, hyphen"
            ))
        })?;
        let (text, place) = self.get("wallet.class_factors");
        let class_factors = crate::terms::factors(text).ok_or_else(|| {
            ConfigError(format!(
                "wallet.class_factors = \"{text}\" ({place}): wants three numbers such as 1,5,20"
            ))
        })?;
        Ok(Config {
            data: PathBuf::from(self.get("gateway.data").0),
            network,
            domain: self.get("gateway.domain").0.to_owned(),
            resolver: self.get("gateway.resolver").0.to_ascii_uppercase(),
            names: self
                .get("gateway.names")
                .0
                .split(',')
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
            station: self.parse("gateway.station", "a number from 1 to 4094")?,
            mqtt_listen: self.parse("mqtt.listen", ADDRESS)?,
            mqtt_websocket_listen: match self.get("mqtt.websocket_listen").0 {
                "" => None,
                _ => Some(self.parse("mqtt.websocket_listen", ADDRESS)?),
            },
            coap_listen: self.parse("coap.listen", ADDRESS)?,
            coaps_listen: self.parse("coap.secure_listen", ADDRESS)?,
            http_listen: self.parse("http.listen", ADDRESS)?,
            proxies: self.parse(
                "http.proxies",
                "up to 16 addresses such as 127.0.0.1, separated by commas",
            )?,
            sso: self.sso()?,
            sso_secret_file: Some(self.get("oidc.client_secret_file").0)
                .filter(|file| !file.is_empty())
                .map(PathBuf::from),
            portal_address: self.portal_address()?,
            webhooks_reach: self.parse("alerts.networks", "private, loopback, both or nothing")?,
            mail: self.mail()?,
            tiles: match self.get("portal.tiles").0 {
                "" => None,
                _ => Some(self.parse("portal.tiles", "https://HOST/{z}/{x}/{y}.png")?),
            },
            allowance_life_s: self.parse("wallet.allowance_life_s", SECONDS)?,
            most_per_payment_minor: self.parse("wallet.most_per_payment_minor", AMOUNT)?,
            most_payments: self.parse("wallet.most_payments", "a whole number")?,
            hops: self.parse("wallet.hops", "a whole number")?,
            most_offline_minor: self.parse("wallet.most_offline_minor", AMOUNT)?,
            most_held_minor: self.parse("wallet.most_held_minor", AMOUNT)?,
            most_per_day_minor: self.parse("wallet.most_per_day_minor", AMOUNT)?,
            guarantee_minor: self.parse("wallet.guarantee_minor", AMOUNT)?,
            class_factors,
            terms: self.get("wallet.terms").0.to_owned(),
            grace_s: self.parse("wallet.grace_s", SECONDS)?,
            credentials_life_s: self.parse::<NonZero<u32>>("codes.life_s", SECONDS)?.get(),
            known_logs: self.known_logs()?,
            witnesses: self.witnesses()?,
            upstream: self.upstream()?,
            upstream_most_mb: self.parse("upstream.most_mb", "a whole number of megabytes")?,
            log_filter: self.get("log.filter").0.to_owned(),
        })
    }
}

fn suggestion(key: &str) -> String {
    let nearest = KEYS
        .iter()
        .map(|known| format!("{}.{}", known.section, known.name))
        .min_by_key(|known| levenshtein(known, key));
    match nearest {
        Some(known) if levenshtein(&known, key) <= 4 => format!("; did you mean `{known}`?"),
        _ => "; `onecode config list --doc` shows all".to_owned(),
    }
}

/// Levenshtein distance.
#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<Sources, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("onecode.toml");
        std::fs::write(&path, text).unwrap();
        Sources::defaults().file(&path)
    }

    #[test]
    fn defaults_are_a_working_configuration() {
        let config = Sources::defaults().config().unwrap();
        assert_eq!(config.http_listen.to_string(), "127.0.0.1:8080");
    }

    #[test]
    fn later_sources_win() {
        let variables = [("ONECODE_MQTT_LISTEN".to_owned(), "127.0.0.1:2".to_owned())];
        let sources = file("[mqtt]\nlisten = \"127.0.0.1:1\"\n[wallet]\ngrace_s = 60\n").unwrap();
        let config = sources
            .clone()
            .environment(variables.clone().into_iter())
            .unwrap()
            .config()
            .unwrap();
        assert_eq!((config.mqtt_listen.port(), config.grace_s), (2, 60));
        let flagged = sources
            .environment(variables.into_iter())
            .unwrap()
            .flag("mqtt.listen", Some("127.0.0.1:3".to_owned()));
        assert_eq!(flagged.config().unwrap().mqtt_listen.port(), 3);
        assert_eq!(flagged.get("mqtt.listen").1, "command line");
    }

    #[test]
    fn an_unknown_key_names_its_place_and_the_likely_key() {
        let error = file("[mqtt]\nlistn = \"127.0.0.1:1\"")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("onecode.toml") && error.contains("did you mean `mqtt.listen`"),
            "{error}"
        );
        let variable = [("ONECODE_MQTT_LISTNE".to_owned(), String::new())];
        assert!(
            Sources::defaults()
                .environment(variable.into_iter())
                .is_err()
        );
    }

    #[test]
    fn a_bad_value_names_key_value_and_place() {
        let error = file("[http]\nlisten = \"8080\"")
            .unwrap()
            .config()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("http.listen") && error.contains("8080") && error.contains("wants"),
            "{error}"
        );
    }
}
