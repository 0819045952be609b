//! Which tool plans and applies: Terraform or OpenTofu, and in which version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use tidegate::Error;
use tidegate::container::Image;

/// The tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Tool {
    /// HashiCorp's.
    Terraform,
    /// OpenTofu.
    Tofu,
}

impl Tool {
    /// The program's name in a grant.
    pub fn program(self) -> &'static str {
        match self {
            Self::Terraform => "terraform",
            Self::Tofu => "tofu",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.program())
    }
}

/// A tool as it is on the machine, or in an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Installed {
    /// Which one.
    pub tool: Tool,
    /// `1.11.4`.
    pub version: String,
    /// `linux_amd64`.
    pub platform: String,
    /// The image that it is from; absent for the machine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
}

impl Installed {
    /// Where it is, in messages.
    pub fn place(&self) -> &'static str {
        if self.image.is_some() { "the image" } else { "this machine" }
    }
}

impl fmt::Display for Installed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.tool, self.version)?;
        match &self.image {
            Some(image) => write!(out, " in {}", image.name),
            None => Ok(()),
        }
    }
}

/// Reads what `version -json` prints. OpenTofu names its own version `terraform_version`, too.
///
/// # Errors
/// `terraform-unreadable`.
pub fn installed(tool: Tool, printed: &[u8]) -> Result<Installed, Error> {
    let value: Value = serde_json::from_slice(printed).unwrap_or_default();
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    match (text("terraform_version"), text("platform")) {
        (Some(version), Some(platform)) => Ok(Installed { tool, version, platform, image: None }),
        _ => Err(Error::new("terraform-unreadable", format!("`{tool} version -json` did not say which version it is"))
            .with_hint("is the program of that name the real one, in version 1.4 or later?")),
    }
}

/// Whether a version satisfies a constraint as Terraform writes them: `~> 1.9`, `>= 1.5, < 2`, `1.11.4`.
///
/// # Errors
/// In words, where it is no constraint.
pub fn allows(constraint: &str, version: &str) -> Result<bool, String> {
    let (core, pre_release) = numbers(version).ok_or_else(|| format!("`{version}` is no version"))?;
    let mut all = true;
    for part in constraint.split(',') {
        let part = part.trim();
        let length = part.bytes().take_while(|byte| b"=!<>~".contains(byte)).count();
        let (operator, rest) = part.split_at(length);
        let wanted = rest.trim();
        let (number, wanted_pre) =
            numbers(wanted).ok_or_else(|| format!("`{part}` is no version constraint, as `~> 1.9` or `1.11.4` is"))?;
        let given = wanted.split(['-', '+']).next().unwrap_or_default().split('.').count();
        // A pre-release is only what was asked for by name, as in Terraform.
        let exact = core == number && pre_release == wanted_pre;
        let stable = pre_release.is_empty();
        all &= match operator {
            "" | "=" => exact,
            "!=" => !exact,
            ">" => stable && core > number,
            ">=" => exact || (stable && core >= number),
            "<" => stable && core < number,
            "<=" => exact || (stable && core <= number),
            "~>" => {
                // All but the last number given must be equal.
                let fixed = given.saturating_sub(1).max(1);
                exact || (stable && core >= number && core[..fixed] == number[..fixed])
            }
            other => return Err(format!("`{other}` is no operator of a version constraint")),
        };
    }
    Ok(all)
}

/// The three numbers, the absent ones 0, and the pre-release.
fn numbers(version: &str) -> Option<([u64; 3], &str)> {
    let version = version.split('+').next()?;
    let (core, pre_release) = version.split_once('-').unwrap_or((version, ""));
    let mut numbers = [0; 3];
    let mut parts = core.trim_start_matches('v').split('.');
    for (at, number) in numbers.iter_mut().enumerate() {
        match parts.next() {
            Some(part) => *number = part.parse().ok()?,
            None if at > 0 => {}
            None => return None,
        }
    }
    parts.next().is_none().then_some((numbers, pre_release))
}

#[cfg(test)]
mod tests {
    use super::{Tool, allows, installed};

    #[test]
    fn constraints_are_terraforms() {
        for (constraint, version, yes) in [
            ("1.11.4", "1.11.4", true),
            ("= 1.11.4", "1.11.5", false),
            ("!= 1.11.4", "1.11.4", false),
            ("~> 1.9", "1.11.4", true),
            ("~> 1.9", "2.0.0", false),
            ("~> 1.9.2", "1.9.9", true),
            ("~> 1.9.2", "1.10.0", false),
            ("~> 1.12", "1.11.4", false),
            (">= 1.5, < 2", "1.11.4", true),
            (">= 1.5, < 1.11", "1.11.4", false),
            ("~> 1.12", "1.12.0-beta1", false),
            ("1.12.0-beta1", "1.12.0-beta1", true),
            ("1.11", "1.11.0", true),
        ] {
            assert_eq!(allows(constraint, version), Ok(yes), "{constraint} {version}");
        }
        for wrong in ["", "latest", "=> 1", "1.2.3.4", "~> x", "1,"] {
            assert!(allows(wrong, "1.11.4").is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_version_is_read() {
        let printed = br#"{"terraform_version":"1.11.4","platform":"linux_amd64","provider_selections":{}}"#;
        assert_eq!(installed(Tool::Terraform, printed).expect("a version").to_string(), "terraform 1.11.4");
        assert_eq!(installed(Tool::Tofu, b"OpenTofu v1").expect_err("no JSON").code, "terraform-unreadable");
    }
}
