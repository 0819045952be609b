//! The step `application/wait`: goes on when an application is in sync and healthy, with an image and a commit where they
//! are named. It only asks; who looks at clusters is the host.

mod image;
mod judge;
mod wait;

pub use wait::WaitFor;

tidegate::plugin! {
    name: "application",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Waits for applications",
    steps: [WaitFor],
}
