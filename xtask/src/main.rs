//! `cargo xtask VERB`: what developers of Tidegate do. It never ships.

mod guests;

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("guests") => guests::run(),
        _ => anyhow::bail!("usage: cargo xtask guests"),
    }
}
