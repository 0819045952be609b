//! A schema of a kind of its own, with an object of that kind and a patch.

pub const SCHEMA: &str = r##"{
  "definitions": {
    "v1.Foo": {
      "type": "object",
      "x-kubernetes-group-version-kind": [{"group": "example.com", "kind": "Foo", "version": "v1"}],
      "properties": {"spec": {"$ref": "#/definitions/v1.Spec"}}
    },
    "v1.Spec": {
      "type": "object",
      "properties": {
        "parts": {
          "type": "array",
          "items": {"$ref": "#/definitions/v1.Part"},
          "x-kubernetes-patch-merge-key": "id",
          "x-kubernetes-patch-strategy": "merge"
        },
        "words": {"type": "array", "items": {"type": "string"}, "x-kubernetes-patch-strategy": "merge"},
        "byName": {"type": "object", "additionalProperties": {"$ref": "#/definitions/v1.Spec"}}
      }
    },
    "v1.Part": {"type": "object", "properties": {"id": {"type": "string"}, "nested": {"$ref": "#/definitions/v1.Spec"}}}
  },
  "paths": {
    "/apis/example.com/v1/foos": {
      "get": {"x-kubernetes-group-version-kind": {"group": "example.com", "kind": "Foo", "version": "v1"}}
    }
  }
}
"##;

pub const OBJECT: &str = "apiVersion: example.com/v1\nkind: Foo\nmetadata:\n  name: foo\nspec:\n  parts:\n  - id: a\n    size: 1\n  \
    - id: b\n    nested:\n      words: [x]\n  words: [one, two]\n  byName:\n    k:\n      words: [k1]\n  plain: [1, 2]\n";

pub const PATCH: &str = "apiVersion: example.com/v1\nkind: Foo\nmetadata:\n  name: foo\nspec:\n  parts:\n  - id: b\n    nested:\n      \
    words: [z]\n  - id: c\n  words: [three, one]\n  byName:\n    k:\n      words: [k2]\n  plain: [3]\n";
