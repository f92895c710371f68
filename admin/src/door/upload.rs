//! Files that are read as they come in, in forms and by themselves: a manifest is larger than memory
//! should be.

use super::secret;
use super::visitor::Visitor;
use crate::language::say;
use crate::refusal::Refusal;
use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use issuer::manifest::MANIFEST_BYTES_MAX;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

/// Largest body with a file in it: a manifest and the form around it.
pub const UPLOAD_MAX: usize = MANIFEST_BYTES_MAX as usize + 64 * 1024;
/// Largest file that is held in memory.
pub const FILE_MAX: usize = 64 * 1024;
/// Most fields beside the file.
const FIELDS_MAX: usize = 32;
/// Longest of them.
const FIELD_BYTES_MAX: usize = 1024;
/// How long the next piece may take.
const PIECE_WITHIN: Duration = Duration::from_secs(30);

/// A form with a file whose token was found to be the visitor's.
pub struct Upload(Multipart);

fn broken(error: &MultipartError) -> Refusal {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge,
        _ => Refusal::Unfit(say("The form did not come in whole; send it again.")),
    }
}

async fn soon<T>(piece: impl Future<Output = T>) -> Result<T, Refusal> {
    let late = |_| Refusal::Unfit(say("The file stopped coming in; send it again."));
    timeout(PIECE_WITHIN, piece).await.map_err(late)
}

async fn in_time<T>(piece: impl Future<Output = Result<T, MultipartError>>) -> Result<T, Refusal> {
    soon(piece).await?.map_err(|error| broken(&error))
}

/// The whole of a field that is held in memory.
async fn whole(mut field: Field<'_>, most: usize) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(piece) = in_time(field.chunk()).await? {
        if bytes.len() + piece.len() > most {
            return Err(Refusal::TooLarge);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> Result<String, Refusal> {
    String::from_utf8(bytes).map_err(|_| Refusal::Unfit(say("That is no text.")))
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let visitor = request.extensions().get::<Visitor>();
        let expected = visitor.map(|visitor| visitor.form_token.clone());
        let expected = expected.ok_or(Refusal::SignIn)?;
        let incomplete = || Refusal::Unfit(say("The form is not complete; reload the page."));
        let form = Multipart::from_request(request, state).await;
        let mut form = form.map_err(|_| incomplete())?;
        let first = in_time(form.next_field()).await?.ok_or_else(incomplete)?;
        if first.name() != Some("form_token") {
            return Err(Refusal::Forged);
        }
        let token = text(whole(first, FIELD_BYTES_MAX).await?)?;
        match secret::same(&token, &expected) {
            true => Ok(Self(form)),
            false => Err(Refusal::Forged),
        }
    }
}

/// A file in the spool; it goes with this value.
#[derive(Debug)]
pub struct Spooled {
    /// Where it lies.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

impl Drop for Spooled {
    fn drop(&mut self) {
        // What stays behind goes at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Spooled {
    /// A file that is the whole body of a call, written to `path` and through `hash`.
    pub async fn body(path: &Path, body: Body, hash: &mut Sha256) -> Result<Self, Refusal> {
        let cut = |_| Refusal::Unfit(say("The file did not come in whole; send it again."));
        let pieces = body.into_data_stream().map_err(cut);
        let pieces = pieces.inspect_ok(|piece| hash.update(piece));
        Self::write(path, pieces, MANIFEST_BYTES_MAX).await
    }

    /// Writes pieces to `path` as they come in.
    async fn write(
        path: &Path,
        mut pieces: impl Stream<Item = Result<Bytes, Refusal>> + Unpin,
        most: u64,
    ) -> Result<Self, Refusal> {
        let failed = |error: std::io::Error| {
            tracing::error!(%error, path = %path.display(), "a file cannot be kept");
            Refusal::Broken
        };
        let mut file = File::create(path).await.map_err(failed)?;
        let mut spooled = Self {
            path: path.to_owned(),
            bytes: 0,
        };
        while let Some(piece) = soon(pieces.next()).await? {
            let piece = piece?;
            spooled.bytes += piece.len() as u64;
            if spooled.bytes > most {
                return Err(Refusal::TooLarge);
            }
            file.write_all(&piece).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        match spooled.bytes {
            0 => Err(Refusal::Unfit(say("Choose the file first."))),
            _ => Ok(spooled),
        }
    }
}

impl Upload {
    /// All fields, and the file among them as text, in their order.
    pub async fn fields(mut self) -> Result<Vec<(String, String)>, Refusal> {
        let mut fields = Vec::new();
        while let Some(field) = in_time(self.0.next_field()).await? {
            let name = field.name().unwrap_or_default().to_owned();
            let most = match field.file_name() {
                Some(_) => FILE_MAX,
                None => FIELD_BYTES_MAX,
            };
            if fields.len() == FIELDS_MAX || name.len() > FIELD_BYTES_MAX {
                return Err(Refusal::TooLarge);
            }
            fields.push((name, text(whole(field, most).await?)?));
        }
        Ok(fields)
    }

    /// All fields before the file, and the file, held in memory.
    pub async fn file_within(
        mut self,
        most: usize,
    ) -> Result<(Vec<(String, String)>, Vec<u8>), Refusal> {
        let mut fields = Vec::new();
        while let Some(field) = in_time(self.0.next_field()).await? {
            let name = field.name().unwrap_or_default().to_owned();
            if field.file_name().is_some() {
                return Ok((fields, whole(field, most).await?));
            }
            if fields.len() == FIELDS_MAX || name.len() > FIELD_BYTES_MAX {
                return Err(Refusal::TooLarge);
            }
            fields.push((name, text(whole(field, FIELD_BYTES_MAX).await?)?));
        }
        Err(Refusal::Unfit(say("Choose the file first.")))
    }

    /// The file, written to `path`; nothing else is expected behind the token.
    pub async fn spool(mut self, path: &Path) -> Result<Spooled, Refusal> {
        let missing = || Refusal::Unfit(say("Choose the file first."));
        let field = in_time(self.0.next_field()).await?.ok_or_else(missing)?;
        let pieces = field.map_err(|error| broken(&error));
        Spooled::write(path, pieces, MANIFEST_BYTES_MAX).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream::iter;

    #[tokio::test]
    async fn what_is_too_large_or_breaks_off_does_not_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let piece = |text: &'static str| Ok(Bytes::from_static(text.as_bytes()));
        let spool = async |pieces: Vec<Result<Bytes, Refusal>>| {
            Spooled::write(&path, iter(pieces), 6).await
        };
        let kept = spool(vec![piece("abc"), piece("def")]).await.unwrap();
        assert_eq!(
            (kept.bytes, std::fs::read(&path).unwrap()),
            (6, b"abcdef".to_vec())
        );
        drop(kept);
        assert!(!path.exists());
        for (pieces, refusal) in [
            (vec![piece("abc"), piece("defg")], "too_large"),
            (vec![piece("abc"), Err(Refusal::Forged)], "forged"),
            (vec![piece("")], "unfit"),
            (vec![], "unfit"),
        ] {
            assert_eq!(spool(pieces).await.unwrap_err().word(), refusal);
            assert!(!path.exists());
        }
    }
}
