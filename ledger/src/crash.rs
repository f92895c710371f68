//! The durable steps by name, and a switch that ends the process at one of them.

macro_rules! crash_points {
    (
        $($(#[$doc:meta])* $name:ident $word:literal;)*
        => among others:
        $($(#[$other_doc:meta])* $other:ident $other_word:literal;)*
        => with stations:
        $($(#[$station_doc:meta])* $station:ident $station_word:literal;)*
        => under another key:
        $($(#[$key_doc:meta])* $key:ident $key_word:literal;)*
        => beside the books:
        $($(#[$beside_doc:meta])* $beside:ident $beside_word:literal;)*
    ) => {
        /// Every step of a command at which a power cut is interesting. Between the first and
        /// [`CrashPoint::Committed`] nothing is durable and nobody has heard anything; from there on
        /// everything is durable, and a repeated request gets its stored answer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum CrashPoint {
            $($(#[$doc])* $name,)*
            $($(#[$other_doc])* $other,)*
            $($(#[$station_doc])* $station,)*
            $($(#[$key_doc])* $key,)*
            $($(#[$beside_doc])* $beside,)*
        }

        impl CrashPoint {
            /// All that a gateway alone comes by.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
            /// Those that only gateways among others come by.
            pub const FEDERATION: &'static [Self] = &[$(Self::$other),*];
            /// Those that only gateways with stations come by.
            pub const STATIONS: &'static [Self] = &[$(Self::$station),*];
            /// Those that only gateways whose key has changed come by.
            pub const NEXT_KEY: &'static [Self] = &[$(Self::$key),*];
            /// Those of the diary and of the accounts of people, which no command comes by.
            pub const BESIDE: &'static [Self] = &[$(Self::$beside),*];

            /// Its name in the environment.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                    $(Self::$other => $other_word,)*
                    $(Self::$station => $station_word,)*
                    $(Self::$key => $key_word,)*
                    $(Self::$beside => $beside_word,)*
                }
            }
        }
    };
}

crash_points! {
    /// A transaction is open and nothing is written.
    Begun "begun";
    /// The payment stands in its row without postings.
    PaymentRecorded "payment_recorded";
    /// A journal entry is written; its postings are not.
    EntryWritten "entry_written";
    /// Entry, postings and balances are written.
    EntryPosted "entry_posted";
    /// The statement is signed and stored.
    StatementStored "statement_stored";
    /// A payment in transit has its receipt and no postings yet.
    Collected "collected";
    /// A stream in transit shows a newer value and its units are not posted yet.
    UnitsShown "units_shown";
    /// A payment in transit is declined and its money has not gone back yet.
    Declined "declined";
    /// A payment is overdue and its money has not gone back yet.
    Returned "returned";
    /// A receipt that contradicts another is kept; its bringer is not refused yet.
    ContraryKept "contrary_kept";
    /// An allowance was lifted by what names it; the money has not come yet.
    Credited "credited";
    /// More of a payment is covered and its money has not moved yet.
    ToppedUp "topped_up";
    /// A key has begun its next life and has no allowance in it yet.
    LifeBegun "life_begun";
    /// A code has another wallet key.
    KeyReplaced "key_replaced";
    /// A code has new credentials and its life does not say so yet.
    CredentialsReplaced "credentials_replaced";
    /// A lost thing is revoked and its money has not gone to the new one.
    RecoveryKept "recovery_kept";
    /// The owner of a thing is kept.
    OwnerKept "owner_kept";
    /// A thing was given away and it is not written down why.
    GivenAway "given_away";
    /// A code has another name, or not any more.
    AliasSet "alias_set";
    /// A place's record is signed and kept, and its leaf is not written yet.
    PlaceRecorded "place_recorded";
    /// An area is signed and kept.
    AreaKept "area_kept";
    /// A thing's next allowances are good in an area.
    AreaAssigned "area_assigned";
    /// A note about a claim is signed and kept; its payee was not told.
    NoteKept "note_kept";
    /// What a purse declared is kept and not held against its payments yet.
    Declared "declared";
    /// A person's decision about a claim is posted and not kept.
    Decided "decided";
    /// The proof against a payee is stored and it is not frozen yet.
    Accused "accused";
    /// The fraud proof is stored and the payer is not frozen yet.
    FraudRecorded "fraud_recorded";
    /// The payer is frozen.
    PayerFrozen "payer_frozen";
    /// An inbox grew.
    Told "told";
    /// An inbox shrank.
    Acknowledged "acknowledged";
    /// The reserve of expired allowances is free again.
    Released "released";
    /// The gateway's counters ran and no allowance is stored.
    AllowanceCounted "allowance_counted";
    /// The allowance is stored and the request is not yet bound to it.
    AllowanceStored "allowance_stored";
    /// A load or redemption is posted and its order is not stored.
    TreasuryPosted "treasury_posted";
    /// A request for money waits for a second person; nobody has heard.
    RequestKept "request_kept";
    /// A second person has decided and no money has moved.
    RequestDecided "request_decided";
    /// A payer asks for its money back; nobody has heard.
    AskedBack "asked_back";
    /// A request for money back is decided and its payer is not told.
    RefundDecided "refund_decided";
    /// How much one person moves alone is another amount.
    LimitSet "limit_set";
    /// A batch of requests is kept; nobody works on it yet.
    JobKept "job_kept";
    /// Lines of a batch have their outcome and are not counted.
    JobLinesEnded "job_lines_ended";
    /// Secrets are stored.
    SecretsAdded "secrets_added";
    /// A secret is spent and no number is reserved.
    SecretSpent "secret_spent";
    /// A number is reserved; nothing is signed.
    Reserved "reserved";
    /// A thing stands in the registry.
    ThingStored "thing_stored";
    /// A code has another state, and nobody has said why.
    StateWritten "state_written";
    /// A step in the life of a code is kept and not in the code chain.
    StepKept "step_kept";
    /// The state of a thing changed.
    StateSet "state_set";
    /// A thing has left its place, and its life does not say so.
    Unbound "unbound";
    /// A thing stands at a place.
    Bound "bound";
    /// An act stands in the code chain; its command is not done.
    ActLogged "act_logged";
    /// Tiles of new leaves are on the disk and nobody signed for them.
    TilesWritten "tiles_written";
    /// A checkpoint is signed and kept, and not shown.
    CheckpointKept "checkpoint_kept";
    /// A checkpoint of another log is cosigned and kept; nobody has heard.
    Witnessed "witnessed";
    /// What a witness signed is kept, and not shown.
    Cosigned "cosigned";
    /// A grid code stands in the registry.
    GridStored "grid_stored";
    /// A currency is declared.
    CurrencyDeclared "currency_declared";
    /// All commands of the batch are written; the commit has not begun.
    Written "written";
    /// The batch is durable and nobody has been answered.
    Committed "committed";
    /// The first of the batch has been answered.
    Answered "answered";
    /// The index of coins took a step and has not committed it; the books do not know.
    Traced "traced";

    => among others:
    /// A letter waits and what it is about is not committed.
    LetterWritten "letter_written";
    /// A letter was carried out.
    LetterTaken "letter_taken";
    /// Letters that were taken are gone.
    LettersForgotten "letters_forgotten";
    /// A purse's part of the float is counted.
    FloatCounted "float_counted";
    /// The centre keeps a warrant that nobody has heard of.
    WarrantGiven "warrant_given";
    /// The centre keeps a lease that nobody has heard of.
    LeaseGiven "lease_given";
    /// A gateway keeps a lease.
    LeaseTaken "lease_taken";
    /// Money has left and its credit is kept.
    CreditSent "credit_sent";
    /// A credit is kept and its money is not posted.
    CreditTaken "credit_taken";
    /// A withdrawal is posted and stands in the treasurer's orders.
    Withdrawn "withdrawn";
    /// A move is kept.
    MoveOrdered "move_ordered";
    /// A purse is at home elsewhere and its money is still here.
    PurseClosed "purse_closed";
    /// A purse has come.
    PurseArrived "purse_arrived";
    /// A lost home is given up and nobody else is home.
    HomeReleased "home_released";
    /// A home that was lost has named what it recorded, and its purse's money has not left.
    HomeAccounted "home_accounted";
    /// Money has left a purse for a payment of a lost home, and is not put aside.
    PutAside "put_aside";
    /// A purse has paid what it owes, and that is not counted.
    DebtPaid "debt_paid";
    /// A lost home has no word on a payment, and nobody else has it yet.
    PassedOn "passed_on";
    /// What was handed in is kept and not handed on.
    RelayKept "relay_kept";
    /// The arbiter has decided and nobody has heard.
    RelayJudged "relay_judged";
    /// The arbiter's word is kept and nobody was told.
    RelayAnswered "relay_answered";
    /// Entries of another journal are copied.
    EntriesCopied "entries_copied";
    /// A watermark waits.
    WatermarkSigned "watermark_signed";

    => with stations:
    /// A station has its numbers and nothing is signed for it.
    StationNumbered "station_numbered";
    /// What was signed for a station is kept and not in the code chain.
    StationGranted "station_granted";
    /// A station is dismissed and the code chain does not say so.
    StationDismissed "station_dismissed";
    /// An order is kept; its station has not seen it.
    OrderKept "order_kept";
    /// What a manifest brings counts for its orders and is not there.
    BroughtCounted "brought_counted";
    /// A thing that a station made has its number and is not registered.
    BroughtReserved "brought_reserved";
    /// Things without keys are registered and not in the code chain.
    ItemsKept "items_kept";
    /// The station has moved on and its manifest is not kept.
    StationMoved "station_moved";

    => under another key:
    /// Word of the gateway's next key is in an inbox, and that its code was told is not kept.
    HandoverTold "handover_told";

    => beside the books:
    /// Values of a thing are written, and which are too many is not.
    ReadingsWritten "readings_written";
    /// What a thing shall become is durable, and the thing was not told.
    DesiredKept "desired_kept";
    /// A command has its number, and the oldest has not given way.
    CommandNumbered "command_numbered";
    /// A command is durable and did not go out.
    CommandKept "command_kept";
    /// That a command went out is durable.
    CommandMarked "command_marked";
    /// What a thing answered is durable.
    CommandAnswered "command_answered";
    /// A device that asks is written; nobody has heard.
    AskerWritten "asker_written";
    /// Somebody's decision about a device is written, and the oldest have not given way.
    AskerDecided "asker_decided";
    /// A row of the audit trail is written, and what it tells of is not durable yet.
    TrailWritten "trail_written";
}

/// Names the step to stop at: a word of [`CrashPoint`], then optionally a colon and how many times
/// it is passed before.
#[cfg(feature = "crash-points")]
pub const CRASH_VARIABLE: &str = "ONECODE_LEDGER_CRASH_AT";

/// Ends the process here if the environment asks for it.
#[cfg(feature = "crash-points")]
pub(crate) fn here(point: CrashPoint) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};
    static WANTED: OnceLock<Option<(String, AtomicU32)>> = OnceLock::new();
    let wanted = WANTED.get_or_init(|| {
        let wanted = std::env::var(CRASH_VARIABLE).ok()?;
        let (word, times) = wanted.split_once(':').unwrap_or((&wanted, "0"));
        Some((word.to_owned(), AtomicU32::new(times.parse().unwrap_or(0))))
    });
    let Some((word, left)) = wanted else { return };
    if word == point.word() && left.fetch_sub(1, Ordering::Relaxed) == 0 {
        std::process::abort();
    }
}

/// Nothing: the hook exists only under a test feature.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub(crate) const fn here(_: CrashPoint) {}
