//! `tidegate render` and `tidegate apps`: files of folders and commits in, objects out; hostile ones in, a clear error out.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use tidegate_tests::{Ran, World, holding};

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  template: { spec: { containers: [{ name: web, image: shop:v1 }] } }
";

fn world() -> World {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    // What is rendered may lie in the work tree of this very project.
    world.git("", &["init", "-q"]);
    world
}

/// A base and an overlay.
fn overlay(world: &World) {
    world.write("base/web.yaml", DEPLOYMENT);
    world.write("base/kustomization.yaml", "resources: [web.yaml]\n");
    world.write("prod/kustomization.yaml", "namePrefix: prod-\nresources: [../base]\nimages: [{ name: shop, newTag: v2 }]\nsecretGenerator: [{ name: key, literals: [a=b] }]\n");
}

#[test]
fn a_folder_is_rendered_as_kubectl_renders_it() {
    let world = world();
    overlay(&world);
    let ran = world.tidegate(&["render", "prod"]).expect(0);
    let kubectl = Ran::of(Command::new("kubectl").args(["kustomize", "prod"]).current_dir(world.path())).expect(0);
    assert_eq!(ran.out, kubectl.out);
    assert!(ran.err.is_empty(), "{}", ran.err);
    // From within, and by the file's name.
    let mut inside = world.command(&["render"]);
    inside.current_dir(world.path().join("prod"));
    assert_eq!(Ran::of(&mut inside).expect(0).out, kubectl.out);
    assert_eq!(world.tidegate(&["render", "prod/kustomization.yaml"]).expect(0).out, kubectl.out);
    let json = world.tidegate(&["render", "prod", "--output", "json"]).expect(0).json();
    assert_eq!((&json["renderer"], &json["manifests"]), (&"kustomize".into(), &kubectl.out.into()));
}

#[test]
fn a_plain_folder_is_taken_as_it_is() {
    let world = world();
    world.write("plain/b.yaml", DEPLOYMENT);
    world.write("plain/a.json", "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"a\"}}");
    world.write("plain/values.yaml", "image: x\n");
    world.write("plain/sub/c.yaml", DEPLOYMENT);
    let ran = world.tidegate(&["render", "plain"]).expect(0);
    assert!(
        ran.out.starts_with("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n---\napiVersion: apps/v1\n"),
        "{}",
        ran.out
    );
    assert_eq!(ran.out.matches("---").count(), 1);
    assert_eq!(ran.err, "warning: plain/values.yaml holds no Kubernetes object and was passed over\n");
}

/// What is wrong, and what the error says.
#[track_caller]
fn refused(world: &World, path: &str, code: i32, words: &[&str]) -> Ran {
    let ran = world.tidegate(&["render", path]).expect(code);
    assert!(ran.out.is_empty(), "{}", ran.out);
    for word in words {
        assert!(ran.err.contains(word), "no `{word}` in: {}", ran.err);
    }
    ran
}

#[test]
fn mistakes_are_told_with_their_place_and_a_way_out() {
    let world = world();
    world.write("a/kustomization.yaml", "resources: [web.yaml]\n");
    refused(&world, "a", 2, &["error[not-found]", "a/web.yaml"]);
    world.write("b/kustomization.yaml", "resources: [web.yaml]\n");
    world.write("b/web.yaml", "apiVersion: v1\nkind: X\nmetadata:\n  name: a\n name: b\n");
    refused(&world, "b", 2, &["error[invalid]", "b/web.yaml:5:"]);
    world.write("c/kustomization.yaml", "helmCharts: [{ name: x, repo: https://example.com }]\n");
    refused(&world, "c", 2, &["error[unsupported]", "helmCharts", "hint:"]);
    world.write("d/kustomization.yaml", "resources: [\"https://git.example.com/a/b.git//x?ref=v1\"]\n");
    refused(&world, "d", 2, &["error[unsupported]", "https://git.example.com/a/b.git//x?ref=v1", "hint:"]);
    world.write("e/kustomization.yaml", "resource: [web.yaml]\n");
    refused(&world, "e", 2, &["error[invalid]", "resource"]);
    world.write("f/Chart.yaml", "name: x\n");
    refused(&world, "f", 2, &["error[not-found]", "no plugin offers the renderer `helm`", "directory, kustomize"]);
    refused(&world, "gone", 2, &["error[not-found]", "gone"]);
}

