//! The field specs that kustomize 5.5.0 has built in. The facts are those of its `builtinpluginconsts`; where they
//! repeat themselves for every kind that holds a pod, they are built up here.

use super::{Config, NameReference};
use crate::fieldspec::FieldSpec;
use crate::id::Gvk;

/// Kinds with a pod in `spec/template`.
const WORKLOADS: &[&str] = &["Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Job"];
/// The path to a pod's spec in a `CronJob`.
const CRON: &str = "spec/jobTemplate/spec/template/spec";

fn spec(group: &str, version: &str, kind: &str, path: &str, create: bool) -> FieldSpec {
    FieldSpec::new(gvk(group, version, kind), path, create)
}

fn gvk(group: &str, version: &str, kind: &str) -> Gvk {
    Gvk { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
}

/// All of them, not sorted.
pub fn builtin() -> Config {
    let labels = labels();
    Config {
        name_prefix: vec![FieldSpec::anywhere("metadata/name", false)],
        name_suffix: vec![FieldSpec::anywhere("metadata/name", false)],
        namespace: namespace(),
        common_labels: selectors().into_iter().chain(labels.iter().cloned()).collect(),
        labels: Vec::new(),
        template_labels: labels,
        common_annotations: annotations(),
        name_references: name_references(),
        var_references: var_references(),
        images: images(),
        replicas: ["Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"]
            .map(|kind| spec("", "", kind, "spec/replicas", true))
            .to_vec(),
    }
}

fn namespace() -> Vec<FieldSpec> {
    let conversion = "spec/conversion/webhook/clientConfig/service/namespace";
    vec![
        spec("", "", "Namespace", "metadata/name", true),
        spec("apiregistration.k8s.io", "", "APIService", "spec/service/namespace", true),
        spec("apiextensions.k8s.io", "", "CustomResourceDefinition", conversion, false),
    ]
}

fn images() -> Vec<FieldSpec> {
    let lists = ["containers[]", "initContainers[]"];
    let pods = ["spec", "spec/template/spec"];
    let paths = pods.iter().flat_map(|pod| lists.iter().map(move |list| format!("{pod}/{list}/image")));
    paths.map(|path| FieldSpec::anywhere(&path, true)).collect()
}

/// Metadata of objects, and of what they make: `templateLabels`, and a part of `commonLabels`.
fn labels() -> Vec<FieldSpec> {
    let template = "spec/template/metadata/labels";
    let mut specs = vec![FieldSpec::anywhere("metadata/labels", true)];
    specs.push(spec("", "v1", "ReplicationController", template, true));
    specs.extend(["Deployment", "ReplicaSet", "DaemonSet"].map(|kind| spec("", "", kind, template, true)));
    specs.push(spec("apps", "", "StatefulSet", template, true));
    specs.push(spec("apps", "", "StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels", true));
    specs.push(spec("batch", "", "Job", template, true));
    specs.push(spec("batch", "", "CronJob", "spec/jobTemplate/metadata/labels", true));
    specs.push(spec("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/labels", true));
    specs
}

fn annotations() -> Vec<FieldSpec> {
    let template = "spec/template/metadata/annotations";
    let mut specs = vec![FieldSpec::anywhere("metadata/annotations", true)];
    specs.push(spec("", "v1", "ReplicationController", template, true));
    let kinds = ["Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"];
    specs.extend(kinds.map(|kind| spec("", "", kind, template, true)));
    specs.push(spec("batch", "", "Job", template, true));
    specs.push(spec("batch", "", "CronJob", "spec/jobTemplate/metadata/annotations", true));
    specs.push(spec("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/annotations", true));
    specs
}

fn selectors() -> Vec<FieldSpec> {
    let selector = "spec/selector/matchLabels";
    let mut specs =
        ["Service", "ReplicationController"].map(|kind| spec("", "v1", kind, "spec/selector", true)).to_vec();
    specs.extend(["Deployment", "ReplicaSet", "DaemonSet"].map(|kind| spec("", "", kind, selector, true)));
    specs.push(spec("apps", "", "StatefulSet", selector, true));
    for kind in ["Deployment", "StatefulSet"] {
        for affinity in ["podAffinity", "podAntiAffinity"] {
            for term in [
                "preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm",
                "requiredDuringSchedulingIgnoredDuringExecution",
            ] {
                let path = format!("spec/template/spec/affinity/{affinity}/{term}/labelSelector/matchLabels");
                specs.push(spec("apps", "", kind, &path, false));
            }
        }
        let spread = "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels";
        specs.push(spec("apps", "", kind, spread, false));
    }
    specs.push(spec("batch", "", "Job", selector, false));
    specs.push(spec("batch", "", "CronJob", "spec/jobTemplate/spec/selector/matchLabels", false));
    specs.push(spec("policy", "", "PodDisruptionBudget", selector, false));
    for path in ["spec/podSelector", "spec/ingress/from/podSelector", "spec/egress/to/podSelector"] {
        specs.push(spec("networking.k8s.io", "", "NetworkPolicy", &format!("{path}/matchLabels"), false));
    }
    specs
}

/// Pods and what holds them, with the path to the pod's spec, as references to config maps and secrets know them.
fn pod_holders() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut holders = vec![("v1", "Pod", "spec"), ("", "PodTemplate", "template/spec")];
    holders.extend(WORKLOADS.iter().map(|kind| ("", *kind, "spec/template/spec")));
    holders.push(("", "CronJob", CRON));
    holders
}

