//! Applications: from a commit to their objects. Renders by plugins, each application only when something changed that its
//! render had read. It decides nothing about clusters, and touches none.
#![deny(missing_docs)]

mod answer;
mod commit;
mod configured;
mod declared;
mod files;
mod folder;
mod job;
mod kept;
mod key;
mod overrides;
mod reads;
mod recorder;
mod render;
mod roots;
mod sources;
mod walk;

pub use answer::{Answer, Question};
pub use configured::{Configured, Mirrors};
pub use declared::{Declaring, declared, declared_at, refusal};
pub use files::{Content, Files, Listing};
pub use folder::Folder;
pub use job::{Elsewhere, Job, Source};
pub use kept::{Given, Kept};
pub use key::Key;
pub use reads::ReadSet;
pub use render::{Offered, Rendered, Renderers, Renders};
pub use sources::{Repositories, jobs};
pub use walk::{Walked, walk, walk_around};
