//! Wallet messages over a serial line: COBS frames, a zero byte after each.
//!
//! A line that drops or adds bytes spoils the frame they are in and no other. What is spoilt is no
//! message, or one whose signatures do not hold: whoever waits for an answer says it again, and
//! nobody answers what is no message.

use protocol::message::MESSAGE_MAX;

/// The longest run of bytes without a zero that one code speaks for.
const RUN_MAX: usize = 254;
/// The longest frame, with its zero byte.
pub const FRAME_MAX_BYTES: usize = MESSAGE_MAX + MESSAGE_MAX / RUN_MAX + 2;
const END: u8 = 0;
/// Speaks for [`RUN_MAX`] bytes with no zero behind them.
const LONGEST_RUN: u8 = 0xff;

/// Writes a message as a frame; returns its length. `None` when it is longer than
/// [`MESSAGE_MAX`] or `out` is too small: [`FRAME_MAX_BYTES`] always suffice.
pub fn frame(message: &[u8], out: &mut [u8]) -> Option<usize> {
    if message.len() > MESSAGE_MAX {
        return None;
    }
    let (mut code_at, mut at, mut code) = (0, 1, 1_u8);
    for byte in message {
        if *byte != END {
            *out.get_mut(at)? = *byte;
            at += 1;
            code += 1;
        }
        if *byte == END || code == LONGEST_RUN {
            *out.get_mut(code_at)? = code;
            (code_at, at, code) = (at, at + 1, 1);
        }
    }
    *out.get_mut(code_at)? = code;
    *out.get_mut(at)? = END;
    Some(at + 1)
}

/// Finds messages in the bytes of a line.
#[derive(Debug)]
pub struct Line {
    message: [u8; MESSAGE_MAX],
    len: usize,
    /// Bytes until the next code.
    run: u8,
    /// Before the next code's bytes there is a zero.
    zero: bool,
    /// Longer than any message: nothing of it is kept.
    overflown: bool,
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

impl Line {
    /// A line of which nothing was read.
    pub const fn new() -> Self {
        Self {
            message: [0; MESSAGE_MAX],
            len: 0,
            run: 0,
            zero: false,
            overflown: false,
        }
    }

    /// Takes the next byte; returns the message that it ends. Noise before the first zero byte, and
    /// frames that are cut off or too long, are passed over.
    pub fn push(&mut self, byte: u8) -> Option<&[u8]> {
        if byte == END {
            let whole = self.run == 0 && !self.overflown;
            let len = self.len;
            (self.len, self.run, self.zero, self.overflown) = (0, 0, false, false);
            let message = self.message.get(..len);
            return message.filter(|message| whole && !message.is_empty());
        }
        match self.run.checked_sub(1) {
            Some(left) => {
                self.keep(byte);
                self.run = left;
            }
            None => {
                if self.zero {
                    self.keep(END);
                }
                self.run = byte - 1;
                self.zero = byte != LONGEST_RUN;
            }
        }
        None
    }

    fn keep(&mut self, byte: u8) {
        match self.message.get_mut(self.len) {
            Some(slot) => {
                *slot = byte;
                self.len += 1;
            }
            None => self.overflown = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn heard(line: &mut Line, bytes: &[u8]) -> Vec<Vec<u8>> {
        let hear = |byte: &u8| line.push(*byte).map(<[u8]>::to_vec);
        bytes.iter().filter_map(hear).collect()
    }

    /// Zeros, runs without zeros, and runs of just the longest length.
    fn messages() -> impl Strategy<Value = Vec<u8>> {
        let run = (0_usize..600, any::<u8>(), any::<bool>());
        proptest::collection::vec(run, 1..8).prop_map(|runs| {
            let run = |(len, byte, exact): (usize, u8, bool)| {
                let len = if exact { len / RUN_MAX * RUN_MAX } else { len };
                std::iter::repeat_n(byte, len).chain([byte ^ 1])
            };
            let mut message: Vec<u8> = runs.into_iter().flat_map(run).collect();
            message.truncate(MESSAGE_MAX);
            message
        })
    }

    proptest! {
        #[test]
        fn every_message_comes_out_as_it_went_in_whatever_came_before(
            noise in proptest::collection::vec(any::<u8>(), 0..6_000),
            message in messages(),
        ) {
            let mut line = Line::new();
            heard(&mut line, &noise);
            heard(&mut line, &[END]);
            let mut out = [0; FRAME_MAX_BYTES];
            let len = frame(&message, &mut out).unwrap();
            prop_assert_eq!(out[..len].iter().position(|byte| *byte == END), Some(len - 1));
            prop_assert_eq!(heard(&mut line, &out[..len]), vec![message]);
        }

        #[test]
        fn frames_are_those_of_another_implementation(message in messages()) {
            let mut out = [0; FRAME_MAX_BYTES];
            let len = frame(&message, &mut out).unwrap();
            prop_assert_eq!(&cobs::decode_vec(&out[..len - 1]).unwrap(), &message);
            let mut theirs = cobs::encode_vec(&message);
            theirs.push(END);
            prop_assert_eq!(heard(&mut Line::new(), &theirs), vec![message]);
        }

        #[test]
        fn what_is_no_frame_for_another_implementation_is_none_here(
            noise in proptest::collection::vec(1..=255_u8, 1..700),
        ) {
            let mut bytes = noise.clone();
            bytes.push(END);
            let theirs = cobs::decode_vec(&noise).ok().filter(|message| !message.is_empty());
            prop_assert_eq!(heard(&mut Line::new(), &bytes).pop(), theirs);
        }
    }

    #[test]
    fn a_frame_that_is_too_long_or_cut_off_spoils_no_other() {
        let mut line = Line::new();
        let mut out = [0; FRAME_MAX_BYTES];
        let noise = heard(&mut line, &[7; 3 * FRAME_MAX_BYTES]);
        assert!(noise.is_empty());
        let longest = [0; MESSAGE_MAX];
        let len = frame(&longest, &mut out).unwrap();
        assert!(
            heard(&mut line, &out[..len]).is_empty(),
            "the end of the noise"
        );
        assert_eq!(heard(&mut line, &out[..len]), vec![longest.to_vec()]);
        let cut_off = [9, 1, 2, END];
        assert!(heard(&mut line, &cut_off).is_empty());
        assert_eq!(heard(&mut line, &out[..len]), vec![longest.to_vec()]);
        assert_eq!(frame(&[0; MESSAGE_MAX + 1], &mut out), None);
        assert_eq!(frame(&[5; MESSAGE_MAX], &mut out[..MESSAGE_MAX]), None);
    }
}
