//! Archives of the step's files.

use crate::bindings::tidegate::plugin::archive;
use crate::bindings::tidegate::plugin::types::Error;
use crate::call::HostCall;
use crate::state::State;
use model::Failure;
use wasmtime::Result;

/// Most items, and most excluded paths, of one archive.
const ITEMS: usize = 1024;

impl archive::Host for State {
    async fn pack(&mut self, packing: archive::Packing, to: String) -> Result<Result<archive::Packed, Error>> {
        let sources = packing.items.iter().flat_map(|item| [&item.source, &item.target]);
        let paths = sources.chain(&packing.exclude).chain([&to]).cloned().collect();
        let services = self.services.clone();
        let work = async move {
            if packing.items.len() > ITEMS || packing.exclude.len() > ITEMS {
                return Err(Failure::invalid(format!("an archive has at most {ITEMS} items and {ITEMS} exclusions")));
            }
            services.pack(packing, to).await
        };
        self.perform(HostCall::Pack { paths }, work).await
    }

    async fn unpack(&mut self, source: String, to: String) -> Result<Result<u32, Error>> {
        let (services, paths) = (self.services.clone(), vec![source.clone(), to.clone()]);
        self.perform(HostCall::Unpack { paths }, async move { services.unpack(source, to).await }).await
    }
}
