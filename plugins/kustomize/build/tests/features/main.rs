//! Every feature by inputs of its own: text in, text out, with `kubectl kustomize` as the judge.

mod accumulate;
mod component;
mod config;
mod errors;
mod generators;
mod images;
mod labels;
mod metadata;
mod names;
mod namespace;
mod patches;
mod plugins;
mod replacements;
mod replicas;
mod schema;
mod sort;
mod support;
mod vars;
