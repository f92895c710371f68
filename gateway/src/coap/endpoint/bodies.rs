//! Bodies on their way in blocks: requests being assembled, answers being fetched.

use crate::coap::limits::{BODIES_PER_PEER, BODY_IDLE};
use crate::coap::request::Response;
use bytes::Bytes;
use device_sdk::coap::block::Block;
use std::time::Instant;

/// What of a request stays the same over all its blocks; see [`super::key`].
pub(super) type Key = Vec<u8>;

/// The bodies of one peer.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    arriving: Vec<Arriving>,
    leaving: Vec<Leaving>,
}

#[derive(Debug)]
struct Arriving {
    key: Key,
    body: Vec<u8>,
    touched: Instant,
}

#[derive(Debug)]
struct Leaving {
    key: Key,
    response: Response,
    touched: Instant,
}

/// What became of one block of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Assembly {
    /// Send the next one.
    Continue,
    /// That was the last one.
    Whole(Bytes),
    /// 4.08: a block is missing, or the body was given up to make room.
    Incomplete,
    /// 4.13.
    TooLarge,
    /// 4.00: a block in the middle that is not as long as it says.
    BadLength,
}

impl Bodies {
    pub(super) fn bytes(&self) -> usize {
        let arriving: usize = self.arriving.iter().map(|it| it.body.len()).sum();
        let leaving: usize = self
            .leaving
            .iter()
            .map(|it| it.response.payload.len())
            .sum();
        arriving + leaving
    }

    pub(super) fn assemble(
        &mut self,
        key: &Key,
        block: Block,
        payload: &[u8],
        body_max_bytes: usize,
        now: Instant,
    ) -> Assembly {
        self.expire(now);
        let at = self.arriving.iter().position(|it| it.key == *key);
        let mut taken = at.map(|at| self.arriving.swap_remove(at));
        if block.number == 0 {
            taken = Some(Arriving {
                key: key.clone(),
                body: Vec::new(),
                touched: now,
            });
        }
        let Some(mut arriving) = taken.filter(|it| it.body.len() == block.offset()) else {
            return Assembly::Incomplete;
        };
        if payload.len() > block.size.bytes() || (block.more && payload.len() != block.size.bytes())
        {
            return Assembly::BadLength;
        }
        if arriving.body.len() + payload.len() > body_max_bytes {
            return Assembly::TooLarge;
        }
        arriving.body.extend_from_slice(payload);
        if !block.more {
            return Assembly::Whole(arriving.body.into());
        }
        arriving.touched = now;
        if self.arriving.len() >= BODIES_PER_PEER {
            self.arriving.remove(0);
        }
        self.arriving.push(arriving);
        Assembly::Continue
    }

    /// Keeps a large answer for the requests that fetch the rest of it.
    pub(super) fn keep(&mut self, key: &Key, response: &Response, now: Instant) {
        self.expire(now);
        self.leaving.retain(|it| it.key != *key);
        if self.leaving.len() >= BODIES_PER_PEER {
            self.leaving.remove(0);
        }
        self.leaving.push(Leaving {
            key: key.clone(),
            response: response.clone(),
            touched: now,
        });
    }

    pub(super) fn kept(&mut self, key: &Key, now: Instant) -> Option<Response> {
        self.expire(now);
        let leaving = self.leaving.iter_mut().find(|it| it.key == *key)?;
        leaving.touched = now;
        Some(leaving.response.clone())
    }

    /// The last block was fetched.
    pub(super) fn fetched(&mut self, key: &Key) {
        self.leaving.retain(|it| it.key != *key);
    }

    pub(super) fn expire(&mut self, now: Instant) {
        let fresh = |touched: Instant| now.duration_since(touched) < BODY_IDLE;
        self.arriving.retain(|it| fresh(it.touched));
        self.leaving.retain(|it| fresh(it.touched));
    }

    /// When [`Self::expire`] next has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let arriving = self.arriving.iter().map(|it| it.touched);
        let leaving = self.leaving.iter().map(|it| it.touched);
        arriving.chain(leaving).min().map(|at| at + BODY_IDLE)
    }

    pub(super) fn clear(&mut self) {
        self.arriving.clear();
        self.leaving.clear();
    }
}
