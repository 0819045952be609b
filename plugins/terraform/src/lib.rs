//! The steps `terraform/validate`, `terraform/plan`, `terraform/apply` and `terraform/drift`: what is applied is exactly
//! what was planned and shown. Commands, their order and what their output means are pure; the host is behind a trait.
//!
//! Nothing here retries an apply, and nothing shows a value before `render` took its secrets out.

pub mod apply;
mod capabilities;
pub mod diagnostic;
pub mod drift;
pub mod events;
pub mod explain;
pub mod host;
pub mod image;
pub mod inputs;
pub mod invocation;
pub mod journal;
pub mod manifest;
pub mod outputs;
pub mod plan;
pub mod planfile;
mod planning;
pub mod render;
pub mod root;
mod scratch;
mod session;
mod tar;
pub mod tool;
mod tree;
pub mod validate;

use tidegate::Error;

tidegate::plugin! {
    name: "terraform",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Plans and applies infrastructure with Terraform or OpenTofu",
    steps: [validate::Validate, plan::Plan, apply::Apply, drift::Drift],
}

fn check_parallelism(parallelism: Option<u32>) -> Result<(), Error> {
    match parallelism {
        Some(0 | 257..) => Err(Error::invalid("`parallelism` is from 1 to 256").with_field("/parallelism")),
        _ => Ok(()),
    }
}
