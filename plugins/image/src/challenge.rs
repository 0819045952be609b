//! How a registry says which login it wants: `www-authenticate` (RFC 9110), of which `Basic` and `Bearer` matter here.
//! Reads what servers send, and never fails: what cannot be read is no challenge.

use std::collections::BTreeMap;

/// A login that a server would take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// Name and password with each request.
    Basic,
    /// A token, which another server gives out.
    Bearer(Bearer),
}

/// Where to get a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bearer {
    /// The token server's URL.
    pub realm: String,
    /// For whom the token shall be.
    pub service: Option<String>,
    /// What it shall allow, `repository:app:pull,push`; several between blanks.
    pub scope: Option<String>,
    /// What was wrong with the one that was sent.
    pub error: Option<String>,
}

/// The best of the challenges in these headers: a token before a password, which is then sent to one server only.
pub fn best<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Challenge> {
    let all: Vec<(String, BTreeMap<String, String>)> = headers.into_iter().flat_map(parse).collect();
    let bearer = all.iter().find(|(scheme, parameters)| scheme == "bearer" && parameters.contains_key("realm"));
    if let Some((_, parameters)) = bearer {
        let get = |name: &str| parameters.get(name).filter(|value| !value.is_empty()).cloned();
        let realm = get("realm").unwrap_or_default();
        return Some(Challenge::Bearer(Bearer {
            realm,
            service: get("service"),
            scope: get("scope"),
            error: get("error"),
        }));
    }
    all.iter().any(|(scheme, _)| scheme == "basic").then_some(Challenge::Basic)
}

/// All challenges of one header: a scheme, then parameters, with commas between all of them.
fn parse(header: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut challenges: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let length = rest.bytes().take_while(|&byte| is_token(byte)).count();
        if length == 0 {
            return challenges;
        }
        let (word, after) = rest.split_at(length);
        let value =
            after.trim_start_matches([' ', '\t']).strip_prefix('=').map(|it| it.trim_start_matches([' ', '\t']));
        match (value, challenges.last_mut()) {
            (Some(value), Some((_, parameters))) => {
                let Some((value, after)) = value_of(value) else { return challenges };
                // The first of a name counts: an appended one is not the server's.
                parameters.entry(word.to_ascii_lowercase()).or_insert(value);
                rest = after;
            }
            (Some(_), None) => return challenges,
            (None, _) => {
                challenges.push((word.to_ascii_lowercase(), BTreeMap::new()));
                rest = after;
            }
        }
    }
}

/// A token, or a text in quotes; and what is behind it.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{Bearer, Challenge, best};

    #[test]
    fn challenges_of_real_registries() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>, error: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let (service, scope, error) = (own(service), own(scope), own(error));
            Some(Challenge::Bearer(Bearer { realm: realm.to_owned(), service, scope, error }))
        };
        assert_eq!(
            best([
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push",error="insufficient_scope""#
            ]),
            bearer(
                "https://auth.docker.io/token",
                Some("registry.docker.io"),
                Some("repository:a/b:pull,push"),
                Some("insufficient_scope")
            )
        );
        assert_eq!(best([r#"Basic realm="basic-realm""#]), Some(Challenge::Basic));
        assert_eq!(best(["Basic"]), Some(Challenge::Basic));
        assert_eq!(
            best([r#"basic realm="x", BEARER realm = "https://t" , service=s"#]),
            bearer("https://t", Some("s"), None, None)
        );
        assert_eq!(
            best(["Basic", r#"Bearer realm="https://t?a=\"b\"""#]),
            bearer(r#"https://t?a="b""#, None, None, None)
        );
        assert_eq!(best([r#"Bearer realm="a",realm="b""#]), bearer("a", None, None, None));
        for none in ["", "Negotiate", "Bearer", "Bearer realm", "realm=x", r#"Bearer realm="open"#, "Digest a=b", "ä"]
        {
            assert_eq!(best([none]), None, "{none}");
        }
    }
}
