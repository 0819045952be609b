//! The client against Debian's registry: logins of each kind, what it refuses, and faults that it has not on demand.

mod support;

use image::digest::Digest;
use image::manifest::{Descriptor, Document};
use image::ports::{Body, Request, Response};
use image::reference::{Reference, Repository};
use image::registry::{Access, Client, Mount};
use image::target::Target;
use image::{image::Blob, image::Image, image::Source, media, push};
use serde_json::json;
use std::cell::Cell;
use std::path::Path;
use support::machine::Native;
use support::registry::Registry;
use support::token::Tokens;
use support::{available, folder, put, run};
use tidegate::Error;

/// `tidegate:secret`, by bcrypt (libxcrypt's `crypt` with the salt `$2b$05$abcdefghijklmnopqrstuu`).
const PASSWORDS: &str = "tidegate:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";
/// The header of that name and password (RFC 7617).
const LOGIN: &str = "Basic dGlkZWdhdGU6c2VjcmV0";

fn repository(host: &str, name: &str) -> Repository {
    Reference::parse(&format!("{host}/{name}")).expect("a reference").repository
}

/// An image of one file of the workspace and a configuration.
fn image(root: &Path, content: &str) -> Image {
    put(root, "layer", content);
    let layer = Descriptor::of(media::LAYER, content.as_bytes());
    let config = b"{}".to_vec();
    let descriptor = Descriptor::of("application/vnd.test.config.v1+json", &config);
    let manifest = json!({"schemaVersion": 2, "mediaType": media::MANIFEST, "config": descriptor, "layers": [layer]});
    let document = Document::new("", manifest.to_string().into_bytes()).expect("a manifest");
    Image {
        manifests: vec![document],
        layers: vec![Blob { descriptor: layer, source: Source::File("layer".into()) }],
        configs: vec![Blob { descriptor, source: Source::Bytes(config) }],
    }
}

fn push(machine: &Native, host: &str, name: &str, image: &Image) -> Result<(), Error> {
    let client = Client::new(machine, [host.to_owned()]);
    let target = Target { repository: repository(host, name), tags: vec!["v1".into()] };
    let target = push::Target { repository: &target.repository, tags: &target.tags, folder: ".tidegate-image/x" };
    push::push(&client, machine, image, &target)
}

#[test]
fn a_password_goes_with_each_request_and_its_absence_is_explained() {
    if !available("a_password_goes_with_each_request_and_its_absence_is_explained", &["docker-registry", "skopeo"]) {
        return;
    }
    let folder = folder("basic");
    std::fs::write(folder.join("passwords"), PASSWORDS).expect("a file");
    let auth = format!("auth:\n  htpasswd: {{realm: test, path: {}}}\n", folder.join("passwords").display());
    let registry = Registry::start(&folder, "registry", &auth);
    let mut machine = Native::new(&folder.join("w"));
    let image = image(&machine.root, "layer");
    let error = push(&machine, &registry.host, "team/app", &image).expect_err("no credential");
    assert_eq!(error.code, "image-unauthorized");
    assert!(
        error.hint.as_ref().is_some_and(|hint| hint.contains(&format!("registries: [{}]", registry.host))),
        "{error:?}"
    );
    machine.logins.insert(registry.host.clone(), "Basic d3Jvbmc6d3Jvbmc=".into());
    let error = push(&machine, &registry.host, "team/app", &image).expect_err("a wrong credential");
    assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("not accepted")), "{error:?}");
    assert!(!format!("{error:?}").contains("d3Jvbmc6"), "a login is never told");
    machine.logins.insert(registry.host.clone(), LOGIN.into());
    machine.taken("");
    push(&machine, &registry.host, "team/app", &image).expect("pushed");
    let requests = machine.taken("");
    assert!(
        requests[0].ends_with("/v2/") && requests[1..].iter().all(|request| request.ends_with(" +")),
        "{requests:#?}"
    );
    let seen = run(
        "skopeo",
        &[
            "inspect",
            "--raw",
            "--creds",
            "tidegate:secret",
            "--tls-verify=false",
            &format!("docker://{}/team/app:v1", registry.host),
        ],
    );
    assert_eq!(Digest::of(seen.as_bytes()), image.manifests[0].digest);
}

