//! The objects of a world of several gateways, clockless things and payments spent on: one honest
//! object of every type beyond [`Cast::one_of_each`], and the forms with optional fields.

use crate::cast::{Cast, DAY_S, Form, NOW, amount, code, form, key, network, reading, usd};
use protocol::code::IssuedBy;
use protocol::code::grid::{Cell, Level, Place, Point, Span};
use protocol::cose::identify;
use protocol::covers;
use protocol::keys::SoftwareKey;
use protocol::objects::{
    Acceptance, Acknowledgement, Allowance, Area, Beacon, ClaimNote, Closing, ClosingBalance,
    Credit, Datum, Filter, FloatWarrant, Invoice, Lease, Measure, Method, Move, Object, Payment,
    PlaceRecord, Present, Price, RefundAnswer, RefundRequest, Release, Renewal, Set, Statement,
    Successor, Survey, Tariff, Text, Transfer, TrustUpdate, Void, WalletCall, Watermark,
};
use protocol::{Code, Digest, GridCode, KeyEpoch, Kind, Reference, Sequence, Signer, Status};

fn cell(latitude: i32, longitude: i32, level: u8) -> Cell {
    let point = Point::from_units(latitude, longitude).unwrap();
    Cell::around(point, Level::new(level).unwrap())
}

fn reference_of<T: Object>(object: &T, by: &SoftwareKey) -> Reference {
    let algorithm = by.public_key().algorithm();
    identify(object, &network(), algorithm).unwrap().reference()
}

impl Cast {
    /// Two cells of different levels, one on each side of the equator.
    pub fn area(&self) -> Area {
        let cells = [cell(300_000_000, 800_000_000, 5), cell(-7, -7, 8)];
        Area {
            by: Self::issuer_code(),
            cells: Set::new(&cells).unwrap(),
            issued: NOW,
        }
    }

    /// [`Cast::allowance`] for payments that may be spent on twice, in one area, with a guarantee.
    pub fn hopping_allowance(&self) -> Allowance {
        Allowance {
            hops: Some(2),
            area: Some(reference_of(&self.area(), &self.issuer)),
            guarantee: Some(amount(10_000)),
            ..self.allowance()
        }
    }

    /// The payee's own: it may pay up to 500, and is paid 2,500 that it may spend as well.
    pub fn payees_allowance(&self) -> Allowance {
        Allowance {
            code: Self::payee_code(),
            wallet_key: self.payee.public_key(),
            limit: reading(500),
            base_sequence: Sequence(0),
            base_head: Reference([0; 16]),
            base_odometer: reading(0),
            number: 13,
            issued_total: reading(250_500),
            ..self.allowance()
        }
    }

    /// [`Cast::payment`] under [`Cast::hopping_allowance`], for the payee to spend.
    pub fn cover(&self) -> Payment {
        Payment {
            allowance: reference_of(&self.hopping_allowance(), &self.gateway),
            covers_for: Some(reference_of(&self.payees_allowance(), &self.gateway)),
            ..self.payment()
        }
    }

    pub fn cover_id(&self) -> Digest {
        identify(
            &self.cover(),
            &network(),
            self.payer.public_key().algorithm(),
        )
        .unwrap()
    }

    /// The payee pays the gateway 2,000 of what it may spend itself and of [`Cast::cover`].
    pub fn covered_payment(&self) -> Payment {
        Payment {
            payer: Self::payee_code(),
            sequence: Sequence(1),
            previous: Reference([0; 16]),
            payee: Self::gateway_code(),
            amount: amount(2_000),
            odometer: reading(2_000),
            allowance: reference_of(&self.payees_allowance(), &self.gateway),
            covers: Some(covers::hash(&mut [(self.cover_id(), 0)])),
            ..self.payment()
        }
    }

