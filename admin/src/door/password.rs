//! Passwords: argon2id on threads of their own, a bounded number at once.

use crate::language::{Say, say};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Fewest characters.
pub const CHARS_MIN: usize = 10;
/// Most bytes; longer ones would only cost time.
pub const BYTES_MAX: usize = 256;
/// Hashes computed at once: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// Hashes computed or waiting; beyond that sign-in answers "busy".
const WAITING_MAX: usize = 32;

/// Computes and checks hashes.
#[derive(Clone)]
pub struct Passwords {
    queue: Arc<Semaphore>,
    cores: Arc<Semaphore>,
    /// Checked for names nobody has, so that they take as long as the others.
    nobody: Arc<str>,
}

/// Why no hash came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// Shorter than [`CHARS_MIN`].
    Short,
    /// Longer than [`BYTES_MAX`].
    Long,
    /// Too many at once.
    Busy,
    /// The computation itself failed.
    Broken,
}

impl PasswordError {
    /// What to do about it.
    pub const fn sentence(self) -> Say {
        match self {
            Self::Short => say("Choose a password of at least 10 characters."),
            Self::Long => say("Choose a password of at most 256 bytes."),
            Self::Busy => say("Many people are signing in; try again in a moment."),
            Self::Broken => say("The password could not be hashed; try again."),
        }
    }
}

impl Passwords {
    /// `seed` is random; nobody needs to know it.
    pub fn new(seed: &[u8; 32]) -> Self {
        // A hash that cannot be made leaves a text that never verifies, only faster.
        let nobody = hash(seed, &seed[..16]).unwrap_or_default();
        Self {
            queue: Arc::new(Semaphore::new(WAITING_MAX)),
            cores: Arc::new(Semaphore::new(AT_ONCE)),
            nobody: nobody.into(),
        }
    }

    /// The PHC string to keep.
    pub async fn hash(&self, password: String, salt: [u8; 16]) -> Result<String, PasswordError> {
        if password.chars().count() < CHARS_MIN {
            return Err(PasswordError::Short);
        }
        if password.len() > BYTES_MAX {
            return Err(PasswordError::Long);
        }
        self.run(move || hash(password.as_bytes(), &salt).ok_or(PasswordError::Broken))
            .await?
    }

    /// Whether it is the password of that PHC string; `None` stands for a name nobody has and takes
    /// as long.
    pub async fn check(
        &self,
        password: String,
        kept: Option<String>,
    ) -> Result<bool, PasswordError> {
        let known = kept.is_some();
        let phc = kept.unwrap_or_else(|| self.nobody.to_string());
        let fits = password.len() <= BYTES_MAX;
        let verified = self
            .run(move || {
                let bytes = password.as_bytes();
                let bytes = bytes.get(..bytes.len().min(BYTES_MAX)).unwrap_or_default();
                PasswordHash::new(&phc)
                    .is_ok_and(|phc| Argon2::default().verify_password(bytes, &phc).is_ok())
            })
            .await?;
        Ok(verified && known && fits)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _place = self.queue.try_acquire().map_err(|_| PasswordError::Busy)?;
        let core = Arc::clone(&self.cores)
            .acquire_owned()
            .await
            .map_err(|_| PasswordError::Broken)?;
        tokio::task::spawn_blocking(move || {
            // Held by the work and not by the request: a browser that hangs up frees no core.
            let _core = core;
            work()
        })
        .await
        .map_err(|_| PasswordError::Broken)
    }
}

fn hash(password: &[u8], salt: &[u8]) -> Option<String> {
    let phc: PasswordHash = Argon2::default()
        .hash_password_with_salt(password, salt)
        .ok()?;
    Some(phc.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_name_is_right() {
        let passwords = Passwords::new(&[1; 32]);
        let phc = passwords
            .hash("correct horse".into(), [2; 16])
            .await
            .unwrap();
        assert!(phc.starts_with("$argon2id$v=19$"), "{phc}");
        let check = |password: &str, kept: Option<&String>| {
            let (passwords, password, kept) =
                (passwords.clone(), password.to_owned(), kept.cloned());
            async move { passwords.check(password, kept).await }
        };
        assert_eq!(check("correct horse", Some(&phc)).await, Ok(true));
        assert_eq!(check("correct horsf", Some(&phc)).await, Ok(false));
        assert_eq!(check("correct horse", None).await, Ok(false));
        assert_eq!(check(&"x".repeat(5000), Some(&phc)).await, Ok(false));
        assert_eq!(
            check("anything", Some(&"no phc".to_owned())).await,
            Ok(false)
        );
        let other = passwords
            .hash("correct horse".into(), [3; 16])
            .await
            .unwrap();
        assert_ne!(other, phc);
    }

    #[tokio::test]
    async fn unfit_passwords_are_never_hashed() {
        let passwords = Passwords::new(&[1; 32]);
        let short = passwords.hash("123456789".into(), [0; 16]).await;
        assert_eq!(short, Err(PasswordError::Short));
        let long = passwords.hash("x".repeat(BYTES_MAX + 1), [0; 16]).await;
        assert_eq!(long, Err(PasswordError::Long));
    }

    #[tokio::test]
    async fn a_flood_is_answered_busy() {
        let passwords = Passwords::new(&[1; 32]);
        let flood: Vec<_> = (0..WAITING_MAX + 1)
            .map(|_| passwords.queue.try_acquire())
            .collect();
        assert!(flood.last().unwrap().is_err());
        let busy = passwords.check("x".into(), None).await;
        assert_eq!(busy, Err(PasswordError::Busy));
    }
}
