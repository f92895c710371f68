//! Charging sessions: read from a file of the published form, or made up from a seed.

use std::fmt;
use std::path::Path;

/// First line of a session file.
pub const HEADER: &str =
    "session_id,start_utc,end_utc,station,site,driver,energy_wh,amount_minor,currency";
/// More sessions than this are not read.
pub const SESSIONS_MAX: usize = 1_000_000;
/// Price that moves money in every session and rounds nothing: 300 micro-USD per Wh.
pub const PRICE_MICRO_USD_PER_WH: u64 = 300;

/// One charging session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Running number; it becomes the reference of the payment.
    pub id: u64,
    /// When the car left, RFC 3339 in UTC.
    pub end_utc: String,
    /// Which charger.
    pub station: u32,
    /// Which car.
    pub driver: u32,
    /// How much, in Wh.
    pub energy_wh: u64,
}

impl Session {
    /// What the car pays, in millionths of a dollar.
    pub fn amount_micro_usd(&self) -> u64 {
        self.energy_wh.saturating_mul(PRICE_MICRO_USD_PER_WH)
    }
}

/// A line that is no session.
#[derive(Debug)]
pub struct SessionError {
    line: usize,
    what: String,
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for SessionError {}

/// Reads a session file; the result is in order of `end_utc`.
pub fn read_file(path: &Path) -> Result<Vec<Session>, Box<dyn std::error::Error + Send + Sync>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    read(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Reads the text of a session file; the result is in order of `end_utc`.
pub fn read(text: &str) -> Result<Vec<Session>, SessionError> {
    let mut lines = text.lines().enumerate();
    match lines.next() {
        Some((_, header)) if header.trim_end() == HEADER => {}
        _ => {
            return Err(SessionError {
                line: 1,
                what: format!("wants the header {HEADER}"),
            });
        }
    }
    let mut sessions = Vec::new();
    for (i, line) in lines {
        if line.trim().is_empty() {
            continue;
        }
        if sessions.len() == SESSIONS_MAX {
            return Err(SessionError {
                line: i + 1,
                what: format!("more than {SESSIONS_MAX} sessions"),
            });
        }
        sessions.push(read_line(line).map_err(|what| SessionError { line: i + 1, what })?);
    }
    sessions.sort_by(|a, b| (&a.end_utc, a.id).cmp(&(&b.end_utc, b.id)));
    Ok(sessions)
}

fn read_line(line: &str) -> Result<Session, String> {
    let fields: Vec<&str> = line.trim_end().split(',').collect();
    let [
        id,
        _start,
        end,
        station,
        _site,
        driver,
        energy,
        _amount,
        _currency,
    ] = fields.as_slice()
    else {
        return Err(format!("has {} fields instead of 9", fields.len()));
    };
    if !is_utc(end) {
        return Err(format!(
            "end_utc `{end}` is not of the form 2015-08-07T12:00:00Z"
        ));
    }
    Ok(Session {
        id: number(id, "session_id")?,
        end_utc: (*end).to_owned(),
        station: number(station, "station")?,
        driver: number(driver, "driver")?,
        energy_wh: number(energy, "energy_wh")?,
    })
}

fn number<T: std::str::FromStr>(text: &str, name: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{name} `{text}` is no whole number"))
}

/// Of exactly this form, texts sort as times do.
fn is_utc(text: &str) -> bool {
    const FORM: &[u8] = b"dddd-dd-ddTdd:dd:ddZ";
    text.len() == FORM.len()
        && text.bytes().zip(FORM).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            form => byte == *form,
        })
}

/// Makes up `count` sessions with the proportions of the published file: 2,037 sessions of 68
/// drivers at 85 stations, 5,811 Wh on average, about one in a hundred without energy.
pub fn generate(count: usize, seed: u64) -> Vec<Session> {
    let mut random = SplitMix(seed);
    let drivers = (count / 12).clamp(2, 68) as u64;
    let stations = (count / 10).clamp(2, 85) as u64;
    let mut minute = 0;
    (1..=count as u64)
        .map(|id| {
            minute += random.below(180);
            let energy_wh = match random.below(100) {
                0 => 0,
                // The sum of three even draws is bell-shaped around 5.8 kWh.
                _ => 10 * (1 + random.below(388) + random.below(388) + random.below(388)),
            };
            Session {
                id,
                end_utc: utc(minute),
                station: 1 + random.below(stations) as u32,
                driver: 1 + random.below(drivers) as u32,
                energy_wh,
            }
        })
        .collect()
}

/// Minutes of a made-up year of 28-day months from 2015-01-01.
fn utc(minute: u64) -> String {
    let (day, minute) = (minute / 1440, minute % 1440);
    let (month, day) = (day / 28, day % 28);
    let (year, month) = (2015 + month / 12, month % 12);
    format!(
        "{year:04}-{:02}-{:02}T{:02}:{:02}:00Z",
        month + 1,
        day + 1,
        minute / 60,
        minute % 60
    )
}

/// SplitMix64: small, well spread, the same everywhere.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_come_in_order_of_their_end() {
        let text = format!(
            "{HEADER}\n1,2014-11-18T15:01:17Z,2014-11-18T18:26:04Z,1,1,1,5610,0,USD\n\
             2,2014-11-18T15:40:26Z,2014-11-18T17:11:04Z,2,1,2,7780,0,USD\n"
        );
        let sessions = read(&text).unwrap();
        assert_eq!(sessions.iter().map(|s| s.id).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(sessions[1].amount_micro_usd(), 1_683_000);
    }

    #[test]
    fn a_wrong_line_is_named() {
        let error = read(&format!("{HEADER}\n1,a,b\n")).unwrap_err().to_string();
        assert!(
            error.contains("line 2") && error.contains("3 fields"),
            "{error}"
        );
        assert!(read("session\n").is_err());
        let error = read(&format!(
            "{HEADER}\n1,x,2014-11-18 18:26,1,1,1,5610,0,USD\n"
        ))
        .unwrap_err();
        assert!(error.to_string().contains("end_utc"), "{error}");
    }

    #[test]
    fn made_up_sessions_keep_the_proportions() {
        let sessions = generate(2_037, 1);
        assert_eq!(sessions, generate(2_037, 1));
        assert_ne!(sessions, generate(2_037, 2));
        let total: u64 = sessions.iter().map(|s| s.energy_wh).sum();
        let mean = total / 2_037;
        assert!((5_300..6_300).contains(&mean), "mean {mean} Wh");
        let idle = sessions.iter().filter(|s| s.energy_wh == 0).count();
        assert!((5..45).contains(&idle), "{idle} without energy");
        assert!(sessions.is_sorted_by_key(|s| &s.end_utc));
    }
}