#[test]
fn a_token_is_fetched_once_for_each_scope() {
    if !available("a_token_is_fetched_once_for_each_scope", &["docker-registry", "openssl"]) {
        return;
    }
    let folder = folder("bearer");
    let tokens = Tokens::start(&folder, LOGIN);
    let registry = Registry::start(&folder, "registry", &tokens.configuration(&folder));
    let mut machine = Native::new(&folder.join("w"));
    let image = image(&machine.root, "layer");
    // A registry may name any server, one that has a password of its own too: that would get it a token for another registry.
    machine.logins.insert(tokens.host.clone(), LOGIN.into());
    let error = push(&machine, &registry.host, "team/app", &image).expect_err("no credential");
    assert_eq!(error.code, "image-unauthorized");
    assert!(machine.taken("/token?").iter().all(|request| !request.ends_with('+')));
    machine.logins.insert(registry.host.clone(), LOGIN.into());
    tokens.asked.lock().expect("alive").clear();
    push(&machine, &registry.host, "team/app", &image).expect("pushed");
    let asked = tokens.asked.lock().expect("alive").clone();
    assert_eq!(asked, ["/token?service=registry&scope=repository%3Ateam%2Fapp%3Apull%2Cpush"]);
    // A blob of another repository, by a token for both.
    machine.taken("");
    tokens.asked.lock().expect("alive").clear();
    let client = Client::new(&machine, [registry.host.clone()]);
    let (from, to) = (repository(&registry.host, "team/app"), repository(&registry.host, "team/other"));
    let digest = &image.layers[0].descriptor.digest;
    assert_eq!(client.mount(&to, &from, digest).expect("mounted"), Mount::Mounted);
    assert!(client.has_blob(&to, digest).expect("looked"));
    assert_eq!(tokens.asked.lock().expect("alive").len(), 2);
    // A wrong password is refused by the token server, and named after it.
    machine.logins.insert(registry.host.clone(), "Basic eDp5".into());
    let error = push(&machine, &registry.host, "team/new", &image).expect_err("a wrong credential");
    assert!(
        error.hint.as_ref().is_some_and(|hint| hint.contains(&format!("registries: [{}]", tokens.host))),
        "{error:?}"
    );
}

