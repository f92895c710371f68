//! A wallet message as lines of text that fit into QR symbols, and back.
//!
//! ```text
//! frame   "OC1:" || Base45(head || piece || check) || "."
//! head    number u8 | count u8 | length u16 | tag u32            (big-endian, numbers from 0)
//! tag     CRC-32 of the message      check   CRC-32 of head || piece
//! ```
//!
//! A message of `length` bytes is cut into `count` pieces of `length / count` bytes, rounded up, the
//! last one shorter. All characters are of the alphanumeric mode of QR symbols; the full stop keeps
//! a space at the end from being lost. Frames may be read in any order and repeatedly. The sums are
//! there against slips of scanners and for telling messages apart; what a message is worth is
//! decided by its signatures.

use super::base45;
use core::fmt;
use crc::{CRC_32_ISO_HDLC, Crc, NoTable};
use protocol::message::MESSAGE_MAX;

const PREFIX: &[u8] = b"OC1:";
/// What a frame of any version begins with.
const FAMILY: &[u8] = b"OC";
const END: u8 = b'.';
const HEAD_BYTES: usize = 8;
const CHECK_BYTES: usize = 4;
/// The most bytes of a message in one frame: evidence of one payment is one frame, and that is a QR
/// symbol of version 20 at most, with error correction M.
pub const PIECE_MAX_BYTES: usize = 616;
/// The most frames of one message.
pub const FRAMES_MAX: u8 = 32;
/// Bytes in a frame before they are spelled in Base45.
const BODY_MAX_BYTES: usize = HEAD_BYTES + PIECE_MAX_BYTES + CHECK_BYTES;
/// The longest frame, in characters.
pub const FRAME_MAX_CHARS: usize = PREFIX.len() + base45::encoded_len(BODY_MAX_BYTES) + 1;

const _: () = assert!(MESSAGE_MAX <= PIECE_MAX_BYTES * FRAMES_MAX as usize);
const _: () = assert!(MESSAGE_MAX <= u16::MAX as usize);

const SUM: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// Why a text is no frame, or not one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// Something else: a label, a link, another program's code.
    NotAFrame,
    /// A frame of another version of this form.
    OtherVersion,
    /// Characters are missing, added or wrong.
    Damaged,
    /// Whole, and it says what no writer of frames says.
    Impossible,
    /// A good frame of another message than the one begun.
    OtherMessage,
    /// All pieces are there and do not make the message they name. Everything is forgotten.
    WrongSum,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAFrame => "not a code of a wallet message",
            Self::OtherVersion => "a wallet message in another version of this form",
            Self::Damaged => "not read whole: scan it once more",
            Self::Impossible => "contradicts itself: it was not made by a wallet",
            Self::OtherMessage => "belongs to another message",
            Self::WrongSum => "these codes do not make one message: begin again with the first",
        })
    }
}

impl core::error::Error for FrameError {}

/// What all frames of one message have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    count: u8,
    len: usize,
    tag: u32,
}

impl Shape {
    /// Bytes in every piece but the last.
    fn piece_bytes(&self) -> usize {
        self.len.div_ceil(usize::from(self.count).max(1))
    }

    /// Where a piece begins and ends in the message.
    fn place(&self, number: u8) -> core::ops::Range<usize> {
        let begin = usize::from(number) * self.piece_bytes();
        begin..(begin + self.piece_bytes()).min(self.len)
    }

    /// Whether a writer makes frames like these.
    fn is_possible(&self) -> bool {
        (1..=FRAMES_MAX).contains(&self.count)
            && self.len <= MESSAGE_MAX
            && self.piece_bytes() <= PIECE_MAX_BYTES
            && !self.place(self.count - 1).is_empty()
    }
}

/// A message in frames.
#[derive(Clone, Copy, Debug)]
pub struct Frames<'m> {
    message: &'m [u8],
    shape: Shape,
}

impl<'m> Frames<'m> {
    /// Cuts a message into as few frames as carry at most `piece_bytes` of it each. `None` when it
    /// is empty, longer than [`MESSAGE_MAX`], or would take more than [`FRAMES_MAX`].
    pub fn new(message: &'m [u8], piece_bytes: usize) -> Option<Self> {
        let piece_bytes = piece_bytes.min(PIECE_MAX_BYTES);
        if piece_bytes == 0 {
            return None;
        }
        let shape = Shape {
            count: u8::try_from(message.len().div_ceil(piece_bytes)).ok()?,
            len: message.len(),
            tag: SUM.checksum(message),
        };
        shape.is_possible().then_some(Self { message, shape })
    }

    /// How many there are.
    pub fn count(&self) -> u8 {
        self.shape.count
    }

