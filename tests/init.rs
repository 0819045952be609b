//! `tidegate init` in repositories of many shapes: what it finds, what it says of the last commit, and that it writes only
//! what is missing.

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use tidegate_tests::{Ran, World};

const HERE: &str = "https://git.example.com/shop/config.git";

fn world(files: &[(&str, &str)]) -> World {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    world.git("", &["init", "-q", "-b", "main", "."]);
    for (path, text) in files {
        world.write(path, text);
    }
    world
}

fn commit(world: &World, message: &str) {
    world.git("", &["add", "-A"]);
    world.git("", &["commit", "-q", "--allow-empty", "-m", message]);
}

fn committed(files: &[(&str, &str)]) -> World {
    let world = world(files);
    commit(&world, "begin");
    world
}

/// An application of these sources, each a repository, a revision and a folder.
fn application(name: &str, sources: &[(&str, &str, &str)]) -> String {
    let source = |(repository, revision, path): &(&str, &str, &str)| json!({"repoURL": repository, "targetRevision": revision, "path": path});
    let sources: Vec<Value> = sources.iter().map(source).collect();
    let spec = json!({"destination": {"name": "dev", "namespace": "shop"}, "sources": sources});
    let whole =
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": name}, "spec": spec});
    format!("{whole}\n")
}

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n  selector: { matchLabels: { app: web } }\n  template:\n    metadata: { labels: { app: web } }\n    spec:\n      containers:\n        - name: web\n          image: registry.example.com/shop:v1\n";
const BASE: &str = "resources: [deployment.yaml]\n";
const OVERLAY: &str = "resources: [../../base]\n";

/// A base, two overlays on it, and one on one of these.
fn chain() -> Vec<(&'static str, &'static str)> {
    vec![
        ("apps/base/deployment.yaml", DEPLOYMENT),
        ("apps/base/kustomization.yaml", BASE),
        ("apps/overlays/dev/kustomization.yaml", OVERLAY),
        ("apps/overlays/prod/kustomization.yaml", "namespace: prod\nresources: [../../base]\n"),
        ("apps/special/eu/kustomization.yaml", "resources: [../../overlays/prod]\nnamePrefix: eu-\n"),
    ]
}

fn init(world: &World, more: &[&str]) -> Ran {
    world.tidegate(&[&["init"], more].concat()).expect(0)
}

fn json_of(world: &World, more: &[&str]) -> Value {
    init(world, &[&["--output", "json"], more].concat()).json()
}

fn headline(ran: &Ran) -> &str {
    ran.out.lines().next().unwrap_or_default()
}

/// Everything in a folder but Git's own, by path.
fn tree(world: &World) -> Vec<(String, String)> {
    let listed = world.git("", &["ls-files", "--cached", "--others"]);
    let read = |path: &str| fs::read_to_string(world.path().join(path)).unwrap_or_else(|_| "unreadable".to_owned());
    listed.lines().filter(|path| !path.starts_with(".cache")).map(|path| (path.to_owned(), read(path))).collect()
}

