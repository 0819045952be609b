//! Cron expressions of five fields, checked but not evaluated: when they fire is the trigger's business.

const FIELDS: [(&str, u32, u32, &[&str]); 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of the month", 1, 31, &[]),
    ("month", 1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    ("day of the week", 0, 7, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

/// Why the text is not a cron expression.
pub(crate) fn check(text: &str) -> Result<(), String> {
    if matches!(text, "@yearly" | "@annually" | "@monthly" | "@weekly" | "@daily" | "@midnight" | "@hourly") {
        return Ok(());
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != 5 {
        return Err(format!("a schedule has five fields, not {}", fields.len()));
    }
    for (field, (what, low, high, names)) in fields.iter().zip(FIELDS) {
        let value = |text: &str| -> Result<u32, String> {
            if let Some(i) = names.iter().position(|n| n.eq_ignore_ascii_case(text)) {
                return Ok(i as u32 + low);
            }
            let number: u32 = text.parse().map_err(|_| format!("`{text}` is not a {what}"))?;
            if (low..=high).contains(&number) {
                Ok(number)
            } else {
                Err(format!("{number} is not a {what} ({low} to {high})"))
            }
        };
        for part in field.split(',') {
            let (range, step) = part.split_once('/').map_or((part, None), |(r, s)| (r, Some(s)));
            if let Some(step) = step
                && !step.parse::<u32>().is_ok_and(|s| s > 0 && s <= high)
            {
                return Err(format!("`/{step}` is not a step of a {what}"));
            }
            if range == "*" {
                continue;
            }
            match range.split_once('-') {
                Some((from, to)) => {
                    if value(from)? > value(to)? {
                        return Err(format!("`{range}` runs backwards"));
                    }
                }
                None => {
                    value(range)?;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn schedules() {
        for good in ["0 3 * * *", "*/5 9-17 * * mon-fri", "0 0 1,15 jan *", "@daily"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", "* * * *", "60 * * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *", "x * * * *", "@never"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