    pub fn warrant(&self) -> FloatWarrant {
        FloatWarrant {
            centre: Self::issuer_code(),
            gateway: Self::gateway_code(),
            gateway_epoch: KeyEpoch(1),
            currency: usd(),
            limit: reading(1_000_000),
            issued: NOW,
            expires: NOW.plus_s(30 * DAY_S),
        }
    }

    pub fn closing(&self) -> Closing {
        Closing {
            code: Self::payer_code(),
            key_epoch: KeyEpoch(1),
            currency: usd(),
            allowance: self.payment().allowance,
            sequence: Sequence(4),
            odometer: reading(3_500),
            time: NOW.plus_s(90),
        }
    }

    pub fn void(&self) -> Void {
        Void {
            code: Self::payer_code(),
            key_epoch: KeyEpoch(1),
            first: Sequence(5),
            last: Sequence(9),
            time: NOW.plus_s(90),
        }
    }

    pub fn filter(&self) -> Filter {
        Filter {
            gateway: Self::gateway_code(),
            version: 7,
            time: NOW,
            codes: Set::new(&[Self::payer_code(), Self::payee_code()]),
        }
    }

    pub fn beacon(&self) -> Beacon {
        let algorithm = self.gateway.public_key().algorithm();
        Beacon {
            gateway: Self::gateway_code(),
            time: NOW.plus_s(30),
            filter_version: Some(7),
            filter: identify(&self.filter(), &network(), algorithm).ok(),
        }
    }

    pub fn move_home(&self) -> Move {
        Move {
            code: Self::payer_code(),
            from: Self::gateway_code(),
            to: Self::issuer_code(),
            lease: 2,
            time: NOW.plus_s(DAY_S),
        }
    }

    pub fn lease(&self) -> Lease {
        Lease {
            centre: Self::issuer_code(),
            code: Self::payer_code(),
            home: Self::gateway_code(),
            number: 1,
            issued: NOW,
            ends: NOW.plus_s(30 * DAY_S),
        }
    }

    pub fn release(&self) -> Release {
        Release {
            centre: Self::issuer_code(),
            code: Self::payer_code(),
            number: 1,
            time: NOW.plus_s(60 * DAY_S),
        }
    }

    pub fn closing_balance(&self) -> ClosingBalance {
        ClosingBalance {
            gateway: Self::gateway_code(),
            gateway_epoch: KeyEpoch(1),
            code: Self::payer_code(),
            lease: 1,
            currency: usd(),
            free: amount(42_000),
            reserved: amount(6_500),
            open_until: NOW.plus_s(7 * DAY_S),
            key_epoch: KeyEpoch(1),
            sequence: Sequence(4),
            head: self.payment_id().reference(),
            odometer: reading(3_500),
            time: NOW.plus_s(DAY_S),
        }
    }

    pub fn credit(&self) -> Credit {
        Credit {
            gateway: Self::gateway_code(),
            gateway_epoch: KeyEpoch(1),
            subject: self.payment_id(),
            payee: Self::payee_code(),
            currency: usd(),
            amount: amount(2_500),
            covers_for: None,
            provisional: None,
            time: NOW.plus_s(200),
        }
    }

    pub fn claim_note(&self) -> ClaimNote {
        ClaimNote {
            gateway: Self::gateway_code(),
            gateway_epoch: KeyEpoch(1),
            payment: self.payment_id(),
            covers: self.covered_payment().covers,
            time: NOW.plus_s(170),
        }
    }

    pub fn watermark(&self) -> Watermark {
        Watermark {
            centre: Self::issuer_code(),
            gateway: Self::gateway_code(),
            gateway_epoch: KeyEpoch(1),
            height: 77,
            time: NOW.plus_s(300),
        }
    }

    pub fn acknowledgement(&self) -> Acknowledgement {
        Acknowledgement {
            by: Self::issuer_code(),
            to: Self::gateway_code(),
            kind: 1,
            epoch: KeyEpoch(1),
            up_to: 78,
        }
    }

