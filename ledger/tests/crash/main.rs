//! A process that dies at any durable step loses nothing and doubles nothing: after a restart all
//! requests are sent again, and answers, balances, row counts and the journal's root are those of a
//! run that nobody interrupted.
//!
//! [`deaths`] runs [`scenario_child`] in a process of its own.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod beside;
#[path = "../deaths/mod.rs"]
mod deaths;
mod items;
mod next_key;
#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "../support/mod.rs"]
mod support;

use ledger::chain::Cosigned;
use ledger::{
    Answer, ClaimOrder, CoveredEvidence, CrashPoint, Fund, FundOrder, IssueRequest, JobLine,
    Ledger, MoneyWish, NewCredentials, NewJob, NewKey, Owned, RefundDecision, RequestDecision,
    ThingState, Verdict, Way,
};
use protocol::chain::{NoteKey, Origin, SignatureKind, WitnessRefusal, write_submission};
use protocol::code::IssuedBy;
use protocol::code::grid::{Cell, Level, Place, Point, Span};
use protocol::cose::open;
use protocol::keys::SoftwareKey;
use protocol::objects::{
    Acceptance, Datum, Method, Present, Receipt, Renewal, Survey, Transfer, Void,
};
use protocol::{AssuranceClass, Digest, GridCode, KeyEpoch, Kind, Signer, Status, Timestamp};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::fmt::Write;
use support::factory::{Batch, Factory};
use support::{
    GRACE_S, LIFE_S, NOW, Purse, Signed, World, assert_sound, covered, declare, order, usd,
};

/// How often a step is let pass, at most, before the process dies at it.
const PASSES_MOST: u32 = 4;

#[test]
fn a_crash_at_any_step_loses_nothing_and_doubles_nothing() {
    deaths::at_every_step("scenario_child", CrashPoint::ALL, PASSES_MOST);
}

/// What a station brings is there whole or not at all, and brought again it is there once.
#[test]
fn a_crash_while_a_station_is_admitted_or_brings_its_manifest_loses_and_doubles_nothing() {
    let shared = [
        CrashPoint::Begun,
        CrashPoint::ThingStored,
        CrashPoint::ActLogged,
        CrashPoint::Written,
        CrashPoint::Committed,
        CrashPoint::Answered,
    ];
    let points = [CrashPoint::STATIONS, &shared].concat();
    deaths::at_every_step("stations_child", &points, 2);
}

#[tokio::test]
async fn stations_child() {
    let Some(folder) = deaths::folder() else {
        return;
    };
    let world = World::new(&folder);
    let ledger = world.open().await;
    let mut said = String::new();
    let factory = Factory::admit(&ledger, 60).await;
    for (id, count) in [(1, 5), (2, 300)] {
        let ordered = factory.order(&ledger, id, count).await;
        // Begun again when the station was dismissed already: its orders are there.
        assert!(
            matches!(ordered, Ok(()) | Err(Status::Frozen)),
            "{ordered:?}"
        );
    }
    let first = Batch::first(3, 210, 1);
    for batch in [first, first.after(2)] {
        factory.bring(&ledger, batch).await.unwrap();
        let again = factory.bring(&ledger, batch).await;
        writeln!(said, "{again:?}").unwrap();
    }
    let dismissal = || ledger::Dismissal {
        at: NOW,
        reason: "sold".into(),
        by: "test".into(),
    };
    for _ in 0..2 {
        let dismissed = ledger.dismiss_station(factory.code, dismissal()).await;
        dismissed.unwrap();
    }
    let row = ledger.station(&factory.code).await.unwrap();
    let orders = ledger.orders().await.unwrap();
    writeln!(said, "{row:?}\n{orders:?}").unwrap();
    let head = ledger.publish(NOW).await.unwrap();
    writeln!(said, "{head:?}").unwrap();
    remains(&ledger, &world, &[], &mut said).await;
    ledger.close().await;
    deaths::write_outcome(&folder, &said);
}

