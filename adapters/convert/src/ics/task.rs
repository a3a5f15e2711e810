//! Tasks as VTODO components, [MS-OXOTASK].
//!
//! [MS-OXOTASK]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxotask/

use std::io;

use exportitems::payload::FixedValue;

use super::form::Form;
use super::recurrence::Recurrence;
use super::{integer, time, Writer};
use crate::item::{Message, Value};
use crate::names::{PSETID_COMMON, PSETID_TASK};

impl Writer<'_> {
    pub(super) fn task(&mut self, message: &Message) -> io::Result<()> {
        self.lines.value("BEGIN", "VTODO")?;
        let uid = self.item.hash();
        self.lines.text("UID", &uid)?;
        self.stamp(message)?;

        // PidLidTaskStartDate, PidLidTaskDueDate: dates of the user's calendar, as midnights in UTC
        let start = time(message, PSETID_TASK, 0x8104);
        let due = time(message, PSETID_TASK, 0x8105);
        let recurrence = self.recurrence(message, PSETID_TASK, 0x8116);
        // A rule counts from the start.
        let first = recurrence.as_ref().map(Recurrence::start);
        let start = start.or(first);
        if let Some(start) = start {
            self.time("DTSTART", &Form::Date, start)?;
        }
        if let Some(due) = due.filter(|due| start.is_none_or(|start| due.unix >= start.unix)) {
            self.time("DUE", &Form::Date, due)?;
        }
        if let Some(series) = &recurrence {
            let rule = series.rule(|last| Form::Date.until(last));
            self.lines.value("RRULE", &rule)?;
            for day in series.removed() {
                self.time("EXDATE", &Form::Date, day)?;
            }
        }
        self.summary(message)?;
        self.description(message)?;
        self.common(message)?;
        self.progress(message)?;
        self.attachments(message)?;
        // PidLidReminderSet, PidLidReminderTime
        if integer(message, PSETID_COMMON, 0x8503).unwrap_or(0) != 0 {
            if let Some(at) = time(message, PSETID_COMMON, 0x8502) {
                self.alarm("TRIGGER;VALUE=DATE-TIME", &format!("{}Z", at.basic()))?;
            }
        }
        self.lines.value("END", "VTODO")
    }

    /// Writes the status and the percentage of a task.
    fn progress(&mut self, message: &Message) -> io::Result<()> {
        // PidLidTaskComplete, PidLidTaskStatus: 0 not started, 1 in progress, 2 complete, 3 waiting, 4 deferred
        let is_complete = integer(message, PSETID_TASK, 0x811C).unwrap_or(0) != 0;
        let status = match integer(message, PSETID_TASK, 0x8101) {
            _ if is_complete => "COMPLETED",
            Some(1) => "IN-PROCESS",
            Some(2) => "COMPLETED",
            _ => "NEEDS-ACTION",
        };
        self.lines.value("STATUS", status)?;
        // PidLidPercentComplete, from 0 to 1
        let percent = message.properties.dispid(PSETID_TASK, 0x8102);
        if let Some(Value::Fixed(FixedValue::Floating64(part))) = percent.map(|it| &it.value) {
            if (0.0..=1.0).contains(part) {
                let percent = format!("{:.0}", part * 100.0);
                self.lines.value("PERCENT-COMPLETE", &percent)?;
            }
        }
        // PidLidTaskDateCompleted
        self.utc("COMPLETED", time(message, PSETID_TASK, 0x810F))
    }
}
