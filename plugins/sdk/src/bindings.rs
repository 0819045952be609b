//! What `wit-bindgen` makes of the interface package. The first world names everything that a plugin could import; a
//! function that a plugin never calls is not in its component, so a component imports only what it uses. Each role is a
//! world of its own, since a component has one or several of them.

#![allow(missing_docs, unsafe_code, unused, clippy::all, reason = "generated code")]

wit_bindgen::generate!({
    inline: "
        package tidegate:sdk;

        world guest {
            include tidegate:plugin/common@0.1.0;
            include tidegate:plugin/reading@0.1.0;
            include tidegate:plugin/effects@0.1.0;
            export tidegate:plugin/plugin@0.1.0;
        }
    ",
    path: "../../wit",
    world: "tidegate:sdk/guest",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_guest",
    default_bindings_module: "tidegate::bindings",
});

/// What a component with steps exports.
pub mod steps {
    wit_bindgen::generate!({
        inline: "
            package tidegate:sdk;
            world steps {
                import tidegate:plugin/types@0.1.0;
                export tidegate:plugin/step@0.1.0;
            }
        ",
        path: "../../wit",
        world: "tidegate:sdk/steps",
        with: { "tidegate:plugin/types@0.1.0": crate::bindings::tidegate::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_steps",
        default_bindings_module: "tidegate::bindings::steps",
    });
}

/// What a component with renderers exports.
pub mod renderers {
    wit_bindgen::generate!({
        inline: "
            package tidegate:sdk;
            world renderers {
                import tidegate:plugin/types@0.1.0;
                export tidegate:plugin/renderer@0.1.0;
            }
        ",
        path: "../../wit",
        world: "tidegate:sdk/renderers",
        with: { "tidegate:plugin/types@0.1.0": crate::bindings::tidegate::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_renderers",
        default_bindings_module: "tidegate::bindings::renderers",
    });
}
