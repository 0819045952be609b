//! What a cluster's own controllers would do, of which an API server alone has none: as much of it as tests rely on, played by
//! kubectl. They end with the value, and with the server that they follow.

use crate::cluster::Cluster;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Follows objects of a kind (`$2`) by some of their fields (`$3`), and calls `each` with those of every object that changes.
const FOLLOW: &str = r#"
    k() { kubectl --kubeconfig "$kubeconfig" "$@"; }
    kubeconfig=$1
    k get $2 --all-namespaces --watch --output "jsonpath=$3"'{"\n"}' | while read -r line; do each $line; done"#;

/// An object that was deleted goes once nothing is left that it owns; here nothing ever is.
const COLLECT: &str = r#"each() {
    case $2 in *foregroundDeletion*)
        k -n "$3" patch "$kind" "$1" --type json -p '[{"op": "remove", "path": "/metadata/finalizers"}]' ;;
    esac
}"#;

/// All replicas of the newest generation are there at once.
const ROLL_OUT: &str = r#"each() {
    [ "$3" = "$5" ] || k -n "$1" patch deployment "$2" --subresource=status --type merge -p '{"status": {
        "observedGeneration": '$3', "replicas": '$4', "updatedReplicas": '$4', "readyReplicas": '$4', "availableReplicas": '$4'}}'
}"#;

/// A job ends well, and is written down.
const WORK: &str = r#"each() {
    [ -n "$4" ] || { echo "$2 $3" >>"$log" && k -n "$1" patch job "$2" --subresource=status --type merge \
        -p '{"status": {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}}'; }
}"#;

/// A controller.
#[derive(Debug)]
pub struct Controller(Child);

impl Controller {
    /// Lets objects of a kind go that are deleted in the foreground.
    pub fn collector(cluster: &Cluster, kind: &str) -> Self {
        let fields = "{.metadata.name} {.metadata.finalizers} {.metadata.namespace}";
        Self::start(cluster, &format!("kind={kind}; {COLLECT}"), kind, fields)
    }

    /// Rolls out deployments with the label `played: "yes"`.
    pub fn rollouts(cluster: &Cluster) -> Self {
        let fields = "{.metadata.namespace} {.metadata.name} {.metadata.generation} {.spec.replicas} {.status.observedGeneration}";
        Self::start(cluster, ROLL_OUT, "deployment --selector played=yes", fields)
    }

    /// Lets jobs with the label `played: "yes"` succeed, and writes `NAME UID` of each into a file.
    pub fn jobs(cluster: &Cluster, log: &Path) -> Self {
        let fields = "{.metadata.namespace} {.metadata.name} {.metadata.uid} {.status.conditions}";
        Self::start(cluster, &format!("log='{}'; {WORK}", log.display()), "job --selector played=yes", fields)
    }

    fn start(cluster: &Cluster, each: &str, what: &str, fields: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{each}\n{FOLLOW}"), "sh"]).arg(cluster.kubeconfig()).args([what, fields]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Self(command.spawn().expect("sh"))
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.0.id())]).status();
        let _ = self.0.wait();
    }
}
