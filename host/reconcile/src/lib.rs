//! Applications: from a commit to their objects, and from there to a destination that is equal to them. Renders by plugins, each
//! application only when something changed that its render had read; looks at destinations, and carries out what the planner
//! decides. It decides nothing itself.
#![deny(missing_docs)]

mod adopt;
mod answer;
mod applyset;
mod books;
mod branch;
mod carry;
mod catalog;
mod commit;
mod configured;
mod declared;
mod due;
mod entry;
mod files;
mod fleet;
mod floor;
mod folder;
mod images;
mod job;
mod keeper;
mod kept;
mod key;
mod lineage;
mod look;
mod nobody;
mod overrides;
mod proof;
mod reads;
mod recorder;
mod render;
mod requirement;
mod rights;
mod roots;
mod seat;
mod sources;
mod standing;
mod target;
mod walk;

pub use adopt::{Adopted, Extent, Marked, marked};
pub use answer::{Answer, Question};
pub use books::{Books, Memory, Past, PastObject, Proofs};
pub use catalog::Catalog;
pub use configured::{Configured, Mirrors};
pub use declared::{Declarations, Declaring, declared, declared_at, refusal};
pub use entry::{Entry, refuse_twins};
pub use files::{Content, Files, Listing};
pub use fleet::{Fleet, Following};
pub use floor::{Floor, Rules};
pub use folder::Folder;
pub use job::{Elsewhere, Job, Source};
pub use keeper::{Event, Keeper, Kept as Outcome, Word, now};
pub use kept::{Given, Kept};
pub use key::Key;
pub use look::{Look, Origin, Subject, Wish};
pub use proof::{Coming, Unproven, Witness, unproven};
pub use reads::ReadSet;
pub use render::{Offered, Rendered, Renderers, Renders};
pub use requirement::{Owning, Proposed, Requirements, Word as Agreement};
pub use rights::Rights;
pub use seat::Report;
pub use sources::{Repositories, jobs};
pub use standing::Standing;
pub use target::target;
pub use walk::{Walked, walk, walk_around};