#[tokio::test]
async fn scenario_child() {
    let Some(folder) = deaths::folder() else {
        return;
    };
    let folder = folder.as_path();
    let world = World::new(folder);
    let ledger = world.open().await;
    let mut said = String::new();
    let codes = scenario(&ledger, &world, &mut said).await;
    witnessed(&ledger, &world, &mut said).await;
    assert_sound(&ledger).await;
    remains(&ledger, &world, &codes, &mut said).await;
    ledger.close().await;
    deaths::write_outcome(folder, &said);
}

/// The log is published, and the gateway is its own witness.
async fn witnessed(ledger: &Ledger, world: &World, said: &mut String) {
    let head = ledger.publish(NOW).await.unwrap();
    assert_eq!(ledger.check_chain().await.unwrap(), head);
    let (network, gateway) = (support::network(), world.gateway);
    let origin = Origin { network, gateway }.to_string();
    let public = world.gateway_key.public_key();
    let [log, witness] = [SignatureKind::Log, SignatureKind::Cosignature]
        .map(|kind| NoteKey::new(&origin, kind, &public).unwrap().to_string());
    let mut note = ledger.checkpoint().await.unwrap().unwrap();
    if ledger.cosigned_size(&witness).await.unwrap() < head.size {
        let mut body = String::new();
        write_submission(0, &[], &note, &mut body).unwrap();
        let known = std::slice::from_ref(&log);
        let mut answer = ledger.add_checkpoint(known, &body, NOW).await;
        if let Ok(Cosigned::Refused(WitnessRefusal::Conflict(old))) = answer {
            // Its answer was lost: the same checkpoint once more.
            let body = body.replace("old 0\n", &format!("old {old}\n"));
            answer = ledger.add_checkpoint(known, &body, NOW).await;
        }
        let Ok(Cosigned::Line(line)) = answer else {
            panic!("{answer:?}")
        };
        let kept = ledger.keep_cosignature(&witness, &note, &line, NOW).await;
        assert!(kept.unwrap());
        note = ledger.checkpoint().await.unwrap().unwrap();
    }
    writeln!(said, "{head:?}\n{note}").unwrap();
}

/// Every request that changes something, each with what it was answered.
async fn scenario(ledger: &Ledger, world: &World, said: &mut String) -> Vec<Purse> {
    declare(ledger).await;
    register(ledger, said).await;
    let mut payer = Purse::register(ledger, world, 11).await;
    let mut payee = Purse::register(ledger, world, 12).await;
    place(ledger, world, &payer, said).await;

    load(ledger, &payer, said).await;
    // What follows the books may die as well; they do not notice.
    ledger.tracing().await.unwrap().follow().await.unwrap();
    renew(ledger, &mut payer, 600, NOW, said).await;
    let first = payer.pay(&payee.code, 100);
    let second = payer.pay(&payee.code, 50);
    // By the payer alone, collected later; the next one claimed at once.
    hand_in(ledger, &first, None, said).await;
    ledger.acknowledge(&payee.code, 1).await.unwrap();
    hand_in(ledger, &first, Some(&payee), said).await;
    hand_in(ledger, &second, Some(&payee), said).await;
    ledger.acknowledge(&payer.code, 1).await.unwrap();
    renew(ledger, &mut payer, 900, NOW.plus_s(1), said).await;

    // A reserve that lapses and comes back.
    renew(ledger, &mut payee, 20, NOW, said).await;
    let later = NOW.plus_s(LIFE_S + GRACE_S);
    renew(ledger, &mut payee, 30, later, said).await;
    let redeemed = ledger.redeem(order(&payee, 40, "out"), later).await;
    writeln!(said, "{redeemed:?}").unwrap();

    // Everything that will be overdue is there before anything is.
    let (others, claim) = standing_on_others(ledger, world, said).await;
    let paid = lost_and_found(ledger, world, said).await;
    by_the_unit(ledger, &mut payer, &payee, said).await;
    claim.decide(ledger, said).await;
    hand_in(ledger, &paid, None, said).await;

    // A clone of the payer spends twice.
    let mut clone = payer.clone();
    let stands = payer.pay(&payee.code, 10);
    let forked = clone.pay(&payee.code, 20);
    hand_in(ledger, &stands, Some(&payee), said).await;
    hand_in(ledger, &forked, None, said).await;
    hand_in(ledger, &forked, Some(&payee), said).await;
    asked_back(ledger, &payer, &stands, said).await;
    let refused = ledger.renew(payer.renewal(usd(), 1, later), later).await;
    writeln!(said, "{refused:?}").unwrap();
    let state = ThingState::Revoked;
    let set = ledger
        .set_state(&payer.code, state, "cloned", "operator", NOW)
        .await;
    writeln!(said, "{set:?}").unwrap();
    batch_of_requests(ledger, &payer, said).await;
    let mut purses = vec![payer, payee, two_persons(ledger, world, said).await];
    purses.extend(others);
    purses
}

