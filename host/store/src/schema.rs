//! The tables. Plain SQL that PostgreSQL understands as well: text, big integers, no SQLite functions. The one difference
//! is `INTEGER PRIMARY KEY`, which SQLite fills by itself; there it is `BIGINT GENERATED ALWAYS AS IDENTITY`.

/// The version that this build writes.
pub const VERSION: i64 = 4;

/// What makes each version out of the one before it; the first out of nothing.
pub const VERSIONS: [&str; 4] = [RUNS, APPLICATIONS, DAEMON, CHILDREN];

const CHILDREN: &str = "
CREATE TABLE children (
  parent TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, descent TEXT NOT NULL, leaving TEXT, at BIGINT NOT NULL,
  PRIMARY KEY (parent, name));
CREATE INDEX children_by_name ON children (name);
";

const DAEMON: &str = "
ALTER TABLE applications ADD COLUMN declared TEXT;
CREATE TABLE watched (repository TEXT PRIMARY KEY, since BIGINT NOT NULL);
CREATE TABLE heads (repository TEXT NOT NULL, branch TEXT NOT NULL, commit_id TEXT NOT NULL, PRIMARY KEY (repository, branch));
CREATE TABLE pushes (
  number INTEGER PRIMARY KEY, repository TEXT NOT NULL, branch TEXT NOT NULL, before_id TEXT, commit_id TEXT NOT NULL, at BIGINT NOT NULL);
CREATE TABLE starts (
  repository TEXT NOT NULL, commit_id TEXT NOT NULL, pipeline TEXT NOT NULL, event TEXT NOT NULL, run TEXT, why TEXT NOT NULL,
  at BIGINT NOT NULL, PRIMARY KEY (repository, commit_id, pipeline, event));
CREATE INDEX starts_by_commit ON starts (commit_id);
CREATE INDEX runs_open ON runs (id) WHERE ended IS NULL;
CREATE TABLE accepted (
  environment TEXT NOT NULL, application TEXT NOT NULL, subject TEXT NOT NULL, revisions TEXT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (environment, application));
CREATE TABLE consents (
  number INTEGER PRIMARY KEY, application TEXT NOT NULL, subject TEXT NOT NULL, voter TEXT NOT NULL, verdict TEXT NOT NULL,
  comment TEXT NOT NULL, verified BIGINT NOT NULL, system_user TEXT NOT NULL, at BIGINT NOT NULL);
CREATE INDEX consents_by_subject ON consents (application, subject);
CREATE TABLE rollbacks (
  repository TEXT NOT NULL, commit_id TEXT NOT NULL, target TEXT NOT NULL, application TEXT NOT NULL, actor TEXT NOT NULL,
  at BIGINT NOT NULL, PRIMARY KEY (repository, commit_id));
";

const APPLICATIONS: &str = "
CREATE TABLE applications (
  name TEXT PRIMARY KEY, standing TEXT NOT NULL, inventory TEXT NOT NULL, operation TEXT, updated BIGINT NOT NULL);
CREATE TABLE syncs (
  application TEXT NOT NULL, id TEXT NOT NULL, begun BIGINT NOT NULL, content TEXT NOT NULL, PRIMARY KEY (application, id));
CREATE TABLE brakes (kind TEXT NOT NULL, name TEXT NOT NULL, why TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (kind, name));
";

const RUNS: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE runs (
  id TEXT PRIMARY KEY, pipeline TEXT NOT NULL, repository TEXT NOT NULL, branch TEXT, commit_id TEXT NOT NULL,
  actor TEXT NOT NULL, status TEXT NOT NULL, stop TEXT, pinned TEXT NOT NULL, created BIGINT NOT NULL, ended BIGINT,
  owner TEXT, fence BIGINT NOT NULL DEFAULT 0, lease_until BIGINT NOT NULL DEFAULT 0, votes BIGINT NOT NULL DEFAULT 0);
CREATE INDEX runs_by_status ON runs (status, created);
CREATE TABLE steps (
  run TEXT NOT NULL REFERENCES runs (id), step TEXT NOT NULL, position BIGINT NOT NULL, status TEXT NOT NULL,
  state TEXT NOT NULL, PRIMARY KEY (run, step));
CREATE TABLE effects (
  run TEXT NOT NULL, step TEXT NOT NULL, attempt BIGINT NOT NULL, effect TEXT NOT NULL, intent TEXT NOT NULL,
  begun BIGINT NOT NULL, outcome TEXT, ended BIGINT, PRIMARY KEY (run, step, attempt, effect));
CREATE TABLE votes (
  run TEXT NOT NULL, position BIGINT NOT NULL, step TEXT NOT NULL, subject TEXT NOT NULL, voter TEXT NOT NULL, verdict TEXT NOT NULL,
  comment TEXT NOT NULL, verified BIGINT NOT NULL, system_user TEXT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (run, position));
CREATE TABLE subjects (
  run TEXT NOT NULL, step TEXT NOT NULL, subject TEXT NOT NULL, content TEXT NOT NULL, PRIMARY KEY (run, step));
CREATE TABLE artifacts (
  run TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, media_type TEXT NOT NULL, size BIGINT NOT NULL,
  confidential BIGINT NOT NULL, step TEXT NOT NULL, PRIMARY KEY (run, step, name));
CREATE TABLE receipts (
  run TEXT NOT NULL, step TEXT NOT NULL, attempt BIGINT NOT NULL, content TEXT NOT NULL, at BIGINT NOT NULL);
CREATE TABLE decisions (number INTEGER PRIMARY KEY, run TEXT NOT NULL, step TEXT NOT NULL, what TEXT NOT NULL, why TEXT NOT NULL, at BIGINT NOT NULL);
CREATE INDEX decisions_by_run ON decisions (run, at);
CREATE TABLE logs (
  number INTEGER PRIMARY KEY, run TEXT NOT NULL, step TEXT NOT NULL, attempt BIGINT NOT NULL, at BIGINT NOT NULL, level TEXT NOT NULL, line TEXT NOT NULL);
CREATE INDEX logs_by_run ON logs (run, step);
CREATE TABLE audit (sequence BIGINT PRIMARY KEY, content TEXT NOT NULL, hash TEXT NOT NULL);
";
