//! Writes `src/schema/builtin.txt` from OpenAPI 2 documents in JSON.
//!
//! ```text
//! cargo run -p kustomize-yaml --example schema_table -- swagger.json kustomization.json > builtin.txt
//! ```
//!
//! The first is `api/openapi-spec/swagger.json` of Kubernetes at the tag that kustomize names in
//! `kyaml/openapi/kubernetesapi/openapiinfo.go` (v1.21.2 for kustomize 5.5.0), the second is
//! `kyaml/openapi/kustomizationapi/swagger.json` of kustomize itself.

use std::error::Error;
use std::io::Write as _;

use kustomize_yaml::read::{Limits, documents};
use kustomize_yaml::schema::Schema;

fn main() -> Result<(), Box<dyn Error>> {
    let mut found = Vec::new();
    for path in std::env::args().skip(1) {
        found.extend(documents(&std::fs::read_to_string(path)?, Limits::default())?);
    }
    std::io::stdout().write_all(Schema::table(&found)?.as_bytes())?;
    Ok(())
}
