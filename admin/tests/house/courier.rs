//! A way out of the house that leads nowhere: what would have left is kept.

use admin::{Courier, Mail, NoAnswer, Pending, Reach};
use axum::http::{Request, StatusCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Takes everything, until somebody says otherwise.
#[derive(Default)]
pub struct Kept {
    pub calls: Mutex<Vec<Request<Vec<u8>>>>,
    pub mails: Mutex<Vec<Mail>>,
    pub refuses: AtomicBool,
    pub without_mail: AtomicBool,
}

impl Courier for Kept {
    fn reach(&self) -> Reach {
        Reach {
            loopback: true,
            private: false,
        }
    }

    fn call(&self, request: Request<Vec<u8>>) -> Pending<Result<StatusCode, NoAnswer>> {
        let url = request.uri().to_string();
        self.calls.lock().unwrap().push(request);
        let refuses = self.refuses.load(Ordering::SeqCst);
        Box::pin(async move {
            match refuses {
                true => Err(NoAnswer(format!("nobody is at {url}"))),
                false => Ok(StatusCode::NO_CONTENT),
            }
        })
    }

    fn has_mail(&self) -> bool {
        !self.without_mail.load(Ordering::SeqCst)
    }

    fn mail(&self, mail: Mail) -> Pending<Result<(), NoAnswer>> {
        self.mails.lock().unwrap().push(mail);
        Box::pin(async { Ok(()) })
    }
}