    /// Writes one frame, counted from 0; returns it. `None` when there is no such frame or `out` is
    /// too small: [`FRAME_MAX_CHARS`] always suffice.
    pub fn write<'o>(&self, number: u8, out: &'o mut [u8]) -> Option<&'o str> {
        if number >= self.shape.count {
            return None;
        }
        let mut body = [0; BODY_MAX_BYTES];
        let len = u16::try_from(self.shape.len).ok()?;
        let mut at = 0;
        for part in [
            &[number, self.shape.count][..],
            &len.to_be_bytes(),
            &self.shape.tag.to_be_bytes(),
            self.message.get(self.shape.place(number))?,
        ] {
            put(&mut body, &mut at, part)?;
        }
        let check = SUM.checksum(body.get(..at)?);
        put(&mut body, &mut at, &check.to_be_bytes())?;

        let mut end = 0;
        put(out, &mut end, PREFIX)?;
        end += base45::encode(body.get(..at)?, out.get_mut(end..)?)?;
        put(out, &mut end, &[END])?;
        core::str::from_utf8(out.get(..end)?).ok()
    }
}

fn put(to: &mut [u8], at: &mut usize, bytes: &[u8]) -> Option<()> {
    let end = *at + bytes.len();
    to.get_mut(*at..end)?.copy_from_slice(bytes);
    *at = end;
    Some(())
}

/// What reading one more frame came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// That one was read before.
    Again,
    /// A new one; others are missing.
    Read {
        /// Which one, counted from 0.
        number: u8,
        /// Of how many.
        count: u8,
    },
    /// The message is whole.
    Whole,
}

/// Frames of one message, read so far.
#[derive(Clone, Debug)]
pub struct Assembly {
    message: [u8; MESSAGE_MAX],
    shape: Option<Shape>,
    /// Bit `n`: frame `n` is there.
    seen: u32,
}

impl Default for Assembly {
    fn default() -> Self {
        Self::new()
    }
}

