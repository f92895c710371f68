//! Writes down what things say, beside the doors and never in their way: numbers for charts, and
//! what they answered to commands.

pub mod senml;
pub mod written;

use crate::tree::{Event, Leaf, PAYLOAD_MAX, Tree};
use crate::wallet::now;
use ledger::diary::{COMMAND_BYTES_MAX, Diary, NewReading};
use protocol::Timestamp;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Events that wait to be written down; more are not, and are counted.
pub const WAITING_MAX: usize = 2_048;
/// Events written down in one turn.
const TURN_MAX: usize = 512;
/// Between two turns, so that what comes meanwhile is written down at once.
const GATHER: Duration = Duration::from_millis(200);
/// Turns between two looks for what is too old: a minute.
const TIDY_TURNS: u32 = 300;

/// The desired twins that the diary knows, and an ear in the tree.
pub async fn join(tree: &Tree, diary: &Diary) -> Result<mpsc::Receiver<Arc<Event>>, ledger::Error> {
    for (code, payload) in diary.all_desired().await? {
        if tree.restore_desired(code, &payload.into()).is_err() {
            tracing::warn!(%code, "no room for what it shall become");
        }
    }
    let (ear, events) = mpsc::channel(WAITING_MAX);
    tree.tap(ear);
    Ok(events)
}

/// Writes until `stopped` resolves. A failure here harms nobody at the doors: it is told to the log.
pub async fn write_down(
    diary: Diary,
    mut events: mpsc::Receiver<Arc<Event>>,
    stopped: impl Future<Output = ()>,
) {
    let mut stopped = std::pin::pin!(stopped);
    let mut turns = 0u32;
    let mut turn = Vec::with_capacity(TURN_MAX);
    loop {
        tokio::select! {
            () = &mut stopped => return,
            () = sleep(GATHER) => {}
        }
        while let Ok(event) = events.try_recv() {
            turn.push(event);
            if turn.len() == TURN_MAX {
                break;
            }
        }
        if let Err(error) = write_turn(&diary, &turn, now(), now_ms()).await {
            tracing::error!(%error, "what things said is not written down");
        }
        turn.clear();
        turns = turns.wrapping_add(1);
        if turns.is_multiple_of(TIDY_TURNS) {
            tidy(&diary).await;
        }
    }
}

async fn tidy(diary: &Diary) {
    loop {
        match diary.tidy_readings(now()).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::error!(%error, "old telemetry stays");
                return;
            }
        }
    }
}

/// One turn.
async fn write_turn(
    diary: &Diary,
    events: &[Arc<Event>],
    now: Timestamp,
    now_ms: u64,
) -> Result<(), ledger::Error> {
    let mut readings = Vec::new();
    for event in events {
        let code = event.topic.code;
        match &event.topic.leaf {
            Leaf::Telemetry(name) if event.payload.len() <= PAYLOAD_MAX => {
                let said = senml::read(name.as_str(), &event.payload, now_ms);
                readings.extend(said.into_iter().map(|said| NewReading {
                    code,
                    name: said.name,
                    at_ms: said.at_ms,
                    value: said.value,
                    unit: said.unit,
                }));
            }
            Leaf::Result(id) => {
                if let Ok(number) = id.as_str().parse() {
                    let result = text(&event.payload);
                    diary.command_answered(&code, number, &result, now).await?;
                }
            }
            _ => {}
        }
    }
    if !readings.is_empty() {
        diary.add_readings(&readings, now).await?;
    }
    Ok(())
}

/// A result as people read it, as much of it as is kept.
fn text(payload: &[u8]) -> String {
    let kept = payload.get(..COMMAND_BYTES_MAX).unwrap_or(payload);
    match std::str::from_utf8(kept) {
        Ok(text) => text.to_owned(),
        Err(error) if error.valid_up_to() > 0 && kept.len() == COMMAND_BYTES_MAX => {
            String::from_utf8_lossy(kept).into_owned()
        }
        Err(_) => {
            let digits = kept.iter().take(COMMAND_BYTES_MAX / 2);
            digits.map(|byte| format!("{byte:02x}")).collect()
        }
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Door;
    use crate::tree::tests::topic;
    use bytes::Bytes;
    use ledger::diary::Measured;

    const NOW: Timestamp = Timestamp(1_700_000_000);
    const NOW_MS: u64 = 1_700_000_000_000;

    fn event(place: &str, payload: &'static str) -> Arc<Event> {
        Arc::new(Event {
            assured: true,
            door: Some(Door::Mqtt),
            ..Event::new(topic(place), Bytes::from_static(payload.as_bytes()))
        })
    }

    #[tokio::test]
    async fn telemetry_and_results_are_written_down_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let diary = Diary::open(&folder.path().join("diary.db")).await.unwrap();
        let code = topic("oc/1/A/s").code;
        let number = diary.begin_command(&code, "open", "ada", NOW).await;
        assert_eq!(number.unwrap(), 1);
        let events = [
            event("oc/1/A/t/room", "{\"temperature\":21.5}"),
            event("oc/1/A/t/room", "no number at all"),
            event("oc/1/A/e/door", "{\"temperature\":99}"),
            event("oc/1/A/r/1", "done"),
            event("oc/1/A/r/seven", "what?"),
        ];
        write_turn(&diary, &events, NOW, NOW_MS).await.unwrap();
        let series = diary.series(&code).await.unwrap();
        assert_eq!(series.len(), 1);
        assert_eq!(series[0].name, "room/temperature");
        assert_eq!(series[0].value, Measured::Number(21.5));
        let commands = diary.commands(&code, 9).await.unwrap();
        assert_eq!(commands[0].result, Some((NOW, "done".to_owned())));
    }

    #[test]
    fn results_that_are_no_text_are_shown_as_digits() {
        assert_eq!(text(b"done"), "done");
        assert_eq!(text(&[0xa0, 0x01]), "a001");
        let long = [b'x'; COMMAND_BYTES_MAX + 1];
        assert_eq!(text(&long).len(), COMMAND_BYTES_MAX);
    }
}
