//! Bytes ⇄ lower-case hexadecimal digits.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Two digits for each byte.
pub(crate) fn write(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        for half in [byte >> 4, byte & 0xf] {
            digits.push(DIGITS.get(usize::from(half)).copied().map_or('0', char::from));
        }
    }
    digits
}

/// Reads what [`write()`] writes: an even number of lower-case digits, and nothing else.
pub(crate) fn read(digits: &str) -> Option<Vec<u8>> {
    let lower = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if !digits.len().is_multiple_of(2) || !digits.as_bytes().iter().all(lower) {
        return None;
    }
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