#[test]
fn one_line_says_what_matters_and_the_last_commit_is_a_diff() {
    let (dev, prod) = (
        application("shop-dev", &[(HERE, "HEAD", "apps/overlays/dev"), (HERE, "main", "extra")]),
        application("shop-prod", &[("git@git.example.com:shop/config", "main", "apps/special/eu")]),
    );
    let mut files = chain();
    let extra = "apiVersion: v1\nkind: Secret\nmetadata: { name: login }\nstringData: { password: pa55word-1 }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { colour: blue }\n";
    let elsewhere = application("other", &[("https://git.example.com/other.git", "HEAD", "x")]);
    let missing = application("missing", &[(HERE, "HEAD", "apps/gone")]);
    let old = application("old", &[(HERE, "v0", "apps/base")]);
    files.extend([
        ("extra/objects.yaml", extra),
        ("argocd/dev.yaml", dev.as_str()),
        ("argocd/prod.yaml", prod.as_str()),
        ("argocd/other.yaml", &elsewhere),
        ("argocd/missing.yaml", &missing),
        ("argocd/old.yaml", &old),
    ]);
    let world = committed(&files);
    world.git("", &["remote", "add", "origin", HERE]);
    let ran = init(&world, &[]);
    assert!(headline(&ran).starts_with("5 applications, 2 rendered, 2 refused, 1 of them because "), "{}", ran.out);
    assert!(
        headline(&ran).ends_with("1 of other repositories; there is no commit before the last one to compare with")
    );
    assert!(ran.out.contains("this clone has no branch, tag or commit `v0`"), "{}", ran.out);
    assert!(ran.out.contains("1 × https://git.example.com/other.git"), "{}", ran.out);
    // A tag makes the one application, which no later commit changes.
    world.git("", &["tag", "v0"]);
    world.write("extra/objects.yaml", extra.replace("pa55word-1", "pa55word-2").replace("blue", "red"));
    commit(&world, "Paint it red");
    let ran = init(&world, &[]);
    assert!(headline(&ran).starts_with("5 applications, 3 rendered, 1 refused because there is no folder `apps/gone`"));
    assert!(headline(&ran).ends_with("; the last commit changes 1"), "{}", ran.out);
    assert!(ran.out.contains("Paint it red") && ran.out.contains("shop-dev (argocd/dev.yaml:1): 2 objects changed"));
    assert!(ran.out.contains("-  colour: blue") && ran.out.contains("+  colour: red"), "{}", ran.out);
    assert!(ran.out.contains("+  password: (hidden)") && !ran.out.contains("pa55word"), "{}", ran.out);
    let short = init(&world, &["--lines", "2"]);
    assert!(
        short.out.contains("lines more: `tidegate init --lines ") && !short.out.contains("colour"),
        "{}",
        short.out
    );
    assert_eq!(json_of(&world, &[])["changed"], json!(["shop-dev"]));
    // What nothing reads changes nothing.
    world.write("README.md", "x");
    commit(&world, "Say something");
    assert!(headline(&init(&world, &[])).ends_with("; the last commit changes 0"));
    // A base changes all that is built upon it, wherever that is.
    world.write("apps/base/deployment.yaml", DEPLOYMENT.replace(":v1", ":v2"));
    commit(&world, "v2");
    assert_eq!(json_of(&world, &[])["changed"], json!(["shop-dev", "shop-prod"]));
    // An application's own file counts as well.
    world.write("argocd/dev.yaml", dev.replace("apps/overlays/dev", "apps/overlays/prod"));
    fs::remove_file(world.path().join("argocd/prod.yaml")).expect("a file");
    world.write("argocd/new.yaml", application("shop-new", &[(HERE, "HEAD", "apps/base")]));
    commit(&world, "Move");
    let ran = init(&world, &[]);
    assert!(ran.out.contains("shop-new (argocd/new.yaml:1): new, 1 object"), "{}", ran.out);
    assert!(ran.out.contains("shop-prod (argocd/prod.yaml:1): no longer there"), "{}", ran.out);
    assert_eq!(json_of(&world, &[])["changed"], json!(["shop-dev", "shop-new", "shop-prod"]));
}

