//! Codes for the second step: of an app (RFC 6238 as every app knows it: SHA-1, 30 seconds, six
//! digits), and recovery codes for who has lost it.

use super::secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ledger::people::{RECOVERY_CODES, SecretHash, SharedSecret};
use protocol::Timestamp;
use sha1::Sha1;

/// How long a code is shown.
pub const STEP_S: u32 = 30;
/// Steps that a clock may be off, either way.
const DRIFT_STEPS: u64 = 1;
/// RFC 4648.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// For recovery codes: nothing in it is mistaken for something else in it.
const PLAIN: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Symbols of a recovery code: 80 bits, which need no salt.
const RECOVERY_CHARS: usize = 16;

/// Draws what an app and this house will both know.
pub fn draw(random: &dyn Fn(&mut [u8])) -> SharedSecret {
    let mut bytes = [0; 20];
    random(&mut bytes);
    SharedSecret(bytes)
}

/// The step of time that a moment lies in.
pub fn step_of(now: Timestamp) -> u64 {
    u64::from(now.0 / STEP_S)
}

/// The code of a step, as a number.
fn code(shared: &SharedSecret, step: u64) -> Option<u32> {
    let mut mac = Hmac::<Sha1>::new_from_slice(&shared.0).ok()?;
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash.last()? & 0x0f);
    let word = hash.get(at..at + 4)?.try_into().ok()?;
    Some((u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000)
}

/// The newest step near `now` whose code was typed. Every one is compared in full.
pub fn matching_step(shared: &SharedSecret, typed: &str, now: Timestamp) -> Option<u64> {
    let digits: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let here = step_of(now);
    let mut found = None;
    for step in here.saturating_sub(DRIFT_STEPS)..=here + DRIFT_STEPS {
        let shown = code(shared, step).map(|code| format!("{code:06}"))?;
        if secret::same(&shown, &digits) {
            found = Some(step);
        }
    }
    found
}

fn spelled(bytes: &[u8], alphabet: &[u8; 32]) -> String {
    let (mut text, mut bits, mut waiting) = (String::new(), 0u32, 0);
    for byte in bytes {
        (bits, waiting) = (bits << 8 | u32::from(*byte), waiting + 8);
        while waiting >= 5 {
            waiting -= 5;
            let at = (bits >> waiting & 31) as usize;
            text.extend(alphabet.get(at).map(|symbol| char::from(*symbol)));
        }
    }
    text
}

/// In groups of four.
fn grouped(text: &str, between: char) -> String {
    let mut grouped = String::new();
    for (at, symbol) in text.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            grouped.push(between);
        }
        grouped.push(symbol);
    }
    grouped
}

/// The secret as it is typed into an app that has no camera.
pub fn spelled_out(shared: &SharedSecret) -> String {
    grouped(&spelled(&shared.0, BASE32), ' ')
}

/// The secret as apps scan it.
pub fn address(shared: &SharedSecret, network: &str, name: &str) -> String {
    let secret = spelled(&shared.0, BASE32);
    let name: String = name.bytes().map(percent).collect();
    format!(
        "otpauth://totp/OneCode%20{network}:{name}?secret={secret}&issuer=OneCode%20{network}\
         &algorithm=SHA1&digits=6&period={STEP_S}"
    )
}

fn percent(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    }
}

/// New recovery codes, and the hashes by which they are kept.
pub fn draw_recovery(
    random: &dyn Fn(&mut [u8]),
) -> ([String; RECOVERY_CODES], [SecretHash; RECOVERY_CODES]) {
    let codes = [(); RECOVERY_CODES].map(|()| {
        let mut bytes = [0; RECOVERY_CHARS * 5 / 8];
        random(&mut bytes);
        spelled(&bytes, PLAIN)
    });
    let hashes = codes.each_ref().map(|code| kept(code));
    (codes.map(|code| grouped(&code, '-')), hashes)
}

fn kept(code: &str) -> SecretHash {
    secret::hash(&format!("onecode recovery/{code}"))
}

/// The hash of what was typed; `None` when it cannot be a recovery code.
pub fn recovery_hash(typed: &str) -> Option<SecretHash> {
    let plain: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let fits = plain.len() == RECOVERY_CHARS && plain.bytes().all(|b| PLAIN.contains(&b));
    fits.then(|| kept(&plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARED: SharedSecret = SharedSecret(*b"12345678901234567890");

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B has eight digits; six are the last of them.
        for (time, eight) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
        ] {
            let step = step_of(Timestamp(time));
            assert_eq!(code(&SHARED, step), Some(eight % 1_000_000), "{time}");
        }
    }

    #[test]
    fn a_code_is_good_one_step_early_and_late_and_no_longer() {
        let shown = Timestamp(1_111_111_111);
        let typed = "050 471";
        let found = |now: Timestamp| matching_step(&SHARED, typed, now);
        for now in [shown.minus_s(STEP_S), shown, shown.plus_s(STEP_S)] {
            assert_eq!(found(now), Some(step_of(shown)));
        }
        assert_eq!(found(shown.minus_s(2 * STEP_S)), None);
        assert_eq!(found(shown.plus_s(2 * STEP_S)), None);
    }

    #[test]
    fn what_is_no_code_matches_nothing() {
        for typed in [
            "",
            "05047",
            "0050471",
            "05047x",
            "+50471",
            "٠٥٠٤٧١",
            "-50471",
        ] {
            assert_eq!(
                matching_step(&SHARED, typed, Timestamp(1_111_111_111)),
                None
            );
        }
    }

    #[test]
    fn an_app_reads_the_secret_and_whose_it_is() {
        let spelled = "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ";
        assert_eq!(spelled_out(&SHARED), spelled);
        assert_eq!(
            address(&SHARED, "test", "Ada & Bob/é"),
            "otpauth://totp/OneCode%20test:Ada%20%26%20Bob%2F%C3%A9?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=OneCode%20test&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(format!("{SHARED:?}"), "SharedSecret(..)");
    }

    #[test]
    fn a_recovery_code_is_found_however_it_is_typed() {
        let drawn = std::cell::Cell::new(0);
        let (codes, hashes) = draw_recovery(&|bytes| {
            drawn.set(drawn.get() + 1);
            bytes.fill(drawn.get());
        });
        for (code, hash) in codes.iter().zip(hashes) {
            assert_eq!(code.len(), 19, "{code}");
            assert_eq!(recovery_hash(code), Some(hash));
            let typed = code.to_lowercase().replace('-', " ");
            assert_eq!(recovery_hash(&typed), Some(hash));
        }
        assert_ne!(hashes[0], hashes[1]);
        for typed in ["", "123456", "ABCD-EFGH-JKLM-NPQ0", "ABCD-EFGH-JKLM-NPQ"] {
            assert_eq!(recovery_hash(typed), None, "{typed}");
        }
    }
}
