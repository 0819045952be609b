//! Every feature by inputs of its own: text in, text out, with `kubectl kustomize` as the judge.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod accumulate;
mod component;
mod config;
mod errors;
mod expressions;
mod generators;
mod images;
mod labels;
mod metadata;
mod names;
mod namespace;
mod options;
mod patches;
mod plugins;
mod references;
mod remotes;
mod replacements;
mod replicas;
mod schema;
mod sort;
mod support;
mod text;
mod vars;
