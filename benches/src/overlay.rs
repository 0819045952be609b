//! Kustomizations to render: a small one and one of 500 objects, both with what overlays are wont to do.

use std::fs;
use std::path::Path;

fn write(place: &Path, text: &str) {
    fs::create_dir_all(place.parent().expect("a parent")).expect("a folder");
    fs::write(place, text).expect("a file");
}

fn deployment(name: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{ name: {name} }}
spec:
  replicas: 1
  selector: {{ matchLabels: {{ app: {name} }} }}
  template:
    metadata: {{ labels: {{ app: {name} }} }}
    spec:
      containers:
      - name: app
        image: registry.example.com/{name}:v1
        ports: [{{ containerPort: 8080, protocol: TCP }}]
        env: [{{ name: LEVEL, value: info }}]
        envFrom: [{{ configMapRef: {{ name: {name} }} }}]
"
    )
}

fn service(name: &str) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata: {{ name: {name} }}
spec: {{ selector: {{ app: {name} }}, ports: [{{ port: 80, targetPort: 8080 }}] }}
"
    )
}

/// Three objects in `base` and `overlay` below a folder: a name prefix, a namespace, labels, an image, a patch, a generator.
pub fn small(folder: &Path) {
    write(&folder.join("base/objects.yaml"), &format!("{}---\n{}", deployment("web"), service("web")));
    write(
        &folder.join("base/kustomization.yaml"),
        "resources: [objects.yaml]\nconfigMapGenerator:\n- name: web\n  literals: [MODE=plain]\n",
    );
    write(
        &folder.join("overlay/kustomization.yaml"),
        "resources: [../base]
namePrefix: dev-
namespace: dev
labels:
- pairs: { team: shop }
  includeSelectors: true
images:
- name: registry.example.com/web
  newTag: v2
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: { name: web }
    spec:
      replicas: 3
      template: { spec: { containers: [{ name: app, env: [{ name: LEVEL, value: debug }] }] } }
",
    );
}

/// 500 objects in the same manner: 250 deployments with a service each, and one patch for all.
pub fn large(folder: &Path) {
    let mut resources = String::new();
    for index in 0..250 {
        let name = format!("web-{index}");
        write(&folder.join(format!("base/{name}.yaml")), &format!("{}---\n{}", deployment(&name), service(&name)));
        resources.push_str(&format!("- {name}.yaml\n"));
    }
    write(&folder.join("base/kustomization.yaml"), &format!("resources:\n{resources}"));
    write(
        &folder.join("overlay/kustomization.yaml"),
        "resources: [../base]
namePrefix: dev-
namespace: dev
labels:
- pairs: { team: shop }
  includeSelectors: true
images:
- name: registry.example.com/web-7
  newTag: v2
patches:
- target: { kind: Deployment }
  patch: |
    - { op: replace, path: /spec/replicas, value: 2 }
",
    );
}
