//! A bill as people read it.

use console::style;
use pulse_core::bill::Bill;

use pulse_app::words::decimal;

use crate::output::Table;

/// A bill, line by line.
#[must_use]
pub fn bill(bill: &Bill) -> String {
    let mut table = Table::default();
    for line in &bill.lines {
        let free = if line.free > 0.0 { format!(", {} of them free", decimal(line.free)) } else { String::new() };
        table.push(line.what, format!("${:.2}  {} {}{free}", line.cost, decimal(line.quantity), line.unit));
    }
    table.push("all together", style(format!("${:.2}", bill.total)).bold());
    table.render()
}
