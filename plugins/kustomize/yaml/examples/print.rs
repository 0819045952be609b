//! Prints the objects of a YAML file as `kustomize build` prints them: a filter to compare with another kustomize.

use std::error::Error;
use std::io::Write as _;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: print FILE")?;
    let text = std::fs::read_to_string(path)?;
    let nodes = kustomize_yaml::read::documents(&text, kustomize_yaml::read::Limits::default())?;
    let printed = kustomize_yaml::write::stream(&nodes)?;
    std::io::stdout().write_all(printed.as_bytes())?;
    Ok(())
}
