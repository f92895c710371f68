//! A link that breaks: passes TCP on to a door and cuts it at random, by one seed.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The shortest and the longest life of a connection while the link is bad.
const LIFE_MS: (u64, u64) = (20, 400);
/// Between two looks at the clock.
const LOOK: Duration = Duration::from_millis(5);

/// The link. Connections end with it.
pub struct Cut {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    to: Mutex<SocketAddr>,
    bad: AtomicBool,
    over: AtomicBool,
    cuts: AtomicU64,
    dice: AtomicU64,
}

impl Cut {
    /// A sound link to a door.
    pub fn new(to: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::new(Shared {
            to: Mutex::new(to),
            bad: AtomicBool::new(false),
            over: AtomicBool::new(false),
            cuts: AtomicU64::new(0),
            dice: AtomicU64::new(seed),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.over.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                thread::spawn(move || shared.carry(&stream));
            }
        });
        Self { address, shared }
    }

    /// Where to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on connections live for a moment, or for good.
    pub fn set_bad(&self, bad: bool) {
        self.shared.bad.store(bad, Ordering::Relaxed);
    }

    /// How often it was cut.
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::Relaxed)
    }

    /// The same dice, for whoever needs chance beside the link.
    pub fn below(&self, most: u64) -> u64 {
        self.shared.below(most)
    }
}

impl Shared {
    fn below(&self, most: u64) -> u64 {
        // SplitMix64.
        let step = 0x9e37_79b9_7f4a_7c15;
        let mut z = self
            .dice
            .fetch_add(step, Ordering::Relaxed)
            .wrapping_add(step);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }

    fn carry(&self, near: &TcpStream) {
        let to = *self.to.lock().expect("nobody panics with it");
        let Ok(far) = TcpStream::connect(to) else {
            return;
        };
        let (shortest, longest) = LIFE_MS;
        let life = Duration::from_millis(shortest + self.below(longest - shortest));
        let begun = Instant::now();
        let ended = AtomicBool::new(false);
        thread::scope(|scope| {
            for (from, to) in [(near, &far), (&far, near)] {
                let ended = &ended;
                scope.spawn(move || {
                    let _ = pass(from, to);
                    ended.store(true, Ordering::Relaxed);
                });
            }
            loop {
                let broken = self.bad.load(Ordering::Relaxed) && begun.elapsed() > life;
                if broken {
                    self.cuts.fetch_add(1, Ordering::Relaxed);
                }
                let over = self.over.load(Ordering::Relaxed);
                if broken || over || ended.load(Ordering::Relaxed) {
                    let _ = near.shutdown(Shutdown::Both);
                    let _ = far.shutdown(Shutdown::Both);
                    return;
                }
                thread::sleep(LOOK);
            }
        });
    }
}

fn pass(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4_096];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            len => to.write_all(&buffer[..len])?,
        }
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        // Wakes who accepts.
        let _ = TcpStream::connect(self.address);
    }
}