/// Point 4 of what attackers try: a repository's names and links.
#[test]
fn nothing_outside_of_the_repository_is_read() {
    let world = world();
    let outside = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let secret = outside.path().join("secret.yaml");
    fs::write(&secret, DEPLOYMENT).expect("a file");
    let path = secret.to_str().expect("UTF-8");
    let link = |target: &str, name: &str| {
        let place = world.path().join(name);
        fs::create_dir_all(place.parent().expect("a parent")).expect("a folder");
        symlink(target, place).expect("a link");
    };
    for (index, resource) in [
        path,
        "../../secret.yaml",
        "%2e%2e/secret.yaml",
        "link.yaml",
        "chain.yaml",
        "dangling.yaml",
        "circle.yaml",
        "folder/secret.yaml",
        ".git/config",
        "file:///etc/passwd",
        "git::file:///etc//ssh?ref=-x",
        "ext::sh -c id",
        "https://user:pa55@git.example.com/a/b.git//x?ref=--upload-pack=id",
        "a\\0b.yaml",
        "-x.yaml",
        "module/a.yaml",
    ]
    .iter()
    .enumerate()
    {
        let folder = format!("k{index}");
        world.write(&format!("{folder}/kustomization.yaml"), format!("resources: [\"{resource}\"]\n"));
        link(path, &format!("{folder}/link.yaml"));
        link("link.yaml", &format!("{folder}/chain.yaml"));
        link("gone.yaml", &format!("{folder}/dangling.yaml"));
        link("circle.yaml", &format!("{folder}/circle.yaml"));
        link(outside.path().to_str().expect("UTF-8"), &format!("{folder}/folder"));
        // Another repository's work tree within this one.
        world.write(&format!("{folder}/module/a.yaml"), DEPLOYMENT);
        world.write(&format!("{folder}/module/.git"), "gitdir: ../.git/modules/x\n");
        let ran = refused(&world, &folder, 2, &["error["]);
        assert!(!ran.err.contains("pa55"), "{}", ran.err);
    }
    // The same by `directory`, and a generator, which would print the content.
    link(path, "plain/a.yaml");
    refused(&world, "plain", 2, &["leads nowhere, or out of the repository"]);
    world.write("gen/kustomization.yaml", "configMapGenerator: [{ name: x, files: [link.yaml] }]\n");
    link(path, "gen/link.yaml");
    refused(&world, "gen", 2, &["error["]);
    // A link within is fine.
    world.write("real/web.yaml", DEPLOYMENT);
    world.write("via/kustomization.yaml", "resources: [inner]\n");
    world.write("real/kustomization.yaml", "resources: [web.yaml]\n");
    link("../real", "via/inner");
    world.tidegate(&["render", "via"]).expect(0);
}

/// Point 5: documents that are made to cost.
#[test]
fn hostile_documents_end_soon_with_an_error() {
    let world = world();
    let bomb = (1..30).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
        let before = format!("*a{}", n - 1);
        format!("{text}a{n}: &a{n} [{}]\n", [before.as_str(); 9].join(", "))
    });
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n";
    for (name, text) in [
        ("bomb", format!("{head}{bomb}")),
        ("deep", format!("{head}data: {}{}\n", "[".repeat(100_000), "]".repeat(100_000))),
        (
            "deeper",
            format!("{head}data:\n{}", (0..3_000).map(|n| format!("{}a:\n", " ".repeat(n + 1))).collect::<String>()),
        ),
        ("twice", format!("{head}data: {{ a: b }}\ndata: {{ a: c }}\n")),
        ("huge", format!("{head}data: {{ a: {} }}\n", "x".repeat(9 << 20))),
        ("self", "apiVersion: v1\nkind: List\nitems: &a [*a]\n".to_owned()),
    ] {
        world.write(&format!("{name}/objects.yaml"), &text);
        world.write(&format!("{name}/kustomization.yaml"), "resources: [objects.yaml]\n");
        refused(&world, name, 2, &["error[", "objects.yaml"]);
        fs::remove_file(world.path().join(name).join("kustomization.yaml")).expect("removed");
        refused(&world, name, 2, &["error[", "objects.yaml"]);
    }
    // A circle of kustomizations, and one of components.
    world.write("x/kustomization.yaml", "resources: [../y]\n");
    world.write("y/kustomization.yaml", "resources: [../x]\n");
    refused(&world, "x", 2, &["cycle"]);
    // An expression that runs away in other engines.
    world.write("re/web.yaml", DEPLOYMENT);
    world.write(
        "re/kustomization.yaml",
        format!(
            "resources: [web.yaml]\npatches:\n- target: {{ name: \"({}a|a)*b\" }}\n  patch: '[]'\n",
            "a?".repeat(1_000)
        ),
    );
    let ran = world.tidegate(&["render", "re"]);
    assert!([0, 2].contains(&ran.code), "{ran:?}");
}

