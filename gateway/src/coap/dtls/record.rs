//! As much of a DTLS record as is needed to decide who gets a datagram, before any state is made.

/// Type, version, epoch, sequence number, length.
const RECORD_HEAD: usize = 13;
/// And the first byte of a handshake message.
const CLIENT_HELLO: u8 = 1;
const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
/// Alert levels and descriptions.
const FATAL: u8 = 2;
const BAD_CERTIFICATE: u8 = 42;

/// What a datagram begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A stranger's first words, or a known peer that begins anew.
    Hello,
    /// Another unprotected record of a handshake.
    Unprotected,
    /// Protected by the keys of a session.
    Protected,
    /// Not DTLS 1.0 to 1.2.
    Noise,
}

pub(super) fn kind(datagram: &[u8]) -> Kind {
    let (Some(head), [kind, 0xfe, minor, epoch_high, epoch_low, ..]) =
        (datagram.get(..RECORD_HEAD), datagram)
    else {
        return Kind::Noise;
    };
    debug_assert_eq!(head.len(), RECORD_HEAD);
    if !matches!(minor, 0xff | 0xfd) || !(20..=23).contains(kind) {
        return Kind::Noise;
    }
    match (kind, epoch_high | epoch_low, datagram.get(RECORD_HEAD)) {
        (_, 1.., _) => Kind::Protected,
        (&HANDSHAKE, _, Some(&CLIENT_HELLO)) => Kind::Hello,
        _ => Kind::Unprotected,
    }
}

/// A fatal alert to whoever showed a certificate that is not taken, so that it need not wait. It is
/// not protected: the keys of this handshake are never used.
pub(super) fn bad_certificate() -> Vec<u8> {
    // A sequence number no handshake has reached.
    let sequence = [0, 0, 1, 0, 0, 0];
    let mut record = vec![ALERT, 0xfe, 0xfd, 0, 0];
    record.extend_from_slice(&sequence);
    record.extend_from_slice(&[0, 2, FATAL, BAD_CERTIFICATE]);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_hello_of_a_stranger_is_worth_any_state() {
        let mut record = vec![
            HANDSHAKE,
            0xfe,
            0xff,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            1,
            CLIENT_HELLO,
        ];
        assert_eq!(kind(&record), Kind::Hello);
        record[13] = 2;
        assert_eq!(kind(&record), Kind::Unprotected);
        record[4] = 1;
        assert_eq!(kind(&record), Kind::Protected);
        assert_eq!(kind(&record[..12]), Kind::Noise);
        assert_eq!(kind(b"\x44\x02\x00\x01coap over nothing"), Kind::Noise);
        assert_eq!(kind(&bad_certificate()), Kind::Unprotected);
    }
}
