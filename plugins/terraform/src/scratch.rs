//! The folder that a step works in. It holds plans and backend settings in clear, so it goes whatever way the step ends.

use crate::host::Host;
use crate::invocation::{SCRATCH, remove_image};
use crate::session;
use serde::{Deserialize, Serialize};
use tidegate::container::Container;
use tidegate::{Context, Error};

/// The folder, and the image's files beside it; dropping it removes both.
pub struct Scratch<'a> {
    host: &'a dyn Host,
    /// Tells this beginning of the step from others in the same attempt.
    pub generation: String,
    container: Option<Container>,
}

#[derive(Serialize, Deserialize)]
struct Marker {
    attempt: String,
    generation: String,
}

impl<'a> Scratch<'a> {
    /// Makes it anew; or goes on with that of the same attempt, whose children the host may have kept while it was
    /// restarted. A commit may hold such a folder, for one, so whatever is not this attempt's goes.
    ///
    /// # Errors
    /// Those of writing the workspace.
    pub fn begin(host: &'a dyn Host, context: &Context, container: Option<Container>) -> Result<Self, Error> {
        let attempt = format!("{}/{}/{}", context.run, context.key, context.attempt);
        let path = format!("{SCRATCH}/attempt.json");
        let found = host.read(&path).ok().flatten();
        if let Some(marker) = found.and_then(|text| serde_json::from_slice::<Marker>(&text).ok())
            && marker.attempt == attempt
        {
            return Ok(Self { host, generation: marker.generation, container });
        }
        host.remove(SCRATCH)?;
        let scratch = Self { host, generation: host.now()?.to_string(), container };
        let marker = Marker { attempt, generation: scratch.generation.clone() };
        let text = serde_json::to_vec(&marker).map_err(|error| Error::internal(error.to_string()))?;
        host.write(&path, &text)?;
        Ok(scratch)
    }

    /// Takes over the folder as it is.
    pub fn adopt(host: &'a dyn Host, container: Option<Container>) -> Self {
        Self { host, generation: String::new(), container }
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.host.remove(SCRATCH) {
            self.host.warn(&format!("{SCRATCH} could not be removed from the workspace: {}", error.message));
        }
        let Some(container) = self.container.take() else { return };
        if self.host.remove(&container.storage).is_ok() {
            return;
        }
        // A host that is not root may not remove what a folder of the image forbids to change; root of the image may.
        let _ = session::quietly(self.host, &remove_image(container.clone(), &self.generation));
        if let Err(error) = self.host.remove(&container.storage) {
            self.host.warn(&format!("the image's files could not be removed from the workspace: {}", error.message));
        }
    }
}