#[test]
fn broken_files_hide_nothing_and_are_counted_by_reason() {
    let good = application("good", &[(HERE, "HEAD", "apps/base")]);
    let wrong = good.replace("\"good\"", "\"wrong\"").replace("\"path\"", "\"paht\"");
    let set = good.replace("\"kind\":\"Application\"", "\"kind\":\"ApplicationSet\"");
    let mut files = chain();
    let twins = format!("{0}---\n{0}", good.replace("\"good\"", "\"twin\""));
    files.extend([
        ("argocd/good.yaml", good.as_str()),
        ("argocd/wrong.yaml", &wrong),
        ("argocd/set.yaml", &set),
        ("argocd/broken.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: [\n"),
        ("argocd/twins.yaml", &twins),
        ("apps/overlays/charts/kustomization.yaml", "helmCharts: [{ name: x, repo: https://charts.example.com }]\n"),
    ]);
    let world = committed(&files);
    let found = json_of(&world, &[]);
    let reasons: Vec<_> = found["applications"]["refused"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            format!("{} {}", one["name"].as_str().unwrap_or_default(), one["reason"].as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        (found["applications"]["found"].clone(), found["applications"]["rendered"].clone()),
        (json!(5), json!(1))
    );
    assert!(reasons[0].starts_with("good ") && reasons[0].contains("ApplicationSet"), "{reasons:?}");
    assert!(reasons[1].starts_with("twin ") && reasons[2].starts_with("twin "), "{reasons:?}");
    assert!(reasons[3].starts_with("wrong ") && reasons[3].contains("`path`"), "{reasons:?}");
    assert_eq!(found["unread"][0]["place"], "argocd/broken.yaml:2:7");
    assert_eq!(found["overlays"]["refused"][0]["name"], "apps/overlays/charts");
    let ran = init(&world, &[]);
    assert!(ran.out.contains("× unsupported: ") && ran.out.contains("helmCharts"), "{}", ran.out);
    assert!(ran.out.contains("not read\n  1 × TG-102"), "{}", ran.out);
}

#[test]
fn what_nobody_looked_into_is_told_with_its_first_paths() {
    let large = format!("{}---\n{}", application("large", &[(HERE, "HEAD", "x")]), "# generated\n".repeat(400_000));
    let world = committed(&[("argocd/large.yaml", large.as_str()), ("b/kustomization.yaml", "# nothing\n")]);
    world.write("argocd/latin.yaml", b"# argoproj.io/ \xe9\n");
    world.write("argocd/other.yaml", b"# nothing of Argo CD's \xe9\n");
    commit(&world, "more");
    let ran = init(&world, &[]);
    assert_eq!(headline(&ran), "no applications and no overlays among the files that were looked into");
    for told in [
        "not looked into\n",
        "  1 × too-large: larger than 4 MiB\n      argocd/large.yaml\n",
        "  1 × invalid: not UTF-8 text\n      argocd/latin.yaml\n",
        "  1 × invalid: a kustomization without a document of YAML\n      b/kustomization.yaml\n",
    ] {
        assert!(ran.out.contains(told), "{told}: {}", ran.out);
    }
    let skipped = &json_of(&world, &[])["skipped"];
    let first = json!({"code": "too-large", "reason": "larger than 4 MiB", "count": 1, "first": ["argocd/large.yaml"]});
    assert_eq!((&skipped[0], skipped.as_array().map(Vec::len)), (&first, Some(3)));
}

#[test]
fn the_files_are_written_once_and_are_valid() {
    let mut files = chain();
    let dev = application("shop-dev", &[("https://git.example.com/shop/config", "HEAD", "apps/overlays/dev")]);
    files.extend([
        ("apps/argocd/dev.yaml", dev.as_str()),
        ("Dockerfile", "FROM scratch\n"),
        ("web/Dockerfile.worker", "FROM scratch\n"),
        ("environments/dev/main.tf", "module \"net\" { source = \"../../modules/net\" }\n"),
        ("environments/prod/main.tf", ""),
        ("modules/net/main.tf", ""),
    ]);
    let world = committed(&files);
    let before = tree(&world);
    // Nobody can be asked here, so nothing is written.
    let ran = init(&world, &[]);
    assert!(ran.out.ends_with("nothing was written; `tidegate init --yes` writes these files\n"), "{}", ran.out);
    assert!(ran.out.contains("https://git.example.com/shop/config is taken to be this repository"), "{}", ran.out);
    assert_eq!(tree(&world), before);
    let planned = json_of(&world, &[]);
    assert!(planned["files"].as_array().is_some_and(|files| files.iter().all(|file| file["written"] == false)));
    let ran = init(&world, &["--yes"]);
    for path in ["tidegate.yaml", ".tidegate/.gitignore", ".tidegate/infrastructure.yaml", ".tidegate/image.yaml"] {
        assert!(ran.out.contains(&format!("wrote {path}\n")), "{}", ran.out);
    }
    let text = |path: &str| fs::read_to_string(world.path().join(path)).expect("a file");
    assert!(
        text("tidegate.yaml").contains("- apps/argocd/*.yaml")
            || text("tidegate.yaml").contains("\"apps/argocd/*.yaml\"")
    );
    assert!(
        text(".tidegate/infrastructure.yaml").contains("forEach: ${{ ['environments/dev', 'environments/prod'] }}")
    );
    assert!(text(".tidegate/infrastructure.yaml").contains("modules/net/**"));
    let valid = world.tidegate(&["validate"]).expect(0);
    assert!(valid.out.contains("3 files valid") && !valid.err.contains("warning[TG"), "{} {}", valid.out, valid.err);
    // The second run changes nothing, and is quiet about what it wrote.
    let after = tree(&world);
    let again = json_of(&world, &["--yes"]);
    assert_eq!((again["files"].clone(), tree(&world)), (json!([]), after));
    // What it wrote is what other commands use.
    commit(&world, "Tidegate");
    let listed = world.tidegate(&["apps", "list", "--output", "json"]).expect(0).json();
    assert_eq!(listed[0]["name"], "shop-dev");
    assert!(listed[0]["message"].as_str().is_some_and(|message| message == "1 object"), "{listed:#}");
    assert_eq!(world.git("", &["status", "--porcelain", "--", ".tidegate", "tidegate.yaml"]), "");
}

#[test]
fn one_root_folder_and_one_dockerfile_are_pipelines_without_a_loop() {
    let world = committed(&[("infra/main.tf", ""), ("Containerfile", "FROM scratch\n")]);
    world.git("", &["remote", "add", "origin", "git@github.com:Shop/Web.git"]);
    let ran = init(&world, &["--yes"]);
    assert!(headline(&ran) == "no applications and no overlays", "{}", ran.out);
    let text = fs::read_to_string(world.path().join(".tidegate/infrastructure.yaml")).expect("a pipeline");
    assert!(!text.contains("forEach") && text.contains("directory: infra"), "{text}");
    let text = fs::read_to_string(world.path().join(".tidegate/image.yaml")).expect("a pipeline");
    assert!(text.contains("image: ghcr.io/shop/web") && !text.contains("paths:"), "{text}");
    world.tidegate(&["validate"]).expect(0);
}

#[test]
fn what_is_there_stays_as_it_is() {
    let config = "apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n  repositories:\n    config: { url: ., aliases: [\"https://old.example.com/config\"] }\n";
    let dev = application("dev", &[("ssh://git@old.example.com/config.git", "HEAD", "apps/overlays/dev")]);
    let mut files = chain();
    let mine = "apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: { name: mine }\nspec:\n  steps:\n    plan: { uses: terraform/plan, with: { directory: infra } }\n";
    files.extend([
        ("tidegate.yaml", config),
        ("argocd/dev.yaml", dev.as_str()),
        (".tidegate/mine.yaml", mine),
        (".tidegate/image.yaml", "# nothing yet\n"),
        ("infra/main.tf", ""),
        ("Dockerfile", ""),
        (".gitignore", "*.log\n"),
    ]);
    let world = committed(&files);
    let before = tree(&world);
    let ran = init(&world, &["--yes"]);
    assert!(headline(&ran).starts_with("1 application, 1 rendered; "), "{}", ran.out);
    for note in [
        "tidegate.yaml is there already and stays as it is",
        "Git does not ignore the state folder: add the line `/state/` to .gitignore",
        "a pipeline in .tidegate/ runs Terraform already",
        ".tidegate/image.yaml is there already and stays as it is",
    ] {
        assert!(ran.out.contains(note), "{note}: {}", ran.out);
    }
    assert_eq!(tree(&world), before);
    // Where there is no such file one is made, below the folder of the configuration.
    fs::remove_file(world.path().join(".gitignore")).expect("a file");
    init(&world, &["--yes"]);
    assert!(fs::read_to_string(world.path().join(".gitignore")).is_ok_and(|text| text.contains("\n/state/\n")));
    assert_eq!(json_of(&world, &["--yes"])["files"], json!([]));
}

#[test]
fn a_link_is_not_written_through() {
    let world = committed(&[("Dockerfile", "FROM scratch\n")]);
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    symlink(outside.path(), world.path().join(".tidegate")).expect("a link");
    let ran = world.tidegate(&["init", "--yes"]).expect(2);
    assert!(ran.err.contains("is no folder"), "{}", ran.err);
    assert_eq!(fs::read_dir(outside.path()).expect("a folder").count(), 0);
}

#[test]
fn a_dirty_tree_is_said_and_not_looked_at() {
    let mut files = chain();
    files.push((".gitignore", "ignored\n"));
    let world = committed(&files);
    world.write("apps/base/deployment.yaml", "kind: [\n");
    world.write("more/kustomization.yaml", "resources: [gone.yaml]\n");
    world.write("ignored", "x");
    let found = json_of(&world, &[]);
    assert_eq!((found["uncommitted"].clone(), found["overlays"]["rendered"].clone()), (json!(2), json!(2)));
    assert!(init(&world, &[]).out.contains("2 uncommitted paths not looked at"));
}

#[test]
fn before_the_first_commit_the_folder_is_looked_at() {
    let mut files = chain();
    let dev = application("dev", &[(HERE, "main", "apps/overlays/dev")]);
    files.extend([("argocd/dev.yaml", dev.as_str()), (".gitignore", "ignored/\n"), ("ignored/main.tf", "")]);
    let world = world(&files);
    let ran = init(&world, &[]);
    assert!(headline(&ran) == "1 application, 1 rendered; there is no commit yet", "{}", ran.out);
    let found = json_of(&world, &[]);
    assert_eq!((found["terraform"].clone(), found["overlays"]["found"].clone()), (json!([]), json!(1)));
}

#[test]
fn hostile_names_are_shown_harmlessly_and_break_nothing() {
    let odd = "x/it's [a] {b}: #*, \u{1b}[2J\n\u{202e}";
    let manifest = application("odd", &[(HERE, "HEAD", "apps/base")]);
    let (apps, terraform, docker) = (format!("{odd}/app.yaml"), format!("{odd}/main.tf"), format!("{odd}/Dockerfile"));
    let mut files = chain();
    files.extend([(apps.as_str(), manifest.as_str()), (&terraform, ""), (&docker, ""), ("x/y/other.yaml", "a: b\n")]);
    let world = world(&files);
    // Git takes names that are no text; what is beside one is missing, and nothing else is.
    use std::os::unix::ffi::OsStrExt as _;
    let raw = world.path().join("raw");
    fs::create_dir_all(&raw).expect("a folder");
    fs::write(raw.join(std::ffi::OsStr::from_bytes(b"\xff.yaml")), "x").expect("a file");
    commit(&world, "\u{1b}]0;title\u{7}");
    commit(&world, "again");
    let ran = init(&world, &["--yes"]);
    assert!(!ran.out.contains('\u{1b}') && !ran.out.contains('\u{202e}'), "{}", ran.out);
    assert!(headline(&ran).starts_with("1 application, 1 rendered; "), "{}", ran.out);
    assert!(ran.out.contains("not read") && ran.out.contains("raw"), "{}", ran.out);
    assert!(ran.out.contains("unusual names keep 1 of 1 Dockerfiles out of the pipeline"), "{}", ran.out);
    world.tidegate(&["validate"]).expect(0);
    commit(&world, "Tidegate");
    let listed = world.tidegate(&["apps", "list", "--output", "json"]);
    assert!(listed.out.contains("\"odd\"") || listed.err.contains("UTF-8"), "{} {}", listed.out, listed.err);
}

#[test]
fn without_a_repository_there_is_nothing_to_look_at() {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), "/var/tmp");
    let ran = world.tidegate(&["init"]).expect(2);
    assert!(ran.err.contains("is in no Git work tree"), "{}", ran.err);
    assert!(world.tidegate(&["init", "--output", "json"]).expect(2).json()["error"]["code"] == "invalid");
}

#[test]
fn a_repository_without_anything_gets_nothing() {
    let world = committed(&[("src/main.c", "int main;\n")]);
    let ran = init(&world, &["--yes"]);
    assert_eq!(headline(&ran), "no applications and no overlays");
    assert!(ran.out.contains("there is nothing here that a file would be for"), "{}", ran.out);
    assert_eq!(tree(&world).len(), 1);
}
