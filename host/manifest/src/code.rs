//! The stable codes of diagnostics, one per kind of problem. A code is never reused for another meaning.

macro_rules! codes {
    ($($name:ident = $code:literal $meaning:literal;)*) => {
        $(pub(crate) const $name: &str = $code;)*
        /// Every code with its meaning in one line.
        pub const CODES: &[(&str, &str)] = &[$(($code, $meaning)),*];
    };
}

codes! {
    UNREADABLE = "TG-099" "The file cannot be read.";
    NOT_UTF8 = "TG-100" "The file is not UTF-8 text.";
    TOO_LARGE = "TG-101" "The file is larger than 1 MiB.";
    SYNTAX = "TG-102" "The text is not YAML.";
    EMPTY = "TG-103" "The file holds no document.";
    MANY_DOCUMENTS = "TG-104" "The file holds more than one document.";
    TOO_DEEP = "TG-105" "Values are nested more than 64 levels deep.";
    TOO_MANY_NODES = "TG-106" "The document grows too large, aliases expanded.";
    DUPLICATE_KEY = "TG-107" "A key is written twice in one mapping.";
    KEY_NOT_TEXT = "TG-108" "A key is not text.";
    TAG = "TG-109" "A YAML tag has no meaning here.";
    MERGE = "TG-110" "A merge key `<<` is not followed by a mapping or a list of mappings.";
    ALIAS = "TG-111" "An alias stands inside the value that it names.";
    TOO_MANY_PROBLEMS = "TG-112" "There are more problems than are listed.";
    UNKNOWN_KEY = "TG-120" "A key is not known here.";
    MISSING_KEY = "TG-121" "A key that must be there is missing.";
    WRONG_TYPE = "TG-122" "A value has the wrong type.";
    BAD_VALUE = "TG-123" "A value is not one of those allowed.";
    BAD_NAME = "TG-124" "A name has characters or a length that names may not have.";
    BAD_DURATION = "TG-125" "A duration cannot be read.";
    BAD_GLOB = "TG-126" "A glob cannot be read.";
    BAD_CRON = "TG-127" "A cron expression cannot be read.";
    BAD_HOURS = "TG-128" "Hours of a day cannot be read.";
    BAD_ZONE = "TG-129" "A time zone is not known.";
    API_VERSION = "TG-130" "The apiVersion is not served.";
    KIND = "TG-131" "The kind is not the one expected.";
    STEP_COUNT = "TG-140" "A pipeline has no step, or more than 1000.";
    UNKNOWN_USES = "TG-141" "No plugin offers this step.";
    BAD_INPUT = "TG-142" "An input does not fit the step's schema.";
    SCRIPT_EXPRESSION = "TG-143" "A script contains an expression.";
    UNKNOWN_NEED = "TG-144" "A needed step does not exist.";
    NEEDS_ITSELF = "TG-145" "A step needs itself or the group that it is part of.";
    NEEDED_TWICE = "TG-146" "A need is written twice.";
    CYCLE = "TG-147" "Steps need each other in a circle.";
    NESTED_GROUP = "TG-148" "A group stands inside a group.";
    STEP_SHAPE = "TG-149" "A step is neither `uses` nor a group, or both.";
    DUPLICATE_STEP = "TG-150" "Two steps have one name.";
    ITEM_MISSING = "TG-151" "A step that runs once per item is mentioned without its item.";
    WORKSPACE = "TG-152" "A step goes on in the tree of a step that has several, or none.";
    OPEN_EXPRESSION = "TG-160" "A `${{` has no `}}`.";
    EXPRESSION = "TG-161" "An expression is not CEL.";
    EXPRESSION_SIZE = "TG-162" "An expression is too long, too deep or could run too long.";
    UNKNOWN_VARIABLE = "TG-163" "An expression names an unknown variable.";
    UNKNOWN_FUNCTION = "TG-164" "An expression calls an unknown function.";
    UNKNOWN_STEP = "TG-165" "An expression mentions a step that does not exist.";
    UNKNOWN_OUTPUT = "TG-166" "An expression mentions an output that the step does not have.";
    DYNAMIC_STEP = "TG-167" "An expression does not say which step it means.";
    BAD_PATTERN = "TG-168" "A regular expression is too long, computed, or wrong.";
    NOT_HERE = "TG-169" "A variable or function has no meaning at this place.";
    EVENT_FIELD = "TG-170" "An event has no such field.";
    SECRET_LITERAL = "TG-180" "A secret is written down instead of referred to.";
    URL_CREDENTIALS = "TG-181" "A URL contains credentials.";
    UNKNOWN_REFERENCE = "TG-182" "A name refers to nothing in this file.";
    GROUP_TOO_SMALL = "TG-183" "More approvals are required than the group has members.";
    UNSERVED_REQUIREMENT = "TG-184" "This build cannot check a requirement and will deny it.";
    UNSERVED_CAPABILITY = "TG-185" "This build does not serve a capability and will not grant it.";
    OWNED_PATH = "TG-186" "An owned path does not name its repository.";
    CREDENTIAL_FOR = "TG-187" "A repository names a credential that is not for it.";
    SAME_IDENTITY = "TG-188" "Two people have one identity.";
    NOT_BUILT = "TG-189" "This version does not do what a field asks for.";
    ANYBODY = "TG-190" "An approval that names no group may be given by anybody.";
    DYNAMIC_SECRET = "TG-191" "An expression does not say which secret it means.";
    EMPTY_WINDOW = "TG-192" "A window is always open, or never.";
    OWN_HEALTH = "TG-193" "An environment would wait for itself.";
    NOT_HONOURED = "TG-200" "A field that guards or changes what is deployed is not honoured, and nothing is synced without it.";
    NO_EFFECT = "TG-201" "A field of an application or project has no effect.";
    APPLICATION_SET = "TG-202" "An ApplicationSet is not read by this version.";
    SYNC_OPTION = "TG-203" "A sync option is not known, or says two things.";
    DESTINATION = "TG-204" "An application names no cluster, or two.";
    SOURCE = "TG-205" "An application has no source, or one of two kinds.";
    OUTSIDE = "TG-206" "A path leads out of the repository.";
    SAME_APPLICATION = "TG-207" "Two applications of a file have one name.";
    SAME_PLACE = "TG-208" "An address would mean two repositories or clusters.";
}

#[cfg(test)]
mod tests {
    #[test]
    fn codes_are_unique_and_sorted() {
        assert!(super::CODES.windows(2).all(|w| w[0].0 < w[1].0));
    }

    #[test]
    fn the_reference_lists_every_code() {
        let book = include_str!("../../../docs/reference.md");
        let rows: Vec<String> =
            super::CODES.iter().map(|(code, meaning)| format!("| `{code}` | {meaning} |")).collect();
        let listed: Vec<&str> = book.lines().filter(|line| line.starts_with("| `TG-")).collect();
        assert_eq!(listed, rows);
    }
}
