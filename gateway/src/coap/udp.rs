//! The plain door, 5683: signed wallet objects for the gateway, and discovery.

use super::counters::Counters;
use super::endpoint::Seed;
use super::limits::{DATAGRAM_MAX_BYTES, DATAGRAMS_PER_TURN, IDLE, Limits, STOP_WITHIN};
use super::resource::{Asker, Resources};
use super::service::Service;
use super::{Listening, Order};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// Opens the door.
pub fn listen(
    socket: UdpSocket,
    limits: Limits,
    resources: Arc<dyn Resources>,
    counters: Arc<Counters>,
    seed: Seed,
) -> io::Result<Listening> {
    let local = socket.local_addr()?;
    let service = Service::new(limits, resources, counters, seed);
    Ok(Listening::new(local, |orders| run(socket, service, orders)))
}

async fn run(
    socket: UdpSocket,
    mut service: Service<SocketAddr>,
    mut orders: mpsc::Receiver<Order>,
) {
    let mut buffer = vec![0; DATAGRAM_MAX_BYTES];
    let mut outgoing = Vec::new();
    let mut stop_at = None;
    while stop_at.is_none_or(|at| service.endpoint().in_work() > 0 && Instant::now() < at) {
        let wake = service.endpoint().deadline();
        let wake = wake.unwrap_or_else(|| Instant::now() + IDLE);
        let wake = stop_at.map_or(wake, |at| wake.min(at));
        tokio::select! {
            _ = socket.readable(), if stop_at.is_none() => read(&socket, &mut service, &mut buffer),
            told = service.told() => {
                let now = Instant::now();
                let mut next = told;
                for _ in 0..DATAGRAMS_PER_TURN {
                    let Some(told) = next else { break };
                    service.take(told, now);
                    next = service.told_now();
                }
                if let Some(told) = next {
                    service.take(told, now);
                }
            }
            () = tokio::time::sleep_until(wake.into()) => {
                service.endpoint().on_time(Instant::now());
            }
            order = orders.recv(), if stop_at.is_none() => match order {
                // Without certificates there is neither.
                Some(Order::Revoke(_) | Order::Show(_)) => {}
                Some(Order::Stop) | None => stop_at = Some(Instant::now() + STOP_WITHIN),
            },
        }
        let stranger = |at| Asker {
            is_late: false,
            caller: None,
            at: Some(at),
        };
        service.work(stranger, |to, bytes| outgoing.push((to, bytes)));
        for (to, bytes) in outgoing.drain(..) {
            // A datagram that cannot be sent is a datagram lost.
            let _ = socket.send_to(&bytes, to).await;
        }
    }
}

fn read(socket: &UdpSocket, service: &mut Service<SocketAddr>, buffer: &mut [u8]) {
    let now = Instant::now();
    for _ in 0..DATAGRAMS_PER_TURN {
        match socket.try_recv_from(buffer) {
            Ok((length, from)) => {
                let datagram = buffer.get(..length).unwrap_or_default();
                service.endpoint().receive(from, datagram, now);
            }
            // Also what earlier datagrams of ours met at closed ports.
            Err(_) => return,
        }
    }
}
