//! The way of letters about alerts out of the house: to webhooks by HTTPS, to a relay by SMTP, each
//! answer bounded in size and time. A webhook is connected to only where its name leads to an
//! address that the settings open, looked at when it is connected to.

use crate::config::Config;
use crate::house::Failure;
use crate::provider;
use admin::{Courier, Mail, NoAnswer, Reach};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message, SmtpTransport, Transport};
use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::Semaphore;
use ureq::Agent;
use ureq::config::Config as AgentConfig;
use ureq::http::{Request, StatusCode, Uri};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// How long a webhook may take, from the search for its name to the end of its head.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of the head of its answer; nobody reads the rest.
const HEAD_BYTES_MAX: usize = 16 * 1_024;
/// How long a relay may be silent.
const RELAY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take for one mail.
const MAIL_WITHIN: Duration = Duration::from_secs(30);
/// Letters on their way at once.
const AT_ONCE: usize = 8;

/// How a relay is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayTls {
    /// In the clear until both agree on TLS; without, nothing is sent.
    Starttls,
    /// By TLS from the first byte.
    Wrapped,
    /// In the clear, on loopback alone.
    None,
}

impl FromStr for RelayTls {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "starttls" => Ok(Self::Starttls),
            "tls" => Ok(Self::Wrapped),
            "none" => Ok(Self::None),
            _ => Err(()),
        }
    }
}

/// A host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl FromStr for Server {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (host, port) = text.rsplit_once(':').ok_or(())?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
        match !host.is_empty() && host.bytes().all(plain) {
            true => Ok(Self {
                host: host.to_owned(),
                port: port.parse().map_err(|_| ())?,
            }),
            false => Err(()),
        }
    }
}

/// The relay that takes mails, as it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Where it is.
    pub server: Server,
    /// How it is spoken to.
    pub tls: RelayTls,
    /// Whose mails they are.
    pub from: Address,
    /// By which name the gateway signs in there.
    pub user: Option<String>,
    /// File with the password.
    pub password_file: Option<PathBuf>,
}

impl Relay {
    /// What is wrong with the settings together.
    pub fn check(&self) -> Result<(), &'static str> {
        let host = self.server.host.as_str();
        let is_here = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        if self.tls == RelayTls::None && !is_here {
            return Err(
                "mail.tls = \"none\" is for a relay on loopback; beyond, use starttls or tls",
            );
        }
        match self.user.is_some() == self.password_file.is_some() {
            true => Ok(()),
            false => Err("mail.user and mail.password_file: both, or neither"),
        }
    }

    /// The password is read now, so that a file that is missing is found at the start.
    fn transport(&self) -> Result<SmtpTransport, Failure> {
        let host = self.server.host.clone();
        let tls = match self.tls {
            RelayTls::Starttls => Tls::Required(TlsParameters::new(host.clone())?),
            RelayTls::Wrapped => Tls::Wrapper(TlsParameters::new(host.clone())?),
            RelayTls::None => Tls::None,
        };
        let mut transport = SmtpTransport::builder_dangerous(host)
            .port(self.server.port)
            .tls(tls)
            .hello_name(ClientId::Domain(self.from.domain().to_owned()))
            .timeout(Some(RELAY_TIMEOUT));
        if let (Some(user), Some(file)) = (&self.user, &self.password_file) {
            let password = provider::secret(file)?.secret().clone();
            transport = transport.credentials(Credentials::new(user.clone(), password));
        }
        Ok(transport.build())
    }
}

/// Looks names up, and leaves the addresses out that webhooks may not reach.
struct Fenced {
    reach: Reach,
    names: DefaultResolver,
}

impl fmt::Debug for Fenced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fenced({:?})", self.reach)
    }
}

impl Resolver for Fenced {
    fn resolve(
        &self,
        uri: &Uri,
        config: &AgentConfig,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.names.resolve(uri, config, timeout)?;
        let is_plain = uri.scheme_str() != Some("https");
        let is_open = |address: &&SocketAddr| {
            let ip = address.ip();
            // A name that came to lead elsewhere since it was kept gets nothing in the clear.
            self.reach.permits(ip) && (!is_plain || ip.to_canonical().is_loopback())
        };
        let mut open = self.empty();
        for address in found.iter().filter(is_open) {
            open.push(*address);
        }
        match open.is_empty() {
            true => Err(ureq::Error::Other(
                "it leads where alerts.networks does not let webhooks go".into(),
            )),
            false => Ok(open),
        }
    }
}

struct MailWay {
    transport: SmtpTransport,
    from: Address,
}

/// Carries letters over the network.
pub struct Network {
    reach: Reach,
    agent: Agent,
    mail: Option<Arc<MailWay>>,
    ways: Arc<Semaphore>,
}

