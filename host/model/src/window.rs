//! Hours of the week, as a clock on the wall of some place shows them. When they are is not known here: that takes the rules of
//! the place's time zone.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "days of the week need no words")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    /// All of them, Monday first.
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];
    /// Their names, in the same order; the first three letters are enough.
    pub const NAMES: [&'static str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

    /// `mon`.
    pub fn as_str(self) -> &'static str {
        Self::NAMES[self as usize].get(..3).unwrap_or_default()
    }

    /// Reads a name, in full or its first three letters, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let named = |day: &&Self| {
            let name = Self::NAMES[**day as usize];
            name.eq_ignore_ascii_case(text) || day.as_str().eq_ignore_ascii_case(text)
        };
        Self::ALL.iter().find(named).copied()
    }

    /// The day before.
    #[must_use]
    pub fn before(self) -> Self {
        Self::ALL[(self as usize + 6) % 7]
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// A span of hours, in minutes since midnight: from the first one to before the other one. Where that is not later, it is of the
/// next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hours {
    from: u16,
    to: u16,
}

impl Hours {
    /// A whole day.
    pub const ALL: Self = Self { from: 0, to: DAY };

    /// The minute at which it begins, 0 to 1439.
    pub fn from(self) -> u16 {
        self.from
    }

    /// The minute at which it is over, 1 to 1440.
    pub fn to(self) -> u16 {
        self.to
    }

    /// Whether it ends on the day after the one on which it begins.
    pub fn crosses(self) -> bool {
        self.to <= self.from
    }

    /// Reads `09:00-16:00`, `22:00-06:00`, `00:00-24:00`. The error says why it cannot be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        let minute = |text: &str| -> Option<u16> {
            let (hour, minute) = text.trim().split_once(':')?;
            let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            let fits = (1..=2).contains(&hour.len()) && minute.len() == 2 && digits(hour) && digits(minute);
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (fits && minute < 60 && hour * 60 + minute <= DAY).then_some(hour * 60 + minute)
        };
        let (from, to) = text.split_once('-').ok_or_else(|| format!("`{text}` is no span of hours"))?;
        let read = |part: &str| minute(part).ok_or_else(|| format!("`{}` is no time of a day", part.trim()));
        let (from, to) = (read(from)?, read(to)?);
        if from == DAY {
            return Err("nothing begins at 24:00: that is 00:00 of the next day".to_owned());
        }
        if from == to {
            return Err(format!("`{text}` ends as it begins"));
        }
        // Midnight at its end is the end of its own day.
        Ok(Self { from, to: if to == 0 { DAY } else { to } })
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Hours of the week at one place: those of any span, on any of the days. A span that crosses midnight is of the day on which it
/// begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// On which days.
    pub days: BTreeSet<Day>,
    /// At which hours.
    pub hours: Vec<Hours>,
    /// Whose clock is meant: a name of the IANA's time zones, such as `Europe/Berlin`.
    pub zone: String,
}

impl fmt::Display for Window {
    /// `mon-thu 09:00-16:00 (Europe/Berlin)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said: Vec<String> = Vec::new();
        let days: Vec<Day> = self.days.iter().copied().collect();
        let runs = days.chunk_by(|a, b| *a == b.before());
        let run = |run: &[Day]| match run {
            [first, .., last] if run.len() > 2 => format!("{first}-{last}"),
            _ => run.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        if self.days.len() < 7 {
            said.push(runs.map(run).collect::<Vec<_>>().join(", "));
        }
        if self.hours != [Hours::ALL] {
            said.push(self.hours.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        }
        said.push(format!("({})", self.zone));
        f.write_str(&said.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::{Day, Hours, Window};

    #[test]
    fn hours_are_read_and_said() {
        for (text, said, crosses) in [
            ("09:00-16:00", "09:00-16:00", false),
            ("9:00 - 16:30", "09:00-16:30", false),
            ("22:00-06:00", "22:00-06:00", true),
            ("22:00-00:00", "22:00-24:00", false),
            ("00:00-24:00", "00:00-24:00", false),
        ] {
            let hours = Hours::parse(text).unwrap_or_else(|why| panic!("{why}"));
            assert_eq!((hours.to_string().as_str(), hours.crosses()), (said, crosses));
            assert_eq!(serde_json::from_str::<Hours>(&format!("{said:?}")).ok(), Some(hours));
        }
        for bad in [
            "",
            "9-16",
            "09:00",
            "09:00-25:00",
            "09:60-10:00",
            "24:00-01:00",
            "09:00-09:00",
            "-1:00-2:00",
            "+9:00-10:00",
        ] {
            assert!(Hours::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn days_are_read_in_any_way() {
        for text in ["wed", "Wed", "WEDNESDAY", "wednesday"] {
            assert_eq!(Day::parse(text), Some(Day::Wed));
        }
        assert_eq!((Day::parse("we"), Day::parse("wednes"), Day::Mon.before()), (None, None, Day::Sun));
    }

    #[test]
    fn windows_in_words() {
        let window = |days: &[Day], hours: &[&str]| {
            let hours = hours.iter().filter_map(|text| Hours::parse(text).ok()).collect();
            Window { days: days.iter().copied().collect(), hours, zone: "UTC".to_owned() }.to_string()
        };
        use Day::{Mon, Sat, Sun, Thu, Tue, Wed};
        assert_eq!(window(&[Mon, Tue, Wed, Thu], &["09:00-16:00"]), "mon-thu 09:00-16:00 (UTC)");
        assert_eq!(window(&[Mon, Sat, Sun], &["00:00-24:00"]), "mon, sat, sun (UTC)");
        assert_eq!(window(&Day::ALL, &["22:00-06:00", "12:00-13:00"]), "22:00-06:00, 12:00-13:00 (UTC)");
    }
}
