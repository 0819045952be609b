//! Mirrors, checkouts and pushes against real repositories and a real server, checked with the `git` program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../../../tests/src/git_http.rs"]
mod git_http;
#[path = "../../../../tests/src/ssh.rs"]
mod git_ssh;

mod checkout;
mod fixture;
mod http;
mod mirror;
mod ssh;
mod transaction;
mod worktree;