/// What one person asks for and another one decides.
async fn two_persons(ledger: &Ledger, world: &World, said: &mut String) -> Purse {
    let purse = Purse::register(ledger, world, 61).await;
    let most = Some(support::amount(5_000));
    ledger.limit_alone(usd(), most, "owner", NOW).await.unwrap();
    for (number, verdict) in [(1, Verdict::Confirmed), (2, Verdict::Refused)] {
        let wish = MoneyWish {
            order: order(&purse, 5_001, &format!("two {number}")),
            way: Way::Load,
            person: "Ada".into(),
        };
        let alone = ledger.load(order(&purse, 5_002, "alone"), NOW).await;
        writeln!(said, "{alone:?}").unwrap();
        // What waits has an answer that moves on; the last one is heard below.
        let asked = ledger.ask_for_money(wish, NOW).await.unwrap();
        for person in ["Ada", "Ben"] {
            let decision = RequestDecision {
                verdict,
                by: person.into(),
                person: person.into(),
                at: NOW,
            };
            let decided = ledger.decide_request(asked.number, decision).await;
            writeln!(said, "{decided:?}").unwrap();
        }
    }
    purse
}

/// A payer wants its money back, and is told that it does not get it.
async fn asked_back(ledger: &Ledger, payer: &Purse, paid: &Signed, said: &mut String) {
    let asked = ledger.ask_back(payer.ask_back(paid, "It did not charge."), NOW);
    writeln!(said, "{:?}", asked.await).unwrap();
    let decision = RefundDecision {
        paid_back: None,
        words: "It did.".into(),
        by: "operator".into(),
        at: NOW,
    };
    let answered = ledger.answer_refund(1, decision).await;
    writeln!(said, "{answered:?}").unwrap();
}

/// A batch of requests, worked off in two steps.
async fn batch_of_requests(ledger: &Ledger, purse: &Purse, said: &mut String) {
    let line = |line: u32| JobLine {
        line,
        kind: Kind::Device,
        name: format!("Meter {line}"),
        product: String::new(),
        request: vec![line as u8; 9],
        outcome: None,
    };
    let job = NewJob {
        key: Digest([77; 32]),
        title: "Meters".into(),
        by: "factory".into(),
        lines: (1..=3).map(line).collect(),
    };
    // What is under way has an answer that moves on; the last one is heard below.
    let row = ledger.begin_job(job.clone(), NOW).await.unwrap();
    let first = vec![(1, Ok(purse.code)), (2, Err("no request".to_owned()))];
    ledger.end_job_lines(row.number, first).await.unwrap();
    let last = vec![(2, Ok(purse.code)), (3, Ok(purse.code))];
    ledger.end_job_lines(row.number, last).await.unwrap();
    let row = ledger.begin_job(job, NOW).await;
    writeln!(said, "{row:?}").unwrap();
}

