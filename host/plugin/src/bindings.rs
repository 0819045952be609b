//! The Rust side of the WIT package, generated. All interfaces of the package are imports of one world, so that every
//! one is linked and answered, if only by a refusal. Each role of a plugin is an export of a world of its own, since a
//! component has one or several of them.

wasmtime::component::bindgen!({
    inline: "
        package tidegate:host;
        world host {
            include tidegate:plugin/common@0.1.0;
            include tidegate:plugin/reading@0.1.0;
            include tidegate:plugin/effects@0.1.0;
            export tidegate:plugin/plugin@0.1.0;
        }
    ",
    path: "../../wit",
    world: "tidegate:host/host",
    imports: { default: async | trappable },
    exports: { default: async },
    require_store_data_send: true,
    with: {
        "tidegate:plugin/process.child": crate::state::ChildEntry,
        "tidegate:plugin/repository-write.transaction": crate::state::TransactionEntry,
    },
});

/// What a component with steps exports.
pub mod steps {
    wasmtime::component::bindgen!({
        inline: "
            package tidegate:host;
            world steps {
                import tidegate:plugin/types@0.1.0;
                export tidegate:plugin/step@0.1.0;
            }
        ",
        path: "../../wit",
        world: "tidegate:host/steps",
        exports: { default: async },
        require_store_data_send: true,
        with: { "tidegate:plugin/types": crate::bindings::tidegate::plugin::types },
    });
}

/// What a component with renderers exports.
pub mod renderers {
    wasmtime::component::bindgen!({
        inline: "
            package tidegate:host;
            world renderers {
                import tidegate:plugin/types@0.1.0;
                export tidegate:plugin/renderer@0.1.0;
            }
        ",
        path: "../../wit",
        world: "tidegate:host/renderers",
        exports: { default: async },
        require_store_data_send: true,
        with: { "tidegate:plugin/types": crate::bindings::tidegate::plugin::types },
    });
}

/// Cuts a text at a character boundary.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