fn in_pods(paths: &[&str]) -> Vec<FieldSpec> {
    let holders = pod_holders().into_iter();
    holders
        .flat_map(|(version, kind, pod)| {
            paths.iter().map(move |path| spec("", version, kind, &format!("{pod}/{path}"), false))
        })
        .collect()
}

/// As service accounts, claims and priority classes are named: other kinds than above.
fn in_workloads(path: &str) -> Vec<FieldSpec> {
    let mut specs = vec![spec("", "", "Pod", &format!("spec/{path}"), false)];
    for kind in ["StatefulSet", "Deployment", "ReplicationController", "Job", "DaemonSet"] {
        specs.push(spec("", "", kind, &format!("spec/template/spec/{path}"), false));
    }
    specs.push(spec("", "", "CronJob", &format!("{CRON}/{path}"), false));
    specs
}

fn reference(target: (&str, &str, &str), referrers: Vec<FieldSpec>) -> NameReference {
    NameReference { target: gvk(target.0, target.1, target.2), referrers }
}

fn name_references() -> Vec<NameReference> {
    let mut references: Vec<NameReference> = ["Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"]
        .into_iter()
        .map(|kind| {
            let scaler = spec("", "", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name", false);
            reference(("", "", kind), vec![scaler])
        })
        .collect();
    references.extend([
        reference(("", "v1", "ConfigMap"), config_maps()),
        reference(("", "v1", "Secret"), secrets()),
        reference(("", "v1", "Service"), services()),
    ]);
    references.extend(access());
    references.extend(storage());
    references.extend([
        reference(("scheduling.k8s.io", "v1", "PriorityClass"), in_workloads("priorityClassName")),
        // The group is written so in kustomize, and selects nothing.
        reference(
            ("networking.k8s.io/v1", "v1", "IngressClass"),
            vec![spec("", "", "Ingress", "spec/ingressClassName", false)],
        ),
        reference(("admissionregistration.k8s.io", "", "ValidatingAdmissionPolicy"), {
            let group = "admissionregistration.k8s.io";
            vec![spec(group, "", "ValidatingAdmissionPolicyBinding", "spec/policyName", false)]
        }),
    ]);
    references
}

fn resource_names() -> [FieldSpec; 2] {
    ["Role", "ClusterRole"].map(|kind| spec("", "", kind, "rules/resourceNames", false))
}

fn config_maps() -> Vec<FieldSpec> {
    let mut specs = in_pods(&[
        "volumes/configMap/name",
        "containers/env/valueFrom/configMapKeyRef/name",
        "initContainers/env/valueFrom/configMapKeyRef/name",
        "containers/envFrom/configMapRef/name",
        "initContainers/envFrom/configMapRef/name",
        "volumes/projected/sources/configMap/name",
    ]);
    specs.push(spec("", "", "Node", "spec/configSource/configMap", false));
    specs.extend(resource_names());
    let fastcgi = r"metadata/annotations/nginx.ingress.kubernetes.io\/fastcgi-params-configmap";
    specs.push(spec("", "", "Ingress", fastcgi, false));
    specs
}

fn secrets() -> Vec<FieldSpec> {
    let mut specs = in_pods(&[
        "volumes/secret/secretName",
        "containers/env/valueFrom/secretKeyRef/name",
        "initContainers/env/valueFrom/secretKeyRef/name",
        "containers/envFrom/secretRef/name",
        "initContainers/envFrom/secretRef/name",
        "imagePullSecrets/name",
        "volumes/projected/sources/secret/name",
    ]);
    specs.push(spec("", "", "Ingress", "spec/tls/secretName", false));
    for annotation in [
        "ingress.kubernetes.io\\/auth-secret",
        "nginx.ingress.kubernetes.io\\/auth-secret",
        "nginx.ingress.kubernetes.io\\/auth-tls-secret",
    ] {
        specs.push(spec("", "", "Ingress", &format!("metadata/annotations/{annotation}"), false));
    }
    specs.push(spec("", "", "ServiceAccount", "imagePullSecrets/name", false));
    for parameter in ["secretName", "adminSecretName", "userSecretName", "secretRef"] {
        specs.push(spec("", "", "StorageClass", &format!("parameters/{parameter}"), false));
    }
    specs.extend(resource_names());
    let knative = "spec/template/spec/containers/env/valueFrom/secretKeyRef/name";
    specs.push(spec("serving.knative.dev", "v1", "Service", knative, false));
    specs.push(spec("", "", "PersistentVolume", "spec/azureFile/secretName", false));
    specs
}

fn services() -> Vec<FieldSpec> {
    let mut specs = vec![spec("apps", "", "StatefulSet", "spec/serviceName", false)];
    for path in [
        "spec/rules/http/paths/backend/serviceName",
        "spec/backend/serviceName",
        "spec/rules/http/paths/backend/service/name",
        "spec/defaultBackend/service/name",
    ] {
        specs.push(spec("", "", "Ingress", path, false));
    }
    specs.push(spec("apiregistration.k8s.io", "", "APIService", "spec/service/name", false));
    for kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
        specs.push(spec("admissionregistration.k8s.io", "", kind, "webhooks/clientConfig/service", false));
    }
    specs
}