    pub fn tariff(&self) -> Tariff {
        let price = |item: &[u8; 16], measure, minor| Price {
            item: Reference(*item),
            measure,
            amount: amount(minor),
        };
        Tariff {
            payee: Self::payee_code(),
            currency: usd(),
            issued: NOW,
            expires: NOW.plus_s(7 * DAY_S),
            prices: Set::new(&[
                price(b"charge at night\0", Measure::WattHour, 25),
                price(b"parking\0\0\0\0\0\0\0\0\0", Measure::Second, 3),
            ])
            .unwrap(),
        }
    }

    /// What changes hands.
    pub fn bicycle_code() -> Code {
        code(Kind::PassiveItem, 1, 3)
    }

    pub fn transfer(&self) -> Transfer {
        Transfer {
            code: Self::bicycle_code(),
            from: Self::payer_code(),
            to: Self::payee_code(),
            number: 2,
            time: NOW,
            expires: NOW.plus_s(7 * DAY_S),
        }
    }

    pub fn acceptance(&self) -> Acceptance {
        let algorithm = self.payer.public_key().algorithm();
        Acceptance {
            by: Self::payee_code(),
            transfer: identify(&self.transfer(), &network(), algorithm).unwrap(),
            time: NOW.plus_s(DAY_S),
        }
    }

    /// The issuer's key stands for that of the next root.
    pub fn trust_update(&self) -> TrustUpdate {
        TrustUpdate {
            root: Self::root_code(),
            next: code(Kind::Issuer, 0, 3),
            next_key: self.issuer.public_key(),
            issued: NOW,
            ends: NOW.plus_s(365 * DAY_S),
        }
    }

    /// The key of the seed 6 takes over from the gateway's.
    pub fn successor(&self) -> Successor {
        Successor {
            issuer: Self::issuer_code(),
            gateway: Self::gateway_code(),
            former_key: self.gateway.public_key(),
            key: key(self.gateway.public_key().algorithm(), 6).public_key(),
            issued: NOW.plus_s(DAY_S),
            ends: NOW.plus_s(31 * DAY_S),
        }
    }

    /// The payee's place, about eight metres wide, three metres above the ellipsoid.
    pub fn bay(&self) -> GridCode {
        let place = Place {
            by: Self::gateway_code().issued_by(),
            level: Level::new(7).unwrap(),
            point: Point::from_nanodegrees(-33_856_784_123, 151_215_296_456).unwrap(),
            height_dm: Some(30),
            span: Span::new(29_000_000, None).unwrap(),
            owner: Self::payee_code(),
        };
        // Named by the gateway, which is station 1.
        let by = IssuedBy {
            station: 1,
            ..place.by
        };
        GridCode::derive(&Place { by, ..place }).unwrap()
    }

    pub fn survey(&self) -> Survey {
        Survey {
            place: self.bay(),
            owner: Self::payee_code(),
            latitude_nanodeg: -33_856_784_123,
            longitude_nanodeg: 151_215_296_456,
            height_mm: Some(3_042),
            accuracy_mm: 14,
            height_accuracy_mm: Some(25),
            datum: Datum::Wgs84,
            method: Method::CorrectedSatellites,
            measured_by: Some(Self::payer_code()),
            measured: NOW.minus_s(3_600),
            time: NOW,
        }
    }

    pub fn wallet_call(&self) -> WalletCall {
        WalletCall {
            code: Self::payer_code(),
            gateway: Self::gateway_code(),
            time: NOW,
            nonce: Reference([0x5c; 16]),
            message: Digest([0x5d; 32]),
            after: 7,
        }
    }

    pub fn refund_request(&self) -> RefundRequest {
        let algorithm = self.payer.public_key().algorithm();
        RefundRequest {
            payer: Self::payer_code(),
            payment: identify(&self.payment(), &network(), algorithm).unwrap(),
            words: Text::new("The charger stopped after a minute.").unwrap(),
            time: NOW,
        }
    }

