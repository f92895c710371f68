//! Every bound of this crate in one place.

/// Commands waiting for the writer; beyond it callers hear `busy`.
pub const QUEUE_MOST: usize = 4096;
/// Commands in one transaction.
pub const BATCH_MOST: usize = 256;
/// Overdue payments that go back in one command, so that others are not kept waiting.
pub const RETURN_MOST: u32 = 64;
/// Waiting payments that one command pays more of; the others follow with the next turn.
pub const TOP_UP_MOST: u32 = 64;
/// Currencies with terms of their own.
pub const CURRENCY_TERMS_MOST: usize = 8;
/// Letters that may wait for one peer before nothing new is begun for things.
pub const LETTERS_MOST: u64 = 65_536;
/// Letters that may wait for one peer when what has begun is carried on.
pub const LETTERS_FOR_PEERS_MOST: u64 = 2 * LETTERS_MOST;
/// Letters given out at once.
pub const PARCELS_MOST: u32 = 256;
/// Journal entries in one block for the centre.
pub const COPY_MOST: u32 = 256;
/// Codes looked at in one sweep of the federation, for each reason to look.
pub const SWEEP_MOST: u32 = 256;

/// Wallet keys that one code may ever give up.
pub const KEYS_MOST: u32 = 16;
/// Lost things whose money is moved on in one turn.
pub const RECOVERIES_MOST: u32 = 16;
/// Voids of one key epoch.
pub const VOIDS_MOST: u32 = 1024;
/// Payments that one decision about a claim reaches.
pub const PIECES_MOST: usize = 64;
/// Proofs kept against one code; it is frozen by the first.
pub const ACCUSATIONS_MOST: u64 = 64;
/// Leaves of the code chain that one checkpoint takes in; the others follow with the next.
pub const PUBLISH_MOST: u64 = 65_536;
/// Most other names of one code.
pub const ALIASES_MOST: u32 = 16;
/// Witnesses whose cosignatures stand below a checkpoint.
pub const COSIGNATURES_MOST: u32 = 16;
/// Logs of others that this gateway cosigns for.
pub const LOGS_MOST: usize = 64;
/// Acts on one code that are read at once.
pub const ACTS_MOST: u32 = 1024;
/// Areas of one gateway.
pub const AREAS_MOST: u32 = 64;
/// Requests for money that wait for a second person.
pub const REQUESTS_MOST: u64 = 64;
/// How long such a request waits.
pub const REQUEST_LIFE_S: u32 = 3 * 86_400;
/// Entries in one statement of a purse or of the books.
pub const STATEMENT_ENTRIES_MOST: usize = 10_000;
/// Requests in one batch.
pub const JOB_LINES_MOST: usize = 10_000;
/// Batches that are not done.
pub const JOBS_MOST: u64 = 16;
/// Connections that read.
pub const READERS: u32 = 4;
/// Changes of inboxes that a slow listener may fall behind; then it has to look at all of them.
pub const CHANGES_MOST: usize = 1024;

/// Entries in the inbox of one code.
pub const INBOX_ENTRIES_MOST: u64 = 1024;
/// Bytes in the inbox of one code.
pub const INBOX_BYTES_MOST: u64 = 1 << 20;
/// Inbox entries in one answer.
pub const INBOX_READ_MOST: u32 = 256;

/// Rows on one page.
pub const PAGE_MOST: u32 = 200;
/// Journal entries whose chain is checked when the books are opened.
pub const TAIL_CHECKED: u64 = 4096;
/// Journal entries or payments read at once when all of them are looked at.
pub const SCAN_STEP: u32 = 512;

/// Names of things, places, products, people and reasons, in bytes.
pub const NAME_BYTES_MOST: usize = 128;
/// Idempotency keys, in bytes.
pub const KEY_BYTES_MOST: usize = 64;
/// One certificate, in bytes.
pub const CERTIFICATE_BYTES_MOST: usize = 8192;
/// What a station is given, in bytes.
pub const GRANT_BYTES_MOST: usize = 32 * 1024;
/// One SubjectPublicKeyInfo, in bytes.
pub const SPKI_BYTES_MOST: usize = 512;
/// Secrets added at once.
pub const SECRETS_MOST: usize = 10_000;

/// How long a home that was lost is waited for, before who comes after it settles what waits for it.
pub const LOST_HOME_WAIT_S: u32 = 30 * 86_400;