fn access() -> Vec<NameReference> {
    let group = "rbac.authorization.k8s.io";
    let binding = |kind: &str, path: &str| spec(group, "", kind, path, false);
    let mut accounts = vec![binding("RoleBinding", "subjects"), binding("ClusterRoleBinding", "subjects")];
    accounts.extend(in_workloads("serviceAccountName"));
    vec![
        reference((group, "", "Role"), vec![binding("RoleBinding", "roleRef/name")]),
        reference(
            (group, "", "ClusterRole"),
            vec![binding("RoleBinding", "roleRef/name"), binding("ClusterRoleBinding", "roleRef/name")],
        ),
        reference(("", "v1", "ServiceAccount"), accounts),
    ]
}

fn storage() -> Vec<NameReference> {
    let class = "spec/storageClassName";
    vec![
        reference(("", "v1", "PersistentVolumeClaim"), in_workloads("volumes/persistentVolumeClaim/claimName")),
        reference(
            ("", "v1", "PersistentVolume"),
            vec![
                spec("", "", "PersistentVolumeClaim", "spec/volumeName", false),
                spec("", "", "ClusterRole", "rules/resourceNames", false),
            ],
        ),
        reference(
            ("storage.k8s.io", "v1", "StorageClass"),
            vec![
                spec("", "", "PersistentVolume", class, false),
                spec("", "", "PersistentVolumeClaim", class, false),
                spec("", "", "StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName", false),
            ],
        ),
    ]
}

fn var_references() -> Vec<FieldSpec> {
    let fields = ["args", "command", "env/value", "volumeMounts/mountPath"];
    let mut specs = Vec::new();
    let pods = WORKLOADS.iter().map(|kind| (*kind, "spec/template/spec"));
    for (kind, pod) in pods.chain([("Pod", "spec"), ("CronJob", CRON)]) {
        for list in ["containers", "initContainers"] {
            specs.extend(fields.map(|field| spec("", "", kind, &format!("{pod}/{list}/{field}"), false)));
        }
    }
    let more = [
        ("CronJob", "spec/jobTemplate/spec/template/volumes/nfs/server"),
        ("DaemonSet", "spec/template/spec/volumes/nfs/server"),
        ("Deployment", "spec/template/spec/volumes/nfs/server"),
        ("Deployment", "spec/template/metadata/annotations"),
        ("Ingress", "spec/rules/host"),
        ("Ingress", "spec/tls/hosts"),
        ("Ingress", "spec/tls/secretName"),
        ("Job", "spec/template/spec/volumes/nfs/server"),
        ("Pod", "spec/volumes/nfs/server"),
        ("ReplicaSet", "spec/template/spec/volumes/nfs/server"),
        ("Service", "spec/ports/port"),
        ("Service", "spec/ports/targetPort"),
        ("StatefulSet", "spec/volumeClaimTemplates/spec/nfs/server"),
        ("PersistentVolume", "spec/nfs/server"),
        ("", "metadata/labels"),
        ("", "metadata/annotations"),
    ];
    specs.extend(more.map(|(kind, path)| spec("", "", kind, path, false)));
    specs
}
