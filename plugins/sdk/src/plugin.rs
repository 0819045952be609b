//! The macro that makes a component of steps and renderers.

/// Exports a plugin with these steps, and with `renderers: [..]` after or instead of them with renderers. A step that is
/// named like the plugin is also used by the plugin's name alone.
///
/// ```
/// # use tidegate::{Context, Error, Forecast, Outcome, Step};
/// # macro_rules! step {
/// #     ($type:ident, $name:literal) => {
/// #         pub struct $type;
/// #         impl Step for $type {
/// #             const NAME: &'static str = $name;
/// #             const SUMMARY: &'static str = "An example";
/// #             type Inputs = ();
/// #             type Outputs = ();
/// #             fn preview(_: &Context, _: ()) -> Result<Forecast, Error> {
/// #                 Ok(Forecast::nothing())
/// #             }
/// #             fn run(_: &Context, _: ()) -> Result<Outcome<()>, Error> {
/// #                 Ok(Outcome::Skipped("an example".to_owned()))
/// #             }
/// #         }
/// #     };
/// # }
/// # step!(Check, "check");
/// # step!(SetImage, "set-image");
/// tidegate::plugin! {
///     name: "kustomize",
///     version: env!("CARGO_PKG_VERSION"),
///     summary: "Edits kustomizations in Git",
///     steps: [Check, SetImage],
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! plugin {
    (
        name: $name:expr,
        version: $version:expr,
        summary: $summary:expr,
        $(steps: [$($step:ty),+ $(,)?] $(,)?)?
        $(renderers: [$($renderer:ty),+ $(,)?] $(,)?)?
    ) => {
        // What is wrong shows in native builds as well.
        const _: fn() -> [&'static str; 3] = || {
            $(
                fn is_a_step<S: $crate::Step>() {}
                $(is_a_step::<$step>();)+
            )?
            $(
                fn is_a_renderer<R: $crate::Renderer>() {}
                $(is_a_renderer::<$renderer>();)+
            )?
            [$name, $version, $summary]
        };

        // Only in a component: a native linker takes the `@` in the exported names for a symbol's version.
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the exported functions are unsafe by their nature")]
        mod tidegate_component {
            use super::*;
            use $crate::bindings::exports::tidegate::plugin::plugin;

            struct Component;

            impl plugin::Guest for Component {
                fn describe() -> plugin::Description {
                    $crate::dispatch::prepare();
                    let offers = [
                        $($($crate::dispatch::offer::<$step>(),)+)?
                        $($($crate::dispatch::renderer_offer::<$renderer>(),)+)?
                    ];
                    $crate::dispatch::description($name, $version, $summary, offers.into())
                }
            }

            $crate::bindings::export_guest!(Component with_types_in $crate::bindings);
            $($crate::export_step_functions!(Component, [$($step),+]);)?
            $($crate::export_renderer_functions!(Component, [$($renderer),+]);)?
        }
    };
}

/// The part of [`plugin!`] for steps.
#[doc(hidden)]
#[macro_export]
macro_rules! export_step_functions {
    ($component:ident, [$($step:ty),+]) => {
        use $crate::bindings::steps::exports::tidegate::plugin::step;

        impl step::Guest for $component {
            fn preview(request: step::Request) -> Result<step::Forecast, $crate::Error> {
                $crate::dispatch::prepare();
                $(if request.name == <$step as $crate::Step>::NAME {
                    return $crate::dispatch::preview::<$step>(request);
                })+
                Err($crate::dispatch::unknown("step", &request.name))
            }

            fn run(request: step::Request) -> Result<step::Outcome, $crate::Error> {
                $crate::dispatch::prepare();
                $(if request.name == <$step as $crate::Step>::NAME {
                    return $crate::dispatch::run::<$step>(request);
                })+
                Err($crate::dispatch::unknown("step", &request.name))
            }

            fn probe(request: step::Request) -> Result<step::Finding, $crate::Error> {
                $crate::dispatch::prepare();
                $(if request.name == <$step as $crate::Step>::NAME {
                    return $crate::dispatch::probe::<$step>(request);
                })+
                Err($crate::dispatch::unknown("step", &request.name))
            }
        }

        $crate::bindings::steps::export_steps!($component with_types_in $crate::bindings::steps);
    };
}

/// The part of [`plugin!`] for renderers.
#[doc(hidden)]
#[macro_export]
macro_rules! export_renderer_functions {
    ($component:ident, [$($renderer:ty),+]) => {
        use $crate::bindings::renderers::exports::tidegate::plugin::renderer;

        impl renderer::Guest for $component {
            fn render(request: renderer::Request) -> Result<renderer::Rendering, $crate::Error> {
                $crate::dispatch::prepare();
                $(if request.name == <$renderer as $crate::Renderer>::NAME {
                    return $crate::dispatch::render::<$renderer>(&request);
                })+
                Err($crate::dispatch::unknown("renderer", &request.name))
            }
        }

        $crate::bindings::renderers::export_renderers!($component with_types_in $crate::bindings::renderers);
    };
}
