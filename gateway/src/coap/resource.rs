//! What stands behind the endpoint: resources that answer when they can.

use super::request::{Request, Response};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use protocol::Code;
use std::net::SocketAddr;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The code proved by the peer's certificate; `None` on plain UDP, where nobody proves anything.
    pub caller: Option<Code>,
    /// From where.
    pub at: Option<SocketAddr>,
    /// The certificate has ended: it is good for getting another one.
    pub is_late: bool,
}

/// Answers requests. An answer may take its time; what it promises is durable when it comes.
pub trait Resources: Send + Sync + 'static {
    /// Answers one request.
    fn answer(&self, asker: Asker, request: Request) -> BoxFuture<'static, Answer>;
}

/// The answer to a request.
pub struct Answer {
    /// What to say now.
    pub response: Response,
    /// Later states of the resource, if it can be observed. When the stream ends, so does the
    /// observation.
    pub changes: Option<BoxStream<'static, Response>>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self {
            response,
            changes: None,
        }
    }
}
