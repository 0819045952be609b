//! The plugins that this binary carries.

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
