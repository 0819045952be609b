//! What the simulated cluster does with what it is sent.

use super::World;
use planner::Operation;
use planner::health::{self, Status};
use planner::hook::RUN_OF;
use planner::inventory::Owned;
use planner::live::LiveObject;
use planner::object::{GroupKind, ObjectKey};
use planner::plan::{Act, StepId};
use serde_json::{Map, Value, json};
use std::sync::Arc;

impl World {
    pub(super) fn try_out(&mut self, operation: &Operation, step: &StepId) -> Result<(), String> {
        let desired = self.desired();
        let manifest = operation.plan.manifest(step, &desired, "dry");
        assert!(manifest.is_some(), "{step} has no manifest");
        match manifest.unwrap()["spec"]["invalid"] == true {
            true => Err("spec.invalid: unknown field".to_owned()),
            false => Ok(()),
        }
    }

    pub(super) fn delete(&mut self, key: &ObjectKey) {
        if self.objects.remove(key).is_some() {
            self.deleted.push(key.clone());
        }
    }

    pub(super) fn apply(&mut self, operation: &Operation, step: &StepId) -> Result<(), String> {
        self.nothing_earlier_is_unhealthy(operation, step);
        let manifest = operation.plan.manifest(step, &self.desired(), "").unwrap();
        // Whatever is in the cluster after a crash must be known as the application's.
        let owned = self.inventory.get(&step.key).is_some() || self.desired().get(&step.key).is_none();
        assert!(owned, "{step} is applied before it is owned");
        self.store(&step.key, manifest)?;
        if let Some(item) = self.desired().get(&step.key) {
            let live = LiveObject::new(step.key.clone(), Arc::new(self.objects[&step.key].clone()));
            self.inventory
                .record(step.key.clone(), Owned::synced(&item.digest, &self.app.comparison(&step.key), &live));
        }
        Ok(())
    }

    pub(super) fn run(&mut self, operation: &Operation, step: &StepId) -> Result<(), String> {
        self.nothing_earlier_is_unhealthy(operation, step);
        let run = operation.run(step);
        if self.objects.get(&step.key).is_some_and(|o| o["metadata"]["annotations"][RUN_OF] == *run) {
            return Ok(());
        }
        self.ran.push(format!("{}#{run}", step.key.name()));
        let manifest = operation.plan.manifest(step, &self.desired(), &run).unwrap();
        self.store(&step.key, manifest)
    }

    /// Waves never begin before earlier ones are healthy.
    fn nothing_earlier_is_unhealthy(&self, operation: &Operation, step: &StepId) {
        let holds =
            |stage: &&planner::plan::Stage| stage.phase == step.phase && stage.steps().any(|s| s.key == step.key);
        let Some(mine) = operation.plan.stages.iter().position(|stage| holds(&stage)) else { return };
        for stage in &operation.plan.stages[..mine] {
            for key in &stage.waits {
                let status = self.objects.get(key).map(|object| health::of(key, object).status);
                assert_eq!(status, Some(Status::Healthy), "{step} began before {key} was healthy");
            }
            let prunes = stage.prunes.iter().flatten().filter(|s| matches!(s.act, Act::Prune(_)));
            for prune in prunes {
                assert!(!self.objects.contains_key(&prune.key), "{step} began before {} was gone", prune.key);
            }
        }
    }

    fn store(&mut self, key: &ObjectKey, mut manifest: Value) -> Result<(), String> {
        if !self.serves(key.kind()) {
            return Err(format!("no matches for kind {}", key.kind()));
        }
        let namespace = ObjectKey::new(GroupKind::new("", "Namespace"), "", key.namespace());
        if !key.namespace().is_empty() && key.namespace() != "shop" && !self.objects.contains_key(&namespace) {
            return Err(format!("namespaces {:?} not found", key.namespace()));
        }
        self.next_uid += 1;
        let before = self.objects.get(key);
        let uid = before.map_or_else(|| json!(format!("u{}", self.next_uid)), |b| b["metadata"]["uid"].clone());
        let generation = before.map_or(0, |b| b["metadata"]["generation"].as_u64().unwrap_or(0)) + 1;
        let mut fields = owned_fields(&manifest);
        fields.shift_remove("f:apiVersion");
        manifest["metadata"]["managedFields"] =
            json!([{"manager": "tidegate", "fieldsV1": fields, "time": self.next_uid}]);
        manifest["metadata"]["uid"] = uid;
        manifest["metadata"]["generation"] = json!(generation);
        // What servers fill in is never drift.
        if manifest["spec"].is_object() {
            manifest["spec"]["filledIn"] = json!("by the server");
        }
        manifest["test"] = json!({"coming": true});
        self.objects.insert(key.clone(), manifest);
        Ok(())
    }

    /// Lets controllers come to their end.
    pub fn controllers(&mut self) {
        for object in self.objects.values_mut() {
            let kind = object["kind"].as_str().unwrap().to_owned();
            if object["test"]["coming"] != true || self.stuck.contains(&kind) {
                continue;
            }
            object["test"]["coming"] = json!(false);
            let generation = object["metadata"]["generation"].clone();
            let condition =
                |name: &str| json!({"conditions": [{"type": name, "status": "True", "message": "as told"}]});
            object["status"] = match kind.as_str() {
                "Deployment" => {
                    json!({"observedGeneration": generation, "updatedReplicas": 1, "availableReplicas": 1, "replicas": 1})
                }
                "Job" if object["spec"]["fails"] == true => condition("Failed"),
                "Job" => condition("Complete"),
                "CustomResourceDefinition" => condition("Established"),
                _ => continue,
            };
        }
    }
}

fn owned_fields(value: &Value) -> Map<String, Value> {
    let fields = value.as_object().into_iter().flatten();
    fields.map(|(name, below)| (format!("f:{name}"), Value::Object(owned_fields(below)))).collect()
}
