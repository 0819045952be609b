//! What `wit-bindgen` makes of the interface package. The world names everything that a step could import; a
//! function that a plugin never calls is not in its component, so a component imports only what it uses.

#![allow(missing_docs, unsafe_code, unused, clippy::all, reason = "generated code")]

wit_bindgen::generate!({
    inline: "
        package tidegate:sdk;

        world guest {
            include tidegate:plugin/common@0.1.0;
            include tidegate:plugin/reading@0.1.0;
            include tidegate:plugin/effects@0.1.0;
            export tidegate:plugin/plugin@0.1.0;
            export tidegate:plugin/step@0.1.0;
        }
    ",
    path: "../../wit",
    world: "tidegate:sdk/guest",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_guest",
    default_bindings_module: "tidegate::bindings",
});