#[test]
fn a_token_that_expired_is_renewed_once() {
    if !available("a_token_that_expired_is_renewed_once", &["docker-registry", "openssl"]) {
        return;
    }
    let folder = folder("renewed");
    let tokens = Tokens::start(&folder, LOGIN);
    let registry = Registry::start(&folder, "registry", &tokens.configuration(&folder));
    let mut machine = Native::new(&folder.join("w"));
    machine.logins.insert(registry.host.clone(), LOGIN.into());
    let image = image(&machine.root, "layer");
    // The registry answers 401 to the second look for a blob, once, as it does when a token has expired.
    let expire = |realm: String| {
        let looked = Cell::new(0);
        machine.fault("HEAD", "/blobs/", move |response| {
            looked.set(looked.get() + 1);
            if looked.get() != 2 {
                return response;
            }
            let scope = r#"scope="repository:team/app:pull",error="invalid_token""#;
            let challenge = format!(r#"Bearer realm="{realm}",service="registry",{scope}"#);
            Response { status: 401, headers: vec![header("www-authenticate", &challenge)], ..response }
        });
    };
    expire("REALM".into());
    let error = push(&machine, &registry.host, "team/app", &image).expect_err("the realm is no URL");
    assert!(error.message.contains("no URL"), "{error:?}");
    expire(format!("http://{}/token", tokens.host));
    tokens.asked.lock().expect("alive").clear();
    push(&machine, &registry.host, "team/app", &image).expect("pushed");
    assert_eq!(tokens.asked.lock().expect("alive").len(), 2);
}

fn header(name: &str, value: &str) -> tidegate::http::Header {
    tidegate::http::Header { name: name.into(), value: value.into() }
}

#[test]
fn faults_are_told_and_never_taken_for_success() {
    if !available("faults_are_told_and_never_taken_for_success", &["docker-registry"]) {
        return;
    }
    let folder = folder("faults");
    let registry = Registry::start(&folder, "registry", "");
    let machine = Native::new(&folder.join("w"));
    let image = image(&machine.root, "layer");
    let pushed = || push(&machine, &registry.host, "team/app", &image);
    machine.fault("POST", "/blobs/uploads/", |response| Response {
        status: 429,
        headers: vec![header("Retry-After", "30")],
        ..response
    });
    let error = pushed().expect_err("busy");
    assert!(error.is("rate-limited") && error.retryable, "{error:?}");
    assert!(error.details.as_ref().is_some_and(|details| details.contains(r#""retryAfterSeconds":30"#)), "{error:?}");
    machine.fault("PUT", "/manifests/sha256", |response| Response { status: 503, ..response });
    let error = pushed().expect_err("down");
    assert!(error.is("unavailable") && error.retryable, "{error:?}");
    let named = |digest: Digest| vec![header("docker-content-digest", digest.as_str())];
    machine
        .fault("PUT", "/manifests/sha256", move |response| Response { headers: named(Digest::of(b"x")), ..response });
    let error = pushed().expect_err("another digest");
    assert!(error.is("image-digest"), "{error:?}");
    machine.faults.take();
    let client = Client::new(&machine, [registry.host.clone()]);
    let app = repository(&registry.host, "team/app");
    let tagged = client.find_manifest(&app, Access::Push, "v1").expect("looked");
    assert_eq!(tagged, None, "no half of it was tagged");
    // Somebody else pushed the tag between our push and our look.
    machine.fault("HEAD", "/manifests/v1", move |response| Response {
        status: 200,
        headers: named(Digest::of(b"theirs")),
        ..response
    });
    let error = pushed().expect_err("moved");
    assert!(error.is("image-tag-moved") && error.message.contains("v1"), "{error:?}");
    machine.fault("HEAD", "/manifests/v1", |response| Response { status: 404, ..response });
    let error = pushed().expect_err("gone");
    assert!(error.is("image-tag-moved") && error.message.contains("is nothing"), "{error:?}");
    // A registry that does not name the digest is read instead.
    machine.fault("HEAD", "/manifests/v1", |response| Response { headers: Vec::new(), ..response });
    pushed().expect("pushed");
    machine.fault("GET", "/v2/", |response| Response { status: 404, ..response });
    let error = pushed().expect_err("no registry");
    assert!(error.message.contains("does not speak the API of a registry"), "{error:?}");
}

#[test]
fn bytes_that_are_others_are_refused() {
    if !available("bytes_that_are_others_are_refused", &["docker-registry"]) {
        return;
    }
    let folder = folder("damaged");
    let registry = Registry::start(&folder, "registry", "");
    let machine = Native::new(&folder.join("w"));
    let image = image(&machine.root, "layer");
    push(&machine, &registry.host, "team/app", &image).expect("pushed");
    let (layer, root) = (image.layers[0].descriptor.clone(), image.manifests[0].clone());
    let app = repository(&registry.host, "team/app");
    let client = Client::new(&machine, [registry.host.clone()]);
    client.download(&app, &layer, "got/layer").expect("downloaded");
    assert_eq!(std::fs::read(machine.root.join("got/layer")).expect("a file"), b"layer");
    let absent = Descriptor::of("x", b"absent");
    let error = client.download(&app, &absent, "got/absent").expect_err("no such blob");
    assert!(error.is("not-found") && error.message.contains("BLOB_UNKNOWN"), "{error:?}");
    assert!(!machine.root.join("got/absent").exists());
    let longer = Descriptor { size: 6, ..layer.clone() };
    assert!(client.download(&app, &longer, "got/longer").expect_err("too short").is("image-digest"));
    let error = client.manifest(&app, Access::Pull, "v2", "").expect_err("no such tag");
    assert!(error.is("not-found") && error.message.contains("MANIFEST_UNKNOWN"), "{error:?}");
    // The registry compares too.
    let error =
        client.upload(&app, &Digest::of(b"else"), Body::File("layer".into()), None).expect_err("another digest");
    assert!(error.message.contains("DIGEST_INVALID"), "{error:?}");
    let stored = folder.join("registry/docker/registry/v2/blobs/sha256");
    let data = |digest: &Digest| stored.join(&digest.digits()[..2]).join(digest.digits()).join("data");
    std::fs::write(data(&layer.digest), "wrong").expect("damaged");
    let error = client.download(&app, &layer, "got/damaged").expect_err("damaged");
    assert!(error.is("image-digest"), "{error:?}");
    assert!(!machine.root.join("got/damaged").exists(), "nobody may take it for the blob");
    machine.fault("GET", "/manifests/", |mut response| {
        response.body.push(b' ');
        response
    });
    for target in ["v1", root.digest.as_str()] {
        let error = client.manifest(&app, Access::Pull, target, "").expect_err("damaged");
        assert!(error.is("image-digest"), "{error:?}");
    }
}

#[test]
fn an_upload_elsewhere_carries_no_login() {
    if !available("an_upload_elsewhere_carries_no_login", &["docker-registry"]) {
        return;
    }
    let folder = folder("redirect");
    std::fs::write(folder.join("passwords"), PASSWORDS).expect("a file");
    let auth = format!("auth:\n  htpasswd: {{realm: test, path: {}}}\n", folder.join("passwords").display());
    let registry = Registry::start(&folder, "registry", &auth);
    let open = Registry::start(&folder, "open", "");
    let mut machine = Native::new(&folder.join("w"));
    machine.logins.insert(registry.host.clone(), LOGIN.into());
    put(&machine.root, "layer", "layer");
    // The registry sends an upload elsewhere: the login stays, and the location's query goes on.
    let theirs = open.host.clone();
    machine.fault("POST", "/team/app/blobs/uploads/", move |mut response| {
        let url = format!("http://{theirs}/v2/team/new/blobs/uploads/");
        let begin = Request { method: "POST", url, ..Request::default() };
        response.headers = support::wire::send(&begin, Path::new("/")).expect("an upload begins").headers;
        response
    });
    machine.taken("");
    let client = Client::new(&machine, [registry.host.clone()]);
    let app = repository(&registry.host, "team/app");
    client.upload(&app, &Digest::of(b"layer"), Body::File("layer".into()), None).expect("uploaded elsewhere");
    let requests = machine.taken(&format!("PUT http://{}", open.host));
    assert_eq!(requests.len(), 1);
    assert!(!requests[0].ends_with('+'), "{requests:?}");
    assert!(requests[0].contains("_state=") && requests[0].contains("&digest="), "{requests:?}");
}
