//! Which of the addresses that applications name are this very repository. It compares texts and paths, and contacts nobody.

use manifest::RepositoryKey;
use std::collections::{BTreeMap, BTreeSet};

/// An address as an application writes it, with the folders that are taken from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    pub address: String,
    pub folders: Vec<String>,
}

/// The addresses that mean this repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ours {
    keys: BTreeSet<RepositoryKey>,
    /// Those by which applications call it, each once, in the order of its form.
    pub called: Vec<String>,
    pub how: How,
}

/// How that was found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum How {
    /// No application is of this repository, as far as can be told.
    #[default]
    Unknown,
    /// A remote of the repository has the address, or a configuration says it.
    Known,
    /// It is the only address whose every folder is here.
    Folders,
}

impl Ours {
    /// Tells by the addresses that are known to be this repository; where no application uses one of these, by the folders
    /// that are here. The top of a repository is in each of them, so it proves nothing.
    pub fn tell<'a>(known: impl IntoIterator<Item = &'a str>, used: &[Used], is_folder: impl Fn(&str) -> bool) -> Self {
        let mut keys: BTreeSet<RepositoryKey> = known.into_iter().map(RepositoryKey::new).collect();
        let mut by_key: BTreeMap<RepositoryKey, (&str, Vec<&str>)> = BTreeMap::new();
        for Used { address, folders } in used {
            let (_, all) = by_key.entry(RepositoryKey::new(address)).or_insert((address, Vec::new()));
            all.extend(folders.iter().map(String::as_str));
        }
        let mut how = How::Known;
        if !by_key.keys().any(|key| keys.contains(key)) {
            let here = |folders: &[&str]| {
                folders.iter().all(|folder| is_folder(folder)) && folders.iter().any(|folder| *folder != ".")
            };
            let mut candidates = by_key.iter().filter(|(_, (_, folders))| here(folders)).map(|(key, _)| key);
            how = match (candidates.next(), candidates.next()) {
                (Some(only), None) => {
                    keys.insert(only.clone());
                    How::Folders
                }
                _ => How::Unknown,
            };
        }
        let called = by_key.iter().filter(|(key, _)| keys.contains(key)).map(|(_, (address, _))| written(address));
        Self { called: called.collect(), keys, how }
    }

    /// Whether an address means this repository.
    pub fn contains(&self, address: &str) -> bool {
        self.keys.contains(&RepositoryKey::new(address))
    }
}

/// The address as a configuration may hold it: without what could be a secret, and by a scheme that is taken there.
pub fn written(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.trim().to_owned() };
    let scheme = scheme.trim().to_ascii_lowercase();
    let host_end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(host_end);
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    match (scheme.as_str(), user.map(|user| user.split(':').next().unwrap_or_default())) {
        ("ssh", Some(user)) => format!("ssh://{user}@{host}{path}"),
        ("file", _) => format!("{host}{path}"),
        ("https" | "http" | "ssh", _) => format!("{scheme}://{host}{path}"),
        // It is compared without its scheme.
        _ => format!("https://{host}{path}"),
    }
}

/// Where an image of this repository would go, by where the repository is. A guess for people to correct.
pub fn image_of(remotes: &[String], name: &str) -> String {
    let known = remotes.iter().map(|url| RepositoryKey::new(url)).find_map(|key| {
        let (host, path) = key.as_str().split_once('/')?;
        let registry = match host {
            "github.com" => "ghcr.io",
            "gitlab.com" => "registry.gitlab.com",
            _ => return None,
        };
        is_image_path(path).then(|| format!("{registry}/{path}"))
    });
    known.unwrap_or_else(|| format!("registry.example.com/{}", image_word(name)))
}

/// A word as images are named: lower case, digits, and single separators within.
pub fn image_word(text: &str) -> String {
    let lower: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let words: Vec<&str> = lower.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "app".to_owned() } else { words.join("-") }
}

fn is_image_path(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.' | b'/');
    path.bytes().all(plain) && path.split('/').all(|part| part.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::{Ours, Used, image_of, written};

    fn tell(known: &[&str], used: &[(&str, &[&str])]) -> String {
        let used: Vec<_> = used
            .iter()
            .map(|(address, folders)| Used {
                address: (*address).to_owned(),
                folders: folders.iter().map(|f| (*f).to_owned()).collect(),
            })
            .collect();
        let ours = Ours::tell(known.iter().copied(), &used, |folder| ["a", "b", "."].contains(&folder));
        format!("{:?}: {}", ours.how, ours.called.join(" "))
    }

    #[test]
    fn an_address_is_told_by_a_remote_or_else_by_its_folders() {
        let (here, there): (&[&str], &[&str]) = (&["a", "b"], &["a", "gone"]);
        let https = "https://git.example.com/x/config.git";
        assert_eq!(tell(&["git@git.example.com:x/config"], &[(https, there)]), format!("Known: {https}"));
        assert_eq!(tell(&[], &[(https, here), ("https://other", there)]), format!("Folders: {https}"));
        // Another way to write the same is no second one.
        let both = tell(&[], &[(https, here), ("ssh://git@git.example.com/x/config", here)]);
        assert_eq!(both, format!("Folders: {https}"));
        assert_eq!(tell(&[], &[(https, here), ("https://other", here)]), "Unknown: ");
        assert_eq!(tell(&[], &[(https, &["."])]), "Unknown: ");
        assert_eq!(tell(&["https://mirror"], &[(https, there)]), "Unknown: ");
        // Where a remote is one of them, folders are not asked.
        assert_eq!(tell(&["https://other"], &[(https, here), ("https://other", there)]), "Known: https://other");
    }

    #[test]
    fn an_address_is_written_without_secrets() {
        for (address, text) in [
            ("https://me:pa55@git.example.com/x", "https://git.example.com/x"),
            ("ssh://git:pa55@git.example.com:2222/x", "ssh://git@git.example.com:2222/x"),
            ("git://git.example.com/x.git", "https://git.example.com/x.git"),
            ("file:///srv/x.git", "/srv/x.git"),
            ("git@git.example.com:x", "git@git.example.com:x"),
        ] {
            assert_eq!(written(address), text);
        }
    }

    #[test]
    fn images_go_beside_the_repository_where_that_is_known() {
        let of = |url: &str| image_of(&[url.to_owned()], "My App!");
        assert_eq!(of("git@github.com:Shop/Web.git"), "ghcr.io/shop/web");
        assert_eq!(of("https://gitlab.com/shop/team/web"), "registry.gitlab.com/shop/team/web");
        assert_eq!(of("https://git.example.com/shop"), "registry.example.com/my-app");
        assert_eq!(of("https://github.com/-x/y"), "registry.example.com/my-app");
    }
}
