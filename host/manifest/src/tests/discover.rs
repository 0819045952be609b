//! What is found in a repository.

use crate::{Findings, Why, discover};
use std::collections::BTreeMap;

const APPLICATION: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop}\nspec: {destination: {name: dev}, source: {repoURL: x, path: .}}\n";

fn look(files: &[(&str, &str)]) -> Findings {
    let texts: BTreeMap<&str, &str> = files.iter().copied().collect();
    discover(files.iter().map(|(path, _)| *path), |path| Ok(texts[path].as_bytes().to_vec()))
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
        "applications {}\noverlays {}\nterraform {}\nmodules {}\ndockerfiles {}\nunread {:?}\nbroken {}",
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
unread {}
broken argocd/broken.yaml
"##);
}

#[test]
fn what_cannot_be_read_is_told_with_its_reason() {
    let listed =
        ["a.yaml", "b.tf", "Dockerfile", "c.txt", "d.yml", "e.yaml", "kustomization.yaml", "x/kustomization.yml"];
    let found = discover(listed, |path| match path {
        "a.yaml" => Err(Why::TooLarge(10)),
        "b.tf" => Ok(b"\xff".to_vec()),
        // Not Argo CD's, so nothing is missed.
        "d.yml" => Ok(b"\xff".to_vec()),
        "e.yaml" => Ok(b"argoproj.io/ \xff".to_vec()),
        "kustomization.yaml" => Err(Why::Failed("the disk".to_owned())),
        _ => Ok(b"# nothing".to_vec()),
    });
    let told: Vec<String> = found
        .unread
        .iter()
        .map(|(why, unread)| format!("{why:?} {} {}", unread.count, unread.first.join(" ")))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    TooLarge(10) 1 a.yaml
    NotText 2 b.tf e.yaml
    NoDocument 1 x/kustomization.yml
    Failed("the disk") 1 kustomization.yaml
    "#);
    assert_eq!(found.dockerfiles.len(), 1);
}

#[test]
fn many_files_of_one_kind_hide_none_of_another() {
    let last = "z/app.yaml".to_owned();
    let terraform = (0..200_010).map(|i| format!("t/{i:06}.tf"));
    let paths: Vec<String> =
        terraform.chain((0..30_000).map(|i| format!("y/{i:05}.yaml"))).chain([last.clone()]).collect();
    let mut reads = 0;
    let found = discover(paths.iter().map(String::as_str), |path| {
        reads += 1;
        Ok(if path == last { APPLICATION.as_bytes().to_vec() } else { Vec::new() })
    });
    assert_eq!((reads, found.applications.len()), (230_001, 1));
    let (why, unread) = found.unread.first_key_value().unwrap();
    assert_eq!((why, unread.count), (&Why::TooMany(200_000), 10));
    assert_eq!(unread.first, [0, 1, 2, 3, 4].map(|i| format!("t/20000{i}.tf")));
}