/// Streams in every state, declined receipts, and what nobody claims.
async fn by_the_unit(ledger: &Ledger, payer: &mut Purse, payee: &Purse, said: &mut String) {
    let closed = payer.stream(&payee.code, 3, 20);
    let whole = payer.stream(&payee.code, 1, 5);
    let open = payer.stream(&payee.code, 2, 10);
    let declined = payer.pay(&payee.code, 7);
    let refused = payer.pay(&payee.code, 8);
    let forgotten = payer.pay(&payee.code, 9);
    // What is on its way has an answer that moves on; the last one is heard below.
    for payment in [&closed, &declined, &forgotten] {
        hand_in(ledger, payment, None, &mut String::new()).await;
    }
    for (payment, units, receipt) in [
        (&closed, 4, None),
        (&closed, 9, None),
        (&closed, 11, Some(payee.close(&closed, 11))),
        (&whole, 5, None),
        (&open, 6, None),
    ] {
        let (evidence, released) = (payment.evidence(), payment.released(units));
        let claim = ledger.claim_units(evidence, released, receipt, NOW).await;
        claim.unwrap();
    }
    for payment in [&declined, &refused] {
        let receipt = Some(payee.decline(payment));
        let back = ledger.hand_in(payment.evidence(), receipt, NOW).await;
        hear(&back.unwrap(), said);
    }
    let contrary = ledger.hand_in(declined.evidence(), Some(payee.receipt(&declined)), NOW);
    writeln!(said, "{:?}", contrary.await).unwrap();
    // Everything that is due at once, one by one; how many is news only once.
    for _ in 0..12 {
        let due = NOW.plus_s(1 + LIFE_S + GRACE_S);
        ledger.return_overdue(due, 1).await.unwrap();
    }
    for payment in [&closed, &whole, &open, &forgotten] {
        hand_in(ledger, payment, None, said).await;
    }
}

/// Covers that settle, covers that forked, what is paid of them later, and who bears the rest.
async fn standing_on_others(
    ledger: &Ledger,
    world: &World,
    said: &mut String,
) -> (Vec<Purse>, Claimed) {
    let mut purses = Vec::new();
    for (seed, minor) in [(31u8, 500), (32, 40), (33, 30)] {
        let mut purse = Purse::register(ledger, world, seed).await;
        let load = order(&purse, minor, &format!("covers {seed}"));
        ledger.load(load, NOW).await.unwrap();
        renew(ledger, &mut purse, minor, NOW, said).await;
        ledger
            .set_owner(&purse.code, &purse.code, "op", NOW)
            .await
            .unwrap();
        ledger
            .enrol_owner(&purse.code, "Owner", "op", NOW)
            .await
            .unwrap();
        purses.push(purse);
    }
    let bond = FundOrder {
        fund: Fund::Bond,
        currency: usd(),
        amount: support::amount(90),
        key: "bond".into(),
        by: "treasurer".into(),
    };
    ledger.fund(bond, Way::Load, NOW).await.unwrap();
    let [a, b, c] = &mut purses[..] else {
        unreachable!()
    };
    let good = a.pay_for(b, 50);
    let small = b.pay_covered_for(c, 70, &[&good]);
    let items = covered(&[(&good, &[]), (&small, &[0])]).unwrap();
    for _ in 0..2 {
        let receipt = Some(c.receipt(&small));
        let claim = ledger.hand_in_covered(items.clone(), receipt, NOW).await;
        hear(&claim.unwrap(), said);
    }
    let decline = ledger.hand_in(good.evidence(), Some(b.decline(&good)), NOW);
    writeln!(said, "{:?}", decline.await).unwrap();
    let mut clone = a.clone();
    let stands = a.pay(&c.code, 20);
    hand_in(ledger, &stands, Some(c), said).await;
    let forked = clone.pay_for(b, 60);
    let large = b.pay_covered(&c.code, 75, &[&good, &forked]);
    let items = [(&good, &[][..]), (&forked, &[]), (&large, &[0, 1])];
    let items = covered(&items).unwrap();
    let receipt = Some(c.receipt(&large));
    let claim = ledger.hand_in_covered(items.clone(), receipt.clone(), NOW);
    claim.await.unwrap();
    let late = a.pay_for(b, 15);
    hand_in(ledger, &late, Some(b), said).await;
    let claim = Claimed {
        forked: forked.id,
        items,
        receipt,
    };
    (purses, claim)
}

