//! Using up whatever there is.

use crate::Answer;
use crate::attempts::command;
use std::hint::black_box;
use tidegate::bindings::tidegate::plugin::types::Error;
use tidegate::bindings::tidegate::plugin::{cancellation, clock, process, random, repository_write};

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

/// What needs no grant, without end.
pub(crate) fn free(function: &str) -> Answer {
    loop {
        match function {
            "now" => _ = black_box(clock::now()),
            "elapsed" => _ = black_box(clock::elapsed()),
            "draw" => _ = black_box(random::draw(1)),
            _ => _ = black_box(cancellation::requested()),
        }
    }
}

/// All the randomness that a number can ask for: how much there was.
pub(crate) fn draw() -> Answer {
    Ok(random::draw(u32::MAX).len().to_string())
}

/// What nobody could foresee: random bytes, and the time.
pub(crate) fn chance() -> Answer {
    Ok(format!("{:?} {} {}", random::draw(8), clock::now(), clock::elapsed()))
}

/// The time, twice.
pub(crate) fn clock() -> Answer {
    Ok(serde_json::Value::from(vec![clock::now(), clock::now()]).to_string())
}

/// So many children, one after the other.
pub(crate) fn in_turn(count: usize) -> Answer {
    for n in 0..count {
        drop(process::start(&format!("child-{n}"), &command("sh"))?);
    }
    Ok("{}".to_owned())
}

/// A child of this program, left running.
pub(crate) fn leave(program: &str) -> Answer {
    std::mem::forget(process::start("key", &command(program))?);
    Ok("{}".to_owned())
}
