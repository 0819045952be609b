//! Temporary: until the reader has the dialect of kustomization files.
use kustomize_yaml::Node;
use kustomize_yaml::read::{self, Limits, ReadError};
pub fn config(text: &str, limits: Limits) -> Result<Option<Node>, ReadError> {
    Ok(read::documents(text, limits)?.into_iter().next())
}
