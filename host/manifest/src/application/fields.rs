//! The tables of `kind: Application`, as Argo CD 3.6 defines it (manifests/crds/application-crd.yaml and
//! pkg/apis/application/v1alpha1/types.go).

use super::field::{
    Field, any_map, object, objects, refused, state, text, text_map, texts, truth, warned, whole, whole_or_text,
};

/// An object's metadata; what only a server writes is passed over.
pub(crate) const METADATA: &[Field] = &[
    text("name", "What it is called.").required(),
    text("namespace", "Where Argo CD keeps the object; nothing is deployed there because of it."),
    text_map("labels", "Its labels."),
    text_map("annotations", "Its annotations; `tidegate.dev/depends-on` and `tidegate.dev/max-prune` among them."),
    texts("finalizers", "`resources-finalizer.argocd.argoproj.io`: its objects are deleted with it."),
    state("creationTimestamp"),
    state("deletionGracePeriodSeconds"),
    state("deletionTimestamp"),
    state("generateName"),
    state("generation"),
    state("managedFields"),
    state("ownerReferences"),
    state("resourceVersion"),
    state("selfLink"),
    state("uid"),
];

/// The whole document.
pub(crate) const APPLICATION: &[Field] = &[
    text("apiVersion", "argoproj.io/v1alpha1").required(),
    text("kind", "Application").required(),
    object("metadata", "What it is called.", METADATA).required(),
    object("spec", "What is to be where.", SPEC).required(),
    state("status"),
    state("operation"),
];

pub(crate) const SPEC: &[Field] = &[
    text("project", "The project whose rules hold for it; `default` without one."),
    object("destination", "Where it is deployed.", DESTINATION).required(),
    object("source", "Where its objects come from.", SOURCE),
    objects("sources", "The same, of several.", SOURCE),
    refused("sourceHydrator", "Renders to a branch first.", "the branch that it renders to is not what `source` names"),
    object("syncPolicy", "When and how it is synced.", SYNC_POLICY),
    objects("ignoreDifferences", "Differences that are none.", IGNORE_DIFFERENCE),
    objects("info", "What is shown with it.", INFO),
    whole(
        "revisionHistoryLimit",
        "How many syncs its history keeps, and how many healthy revisions at least; 10 without it.",
    ),
];

const DESTINATION: &[Field] = &[
    text("server", "The address of the cluster's API."),
    text("name", "The cluster's name; instead of `server`."),
    text("namespace", "The namespace of objects that need one and name none."),
];

const INFO: &[Field] = &[text("name", "What it is.").required(), text("value", "What it says.").required()];

const IGNORE_DIFFERENCE: &[Field] = &[
    text("group", "The group; empty for the core group, `*` for every one."),
    text("kind", "The kind; `*` for every one.").required(),
    text("name", "Only the object of this name."),
    text("namespace", "Only objects of this namespace."),
    texts("jsonPointers", "Fields, as JSON pointers."),
    texts("jqPathExpressions", "Fields, as path expressions of jq."),
    texts("managedFieldsManagers", "Fields that these managers own."),
];

const SOURCE: &[Field] = &[
    text("repoURL", "The repository.").required(),
    text("path", "The folder in it."),
    text("targetRevision", "A branch, tag, commit or range of versions; HEAD without it."),
    text("chart", "A chart of a Helm repository; instead of `path`."),
    text("ref", "What value files of other sources call it by."),
    text("name", "What it is called among `sources`."),
    refused("tagPrefix", "Tags that `targetRevision` looks at.", "another revision would be deployed"),
    object("kustomize", "Kustomize, and what is changed about it.", KUSTOMIZE),
    object("directory", "Objects as they are written.", DIRECTORY),
    object("helm", "Helm, and what it is told.", HELM),
    object("plugin", "A renderer that is a plugin.", PLUGIN),
];

/// `.argocd-source.yaml`: what a folder itself says about the source that it is.
pub(crate) const OVERRIDE: &[Field] = &[
    warned("repoURL", "The repository.", KEPT),
    warned("path", "The folder in it.", KEPT),
    warned("targetRevision", "The revision.", KEPT),
    warned("chart", "The chart.", KEPT),
    warned("ref", "What value files of other sources call it by.", KEPT),
    warned("name", "What it is called among `sources`.", KEPT),
    warned("tagPrefix", "Tags that `targetRevision` looks at.", KEPT),
    object("kustomize", "Kustomize, and what is changed about it.", KUSTOMIZE),
    object("directory", "Objects as they are written.", DIRECTORY),
    object("helm", "Helm, and what it is told.", HELM),
    object("plugin", "A renderer that is a plugin.", PLUGIN),
];

