//! Images by their references, and what an edit sets.

/// What an item of `images` shall say. What is absent stays as it is, except that a tag alone replaces a digest, and a
/// digest alone a tag: of the two, the one that was left would still be pulled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The image's name in the manifests, which the item is found by.
    pub image: String,
    /// `newName`: where to pull it from.
    pub name: Option<String>,
    /// `newTag`.
    pub tag: Option<String>,
    /// `digest`.
    pub digest: Option<String>,
}

/// What an item of `images` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// `newName`.
    pub name: Option<String>,
    /// `newTag`.
    pub tag: Option<String>,
    /// `digest`.
    pub digest: Option<String>,
}

impl State {
    /// What it says after a change.
    #[must_use]
    pub fn changed(&self, change: &Change) -> Self {
        let (tag, digest) = match (&change.tag, &change.digest) {
            (None, None) => (self.tag.clone(), self.digest.clone()),
            (tag, digest) => (tag.clone(), digest.clone()),
        };
        let name = match &change.name {
            // It is pulled from there anyway.
            Some(name) if *name == change.image && self.name.is_none() => None,
            Some(name) => Some(name.clone()),
            None => self.name.clone(),
        };
        Self { name, tag, digest }
    }

    /// The reference that is pulled.
    pub fn reference(&self, image: &str) -> String {
        let mut text = self.name.clone().unwrap_or_else(|| image.to_owned());
        for (mark, part) in [(':', &self.tag), ('@', &self.digest)] {
            if let Some(part) = part {
                text.push(mark);
                text += part;
            }
        }
        text
    }
}

/// Reads `registry/name:tag@digest` with a tag, a digest or both; or only a tag; or only a digest.
///
/// # Errors
/// In words, where it is none of these.
pub fn parse(reference: &str) -> Result<Change, String> {
    if reference.is_empty() {
        return Err("the reference is empty".to_owned());
    }
    let mut change = Change::default();
    let (rest, digest) = match reference.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None if is_digest(reference) => ("", Some(reference)),
        None => (reference, None),
    };
    change.digest = digest.map(str::to_owned);
    // A `:` before the last `/` is a registry's port.
    let base = rest.rfind('/').map_or(0, |slash| slash + 1);
    match rest[base..].find(':') {
        Some(colon) => {
            change.name = Some(rest[..base + colon].to_owned());
            change.tag = Some(rest[base + colon + 1..].to_owned());
        }
        None if rest.is_empty() => {}
        None if change.digest.is_none() && base == 0 => change.tag = Some(rest.to_owned()),
        None if change.digest.is_none() => return Err(format!("`{reference}` has neither a tag nor a digest")),
        None => change.name = Some(rest.to_owned()),
    }
    check(&change)?;
    Ok(change)
}

/// Whether each part is what container registries allow.
///
/// # Errors
/// In words, the first part that is not.
pub fn check(change: &Change) -> Result<(), String> {
    if let Some(name) = &change.name
        && !is_name(name)
    {
        return Err(format!("`{name}` is not the name of an image"));
    }
    if let Some(tag) = &change.tag
        && !is_tag(tag)
    {
        return Err(format!(
            "`{tag}` is not a tag: letters, digits, `_`, `.` and `-`, at most 128, not beginning with `.` or `-`"
        ));
    }
    if let Some(digest) = &change.digest
        && !is_digest(digest)
    {
        return Err(format!("`{digest}` is not a digest: `sha256:` and 64 hexadecimal digits"));
    }
    Ok(())
}

/// Names of repositories, with a registry's host and port before them.
fn is_name(text: &str) -> bool {
    let word = |part: &str| {
        let edges = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        edges(part.bytes().next())
            && edges(part.bytes().next_back())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    let mut parts = text.split('/');
    let first = parts.next().unwrap_or_default();
    let host = match first.split_once(':') {
        Some((host, port)) if text.contains('/') && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            host
        }
        Some(_) => return false,
        None => first,
    };
    text.len() <= 255 && word(host) && parts.all(word)
}

