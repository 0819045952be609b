//! Which renderer the files of a folder ask for.

/// What the files of a folder ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detected {
    /// There is a kustomization.
    Kustomize,
    /// There is a chart.
    Helm,
    /// There is neither: objects as they are written.
    Directory,
}

/// Whether a file of this name is a kustomization.
pub fn is_kustomization(name: &str) -> bool {
    matches!(name, "kustomization.yaml" | "kustomization.yml" | "Kustomization")
}

/// What a folder asks for, by the names of the files that are directly in it. A kustomization wins over a chart, which it
/// may well be there to patch (Argo CD's util/app/discovery comes to the same).
pub fn detect_renderer<'a>(names: impl IntoIterator<Item = &'a str>) -> Detected {
    let mut found = Detected::Directory;
    for name in names {
        match name {
            _ if is_kustomization(name) => return Detected::Kustomize,
            "Chart.yaml" => found = Detected::Helm,
            _ => {}
        }
    }
    found
}
