//! What callers ask about other names of codes.

use crate::bounds::ALIASES_MOST;
use crate::commands::alias::SetAlias;
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::aliases;
use protocol::{Code, Status, Timestamp};

impl Ledger {
    /// Gives a code another name, such as `01/09506000134352/21/7`, or takes it away. The same again
    /// changes nothing; a name that another code has is `not_permitted`.
    pub async fn set_alias(
        &self,
        name: &str,
        code: &Code,
        has: bool,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Status> {
        self.submit(SetAlias {
            name: name.to_owned(),
            code: *code,
            has,
            by: by.to_owned(),
            now,
        })
        .await
    }

    /// The code that has this other name.
    pub async fn code_of_alias(&self, name: &str) -> Result<Option<Code>, Error> {
        aliases::by_name(&mut *self.reader().await?, name).await
    }

    /// The other names of a code.
    pub async fn aliases_of(&self, code: &Code) -> Result<Vec<String>, Error> {
        aliases::of_code(&mut *self.reader().await?, code, ALIASES_MOST).await
    }
}
