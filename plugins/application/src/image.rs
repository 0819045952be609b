//! Names of images as manifests write them. Nothing is looked up: `nginx` and `docker.io/library/nginx` are two names.

/// Whether a container that names the image `has` runs the image `wanted`: of one repository, and by the digest where one is
/// wanted, else by the tag, which is `latest` where none is written. The host judges its signal in the same way
/// (`host/engine/src/signal/application.rs`); where the two differed, the step would be woken for nothing again and again.
pub fn same(wanted: &str, has: &str) -> bool {
    let (wanted, has) = (parts(wanted), parts(has));
    let same = match wanted.digest {
        Some(digest) => has.digest == Some(digest),
        // What has a digest alone runs that, whatever its tag would be.
        None => wanted.tag.or(Some("latest")) == has.tag.or(has.digest.is_none().then_some("latest")),
    };
    wanted.repository == has.repository && same
}

/// The repository, `HOST:PORT/NAME`.
pub fn repository(image: &str) -> &str {
    parts(image).repository
}

/// Why this can be no image, in words.
pub fn check(image: &str) -> Result<(), String> {
    let parts = parts(image);
    let wrong = |why: &str| Err(format!("`{image}` is no image: {why}"));
    if image.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return wrong("it has a space in it");
    }
    if parts.repository.is_empty() || parts.repository.ends_with('/') || parts.tag == Some("") {
        return wrong("write `repository:tag` or `repository@sha256:…`");
    }
    let hex = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    match parts.digest.map(|digest| digest.strip_prefix("sha256:")) {
        None => Ok(()),
        Some(Some(digits)) if hex(digits) => Ok(()),
        Some(_) => wrong("what is behind the `@` is not `sha256:` and 64 lower-case hexadecimal digits"),
    }
}

struct Parts<'a> {
    repository: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

/// `HOST:PORT/NAME:TAG@DIGEST` in its parts: the colon of a tag comes after the last slash.
fn parts(image: &str) -> Parts<'_> {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[start..].find(':') {
        Some(colon) => Parts { repository: &name[..start + colon], tag: Some(&name[start + colon + 1..]), digest },
        None => Parts { repository: name, tag: None, digest },
    }
}

#[cfg(test)]
mod tests {
    use super::{check, repository, same};

    /// The host's own test has the same table.
    #[test]
    fn the_digest_counts_where_one_is_wanted_else_the_tag() {
        let (a, b) = (format!("sha256:{}", "a".repeat(64)), format!("sha256:{}", "b".repeat(64)));
        let table = [
            ("r.example:5000/shop:v2".to_owned(), "r.example:5000/shop:v2".to_owned(), true),
            ("r.example:5000/shop:v2".to_owned(), "r.example:5000/shop:v1".to_owned(), false),
            ("r.example:5000/shop:v2".to_owned(), "r.example:5001/shop:v2".to_owned(), false),
            ("r.example:5000/shop".to_owned(), "r.example:5000/shop:latest".to_owned(), true),
            ("shop".to_owned(), "shop".to_owned(), true),
            ("shop:v2".to_owned(), "docker.io/library/shop:v2".to_owned(), false),
            (format!("shop@{a}"), format!("shop@{a}"), true),
            (format!("shop@{a}"), format!("shop@{b}"), false),
            (format!("shop:v2@{a}"), format!("shop@{a}"), true),
            (format!("shop:v2@{a}"), format!("shop:v1@{a}"), true),
            (format!("shop:v2@{a}"), "shop:v2".to_owned(), false),
            ("shop:v2".to_owned(), format!("shop:v2@{a}"), true),
            ("shop:v2".to_owned(), format!("shop@{a}"), false),
            ("shop".to_owned(), format!("shop@{a}"), false),
            (format!("shop@{a}"), format!("other@{a}"), false),
        ];
        for (wanted, has, expected) in table {
            assert_eq!(same(&wanted, &has), expected, "{wanted} {has}");
        }
        assert_eq!(repository(&format!("r.example:5000/shop:v2@{a}")), "r.example:5000/shop");
    }

    #[test]
    fn what_can_be_no_image() {
        for good in ["shop", "r.example:5000/team/shop:v2", &format!("shop:v2@sha256:{}", "0".repeat(64))] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", ":v2", "shop:", "r.example/", "shop v2", "shop@", "shop@sha256:ab", "@sha256:ab", "shop@md5:ab"]
        {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