const KEPT: &str = "where a source is says the application alone";

const KUSTOMIZE: &[Field] = &[
    text("namePrefix", "In front of every name."),
    text("nameSuffix", "Behind every name."),
    text("namespace", "The namespace of everything."),
    texts("images", "Other images: `[NAME=]IMAGE[:TAG][@DIGEST]`."),
    objects("replicas", "Other numbers of replicas.", REPLICAS),
    objects("patches", "Further patches.", PATCH),
    texts("components", "Further components."),
    truth("ignoreMissingComponents", "Whether components that are not there are passed over."),
    text_map("commonLabels", "Further labels."),
    truth("labelWithoutSelector", "Whether the labels stay out of selectors."),
    truth("labelIncludeTemplates", "Whether such labels go into templates."),
    truth("forceCommonLabels", "Whether the labels win."),
    text_map("commonAnnotations", "Further annotations."),
    truth("forceCommonAnnotations", "Whether the annotations win."),
    truth("commonAnnotationsEnvsubst", "Whether variables in annotations are replaced.")
        .refused("annotations would get the names of variables instead of their values"),
    text("version", "The version of kustomize.").warned("kustomize is part of Tidegate"),
    text("kubeVersion", "The version of Kubernetes that charts see.")
        .warned("kustomizations with charts are not rendered"),
    texts("apiVersions", "The versions of APIs that charts see.").warned("kustomizations with charts are not rendered"),
];

const REPLICAS: &[Field] =
    &[text("name", "The object's name.").required(), whole_or_text("count", "How many.").required()];

const PATCH: &[Field] = &[
    text("path", "The file that it is in."),
    text("patch", "The patch itself."),
    object("target", "What is patched.", TARGET),
    object("options", "What it may change.", PATCH_OPTIONS),
];

const PATCH_OPTIONS: &[Field] = &[
    truth("allowNameChange", "Whether it may change names."),
    truth("allowKindChange", "Whether it may change kinds."),
];

const TARGET: &[Field] = &[
    text("group", "The group."),
    text("version", "The version."),
    text("kind", "The kind."),
    text("name", "The name, as an anchored regular expression."),
    text("namespace", "The namespace, as an anchored regular expression."),
    text("labelSelector", "A selector of labels."),
    text("annotationSelector", "A selector of annotations."),
];

const DIRECTORY: &[Field] = &[
    truth("recurse", "Whether folders below it belong to it."),
    text("include", "A glob of what belongs to it."),
    text("exclude", "A glob of what does not; it wins."),
    refused("jsonnet", "Variables and libraries of Jsonnet.", "Jsonnet is not rendered"),
    truth("disableExtensionFilter", "Whether files of any extension are read.")
        .refused("objects in files of other extensions would be missing"),
];

const HELM: &[Field] = &[
    text("releaseName", "The release's name; the application's without it."),
    texts("valueFiles", "Files of values, a later one winning."),
    truth("ignoreMissingValueFiles", "Whether files that are not there are passed over."),
    text("values", "Values, as YAML in a text."),
    any_map("valuesObject", "Values; they win over `values`."),
    objects("parameters", "Single values.", HELM_PARAMETER),
    objects("fileParameters", "Single values out of files.", HELM_FILE_PARAMETER),
    truth("skipCrds", "Whether custom resource definitions are left out."),
    truth("skipTests", "Whether tests are left out."),
    truth("skipSchemaValidation", "Whether values are not held to the chart's schema."),
    text("namespace", "The namespace of the release."),
    text("kubeVersion", "The version of Kubernetes that templates see."),
    texts("apiVersions", "The versions of APIs that templates see."),
    truth("passCredentials", "Whether credentials go to every host.")
        .warned("a credential goes to what it is for and nowhere else"),
    text("version", "The version of Helm.").warned("Argo CD has not read it since Helm 2 is gone"),
];

const HELM_PARAMETER: &[Field] = &[
    text("name", "Its path within the values.").required(),
    text("value", "The value."),
    truth("forceString", "Whether it is text whatever it looks like."),
];

const HELM_FILE_PARAMETER: &[Field] =
    &[text("name", "Its path within the values.").required(), text("path", "The file.").required()];