fn application(name: &str, repository: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name} }}
spec:
  destination: {{ name: dev, namespace: shop }}
  source: {{ repoURL: \"{repository}\", path: {path}, targetRevision: main{more} }}
---
"
    )
}

/// A configuration repository with applications, and another one that a kustomization builds upon.
fn applications() -> World {
    let world = World::new(env!("CARGO_BIN_EXE_tidegate"), env!("CARGO_TARGET_TMPDIR"));
    world.repository(
        "base",
        &[("deploy/web.yaml", DEPLOYMENT), ("deploy/kustomization.yaml", "resources: [web.yaml]\n")],
    );
    let own = "https://git.example.com/team/config.git";
    let all = [
        application("shop", own, "apps/shop", ""),
        application("elsewhere", "https://example.com/x.git", "apps/shop", ""),
        application("images", own, "apps/shop", ", kustomize: { images: [\"shop:v9\"], namePrefix: x- }"),
        application("gone", own, "apps/gone", ""),
        application("remote", own, "apps/remote", ""),
        application("twin", own, "apps/shop", ""),
        application("twin", own, "apps/shop", ""),
        application("guarded", own, "apps/shop", ", directory: { jsonnet: { libs: [x] } }"),
    ];
    world.repository(
        "config",
        &[
            ("argocd/all.yaml", &all.concat()),
            ("elsewhere/ignored.yaml", &application("ignored", own, "apps/shop", "")),
            ("apps/shop/web.yaml", DEPLOYMENT),
            (
                "apps/shop/kustomization.yaml",
                "resources: [web.yaml]\nsecretGenerator: [{ name: s, literals: [k=pa55word] }]\n",
            ),
            (
                "apps/remote/kustomization.yaml",
                "resources: [\"https://git.example.com/team/base.git//deploy?ref=main\"]\n",
            ),
        ],
    );
    world.write(
        "tidegate.yaml",
        "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  repositories:
    config: { url: ./config.git, aliases: [\"git@git.example.com:team/config.git\"], applications: [\"argocd/**\"] }
    base: { url: ./base.git, aliases: [\"https://git.example.com/team/base\"] }
",
    );
    world
}

#[test]
fn applications_are_listed_with_what_became_of_them() {
    let world = applications();
    let listed = world.tidegate(&["apps", "list", "--output", "json"]).expect(0).json();
    let commit = world.git("config", &["rev-parse", "HEAD"]);
    let row = |name: &str| {
        let rows: Vec<_> = listed.as_array().expect("a list").iter().filter(|row| row["name"] == name).collect();
        assert!(!rows.is_empty(), "no {name} in {listed:#}");
        rows[0].clone()
    };
    assert_eq!(listed.as_array().map(Vec::len), Some(8), "{listed:#}");
    let shop = row("shop");
    assert_eq!((&shop["revision"], &shop["message"]), (&commit.trim().into(), &"2 objects".into()), "{shop}");
    assert_eq!(
        (&shop["sync"], &shop["health"], &shop["project"]),
        (&"Unknown".into(), &"Unknown".into(), &"default".into())
    );
    assert_eq!(row("remote")["message"], "1 object");
    for (name, words) in [
        ("elsewhere", "the repository https://example.com/x.git is not configured"),
        ("gone", "there is no folder `apps/gone` in the commit"),
        ("twin", "the name `twin` is taken more than once: config:argocd/all.yaml:"),
        ("guarded", "TG-200"),
    ] {
        let message = row(name)["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.contains(words), "{name}: {message}");
    }
}

#[test]
fn one_hostile_file_hides_no_application() {
    let world = applications();
    let own = "https://git.example.com/team/config.git";
    let bomb: String = (1..40).map(|n| format!("b{n}: &b{n} [*b{0}, *b{0}, *b{0}, *b{0}]\n", n - 1)).collect();
    world.write("config/argocd/bomb.yaml", format!("# argoproj.io\nb0: &b0 x\n{bomb}"));
    world.write("config/argocd/deep.yaml", format!("# argoproj.io\na: {}\n", "[".repeat(50_000)));
    world.write("config/argocd/bytes.yaml", b"# argoproj.io\n\xff\xfe\n");
    for (name, revision) in
        [("option", "--upload-pack=x"), ("up", "refs/heads/../../x"), ("gone", "v9"), ("range", "1.*")]
    {
        let text = application(&format!("at-{name}"), own, "apps/shop", "")
            .replace("targetRevision: main", &format!("targetRevision: \"{revision}\""));
        world.write(&format!("config/argocd/at-{name}.yaml"), text);
    }
    world.push("config", "hostile");
    let ran = world.tidegate(&["apps", "list", "--output", "json"]).expect(0);
    let rows = ran.json();
    let message = |name: &str| {
        let row = rows.as_array().expect("a list").iter().find(|row| row["name"] == name);
        row.unwrap_or_else(|| panic!("no {name} in {rows:#}"))["message"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(message("shop"), "2 objects");
    for name in ["at-option", "at-up", "at-gone", "at-range"] {
        assert!(!message(name).contains("object"), "{name}: {}", message(name));
    }
    for file in ["bomb.yaml", "deep.yaml", "bytes.yaml"] {
        assert!(ran.err.contains(file), "{file}: {}", ran.err);
    }
}

#[test]
fn one_repository_that_cannot_be_read_hides_no_other() {
    let world = applications();
    let configuration = fs::read_to_string(world.path().join("tidegate.yaml")).expect("a configuration");
    world.write("tidegate.yaml", format!("{configuration}    lost: {{ url: ./lost.git, applications: [\"**\"] }}\n"));
    let ran = world.tidegate(&["apps", "list", "--output", "json"]).expect(5);
    assert_eq!(ran.json().as_array().map(Vec::len), Some(8), "{}", ran.out);
    assert!(ran.err.contains("the repository `lost` cannot be read: "), "{}", ran.err);
    // What was fetched before is still there when its remote is not.
    world.write("tidegate.yaml", configuration);
    fs::rename(world.path().join("base.git"), world.path().join("moved.git")).expect("moved");
    let ran = world.tidegate(&["apps", "list", "--output", "json"]).expect(0);
    assert!(ran.out.contains("1 object"), "{}", ran.out);
    assert!(ran.err.contains("`base` is as it was last fetched"), "{}", ran.err);
}

#[test]
fn manifests_are_those_of_the_revision() {
    let world = applications();
    let ran = world.tidegate(&["apps", "manifests", "images"]).expect(0);
    assert!(ran.out.contains("image: shop:v9") && ran.out.contains("name: x-web"), "{}", ran.out);
    let remote = world.tidegate(&["apps", "manifests", "remote"]).expect(0);
    assert!(remote.out.contains("image: shop:v1"), "{}", remote.out);
    // What another repository has at that reference is rendered as soon as it changes.
    world.write("base/deploy/web.yaml", DEPLOYMENT.replace("v1", "v3"));
    world.push("base", "v3");
    let remote = world.tidegate(&["apps", "manifests", "remote"]).expect(0);
    assert!(remote.out.contains("image: shop:v3"), "{}", remote.out);
    let near = world.tidegate(&["apps", "manifests", "shob"]).expect(2);
    assert!(near.err.contains("did you mean `shop`?"), "{}", near.err);
}

#[test]
fn manifests_with_secrets_are_not_on_the_disk_in_clear() {
    let world = applications();
    let ran = world.tidegate(&["apps", "manifests", "shop"]).expect(0);
    // Its base64, as a manifest has it.
    assert!(ran.out.contains("cGE1NXdvcmQ="), "{}", ran.out);
    let state = world.path().join("state");
    let mirrors = state.join("mirrors");
    for text in ["cGE1NXdvcmQ=", "pa55word"] {
        let found: Vec<_> =
            holding(&state, text).into_iter().filter(|path| !path.starts_with(&*mirrors.to_string_lossy())).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}

/// `.argocd-source.yaml`, where Argo CD Image Updater keeps its word, in a commit that changes nothing else.
#[test]
fn what_a_folder_says_about_its_source_is_merged() {
    let world = applications();
    let manifests = |name: &str| world.tidegate(&["apps", "manifests", name]).expect(0);
    assert!(manifests("shop").out.contains("image: shop:v1"));
    let general = "config/apps/shop/.argocd-source.yaml";
    world.write(general, "targetRevision: v7\nkustomize: { images: [\"shop:v2\"], namePrefix: all- }\n");
    world.push("config", "for all");
    let shop = manifests("shop");
    assert!(shop.out.contains("image: shop:v2") && shop.out.contains("name: all-web"), "{}", shop.out);
    assert!(
        shop.err.contains("apps/shop/.argocd-source.yaml:1:1: TG-201: `targetRevision` has no effect"),
        "{}",
        shop.err
    );
    // The one application's own comes after it; an image that the application itself names is gone with its list.
    world.write("config/apps/shop/.argocd-source-shop.yaml", "kustomize:\n  images:\n  - shop:v3\n");
    world.push("config", "for one");
    let shop = manifests("shop");
    assert!(shop.out.contains("image: shop:v3") && shop.out.contains("name: all-web"), "{}", shop.out);
    let images = manifests("images");
    assert!(images.out.contains("image: shop:v2") && images.out.contains("name: all-web"), "{}", images.out);
    // It is no part of what the folder renders to.
    assert_eq!(images.out.matches("kind:").count(), 2, "{}", images.out);
    world.write("config/apps/shop/.argocd-source-shop.yaml", "kustomize:\n  images:\n  - shop:v4\n");
    world.push("config", "v4");
    assert!(manifests("shop").out.contains("image: shop:v4"));
    // What is wrong with it is said with its place, and is the application's alone.
    world.write("config/apps/shop/.argocd-source-shop.yaml", "kustomize:\n  imagess:\n  - shop:v4\n");
    world.push("config", "a slip");
    let refused = world.tidegate(&["apps", "manifests", "shop"]).expect(2);
    let place = "apps/shop/.argocd-source-shop.yaml:2:3: TG-120: `kustomize` has no key `imagess`";
    assert!(refused.err.contains(place) && refused.err.contains("did you mean `images`?"), "{}", refused.err);
    manifests("images");
    // A link could lead anywhere.
    let path = world.path().join("config/apps/shop/.argocd-source-shop.yaml");
    std::fs::remove_file(&path).expect("removed");
    symlink("kustomization.yaml", &path).expect("a link");
    world.push("config", "a link");
    let refused = world.tidegate(&["apps", "manifests", "shop"]).expect(2);
    assert!(refused.err.contains("it is a symbolic link"), "{}", refused.err);
}

/// The renderer of docs/rendering.md as somebody else's, with parameters out of an application's file.
#[test]
fn an_application_is_rendered_by_a_plugin_of_ones_own() {
    let world = applications();
    let guests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/test");
    let bytes = std::fs::read(guests.join("plain.wasm")).expect("`cargo xtask guests` builds it");
    world.write("plugins/plain.wasm", &bytes);
    let config = std::fs::read_to_string(world.path().join("tidegate.yaml")).expect("a configuration");
    let grants = "  plugins: { sources: { plain: { from: ./plugins/plain.wasm, grants: { source: {} } } } }\n";
    world.write("tidegate.yaml", format!("{config}{grants}"));
    world.tidegate(&["plugin", "lock", "--accept"]).expect(0);
    let own = "https://git.example.com/team/config.git";
    let plugin = |parameters: &str| format!(", plugin: {{ name: plain, parameters: [{parameters}]");
    let files = "{ name: files, array: [a.yaml, b.yaml] }";
    let whole = format!("{files}, {{ name: note, string: \"by plain\" }}, {{ name: values, map: {{ TAG: v7 }} }}");
    let all = [
        application(
            "plain",
            own,
            "apps/plain",
            &format!("{}, env: [{{ name: STAGE, value: prod }}] }}", plugin(&whole)),
        ),
        application("slip", own, "apps/plain", &format!("{} }}", plugin("{ name: filess, array: [a.yaml] }"))),
        application("wrong", own, "apps/plain", &format!("{} }}", plugin("{ name: files, string: a.yaml }"))),
        application(
            "globbed",
            own,
            "apps/plain",
            ", plugin: { name: directory, parameters: [{ name: include, string: a* }] }",
        ),
    ];
    world.write("config/argocd/plain.yaml", all.concat());
    world.write("config/apps/plain/a.yaml", "apiVersion: v1\nkind: A\nmetadata: { name: a-@STAGE@ }\n");
    world.write("config/apps/plain/b.yaml", "apiVersion: v1\nkind: B\nmetadata: { name: b-@TAG@ }\n");
    world.push("config", "plain");
    let ran = world.tidegate(&["apps", "manifests", "plain"]).expect(0);
    let expected = "# by plain\napiVersion: v1\nkind: A\nmetadata: { name: a-prod }\n---\napiVersion: v1\nkind: B\nmetadata: { name: b-v7 }\n";
    assert_eq!(ran.out, expected);
    let refused = |name: &str| world.tidegate(&["apps", "manifests", name]).expect(2).err;
    assert!(refused("slip").contains("unknown field `filess`"), "{}", refused("slip"));
    assert!(refused("wrong").contains("`files` does not fit"), "{}", refused("wrong"));
    let ran = world.tidegate(&["apps", "manifests", "globbed"]).expect(0);
    assert_eq!(ran.out.matches("kind: A").count(), 1, "{}", ran.out);
    // Without an application it has its defaults: no file, no object.
    assert_eq!(world.tidegate(&["render", "config/apps/plain", "--renderer", "plain"]).expect(0).out, "");
}

/// Whoever puts a token into an address has it in Git; it goes nowhere else.
#[test]
fn a_token_in_an_address_is_neither_shown_nor_kept() {
    let world = applications();
    let token = "ghp_t0ken";
    let own = "https://git.example.com/team/config.git";
    let all = [
        application("shown", &format!("https://{token}@git.example.com/team/config.git"), "apps/shop", ""),
        application("unknown", own, "apps/unknown", ""),
    ];
    world.write("config/argocd/tokens.yaml", all.concat());
    let kustomization =
        |host: &str| format!("resources: [\"https://{token}@{host}/team/base.git//deploy?ref=main\"]\n");
    world.write("config/apps/remote/kustomization.yaml", kustomization("git.example.com"));
    world.write("config/apps/unknown/kustomization.yaml", kustomization("elsewhere.example.com"));
    world.push("config", "tokens");
    let remote = world.tidegate(&["apps", "manifests", "remote"]).expect(0);
    assert!(remote.out.contains("image: shop:v1"), "{}", remote.out);
    let unknown = world.tidegate(&["apps", "manifests", "unknown"]).expect(2);
    assert!(unknown.err.contains("https://elsewhere.example.com/team/base.git//deploy?ref=main"), "{}", unknown.err);
    let shown = world.tidegate(&["apps", "manifests", "shown"]).expect(2);
    assert!(shown.err.contains("TG-181: the URL contains credentials"), "{}", shown.err);
    let listed = world.tidegate(&["apps", "list", "--output", "json"]).expect(0);
    for ran in [remote, unknown, shown, listed] {
        assert!(!format!("{}{}", ran.out, ran.err).contains(token), "{ran:?}");
    }
    let state = world.path().join("state");
    let mirrors = state.join("mirrors");
    let found: Vec<_> =
        holding(&state, token).into_iter().filter(|path| !path.starts_with(&*mirrors.to_string_lossy())).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn argo_files_are_validated() {
    let world = applications();
    let ran = world.tidegate(&["validate", "config/argocd/all.yaml"]).expect(2);
    assert!(ran.err.contains("error[TG-200]") && ran.err.contains("jsonnet"), "{}", ran.err);
    let schema = world.tidegate(&["schema", "application"]).expect(0).json();
    assert!(schema["properties"]["spec"].is_object(), "{schema:#}");
}
