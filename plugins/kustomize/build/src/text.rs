//! Bytes to text: UTF-8, and UTF-16 with a byte order mark, as go-yaml reads it.

/// The text of a file.
///
/// # Errors
/// Bytes that are neither, and several documents in UTF-16, of which kustomize would drop all but the first.
pub fn decode(bytes: Vec<u8>) -> Result<String, &'static str> {
    let units = match bytes.get(..2) {
        Some([0xFF, 0xFE]) => units(&bytes, u16::from_le_bytes),
        Some([0xFE, 0xFF]) => units(&bytes, u16::from_be_bytes),
        _ => return String::from_utf8(bytes).map_err(|_| "not UTF-8"),
    };
    let text = units.and_then(|units| String::from_utf16(&units).ok()).ok_or("not UTF-16")?;
    if text.contains("\n---") {
        return Err("several documents in UTF-16: write the file in UTF-8");
    }
    Ok(text)
}

/// All units behind the byte order mark; `None` for an odd number of bytes.
fn units(bytes: &[u8], read: fn([u8; 2]) -> u16) -> Option<Vec<u16>> {
    let pairs = bytes.get(2..)?.chunks_exact(2);
    let whole = pairs.remainder().is_empty();
    whole.then(|| pairs.filter_map(|pair| pair.try_into().ok()).map(read).collect())
}