impl Network {
    /// By these settings; nothing is connected to yet.
    pub fn new(config: &Config) -> Result<Self, Failure> {
        let way = |relay: &Relay| {
            Ok::<_, Failure>(Arc::new(MailWay {
                transport: relay.transport()?,
                from: relay.from.clone(),
            }))
        };
        let mail = config.mail.as_ref().map(way).transpose()?;
        Ok(Self::reaching(config.webhooks_reach, mail))
    }

    fn reaching(reach: Reach, mail: Option<Arc<MailWay>>) -> Self {
        let config = provider::asking_once(CALL_TIMEOUT, HEAD_BYTES_MAX);
        let names = Fenced {
            reach,
            names: DefaultResolver::default(),
        };
        Self {
            reach,
            agent: Agent::with_parts(config, DefaultConnector::default(), names),
            mail,
            ways: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Has this done on a thread that may wait, one of [`AT_ONCE`].
    fn carry<T: Send + 'static>(
        &self,
        errand: impl FnOnce() -> Result<T, NoAnswer> + Send + 'static,
    ) -> impl Future<Output = Result<T, NoAnswer>> + Send + 'static {
        let ways = Arc::clone(&self.ways);
        async move {
            let way = ways.acquire_owned().await.map_err(none)?;
            let carried = tokio::task::spawn_blocking(move || {
                // Held by the errand and not by who waits for it, who may give up sooner.
                let _way = way;
                errand()
            });
            carried.await.map_err(none)?
        }
    }
}

fn none(why: impl ToString) -> NoAnswer {
    NoAnswer(why.to_string())
}