/// A payment that is short because its cover forked.
struct Claimed {
    forked: Digest,
    items: CoveredEvidence,
    receipt: Option<Owned<Receipt>>,
}

impl Claimed {
    async fn decide(self, ledger: &Ledger, said: &mut String) {
        for key in ["claim", "claim"] {
            let order = ClaimOrder {
                payment: self.forked,
                key: key.into(),
                by: "operator".into(),
            };
            let decided = ledger.decide_claim(order, NOW).await;
            writeln!(said, "{decided:?}").unwrap();
        }
        let claim = ledger.hand_in_covered(self.items, self.receipt, NOW).await;
        hear(&claim.unwrap(), said);
    }
}

/// Keys that begin again and are replaced, words that are broken, and a lost thing.
async fn lost_and_found(ledger: &Ledger, world: &World, said: &mut String) -> Signed {
    let mut purse = Purse::register(ledger, world, 51).await;
    let new = Purse::register(ledger, world, 52).await;
    ledger.load(order(&purse, 100, "lives"), NOW).await.unwrap();
    renew(ledger, &mut purse, 60, NOW, said).await;
    let payment = purse.pay(&new.code, 10);
    // What is on its way has an answer that moves on; the last one is heard below.
    hand_in(ledger, &payment, None, &mut String::new()).await;
    let void = Void {
        code: purse.code,
        key_epoch: KeyEpoch(1),
        first: payment_number(1),
        last: payment_number(2),
        time: NOW,
    };
    let (bytes, _) = support::sealed(&void, &purse.key());
    let void = open::<Void>(&bytes, &support::network()).unwrap();
    let void = Owned::from(void.verify(&purse.key().public_key()).unwrap());
    ledger.declare_void(void, NOW).await.unwrap();
    let key = NewKey {
        code: purse.code,
        wallet_key: SoftwareKey::ed25519(&[98; 32]).public_key(),
        class: AssuranceClass::Software,
        // As it was: the request that registered it comes again as well.
        pass: vec![51; 150],
        by: "operator".into(),
    };
    // What it says of the code changes once more, below.
    ledger.replace_wallet_key(key, NOW).await.unwrap();
    // The first that follows a certificate counts, whatever comes later and how often.
    let credentials = |certificate| NewCredentials {
        code: new.code,
        before: vec![52; 400],
        before_ends: NOW.plus_s(LIFE_S),
        certificate: vec![certificate; 300],
        pass: vec![52; 150],
    };
    for certificate in [61, 62] {
        let renewed = ledger.renew_credentials(credentials(certificate), NOW);
        let renewed = renewed.await.unwrap();
        writeln!(said, "{:?}", renewed.certificate).unwrap();
    }
    let place = Place {
        by: new.code.issued_by(),
        level: Level::DEFAULT,
        point: Point::from_nanodegrees(1, 1).unwrap(),
        height_dm: None,
        span: Span::new(u64::from(NOW.0) / 60, None).unwrap(),
        owner: new.code,
    };
    let bay = GridCode::derive(&place).unwrap();
    let issued = ledger.issue_grid(bay, "Bay", new.code, "op", NOW).await;
    writeln!(said, "{issued:?}").unwrap();
    ledger
        .bind(&new.code, Some(bay), "", "op", NOW)
        .await
        .unwrap();
    let cells = [Cell::around(
        Point::from_nanodegrees(1, 1).unwrap(),
        Level::DEFAULT,
    )];
    let area = ledger.define_area(&cells, "Yard", "op", NOW).await;
    writeln!(said, "{area:?}").unwrap();
    let area = Some(area.unwrap().reference);
    ledger.assign_area(&purse.code, area).await.unwrap();
    hand_over(ledger, world, said).await;
    let thaw = ThingState::Active;
    // Refused once the code is recovered.
    let _ = ledger.set_state(&purse.code, thaw, "ok", "op", NOW).await;
    purse.seed = 98;
    let renewal = *purse.renewal(usd(), 20, NOW.plus_s(5)).get();
    let renewal = purse.signed_renewal(&Renewal {
        lost: Some(Present),
        ..renewal
    });
    let grant = ledger.renew(renewal, NOW).await.unwrap();
    hear(&grant, said);
    ledger
        .recover(&purse.code, &new.code, "op", NOW)
        .await
        .unwrap();
    payment
}

