//! The way to a provider of sign-ins: HTTPS with the certificates this machine trusts, no redirect, no
//! proxy, and a bound on everything.

use admin::{ClientSecret, NoAnswer, ProviderLink};
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use ureq::Agent;
use ureq::config::Config as AgentConfig;
use ureq::http::{Request, Response};
use ureq::tls::{RootCerts, TlsConfig};

/// How long an answer may take, from the search for the name to its last byte.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer: keys of a large provider are some ten kilobytes.
const ANSWER_BYTES_MAX: u64 = 256 * 1_024;
/// Bytes of its head.
const HEAD_BYTES_MAX: usize = 32 * 1_024;
/// Questions under way at once.
const AT_ONCE: usize = 4;
/// Questions under way or waiting; beyond that there is no answer.
const WAITING_MAX: usize = 64;

/// Longest secret.
const SECRET_BYTES_MAX: usize = 4_096;

/// A secret, as its file has it but for spaces and line ends around it.
pub fn secret(file: &Path) -> Result<ClientSecret, std::io::Error> {
    let unfit = |why: &str| std::io::Error::other(format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| unfit(&error.to_string()))?;
    let secret = text.trim();
    match secret.len() {
        1..=SECRET_BYTES_MAX => Ok(ClientSecret::new(secret.to_owned())),
        _ => Err(unfit("wants the secret and nothing else")),
    }
}

/// Asks over the network.
pub struct Network {
    agent: Agent,
    queue: Arc<Semaphore>,
    ways: Arc<Semaphore>,
}

/// How this house asks others over HTTP: one answer to one request, within a time, with a head of at
/// most so many bytes, and no redirect is followed.
pub(crate) fn asking_once(within: Duration, head_bytes_max: usize) -> AgentConfig {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Agent::config_builder()
        .timeout_global(Some(within))
        .max_response_header_size(head_bytes_max)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(0)
        .proxy(None)
        .tls_config(tls)
        .user_agent("OneCode")
        .build()
}

impl Default for Network {
    fn default() -> Self {
        let agent = asking_once(ANSWER_TIMEOUT, HEAD_BYTES_MAX).new_agent();
        Self {
            agent,
            queue: Arc::new(Semaphore::new(WAITING_MAX)),
            ways: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

fn none(why: impl ToString) -> NoAnswer {
    NoAnswer(why.to_string())
}

fn ask(agent: &Agent, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, NoAnswer> {
    let (parts, mut body) = agent.run(request).map_err(none)?.into_parts();
    let bytes = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
    Ok(Response::from_parts(parts, bytes.map_err(none)?))
}

impl ProviderLink for Network {
    fn ask(
        &self,
        request: Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, NoAnswer>> + Send>> {
        let (agent, ways) = (self.agent.clone(), Arc::clone(&self.ways));
        let place = Arc::clone(&self.queue).try_acquire_owned();
        Box::pin(async move {
            let _place = place.map_err(|_| none("too many ask it at once"))?;
            let way = ways.acquire_owned().await.map_err(none)?;
            let asking = tokio::task::spawn_blocking(move || {
                // Held by the question and not by who asked: a browser that hangs up frees no way.
                let _way = way;
                ask(&agent, request)
            });
            asking.await.map_err(none)?
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener};

    /// A provider that says this to whoever connects, once.
    fn says(answer: Vec<u8>) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = [0; 4_096];
            let _ = stream.read(&mut heard);
            let _ = stream.write_all(&answer);
        });
        address
    }

    async fn answer(address: SocketAddr) -> Result<Response<Vec<u8>>, NoAnswer> {
        let request = Request::get(format!("http://{address}/x"));
        Network::default()
            .ask(request.body(Vec::new()).unwrap())
            .await
    }

    #[tokio::test]
    async fn an_answer_comes_whole_with_its_status() {
        let address = says(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}".to_vec());
        let answer = answer(address).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.body().as_slice()),
            (400, &b"{}"[..])
        );
    }

    #[tokio::test]
    async fn an_answer_without_end_is_none() {
        let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        endless.resize(ANSWER_BYTES_MAX as usize + 100, b' ');
        assert!(answer(says(endless)).await.is_err());
        let mut head = b"HTTP/1.1 200 OK\r\nx: ".to_vec();
        head.resize(HEAD_BYTES_MAX + 100, b'x');
        assert!(answer(says(head)).await.is_err());
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let elsewhere = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        elsewhere.set_nonblocking(true).unwrap();
        let to = elsewhere.local_addr().unwrap();
        let redirect =
            format!("HTTP/1.1 302 Found\r\nlocation: http://{to}/\r\ncontent-length: 0\r\n\r\n");
        let answer = answer(says(redirect.into_bytes())).await.unwrap();
        assert_eq!(answer.status().as_u16(), 302);
        assert!(elsewhere.accept().is_err(), "nobody came");
    }

    #[tokio::test]
    async fn a_port_where_nobody_is_gives_no_answer() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(answer(address).await.is_err());
    }
}
