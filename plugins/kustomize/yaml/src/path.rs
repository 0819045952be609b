//! Paths into trees, as kustomize's field specs and replacements write them.