fn written(mail: Mail, from: &Address) -> Result<Message, NoAnswer> {
    let to: Address = mail.to.parse().map_err(none)?;
    let written = UNIX_EPOCH + Duration::from_secs(mail.written.0.into());
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    let automatic = HeaderValue::new(automatic, "auto-generated".to_owned());
    MessageBuilder::new()
        .from(Mailbox::new(Some("OneCode".to_owned()), from.clone()))
        .to(Mailbox::new(None, to))
        .subject(mail.subject)
        .date(written)
        .message_id(Some(format!("<{}@{}>", mail.id, from.domain())))
        .raw_header(automatic)
        .header(ContentType::TEXT_PLAIN)
        .body(mail.text)
        .map_err(none)
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, NoAnswer>> + Send>>;

impl Courier for Network {
    fn reach(&self) -> Reach {
        self.reach
    }

    fn call(&self, request: Request<Vec<u8>>) -> Answer<StatusCode> {
        let agent = self.agent.clone();
        Box::pin(self.carry(move || {
            let answer = agent.run(request).map_err(none)?;
            Ok(answer.status())
        }))
    }

    fn has_mail(&self) -> bool {
        self.mail.is_some()
    }

    fn mail(&self, mail: Mail) -> Answer<()> {
        let Some(way) = self.mail.clone() else {
            return Box::pin(async { Err(none("mail.relay names no relay any more")) });
        };
        let carried = self.carry(move || {
            let message = written(mail, &way.from)?;
            way.transport.send(&message).map_err(none)?;
            Ok(())
        });
        Box::pin(async {
            let carried = tokio::time::timeout(MAIL_WITHIN, carried).await;
            carried.map_err(|_| none("the relay takes too long"))?
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Timestamp;
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::thread::JoinHandle;

    const HERE: Reach = Reach {
        loopback: true,
        private: false,
    };

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    fn request(url: String) -> Request<Vec<u8>> {
        Request::post(url).body(b"{}".to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_webhook_is_called_and_only_its_status_counts() {
        let (listener, address) = listener();
        let heard = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = [0; 4_096];
            let count = stream.read(&mut heard).unwrap();
            // A body without end: nobody waits for it.
            let _ =
                stream.write_all(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\nx");
            (
                String::from_utf8_lossy(&heard[..count]).into_owned(),
                stream,
            )
        });
        let network = Network::reaching(HERE, None);
        let status = network.call(request(format!("http://{address}/x"))).await;
        assert_eq!(status, Ok(StatusCode::FOUND), "a redirect is an answer");
        let (heard, _stream) = heard.join().unwrap();
        assert!(heard.starts_with("POST /x HTTP/1.1\r\n"), "{heard}");
    }

    #[tokio::test]
    async fn a_webhook_that_leads_where_it_may_not_is_never_connected_to() {
        let (listener, address) = listener();
        listener.set_nonblocking(true).unwrap();
        let port = address.port();
        for (reach, url) in [
            (Reach::default(), format!("http://127.0.0.1:{port}/")),
            (Reach::default(), format!("http://localhost:{port}/")),
            (Reach::default(), format!("https://localhost:{port}/")),
            (HERE, format!("http://0.0.0.0:{port}/")),
            (HERE, "http://169.254.169.254/latest".to_owned()),
            (HERE, "https://10.0.0.1/".to_owned()),
        ] {
            let answer = Network::reaching(reach, None)
                .call(request(url.clone()))
                .await;
            let why = answer.unwrap_err().0;
            assert!(why.contains("alerts.networks"), "{url}: {why}");
        }
        assert!(listener.accept().is_err(), "nobody came");
        // In the clear nothing goes beyond this machine, whatever is open.
        let everywhere = Reach {
            loopback: true,
            private: true,
        };
        let plain = Network::reaching(everywhere, None).call(request("http://10.0.0.1/".into()));
        assert!(plain.await.unwrap_err().0.contains("alerts.networks"));
    }

    /// A relay that takes one mail, or refuses its receiver.
    fn relay(takes: bool) -> (SocketAddr, JoinHandle<Vec<String>>) {
        let (listener, address) = listener();
        let serve = move || {
            let (stream, _) = listener.accept().unwrap();
            converse(&stream, takes)
        };
        (address, std::thread::spawn(serve))
    }

    fn converse(stream: &TcpStream, takes: bool) -> Vec<String> {
        let (mut out, mut heard, mut data) = (stream, Vec::new(), false);
        out.write_all(b"220 here\r\n").unwrap();
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { break };
            let answer: &[u8] = match line.split(' ').next().unwrap() {
                "." if data => {
                    data = false;
                    b"250 taken\r\n"
                }
                _ if data => b"",
                "EHLO" => b"250 here\r\n",
                "RCPT" if !takes => b"550 nobody of that name\r\n",
                "DATA" => {
                    data = true;
                    b"354 go on\r\n"
                }
                "QUIT" => b"221 bye\r\n",
                _ => b"250 fine\r\n",
            };
            heard.push(line);
            if out.write_all(answer).is_err() {
                break;
            }
        }
        heard
    }

    fn by(address: SocketAddr) -> Network {
        let relay = Relay {
            server: address.to_string().parse().unwrap(),
            tls: RelayTls::None,
            from: "onecode@example.com".parse().unwrap(),
            user: None,
            password_file: None,
        };
        relay.check().unwrap();
        let way = MailWay {
            transport: relay.transport().unwrap(),
            from: relay.from,
        };
        Network::reaching(HERE, Some(Arc::new(way)))
    }

    fn mail() -> Mail {
        Mail {
            to: "duty@example.com".to_owned(),
            subject: "OneCode test: die Bücher".to_owned(),
            text: "One fraud case.\n.\nwith a dot\n".to_owned(),
            id: "ab".repeat(16),
            written: Timestamp(1_795_348_800),
        }
    }

    #[tokio::test]
    async fn a_mail_is_done_when_the_relay_has_taken_it() {
        let (address, heard) = relay(true);
        assert_eq!(by(address).mail(mail()).await, Ok(()));
        let heard = heard.join().unwrap();
        let has = |wanted: &str| heard.iter().any(|line| line == wanted);
        assert!(has("RCPT TO:<duty@example.com>"), "{heard:#?}");
        assert!(has(&format!(
            "Message-ID: <{}@example.com>",
            "ab".repeat(16)
        )));
        assert!(has("Date: Sun, 22 Nov 2026 12:00:00 +0000"), "{heard:#?}");
        assert!(has("Auto-Submitted: auto-generated"));
        assert!(has(".."), "a dot of its own ends no mail");
    }

    #[tokio::test]
    async fn a_mail_that_is_refused_says_why() {
        let (address, heard) = relay(false);
        let why = by(address).mail(mail()).await.unwrap_err().0;
        assert!(
            why.contains("550") && why.contains("nobody of that name"),
            "{why}"
        );
        heard.join().unwrap();
    }

    #[test]
    fn a_relay_in_the_clear_is_on_this_machine() {
        let relay = |server: &str, tls: &str| Relay {
            server: server.parse().unwrap(),
            tls: tls.parse().unwrap(),
            from: "a@example.com".parse().unwrap(),
            user: None,
            password_file: None,
        };
        for server in ["localhost:25", "127.0.0.1:25", "[::1]:25"] {
            assert_eq!(relay(server, "none").check(), Ok(()), "{server}");
        }
        assert!(relay("mail.example.com:25", "none").check().is_err());
        assert!(relay("mail.example.com:587", "starttls").check().is_ok());
        assert!(relay("mail.example.com:465", "tls").transport().is_ok());
        let mut named = relay("mail.example.com:587", "starttls");
        named.user = Some("onecode".to_owned());
        assert!(named.check().is_err());
        for server in ["", "host", ":25", "host:", "ho st:25", "host:65536"] {
            assert!(server.parse::<Server>().is_err(), "{server}");
        }
    }
}