    pub fn refund_answer(&self) -> RefundAnswer {
        let algorithm = self.payer.public_key().algorithm();
        RefundAnswer {
            gateway: Self::gateway_code(),
            request: identify(&self.refund_request(), &network(), algorithm).unwrap(),
            paid_back: None,
            words: Some(Text::new("It charged 12 kWh.").unwrap()),
            time: NOW.plus_s(3_600),
        }
    }

    pub fn place_record(&self) -> PlaceRecord {
        let algorithm = self.payee.public_key().algorithm();
        PlaceRecord {
            by: Self::gateway_code(),
            place: self.bay(),
            survey: identify(&self.survey(), &network(), algorithm).unwrap(),
            time: NOW.plus_s(60),
        }
    }

    pub fn lost_renewal(&self) -> Renewal {
        Renewal {
            lost: Some(Present),
            ..self.renewal()
        }
    }

    pub fn provisional_statement(&self) -> Statement {
        Statement {
            outcome: Status::WaitingForCover as u32,
            provisional: Some(Present),
            paid: Some(amount(500)),
            ..self.statement()
        }
    }

    pub fn covering_invoice(&self) -> Invoice {
        Invoice {
            covers_for: Some(reference_of(&self.payees_allowance(), &self.gateway)),
            holds: Some(self.payment().allowance),
            ..self.invoice()
        }
    }

    /// One of every type that is not in [`Cast::one_of_each`].
    pub fn society(&self) -> Vec<Form> {
        let (issuer, gateway) = (&self.issuer, &self.gateway);
        let (payer, payee) = (&self.payer, &self.payee);
        vec![
            form(&self.warrant(), issuer),
            form(&self.area(), issuer),
            form(&self.closing(), payer),
            form(&self.void(), payer),
            form(&self.beacon(), gateway),
            form(&self.filter(), gateway),
            form(&self.move_home(), payer),
            form(&self.lease(), issuer),
            form(&self.release(), issuer),
            form(&self.closing_balance(), gateway),
            form(&self.credit(), gateway),
            form(&self.claim_note(), gateway),
            form(&self.watermark(), issuer),
            form(&self.acknowledgement(), issuer),
            form(&self.tariff(), payee),
            form(&self.transfer(), payer),
            form(&self.acceptance(), payee),
            form(&self.trust_update(), &self.root),
            form(&self.successor(), issuer),
            form(&self.survey(), payee),
            form(&self.place_record(), gateway),
            form(&self.wallet_call(), payer),
            form(&self.refund_request(), payer),
            form(&self.refund_answer(), gateway),
        ]
    }

    /// The forms of all types with the optional fields of covers, areas and homes.
    pub fn society_forms(&self) -> Vec<Form> {
        let (gateway, payer, payee) = (&self.gateway, &self.payer, &self.payee);
        let bare = Beacon {
            filter_version: None,
            filter: None,
            ..self.beacon()
        };
        let empty = Filter {
            codes: None,
            ..self.filter()
        };
        let provisional = Credit {
            covers_for: self.cover().covers_for,
            provisional: Some(Present),
            ..self.credit()
        };
        let uncovered = ClaimNote {
            covers: None,
            ..self.claim_note()
        };
        let flat = Survey {
            height_mm: None,
            height_accuracy_mm: None,
            measured_by: None,
            ..self.survey()
        };
        vec![
            form(&flat, payee),
            form(&self.hopping_allowance(), gateway),
            form(&self.cover(), payer),
            form(&self.covered_payment(), payee),
            form(&self.lost_renewal(), payer),
            form(&self.provisional_statement(), gateway),
            form(&self.covering_invoice(), payee),
            form(&bare, gateway),
            form(&empty, gateway),
            form(&provisional, gateway),
            form(&uncovered, gateway),
        ]
    }
}