/// A thing that owns itself gives itself away.
async fn hand_over(ledger: &Ledger, world: &World, said: &mut String) {
    let thing = Purse::register(ledger, world, 53).await;
    let purse = Purse::register(ledger, world, 54).await;
    // Refused once it has been given away.
    let _ = ledger.set_owner(&thing.code, &thing.code, "op", NOW).await;
    let transfer = Transfer {
        code: thing.code,
        from: thing.code,
        to: purse.code,
        number: 2,
        time: NOW,
        expires: NOW.plus_s(60),
    };
    let (transfer, id) = support::sealed(&transfer, &thing.key());
    let acceptance = Acceptance {
        by: purse.code,
        transfer: id,
        time: NOW,
    };
    let (acceptance, _) = support::sealed(&acceptance, &purse.key());
    let given = ledger.hand_over(transfer, acceptance, NOW).await;
    writeln!(said, "{given:?}").unwrap();
    let place = Place {
        by: purse.code.issued_by(),
        level: Level::DEFAULT,
        point: Point::from_nanodegrees(60_000_000_000, 0).unwrap(),
        height_dm: None,
        span: Span::new(u64::from(NOW.0) / 60, None).unwrap(),
        owner: purse.code,
    };
    let shed = GridCode::derive(&place).unwrap();
    let issued = ledger.issue_grid(shed, "Shed", purse.code, "op", NOW).await;
    writeln!(said, "{issued:?}").unwrap();
    survey(ledger, &purse, shed, said).await;
    let named = ledger.set_alias("01/09506000134352/21/7", &purse.code, true, "op", NOW);
    writeln!(said, "{:?}", named.await).unwrap();
}

/// An owner says where exactly its place is.
async fn survey(ledger: &Ledger, owner: &Purse, place: GridCode, said: &mut String) {
    let survey = Survey {
        place,
        owner: owner.code,
        latitude_nanodeg: 60_000_000_000,
        longitude_nanodeg: 0,
        height_mm: None,
        accuracy_mm: 20,
        height_accuracy_mm: None,
        datum: Datum::Wgs84,
        method: Method::Survey,
        measured_by: None,
        measured: NOW,
        time: NOW,
    };
    let (survey, _) = support::sealed(&survey, &owner.key());
    let pass = ledger.thing(&owner.code).await.unwrap().unwrap().pass;
    let recorded = ledger.record_place(survey, pass, NOW).await;
    writeln!(said, "{recorded:?}").unwrap();
}

fn payment_number(number: u32) -> protocol::Sequence {
    protocol::Sequence(number)
}

async fn register(ledger: &Ledger, said: &mut String) {
    let secrets = vec![[1; 32], [2; 32]];
    ledger
        .add_secrets(secrets, Kind::Device, NOW.plus_s(9))
        .await
        .unwrap();
    let request = IssueRequest {
        secret_hash: Some([1; 32]),
        request_hash: [77; 32],
        kind: Kind::Device,
        name: "Never finished".into(),
        by: "est".into(),
        serial: [77; 16],
    };
    let reserved = ledger.begin_issue(request, NOW).await;
    writeln!(said, "{reserved:?}").unwrap();
}