/// Names that an item can be found by. Kustomize compares them with what manifests pull, which may be any placeholder:
/// `_app_`, `ko://example.com/app`, `{{app}}`. A tag or a digest is no part of the name.
///
/// # Errors
/// In words, where kustomize could not find anything by it.
pub fn check_matchable(text: &str) -> Result<(), String> {
    // What YAML does not allow in a file, or takes for the file's beginning.
    let strange = |letter: char| matches!(letter, '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    if text.is_empty() {
        return Err("the name of the image is empty".to_owned());
    }
    if text.len() > 255 {
        return Err(format!("the name of the image has {} bytes, but at most 255 are allowed", text.len()));
    }
    if text.chars().any(|letter| letter.is_control() || letter.is_whitespace() || strange(letter)) {
        return Err("the name of the image holds a blank or a control character".to_owned());
    }
    let base = text.rfind('/').map_or(0, |slash| slash + 1);
    if text.contains('@') || text[base..].contains(':') {
        return Err(format!("`{text}` has a tag or a digest: write the name alone, as `images` has it"));
    }
    Ok(())
}

fn is_tag(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    !text.is_empty() && text.len() <= 128 && !text.starts_with(['.', '-']) && text.bytes().all(inner)
}

fn is_digest(text: &str) -> bool {
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let (algorithm, digits) = text.split_once(':').unwrap_or_default();
    let length = match algorithm {
        "sha256" => 64,
        "sha512" => 128,
        _ => return false,
    };
    digits.len() == length && digits.bytes().all(hexadecimal)
}

#[cfg(test)]
mod tests {
    use super::{Change, State, check_matchable, parse};

    type Parts = (Option<String>, Option<String>, Option<String>);

    fn shown(reference: &str) -> Result<Parts, String> {
        parse(reference).map(|change| (change.name, change.tag, change.digest))
    }

    #[test]
    fn references() {
        let digest = format!("sha256:{}", "a1".repeat(32));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(shown("v1"), Ok((None, some("v1"), None)));
        assert_eq!(shown("app:v1"), Ok((some("app"), some("v1"), None)));
        assert_eq!(shown("r:5000/a/b:v1"), Ok((some("r:5000/a/b"), some("v1"), None)));
        assert_eq!(shown(&digest), Ok((None, None, some(&digest))));
        assert_eq!(shown(&format!("@{digest}")), Ok((None, None, some(&digest))));
        assert_eq!(shown(&format!("r:5000/a@{digest}")), Ok((some("r:5000/a"), None, some(&digest))));
        assert_eq!(shown(&format!("a:v1@{digest}")), Ok((some("a"), some("v1"), some(&digest))));
        for wrong in ["", "r/a", "a:", ":v1", "a:v 1", "a@sha256:12", "a b:v1", "-a:v1", "a:b:c/d:1", "a\n:v1", "ä:v1"]
        {
            assert!(shown(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_in_manifests_may_be_placeholders() {
        let long = "a".repeat(255);
        for name in ["app", "_app_", "app-", "ko://x/y", "{{app}}", "$APP", "APP", "r:5000/app", "[::1]:5000/a", &long]
        {
            assert_eq!(check_matchable(name), Ok(()), "{name}");
        }
        let too_long = "a".repeat(256);
        for name in ["", "a b", "a\tb", "a\n", "a\u{2028}", "\u{feff}a", "app@x", "app:v1", "r/app:v1", &too_long] {
            assert!(check_matchable(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_tag_alone_replaces_a_digest() {
        let old = State { name: None, tag: None, digest: Some("sha256:1".into()) };
        let change = Change { image: "a".into(), name: Some("a".into()), tag: Some("v1".into()), digest: None };
        assert_eq!(old.changed(&change).reference("a"), "a:v1");
        assert_eq!(old.changed(&Change { name: Some("b".into()), ..Change::default() }).reference("a"), "b@sha256:1");
    }
}
