//! What one grant allows of HTTP. It decides and connects nowhere; addresses are judged where they are connected to.

use crate::target::Target;
use access::egress::{Network, Pattern, allow};
use model::Failure;

/// Hosts, methods and private networks that requests may use. The default allows nothing.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Where to.
    pub hosts: Vec<Pattern>,
    /// Methods in upper case, or `*` for any.
    pub methods: Vec<String>,
    /// Private networks that a granted name may lead to.
    pub private: Vec<Network>,
}

impl Rules {
    /// Whether a request may go there, as far as names tell.
    pub(crate) fn allow(&self, method: &str, target: &Target) -> Result<(), Failure> {
        allow(&self.hosts, target.plain, &target.host, target.port)?;
        self.allow_method(method)
    }

    /// Whether a method may be used.
    pub(crate) fn allow_method(&self, method: &str) -> Result<(), Failure> {
        if self.methods.iter().any(|own| own == "*" || own == method) {
            return Ok(());
        }
        let method: String = method.chars().filter(char::is_ascii_graphic).take(32).collect();
        Err(Failure::denied(format!(
            "the method `{method}` is not granted: it needs `http: {{ methods: [\"{method}\"] }}`"
        )))
    }
}
