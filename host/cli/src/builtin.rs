//! The plugins that this binary carries, compiled, and its shim.
#![allow(unsafe_code, reason = "what is carried is run as the program itself is")]

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

#[cfg(test)]
mod tests {
    use super::BUILTIN;
    use model::Digest;
    use plugin::{Lock, PluginHost};

    #[test]
    fn what_is_carried_is_what_is_locked_and_needs_no_compiler() {
        let lock = Lock::parse(BUILTIN.lock).expect("a lock");
        let (host, _) = PluginHost::new(None).expect("an engine");
        for carried in BUILTIN.components {
            let locked = &lock.plugins[carried.name];
            assert_eq!(Digest::of(carried.wasm), locked.digest, "{}", carried.name);
            let plugin = host.load_carried(carried, &locked.digest).expect("a plugin");
            assert!(!plugin.compiled, "{} was compiled again", carried.name);
            locked.check(carried.name, &plugin).expect("the locked one");
        }
        assert_eq!(BUILTIN.components.len(), lock.plugins.len());
    }
}
