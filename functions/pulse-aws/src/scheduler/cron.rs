//! Slots as cron expressions (`EventBridge` Scheduler User Guide, "Schedule types").

use pulse_core::{customer::Zone, slot::Slot};

/// `cron(minute hour day * ? *)`: every month on that day, at that minute.
pub(super) fn expression(slot: &Slot) -> String {
    format!("cron({} {} {} * ? *)", slot.minute(), slot.hour(), slot.day())
}

/// Reads what [`expression`] wrote, or `None` for any other schedule.
pub(super) fn parse(expression: &str, zone: &str) -> Option<Slot> {
    let fields = expression.strip_prefix("cron(")?.strip_suffix(')')?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let [minute, hour, day, "*", "?", "*"] = fields.as_slice() else {
        return None;
    };
    let zone = Zone::parse(zone).ok()?;
    Slot::parse(day.parse().ok()?, hour.parse().ok()?, minute.parse().ok()?, zone).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_read_back_from_its_expression() {
        let slot = Slot::parse(28, 4, 0, Zone::parse("Europe/Dublin").unwrap()).unwrap();
        assert_eq!(expression(&slot), "cron(0 4 28 * ? *)");
        assert_eq!(parse("cron(0 4 28 * ? *)", "Europe/Dublin"), Some(slot));
    }

    #[test]
    fn schedules_that_are_not_monthly_slots_are_no_slots() {
        let bad = [
            "rate(1 minute)",
            "at(2026-11-03T10:00:00)",
            "cron(0 4 28 * ? 2026)",
            "cron(0 4 L * ? *)",
            "cron(0 4 32 * ? *)",
            "cron(0 24 1 * ? *)",
            "cron(60 4 1 * ? *)",
            "cron(0 4 1 * ?)",
            "",
        ];
        for bad in bad {
            assert_eq!(parse(bad, "UTC"), None, "{bad}");
        }
        assert_eq!(parse("cron(0 4 28 * ? *)", "Mars/Olympus"), None);
    }
}