impl Assembly {
    /// Nothing read yet.
    pub const fn new() -> Self {
        Self {
            message: [0; MESSAGE_MAX],
            shape: None,
            seen: 0,
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.shape = None;
        self.seen = 0;
    }

    /// Reads one frame; what ends the line may still be there. An error changes nothing but
    /// [`FrameError::WrongSum`].
    pub fn add(&mut self, text: &str) -> Result<Progress, FrameError> {
        let mut body = [0; BODY_MAX_BYTES];
        let (number, shape, piece) = read(text, &mut body)?;
        if self.shape.is_some_and(|begun| begun != shape) {
            return Err(FrameError::OtherMessage);
        }
        let bit = 1u32 << number;
        let place = shape.place(number);
        let place = self.message.get_mut(place).ok_or(FrameError::Impossible)?;
        if self.seen & bit != 0 {
            // The same tag for two messages.
            return match place == piece {
                true if self.message().is_some() => Ok(Progress::Whole),
                true => Ok(Progress::Again),
                false => Err(FrameError::OtherMessage),
            };
        }
        place.copy_from_slice(piece);
        self.shape = Some(shape);
        self.seen |= bit;
        let Some(message) = self.message() else {
            let count = shape.count;
            return Ok(Progress::Read { number, count });
        };
        if SUM.checksum(message) != shape.tag {
            self.clear();
            return Err(FrameError::WrongSum);
        }
        Ok(Progress::Whole)
    }

    /// The message, once every frame was read.
    pub fn message(&self) -> Option<&[u8]> {
        let shape = self.shape?;
        if self.missing().next().is_some() {
            return None;
        }
        self.message.get(..shape.len)
    }

    /// The frames that were not read yet, counted from 0, once one was.
    pub fn missing(&self) -> impl Iterator<Item = u8> + use<> {
        let count = self.shape.map_or(0, |shape| shape.count);
        let seen = self.seen;
        (0..count).filter(move |number| seen >> number & 1 == 0)
    }
}

/// One frame, whole in itself: its number, its message's shape, its piece.
fn read<'b>(
    text: &str,
    body: &'b mut [u8; BODY_MAX_BYTES],
) -> Result<(u8, Shape, &'b [u8]), FrameError> {
    let text = text.trim_end_matches(['\r', '\n']).as_bytes();
    let Some(text) = text.strip_prefix(PREFIX) else {
        return Err(match text.strip_prefix(FAMILY) {
            Some([version, b':', ..]) if version.is_ascii_alphanumeric() => {
                FrameError::OtherVersion
            }
            _ => FrameError::NotAFrame,
        });
    };
    let text = text.strip_suffix(&[END]).ok_or(FrameError::Damaged)?;
    let len = base45::decode(text, body).ok_or(FrameError::Damaged)?;
    let (rest, check) = body
        .get(..len)
        .and_then(|body| body.split_last_chunk::<CHECK_BYTES>())
        .ok_or(FrameError::Damaged)?;
    if SUM.checksum(rest) != u32::from_be_bytes(*check) {
        return Err(FrameError::Damaged);
    }
    let ([number, count, l0, l1, tag @ ..], piece) = rest
        .split_first_chunk::<HEAD_BYTES>()
        .ok_or(FrameError::Impossible)?;
    let shape = Shape {
        count: *count,
        len: usize::from(u16::from_be_bytes([*l0, *l1])),
        tag: u32::from_be_bytes(*tag),
    };
    if !shape.is_possible() || *number >= *count || shape.place(*number).len() != piece.len() {
        return Err(FrameError::Impossible);
    }
    Ok((*number, shape, piece))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
    }

    fn texts(message: &[u8], piece_bytes: usize) -> Vec<String> {
        let frames = Frames::new(message, piece_bytes).unwrap();
        let mut out = [0; FRAME_MAX_CHARS];
        (0..frames.count())
            .map(|number| frames.write(number, &mut out).unwrap().to_owned())
            .collect()
    }

    /// A frame whose check is right, whatever it says.
    fn forged(head: [u8; HEAD_BYTES], piece: &[u8]) -> String {
        let mut body = [&head[..], piece].concat();
        body.extend(SUM.checksum(&body).to_be_bytes());
        let mut out = vec![0; base45::encoded_len(body.len())];
        base45::encode(&body, &mut out).unwrap();
        format!("OC1:{}.", String::from_utf8(out).unwrap())
    }

    #[test]
    fn evidence_of_one_payment_is_one_frame_and_the_longest_message_a_few() {
        let one = texts(&message(560), PIECE_MAX_BYTES);
        // 906 characters are a symbol of version 19 with error correction M, 816 one of version 18.
        assert_eq!((one.len(), one[0].len()), (1, 863));
        assert_eq!(texts(&message(499), PIECE_MAX_BYTES)[0].len(), 772);
        assert_eq!(texts(&message(3_600), PIECE_MAX_BYTES).len(), 6);
        let longest = texts(&message(MESSAGE_MAX), PIECE_MAX_BYTES);
        assert_eq!(longest.len(), MESSAGE_MAX.div_ceil(PIECE_MAX_BYTES));
        assert!(longest.iter().all(|text| text.len() <= FRAME_MAX_CHARS));
        const { assert!(FRAME_MAX_CHARS <= 970, "a symbol of version 20-M") };
    }

    #[test]
    fn frames_come_in_any_order_and_any_number_of_times() {
        let message = message(1_500);
        let texts = texts(&message, 400);
        let mut assembly = Assembly::new();
        for (number, again) in [(2, false), (0, false), (2, true), (3, false)] {
            let read = Progress::Read { number, count: 4 };
            let progress = if again { Progress::Again } else { read };
            assert_eq!(assembly.add(&texts[usize::from(number)]), Ok(progress));
            assert_eq!(assembly.message(), None);
        }
        assert_eq!(assembly.missing().collect::<Vec<_>>(), [1]);
        let last = format!("{}\r\n", texts[1]);
        assert_eq!(assembly.add(&last), Ok(Progress::Whole));
        assert_eq!(assembly.message(), Some(&message[..]));
        assert_eq!(assembly.add(&texts[2]), Ok(Progress::Whole));
    }

    #[test]
    fn frames_of_two_messages_are_not_mixed() {
        let (mine, other) = (texts(&message(900), 500), texts(&[7; 900], 500));
        let mut assembly = Assembly::new();
        assembly.add(&mine[0]).unwrap();
        assert_eq!(assembly.add(&other[1]), Err(FrameError::OtherMessage));
        assert_eq!(assembly.add(&mine[1]), Ok(Progress::Whole));
        assert_eq!(assembly.add(&other[0]), Err(FrameError::OtherMessage));
        assembly.clear();
        assert_eq!(
            assembly.add(&other[0]),
            Ok(Progress::Read {
                number: 0,
                count: 2
            })
        );
    }

    #[test]
    fn pieces_that_only_pretend_to_be_of_one_message_do_not_become_one() {
        let tag = SUM.checksum(&[1, 2]).to_be_bytes();
        let head = |number| [number, 2, 0, 2, tag[0], tag[1], tag[2], tag[3]];
        let mut assembly = Assembly::new();
        assembly.add(&forged(head(0), &[1])).unwrap();
        assert_eq!(
            assembly.add(&forged(head(0), &[9])),
            Err(FrameError::OtherMessage)
        );
        assert_eq!(
            assembly.add(&forged(head(1), &[9])),
            Err(FrameError::WrongSum)
        );
        assert_eq!(assembly.message(), None);
        assembly.add(&forged(head(1), &[2])).unwrap();
        assembly.add(&forged(head(0), &[1])).unwrap();
        assert_eq!(assembly.message(), Some(&[1, 2][..]));
    }

    #[test]
    fn what_no_writer_says_is_refused_before_anything_is_kept() {
        let too_long = (MESSAGE_MAX as u16 + 1).to_be_bytes();
        for (what, head, piece) in [
            ("no frames", [0, 0, 0, 1, 0, 0, 0, 0], 1),
            ("a number beyond the count", [1, 1, 0, 1, 0, 0, 0, 0], 1),
            ("too many frames", [0, 33, 0, 99, 0, 0, 0, 0], 3),
            ("an empty message", [0, 1, 0, 0, 0, 0, 0, 0], 0),
            ("an empty last frame", [0, 4, 0, 5, 0, 0, 0, 0], 2),
            ("a piece too short", [0, 1, 0, 5, 0, 0, 0, 0], 4),
            ("a piece too long", [0, 1, 0, 5, 0, 0, 0, 0], 6),
            (
                "a message too long",
                [0, 32, too_long[0], too_long[1], 0, 0, 0, 0],
                usize::from(u16::from_be_bytes(too_long)).div_ceil(32),
            ),
        ] {
            let mut assembly = Assembly::new();
            let text = forged(head, &vec![0; piece]);
            assert_eq!(assembly.add(&text), Err(FrameError::Impossible), "{what}");
            assert_eq!(assembly.shape, None, "{what}");
        }
        assert_eq!(
            Assembly::new().add(&forged([0; HEAD_BYTES], &[])),
            Err(FrameError::Impossible)
        );
    }

    #[test]
    fn other_codes_are_told_from_damaged_ones() {
        let good = &texts(b"pay", 100)[0];
        for (text, error) in [
            ("", FrameError::NotAFrame),
            ("HTTPS://ID.EXAMPLE/1/2000", FrameError::NotAFrame),
            ("OCTOBER:", FrameError::NotAFrame),
            ("OC2:ABC.", FrameError::OtherVersion),
            ("OC1:", FrameError::Damaged),
            ("OC1:.", FrameError::Damaged),
            ("OC1:ABC.", FrameError::Damaged),
            (&good[..good.len() - 1], FrameError::Damaged),
            (&good.to_lowercase(), FrameError::NotAFrame),
            (&format!(" {good}"), FrameError::NotAFrame),
            (&format!("{good}{good}"), FrameError::Damaged),
            (&good.repeat(99), FrameError::Damaged),
        ] {
            assert_eq!(Assembly::new().add(text), Err(error), "{text}");
        }
    }

    #[test]
    fn messages_that_cannot_be_carried_make_no_frames() {
        assert!(Frames::new(&[], 100).is_none());
        assert!(Frames::new(&message(MESSAGE_MAX + 1), PIECE_MAX_BYTES).is_none());
        assert!(Frames::new(&message(33), 1).is_none());
        assert!(Frames::new(&message(32), 1).is_some());
        assert!(Frames::new(&message(32), 0).is_none());
        let frames = Frames::new(b"pay", 100).unwrap();
        assert_eq!(frames.write(1, &mut [0; FRAME_MAX_CHARS]), None);
        assert_eq!(frames.write(0, &mut [0; 8]), None);
    }

    proptest! {
        #[test]
        fn whatever_is_cut_is_whole_again(
            message in prop::collection::vec(any::<u8>(), 1..=MESSAGE_MAX),
            piece_bytes in 128..=PIECE_MAX_BYTES,
            order: prop::sample::Index,
        ) {
            let texts = texts(&message, piece_bytes);
            let mut assembly = Assembly::new();
            let from = order.index(texts.len());
            for number in (from..texts.len()).chain(0..from) {
                prop_assert_eq!(assembly.message(), None);
                assembly.add(&texts[number]).unwrap();
            }
            prop_assert_eq!(assembly.message(), Some(&message[..]));
        }

        #[test]
        fn one_wrong_character_is_always_found(
            message in prop::collection::vec(any::<u8>(), 1..700),
            at: prop::sample::Index,
            wrong in "[0-9A-Z $%*+./:-]",
        ) {
            let text = &texts(&message, PIECE_MAX_BYTES)[0];
            let at = at.index(text.len());
            let changed = format!("{}{wrong}{}", &text[..at], &text[at + 1..]);
            prop_assume!(changed != *text);
            prop_assert!(Assembly::new().add(&changed).is_err());
            let cut = format!("{}{}", &text[..at], &text[at + 1..]);
            prop_assert!(Assembly::new().add(&cut).is_err());
        }

        #[test]
        fn arbitrary_text_is_read_without_harm(texts in prop::collection::vec("OC1:[0-9A-Z $%*+./:-]{0,60}\\.|\\PC*", 0..8)) {
            let mut assembly = Assembly::new();
            for text in texts {
                let _ = assembly.add(&text);
            }
        }
    }
}
