//! What is found in a repository.

use crate::{Findings, discover};
use std::collections::BTreeMap;

const APPLICATION: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop}\nspec: {destination: {name: dev}, source: {repoURL: x, path: .}}\n";

fn look(files: &[(&str, &str)]) -> Findings {
    let texts: BTreeMap<&str, &str> = files.iter().copied().collect();
    discover(files.iter().map(|(path, _)| *path), |path| texts.get(path).map(|text| (*text).to_owned()))
}

fn shown(files: &[(&str, &str)]) -> String {
    let found = look(files);
    let folders = |folders: &[model::application::FolderPath]| {
        folders.iter().map(|folder| folder.as_str()).collect::<Vec<_>>().join(" ")
    };
    let applications: Vec<String> = found
        .applications
        .iter()
        .map(|a| format!("{}:{}:{:?}:{:?}", a.path, a.name.as_deref().unwrap_or("-"), a.kind, a.fit))
        .collect();
    format!(
        "applications {}\noverlays {}\nterraform {}\nmodules {}\ndockerfiles {}\nunread {}\nbroken {}",
        applications.join(" "),
        folders(&found.overlays),
        folders(&found.terraform),
        folders(&found.modules),
        found.dockerfiles.join(" "),
        found.unread,
        found.broken.join(" "),
    )
}

#[test]
fn what_is_there_is_found_by_what_it_says() {
    let set = APPLICATION.replace("kind: Application", "kind: ApplicationSet");
    let refused = APPLICATION.replace("path: .", "path: ..");
    insta::assert_snapshot!(shown(&[
        ("argocd/shop.yaml", APPLICATION),
        ("argocd/many.yml", &format!("{refused}---\n{set}---\nkind: ConfigMap\n")),
        ("argocd/broken.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: [\n"),
        ("charts/x/Chart.yaml", "name: x\n"),
        ("charts/x/templates/deep/app.yaml", APPLICATION),
        ("templates/app.yaml", APPLICATION),
        ("node_modules/y/app.yaml", APPLICATION),
        ("apps/shop/base/kustomization.yaml", "resources: [deployment.yaml]\n"),
        ("apps/shop/base/deployment.yaml", "kind: Deployment\n"),
        ("apps/shop/overlays/dev/kustomization.yml", "resources: [../../base]\ncomponents: [../../tls]\n"),
        ("apps/shop/overlays/prod/Kustomization", "bases: [../../base/, 'https://git.example.com/x//dev']\n"),
        ("apps/shop/tls/kustomization.yaml", "kind: Component\n"),
        ("apps/shop/unused/kustomization.yaml", "kind: Component\n"),
        ("kustomization.yaml", "resources: [./apps/shop/overlays/dev/, /etc, ../outside]\n"),
        ("environments/dev/main.tf", "module \"net\" {\n  source = \"../../modules/net\"\n}\nmodule \"far\" { source = \"hashicorp/x/aws\" }\n"),
        ("environments/dev/variables.tf", "# source = \"../prod\"\nmodule \"dns\" { source = \"../../modules/dns\" }\n"),
        ("modules/dns/main.tf", ""),
        ("environments/prod/main.tf.json", "{\"module\": {\"net\": {\n  \"source\": \"../../modules/net/\"\n}}}\n"),
        ("modules/net/main.tf", "module \"inner\" {\n  source=\"./inner\"\n}\n"),
        ("modules/net/inner/main.tf", ""),
        ("environments/dev/.terraform/modules/z/main.tf", ""),
        ("Dockerfile", ""),
        ("web/Dockerfile.dev", ""),
        ("web/Dockerfile.dockerignore", ""),
        ("web/build.Dockerfile", ""),
        ("web/Dockerfile/README", ""),
    ]), @r##"
applications argocd/many.yml:shop:Application:Refused argocd/many.yml:shop:ApplicationSet:Refused argocd/shop.yaml:shop:Application:Usable templates/app.yaml:shop:Application:Usable
overlays . apps/shop/overlays/prod
terraform environments/dev environments/prod
modules modules/dns modules/net modules/net/inner
dockerfiles Dockerfile web/Dockerfile.dev web/build.Dockerfile
unread 1
broken argocd/broken.yaml
"##);
}

#[test]
fn what_cannot_be_read_is_counted() {
    let found = discover(["a.yaml", "b.tf", "Dockerfile", "c.txt", "kustomization.yaml"], |_| None);
    assert_eq!((found.unread, found.dockerfiles.len()), (3, 1));
    let paths: Vec<String> = (0..20_010).map(|i| format!("{i:05}.yaml")).collect();
    let mut reads = 0;
    let found = discover(paths.iter().map(String::as_str), |_| {
        reads += 1;
        Some(String::new())
    });
    assert_eq!((reads, found.unread), (20_000, 10));
}
