//! Books that are an older copy: which epoch of the gateway they know.

use crate::error::OpenError;
use crate::handle::Ledger;
use crate::store::{self, house};
use protocol::KeyEpoch;
use std::path::Path;

impl Ledger {
    /// The gateway epoch in which the books are open.
    pub fn epoch(&self) -> KeyEpoch {
        self.gateway_epoch()
    }

    /// The gateway epoch in which these books were opened last; none where there are no books yet.
    /// [`crate::Bearings`] with a later one declare that what this gateway signed since may be
    /// forgotten: allowances are counted anew, codes are numbered beyond everything that can have
    /// been issued, and an allowance of before that somebody shows is entered.
    pub async fn epoch_of(path: &Path) -> Result<Option<KeyEpoch>, OpenError> {
        if !path.exists() {
            return Ok(None);
        }
        let (mut connection, readers) = store::open(path).await?;
        readers.close().await;
        let known = house::epoch(&mut connection).await;
        sqlx::Connection::close(connection).await?;
        Ok(known?)
    }
}