const PLUGIN: &[Field] = &[
    text("name", "Its name."),
    objects("env", "Its environment.", INFO),
    objects("parameters", "Its parameters.", PLUGIN_PARAMETER),
];

const PLUGIN_PARAMETER: &[Field] = &[
    text("name", "Its name.").required(),
    text("string", "As text."),
    text_map("map", "As a mapping."),
    texts("array", "As a list."),
];

const SYNC_POLICY: &[Field] = &[
    object("automated", "It syncs by itself; without it a person starts each sync.", AUTOMATED),
    texts("syncOptions", "How objects are applied and pruned: `KEY=VALUE`."),
    object("managedNamespaceMetadata", "What the namespace that is made for it gets.", NAMESPACE_METADATA),
    object("retry", "What follows a failed sync; five attempts for an automated one without it.", RETRY),
];

const AUTOMATED: &[Field] = &[
    truth("enabled", "`false` turns it off."),
    truth("prune", "Whether objects that left the source are deleted."),
    truth("selfHeal", "Whether changed live objects are changed back."),
    truth("allowEmpty", "Whether all objects may be pruned at once."),
];

const NAMESPACE_METADATA: &[Field] = &[text_map("labels", "Its labels."), text_map("annotations", "Its annotations.")];

const RETRY: &[Field] = &[
    whole("limit", "How often; 0 without it, a negative number for ever."),
    truth("refresh", "Whether a further attempt takes the newest revision."),
    object("backoff", "Pauses between attempts.", BACKOFF),
];

const BACKOFF: &[Field] = &[
    text("duration", "The first pause, in seconds or as `2m`; 5s without it."),
    whole("factor", "Each pause is so many times the one before; 2 without it."),
    text("maxDuration", "The longest pause; 3m without it."),
];

/// `kind: AppProject` (manifests/crds/appproject-crd.yaml).
pub(crate) const PROJECT: &[Field] = &[
    text("apiVersion", "argoproj.io/v1alpha1").required(),
    text("kind", "AppProject").required(),
    object("metadata", "What it is called.", METADATA).required(),
    object("spec", "What its applications may do.", PROJECT_SPEC).required(),
    state("status"),
];

const PROJECT_SPEC: &[Field] = &[
    text("description", "What it is for."),
    texts("sourceRepos", "Repositories that may be sources; a `!` denies."),
    objects("destinations", "Clusters and namespaces; a `!` denies.", PROJECT_DESTINATION),
    objects("clusterResourceWhitelist", "Kinds of the whole cluster that are allowed; none without it.", NAMED_KIND),
    objects("clusterResourceBlacklist", "Kinds of the whole cluster that are denied.", NAMED_KIND),
    objects("namespaceResourceWhitelist", "Kinds within namespaces that are allowed; all without it.", KIND),
    objects("namespaceResourceBlacklist", "Kinds within namespaces that are denied.", KIND),
    refused("syncWindows", "When its applications may be synced.", "applications would be synced outside of them"),
    refused("signatureKeys", "Keys that commits must be signed with.", "signatures of commits are not checked"),
    refused("sourceIntegrity", "How commits are verified.", "signatures of commits are not checked"),
    refused(
        "destinationServiceAccounts",
        "Accounts that syncs run as.",
        "syncs would run with more than the account may",
    ),
    refused(
        "permitOnlyProjectScopedClusters",
        "Whether clusters must be the project's own.",
        "clusters belong to no project",
    ),
    warned(
        "roles",
        "Who may do what in Argo CD.",
        "nobody gets a right from it; people are in the host's configuration",
    ),
    warned("orphanedResources", "Whether objects of nobody are told.", "they are not looked for"),
    warned(
        "sourceNamespaces",
        "Namespaces that its applications may be kept in.",
        "applications come from repositories, and `deploys` says which",
    ),
];

const PROJECT_DESTINATION: &[Field] = &[
    text("server", "Addresses of clusters, as a glob."),
    text("name", "Names of clusters, as a glob."),
    text("namespace", "Namespaces, as a glob."),
];

const KIND: &[Field] = &[
    text("group", "The group, as a glob; empty for the core group."),
    text("kind", "The kind, as a glob.").required(),
];

const NAMED_KIND: &[Field] = &[
    text("group", "The group, as a glob; empty for the core group."),
    text("kind", "The kind, as a glob.").required(),
    text("name", "Only objects of this name, as a glob."),
];
