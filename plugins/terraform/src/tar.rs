//! Finds one small file in a tar archive that is too large to read: from header to header, so that only the file's own
//! content passes.

use tidegate::Error;

const BLOCK: u64 = 512;
/// Bytes asked for at a time: headers of small files lie close together.
const WINDOW: u32 = 128 * 1024;

/// Why a file was not found.
#[derive(Debug)]
pub enum Problem {
    /// The archive cannot be read.
    Read(Error),
    /// It is no archive.
    Form(&'static str),
}

/// The content of a file by its path, if it is at most `largest` bytes; absent where there is none.
///
/// # Errors
/// Those of `read`, and that it is no archive.
pub fn member(
    path: &str,
    largest: u64,
    read: &mut dyn FnMut(u64, u32) -> Result<Vec<u8>, Error>,
) -> Result<Option<Vec<u8>>, Problem> {
    let mut window = Window { start: 0, content: Vec::new(), read };
    let mut offset = 0;
    // What a PAX header says of the entry behind it.
    let mut long_size = None;
    let mut renamed = false;
    loop {
        let Some(header) = window.block(offset)? else { return Ok(None) };
        if header.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if &header[257..262] != b"ustar" {
            return Err(Problem::Form("it is no tar archive"));
        }
        let size = number(&header[124..136]).ok_or(Problem::Form("a size in it is unreadable"))?;
        let kind = header[156];
        let content = offset + BLOCK;
        let size = if matches!(kind, b'x' | b'g' | b'L' | b'K') { size } else { long_size.take().unwrap_or(size) };
        match kind {
            b'x' => {
                let text = window.bytes(content, size.min(1 << 20))?;
                long_size = pax(&text, "size").and_then(|size| size.parse().ok());
                renamed = pax(&text, "path").is_some();
            }
            b'L' => renamed = true,
            b'g' | b'K' => {}
            b'0' | 0 if !renamed && name(&header) == path => {
                if size > largest {
                    return Err(Problem::Form("a file in it is too large"));
                }
                return window.bytes(content, size).map(Some);
            }
            _ => renamed = false,
        }
        let blocks = size.div_ceil(BLOCK);
        offset = blocks
            .checked_mul(BLOCK)
            .and_then(|length| content.checked_add(length))
            .ok_or(Problem::Form("a size in it is too large"))?;
    }
}

struct Window<'a> {
    start: u64,
    content: Vec<u8>,
    read: &'a mut dyn FnMut(u64, u32) -> Result<Vec<u8>, Error>,
}

impl Window<'_> {
    /// A block, or nothing at the end.
    fn block(&mut self, offset: u64) -> Result<Option<Vec<u8>>, Problem> {
        let inside = |window: &Self| {
            let from = usize::try_from(offset.checked_sub(window.start)?).ok()?;
            window.content.get(from..from + 512).map(<[u8]>::to_vec)
        };
        if let Some(block) = inside(self) {
            return Ok(Some(block));
        }
        self.content = (self.read)(offset, WINDOW).map_err(Problem::Read)?;
        self.start = offset;
        match inside(self) {
            None if !self.content.is_empty() => Err(Problem::Form("it ends in the middle")),
            block => Ok(block),
        }
    }

    fn bytes(&mut self, offset: u64, length: u64) -> Result<Vec<u8>, Problem> {
        let mut content = Vec::new();
        while (content.len() as u64) < length {
            let missing = u32::try_from(length - content.len() as u64).unwrap_or(u32::MAX).min(1 << 20);
            let part = (self.read)(offset + content.len() as u64, missing).map_err(Problem::Read)?;
            if part.is_empty() {
                return Err(Problem::Form("it ends in the middle"));
            }
            content.extend(part);
        }
        Ok(content)
    }
}

fn name(header: &[u8]) -> String {
    let text = |field: &[u8]| {
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        String::from_utf8_lossy(&field[..end]).into_owned()
    };
    let (prefix, name) = (text(&header[345..500]), text(&header[..100]));
    // GNU's variant of the format keeps times there.
    let prefix = if header[257..265] == *b"ustar  \0" { String::new() } else { prefix };
    let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
    name.strip_prefix("./").map(str::to_owned).unwrap_or(name)
}

/// Octal digits, or GNU's binary form.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let mut value = u64::from(field[0] & 0x7f);
        for byte in &field[1..] {
            value = value.checked_mul(256)?.checked_add(u64::from(*byte))?;
        }
        return Some(value);
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// A record of a PAX header: `LENGTH KEY=VALUE\n`.
fn pax<'a>(text: &'a [u8], key: &str) -> Option<&'a str> {
    let mut rest = text;
    while let Some(space) = rest.iter().position(|byte| *byte == b' ') {
        let length: usize = std::str::from_utf8(&rest[..space]).ok()?.parse().ok()?;
        let record = std::str::from_utf8(rest.get(space + 1..length)?).ok()?;
        if let Some(value) = record.strip_prefix(key).and_then(|record| record.strip_prefix('=')) {
            return Some(value.trim_end_matches('\n'));
        }
        rest = &rest[length..];
    }
    None
}
