//! `cargo xtask VERB`: what developers of Tidegate do. It never ships.

mod bench;
mod conformance;
mod demo;
mod deny;
mod guests;
mod kubernetes;
mod setup;
mod shell;
mod test;
mod tidy;

use anyhow::Result;

const HELP: &str = "\
usage: cargo xtask VERB

  setup   install or name what the build needs: C compiler, OpenSSL headers, git, a guest toolchain; with `tests`, also what
          the tests run for real, such as a Kubernetes API server, which is built once into a cache
  guests  build and lock the first-party plugins and the guests of the tests
  demo    set up, build, and run the whole story on this machine (arguments go to `tidegate demo`)
  test    set up, build, and run every test (arguments go to `cargo test`)
  tidy    check the rings between crates, file sizes, headings and words
  deny    check licences, sources and duplicates of all dependencies with cargo-deny
  conformance FOLDER
          compare the kustomize renderer with kustomize over the repositories in a folder
  bench   run the benchmarks and print their ratios (arguments go to `cargo bench`)
";

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let verb = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    match verb.as_str() {
        "setup" if rest == ["tests"] => setup::run_for_tests(),
        "setup" => setup::run(),
        "guests" => guests::run(),
        "demo" => demo::run(&rest),
        "test" => test::run(&rest),
        "tidy" => tidy::run(),
        "deny" => deny::run(),
        "bench" => bench::run(&rest),
        "conformance" => conformance::run(&rest),
        "" | "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => anyhow::bail!("there is no verb `{other}`\n\n{HELP}"),
    }
}
