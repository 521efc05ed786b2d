//! Common name of a certificate's subject: the one field that rustls does not give out.

/// DER tags that are met on the way.
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xA0;
const OBJECT_ID: u8 = 0x06;
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The last common name of the subject, if there is one and it is UTF-8.
pub(super) fn common_name(certificate: &[u8]) -> Option<String> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut rest, _) = element(certificate)?;
    // TBSCertificate: [version] serial signature issuer validity subject …
    if rest.first() == Some(&VERSION) {
        rest = element(rest)?.2;
    }
    for _ in ["serial", "signature", "issuer", "validity"] {
        rest = element(rest)?.2;
    }
    let (tag, mut names, _) = element(rest)?;
    let mut found = None;
    while tag == SEQUENCE && !names.is_empty() {
        let (tag, mut attributes, after) = element(names)?;
        names = after;
        while tag == SET && !attributes.is_empty() {
            let (_, attribute, after) = element(attributes)?;
            attributes = after;
            let (tag, id, value) = element(attribute)?;
            if tag == OBJECT_ID && id == COMMON_NAME {
                found = String::from_utf8(element(value)?.1.to_vec()).ok();
            }
        }
    }
    found
}

/// Tag, content and what follows of the first DER element.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
        if digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_has_no_name_and_does_not_panic() {
        for bytes in [
            &[][..],
            &[0x30],
            &[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF],
            &[0x30, 0x02, 0x30, 0x00],
            &[0x30, 0x85],
        ] {
            assert_eq!(common_name(bytes), None);
        }
    }
}
