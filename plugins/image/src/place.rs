//! Paths: of the workspace, as inputs give them, and in an image.

use crate::platform::Platform;
use crate::ports::Machine;
use tidegate::Error;

/// Where the plugin keeps what it needs for the time of a step. Never part of an image.
pub const FOLDER: &str = ".tidegate-image";

/// A folder of an attempt's own: no other step has it, and the same attempt finds it again.
pub fn folder(key: &str, attempt: u32) -> String {
    let key: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(64).collect();
    format!("{FOLDER}/{key}-{attempt}")
}

/// Removes the plugin's folder: a workspace is one step's. What is left over harms nobody, so a failure is only said: the
/// image may be pushed by now.
pub fn clean(machine: &dyn Machine) {
    if let Err(error) = machine.remove(FOLDER) {
        machine.say(&format!("the folder {FOLDER} could not be removed: {}", error.message));
    }
}

/// A path of the workspace: `.` and a `/` at the end are taken off.
///
/// # Errors
/// `invalid`, where it is absolute or leaves the workspace.
pub fn workspace(text: &str, field: &str) -> Result<String, Error> {
    let wrong = |why: &str| {
        let shown = crate::digest::shortened(text);
        Err(Error::invalid(format!("`{shown}` is no path of the workspace: {why}")).with_field(field))
    };
    if text.starts_with('/') {
        return wrong("it begins with `/`");
    }
    match relative(text) {
        Ok(path) => Ok(path),
        Err(why) => wrong(why),
    }
}

/// A path in an image, from its root: `/app/server` and `app/server` are the same.
///
/// # Errors
/// `invalid`, where it leaves the image.
pub fn image(text: &str, field: &str) -> Result<String, Error> {
    relative(text.trim_start_matches('/')).map_err(|why| {
        let shown = crate::digest::shortened(text);
        Error::invalid(format!("`{shown}` is no path of an image: {why}")).with_field(field)
    })
}

fn relative(text: &str) -> Result<String, &'static str> {
    if text.contains(['\0', '\n', '\r']) {
        return Err("it holds a control character");
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err("it has a part `..`");
    }
    let path = parts.join("/");
    if path.len() > 4_096 { Err("it is longer than 4,096 bytes") } else { Ok(path) }
}

/// A path with `${platform}`, `${os}`, `${architecture}` and `${variant}` filled in.
///
/// # Errors
/// `invalid`, where it has another name, or an open brace.
pub fn substitute(text: &str, platform: &Platform, field: &str) -> Result<String, Error> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else {
            return Err(Error::invalid(format!("`{text}` has a `${{` without its `}}`")).with_field(field));
        };
        result += before;
        match name {
            "platform" => result += &platform.to_string(),
            "os" => result += &platform.os,
            "architecture" => result += &platform.architecture,
            "variant" => result += platform.variant.as_deref().unwrap_or_default(),
            other => {
                let other = crate::digest::shortened(other);
                return Err(Error::invalid(format!("`${{{other}}}` stands for nothing"))
                    .with_field(field)
                    .with_hint("`${platform}`, `${os}`, `${architecture}` and `${variant}` are filled in"));
            }
        }
        rest = behind;
    }
    Ok(result + rest)
}

#[cfg(test)]
mod tests {
    use super::{folder, image, substitute, workspace};
    use crate::platform::Platform;

    #[test]
    fn paths_stay_where_they_belong() {
        let path = |text: &str| workspace(text, "/x").ok();
        assert_eq!(path("./a//b/").as_deref(), Some("a/b"));
        assert_eq!(path(".").as_deref(), Some(""));
        for wrong in ["/a", "..", "a/../b", "a\0", "a\nb"] {
            assert_eq!(path(wrong), None, "{wrong}");
        }
        assert_eq!(image("/app/x", "/x").ok().as_deref(), Some("app/x"));
        assert!(image("/../x", "/x").is_err());
        assert_eq!(folder("each[a/b].image", 2), ".tidegate-image/each-a-b--image-2");
    }

    #[test]
    fn a_platform_is_filled_in() {
        let platform = Platform::parse("linux/arm/v7").expect("a platform");
        let fill = |text: &str| substitute(text, &platform, "/x").ok();
        assert_eq!(fill("dist/${platform}/app").as_deref(), Some("dist/linux/arm/v7/app"));
        assert_eq!(fill("${os}-${architecture}-${variant}$").as_deref(), Some("linux-arm-v7$"));
        assert_eq!(fill("${arch}"), None);
        assert_eq!(fill("${os"), None);
    }
}
