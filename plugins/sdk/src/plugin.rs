//! The macro that makes a component of steps.

/// Exports a plugin with these steps. A step that is named like the plugin is also used by the plugin's name alone.
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
        steps: [$($step:ty),+ $(,)?] $(,)?
    ) => {
        // What is wrong shows in native builds as well.
        const _: fn() -> [&'static str; 3] = || {
            fn is_a_step<S: $crate::Step>() {}
            $(is_a_step::<$step>();)+
            [$name, $version, $summary]
        };

        // Only in a component: a native linker takes the `@` in the exported names for a symbol's version.
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the exported functions are unsafe by their nature")]
        mod tidegate_component {
            use super::*;
            use $crate::bindings::exports::tidegate::plugin::{plugin, step};

            struct Component;

            impl plugin::Guest for Component {
                fn describe() -> plugin::Description {
                    $crate::dispatch::prepare();
                    let offers = [$($crate::dispatch::offer::<$step>()),+];
                    $crate::dispatch::description($name, $version, $summary, offers.into())
                }
            }

            impl step::Guest for Component {
                fn preview(request: step::Request) -> Result<step::Forecast, $crate::Error> {
                    $crate::dispatch::prepare();
                    $(if request.name == <$step as $crate::Step>::NAME {
                        return $crate::dispatch::preview::<$step>(request);
                    })+
                    Err($crate::dispatch::unknown_step(&request.name))
                }

                fn run(request: step::Request) -> Result<step::Outcome, $crate::Error> {
                    $crate::dispatch::prepare();
                    $(if request.name == <$step as $crate::Step>::NAME {
                        return $crate::dispatch::run::<$step>(request);
                    })+
                    Err($crate::dispatch::unknown_step(&request.name))
                }

                fn probe(request: step::Request) -> Result<step::Finding, $crate::Error> {
                    $crate::dispatch::prepare();
                    $(if request.name == <$step as $crate::Step>::NAME {
                        return $crate::dispatch::probe::<$step>(request);
                    })+
                    Err($crate::dispatch::unknown_step(&request.name))
                }
            }

            $crate::bindings::export_guest!(Component with_types_in $crate::bindings);
        }
    };
}