async fn place(ledger: &Ledger, world: &World, owner: &Purse, said: &mut String) {
    let place = Place {
        by: IssuedBy {
            issuer: world.gateway.issued_by().issuer,
            station: 1,
        },
        level: Level::DEFAULT,
        point: Point::from_nanodegrees(1, 1).unwrap(),
        height_dm: None,
        span: Span::new(30_000_000, None).unwrap(),
        owner: owner.code,
    };
    let code = GridCode::derive(&place).unwrap();
    let issued = ledger
        .issue_grid(code, "Bay", owner.code, "operator", NOW)
        .await;
    writeln!(said, "{issued:?}").unwrap();
    // It leaves when it is revoked, and is refused from then on.
    let _ = ledger
        .bind(&owner.code, Some(code), "mounted", "operator", NOW)
        .await;
}

async fn load(ledger: &Ledger, purse: &Purse, said: &mut String) {
    let loaded = ledger.load(order(purse, 1_000, "in"), NOW).await;
    writeln!(said, "{loaded:?}").unwrap();
}

async fn renew(ledger: &Ledger, purse: &mut Purse, wanted: u64, now: Timestamp, said: &mut String) {
    let grant = ledger
        .renew(purse.renewal(usd(), wanted, now), now)
        .await
        .unwrap();
    hear(&grant, said);
    purse.take(&grant);
}

async fn hand_in(ledger: &Ledger, payment: &Signed, by: Option<&Purse>, said: &mut String) {
    let receipt = by.map(|payee| payee.receipt(payment));
    let answer = ledger
        .hand_in(payment.evidence(), receipt, NOW)
        .await
        .unwrap();
    hear(&answer, said);
}

/// Whose inbox grew and which case was opened is news only once; the message never changes.
fn hear(answer: &Answer, said: &mut String) {
    writeln!(said, "{:02x?}", answer.message).unwrap();
}

/// Where the coins are and where they came from, and that nothing is missing.
async fn traced(ledger: &Ledger, purses: &[Purse], said: &mut String) {
    let tracing = ledger.tracing().await.unwrap();
    let stand = tracing.check().await.unwrap();
    let load = tracing.forwards(1, None, 99).await.unwrap();
    writeln!(said, "{stand:?}\n{load:?}").unwrap();
    for purse in purses {
        let held = tracing.backwards(&purse.code, None, None, 99).await;
        writeln!(said, "{:?}", held.unwrap()).unwrap();
    }
}

/// Balances, inboxes, cases, the journal's root, and how many rows there are of everything.
async fn remains(ledger: &Ledger, world: &World, purses: &[Purse], said: &mut String) {
    for purse in purses {
        let views = ledger.purse(&purse.code).await.unwrap();
        let inbox = ledger.inbox(&purse.code, 0, 99).await.unwrap();
        let changes = ledger.life(&purse.code).await.unwrap();
        writeln!(said, "{views:?}\n{inbox:?}\n{changes:?}").unwrap();
    }
    let page = ledger::views::Page::first(99);
    let cases = ledger.fraud_cases(&page).await.unwrap();
    let head = ledger.journal().await.unwrap();
    let conservation = ledger.conservation().await.unwrap();
    writeln!(said, "{cases:?}\n{head:?}\n{conservation:?}").unwrap();
    traced(ledger, purses, said).await;

    let address = format!("sqlite://{}", world.path.display());
    let mut connection = SqliteConnection::connect(&address).await.unwrap();
    let tables: Vec<(String,)> =
        sqlx::query_as("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    for (table,) in tables {
        let (rows,): (i64,) =
            sqlx::query_as(AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
                .fetch_one(&mut connection)
                .await
                .unwrap();
        writeln!(said, "{table} {rows}").unwrap();
    }
    connection.close().await.unwrap();
}
