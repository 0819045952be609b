//! Using up whatever there is.

use crate::Answer;
use crate::attempts::command;
use std::hint::black_box;
use tidegate::bindings::tidegate::plugin::types::Error;
use tidegate::bindings::tidegate::plugin::{process, repository_write};

pub(crate) fn endless_loop() -> Answer {
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

pub(crate) fn recurse() -> Answer {
    fn deeper(depth: u64) -> u64 {
        let frame = black_box([depth; 32]);
        if depth == u64::MAX { frame[0] } else { deeper(depth + 1) + black_box(frame)[1] }
    }
    Ok(deeper(0).to_string())
}

pub(crate) fn hoard() -> Answer {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; 1 << 20]));
    }
}

pub(crate) fn transactions() -> Answer {
    loop {
        std::mem::forget(repository_write::begin("config", "main")?);
    }
}

/// Children that are never dropped, until the host refuses one: then how many there are is told with its error.
pub(crate) fn children() -> Answer {
    let mut started = 0_u64;
    loop {
        match process::start(&format!("child-{started}"), &command("sh")) {
            Ok(child) => std::mem::forget(child),
            Err(error) => return Err(Error { hint: Some(format!("{started} were started")), ..error }),
        }
        started += 1;
    }
}
