//! How close the build is to kustomize: builds the folders of a list, and compares the text by its hash.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};

use crate::error::ErrorKind;
use crate::{Files, Options, build};

/// One folder, and the SHA-256 in hex of what kustomize prints for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub folder: String,
    pub sha256: String,
}

/// The cases of a list of lines `folder TAB sha256 TAB …`.
pub fn cases(list: &str) -> impl Iterator<Item = Case> {
    list.lines().filter_map(|line| {
        let mut fields = line.split('\t');
        Some(Case { folder: fields.next()?.to_owned(), sha256: fields.next()?.to_owned() })
    })
}

/// How a case went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Identical,
    /// Something that is not supported, under the field that asks for it.
    Refused {
        field: String,
    },
    /// Other text than kustomize prints.
    Wrong {
        yaml: String,
    },
    /// An error where kustomize prints something.
    Failed {
        error: String,
    },
}

impl Outcome {
    /// Builds one case.
    pub fn of<F: Files + ?Sized>(files: &F, case: &Case) -> Self {
        match build(files, &case.folder, &Options::default()) {
            Ok(rendering) => {
                let digest: String =
                    Sha256::digest(rendering.yaml.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
                if digest == case.sha256 { Self::Identical } else { Self::Wrong { yaml: rendering.yaml } }
            }
            Err(error) => match error.kind {
                ErrorKind::Unsupported { field } => Self::Refused { field },
                ErrorKind::Remote { .. } => Self::Refused { field: "resources (address)".to_owned() },
                _ => Self::Failed { error: error.message },
            },
        }
    }
}

/// How all cases went.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub identical: usize,
    /// Counts by field.
    pub refused: BTreeMap<String, usize>,
    /// Wrong text, and errors where there should be none.
    pub wrong: Vec<Case>,
}

impl Report {
    /// Builds all.
    pub fn run<F: Files + ?Sized>(files: &F, cases: impl Iterator<Item = Case>) -> Self {
        let mut report = Self::default();
        for case in cases {
            match Outcome::of(files, &case) {
                Outcome::Identical => report.identical += 1,
                Outcome::Refused { field } => *report.refused.entry(field).or_default() += 1,
                Outcome::Wrong { .. } | Outcome::Failed { .. } => report.wrong.push(case),
            }
        }
        report
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "identical {}", self.identical)?;
        for (field, count) in &self.refused {
            write!(f, ", refused {field} {count}")?;
        }
        write!(f, ", wrong {}", self.wrong.len())
    }
}
