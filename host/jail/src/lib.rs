//! jail.
