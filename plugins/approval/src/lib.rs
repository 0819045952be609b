//! The step `approval`: presents what is to be approved and waits. Who may vote, and which votes count, the host
//! judges; this plugin only asks how they stand.

mod duration;
mod gate;

pub use gate::Approval;

tidegate::plugin! {
    name: "approval",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Waits until people have approved",
    steps: [Approval],
}
