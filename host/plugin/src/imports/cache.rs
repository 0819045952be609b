//! Folders that are kept from one run to the next.

use crate::bindings::tidegate::plugin::cache;
use crate::bindings::tidegate::plugin::types::Error;
use crate::call::HostCall;
use crate::state::State;
use model::Failure;
use wasmtime::Result;

/// The longest key, in bytes.
const KEY: usize = 256;
/// Most prefixes, and most paths.
const PREFIXES: usize = 8;
const PATHS: usize = 16;

impl cache::Host for State {
    async fn restore(
        &mut self,
        key: String,
        prefixes: Vec<String>,
        paths: Vec<String>,
    ) -> Result<Result<Option<cache::Hit>, Error>> {
        let (services, call) = (self.services.clone(), HostCall::CacheRestore { paths: paths.clone() });
        let work = async move {
            check(std::iter::once(&key).chain(&prefixes), &paths)?;
            if prefixes.len() > PREFIXES {
                return Err(Failure::invalid(format!("a cache is asked with at most {PREFIXES} prefixes")));
            }
            services.cache_restore(key, prefixes, paths).await
        };
        self.perform(call, work).await
    }

    async fn save(&mut self, key: String, paths: Vec<String>) -> Result<Result<cache::Saved, Error>> {
        let (services, call) = (self.services.clone(), HostCall::CacheSave { paths: paths.clone() });
        let work = async move {
            check([&key], &paths)?;
            services.cache_save(key, paths).await
        };
        self.perform(call, work).await
    }
}

fn check<'a>(keys: impl IntoIterator<Item = &'a String>, paths: &[String]) -> std::result::Result<(), Failure> {
    for key in keys {
        if key.is_empty() || key.len() > KEY || key.chars().any(char::is_control) {
            return Err(Failure::invalid(format!("a key of a cache has 1 to {KEY} bytes and no control character")));
        }
    }
    if paths.is_empty() || paths.len() > PATHS {
        return Err(Failure::invalid(format!("an entry of a cache has 1 to {PATHS} paths")));
    }
    let below = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    for path in paths {
        let twice = paths.iter().filter(|other| *other == path || below(path, other)).count() > 1;
        if path.is_empty() || path == ".git" || below(path, ".git") || twice {
            return Err(Failure::invalid(format!(
                "{path:?} cannot be kept: it is the root or in `.git`, or another path holds it"
            )));
        }
    }
    Ok(())
}
