//! What of a branch may be granted: what the thing itself says, and nothing that others tell it.

/// Bytes of the longest pattern.
pub const BRANCH_BYTES_MAX: usize = 64;
/// Levels behind `t` or `e`.
const LEVELS_MAX: usize = 4;

/// Whether a pattern may be granted: `t/…` (telemetry), `e/…` (events), with `+` for one level and `#`
/// for the rest, `s` (status) and `twin/reported`.
pub fn may_be_granted(branch: &str) -> bool {
    if branch.len() > BRANCH_BYTES_MAX {
        return false;
    }
    match branch.split_once('/') {
        None => branch == "s",
        Some(("twin", rest)) => rest == "reported",
        Some(("t" | "e", rest)) => fits(rest),
        Some(_) => false,
    }
}

fn fits(rest: &str) -> bool {
    let levels: Vec<&str> = rest.split('/').collect();
    let last = levels.len().saturating_sub(1);
    let level = |(at, level): (usize, &&str)| match *level {
        "#" => at == last,
        "+" => true,
        "" | "." | ".." => false,
        text => (text.bytes()).all(|byte| byte.is_ascii_graphic() && !b"+#$?".contains(&byte)),
    };
    levels.len() <= LEVELS_MAX && levels.iter().enumerate().all(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_thing_says_itself_may_be_granted() {
        for good in [
            "t/#",
            "t/temperature",
            "t/room/+",
            "e/door/#",
            "s",
            "twin/reported",
        ] {
            assert!(may_be_granted(good), "{good}");
        }
        let long = format!("t/{}", "x".repeat(BRANCH_BYTES_MAX));
        for bad in [
            "",
            "#",
            "+",
            "t",
            "t/",
            "+/temperature",
            "t/#/x",
            "t//x",
            "t/a/../b",
            "t/x y",
            "t/a#",
            "t/1/2/3/4/5",
            "c/1",
            "r/1",
            "w/in",
            "w/out/gateway",
            "twin/desired",
            "twin/#",
            "list/whole",
            "g",
            "s/#",
            &long,
        ] {
            assert!(!may_be_granted(bad), "{bad}");
        }
    }
}
