//! What people see on the terminal, and what machines read beside it.
//!
//! Events are JSON, one line each, with `event` and `time` (seconds since 1970) in every one:
//! `begun` (order, kind, count, made), `resumed` (number), `made` (number, code), `items` (first,
//! last), `trouble` (number, reason), `finished` (made, scrapped). A dry run says `tried` where
//! another says `made`: a thing that keeps its keys has the same code in both.

use crate::world::{Audience, News};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use issuer::order::short;
use protocol::Timestamp;
use protocol::objects::WorkOrder;
use serde_json::{Value, json};
use std::io::Write;

/// Shows news on the terminal and writes them as events.
pub struct Show {
    bar: ProgressBar,
    events: Option<Box<dyn Write>>,
    clock: fn() -> Timestamp,
    is_dry: bool,
}

impl Show {
    /// For a dry run of an order.
    pub fn dry(
        order: &WorkOrder,
        events: Option<Box<dyn Write>>,
        clock: fn() -> Timestamp,
    ) -> Self {
        let mut show = Self::begin(order, 0, events, clock);
        show.is_dry = true;
        show
    }

    /// For an order of which some are made; the bar is drawn when standard error is a terminal.
    pub fn begin(
        order: &WorkOrder,
        made: u32,
        events: Option<Box<dyn Write>>,
        clock: fn() -> Timestamp,
    ) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(10);
        let bar = ProgressBar::with_draw_target(Some(u64::from(order.count)), target);
        let template = "{prefix} [{bar:30}] {pos}/{len}  {per_sec}  {eta} left  last {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(format!("order {}", short(&order.id)));
        bar.set_message("-");
        bar.set_position(u64::from(made));
        bar.reset_eta();
        let mut show = Self {
            bar,
            events,
            clock,
            is_dry: false,
        };
        show.event(json!({
            "event": "begun", "order": order.id.to_string(), "kind": order.kind.word(),
            "count": order.count, "made": made,
        }));
        show
    }

    /// The end of a run.
    pub fn finish(&mut self, made: u64, scrapped: u64) {
        self.bar.abandon();
        self.event(json!({"event": "finished", "made": made, "scrapped": scrapped}));
    }

    fn event(&mut self, mut event: Value) {
        if let (Some(events), Some(fields)) = (&mut self.events, event.as_object_mut()) {
            fields.insert("time".to_owned(), (self.clock)().0.into());
            // Whoever listened went away; the work does not depend on it.
            if writeln!(events, "{event}")
                .and_then(|()| events.flush())
                .is_err()
            {
                self.events = None;
            }
        }
    }
}

impl Audience for Show {
    fn hear(&mut self, news: &News) {
        match news {
            News::Made { number, code } => {
                self.bar.inc(1);
                self.bar.set_message(format!("{number} {code}"));
                let name = if self.is_dry { "tried" } else { "made" };
                self.event(json!({"event": name, "number": number, "code": code.to_string()}));
            }
            News::Items { first, last } => {
                self.bar.inc(last - first + 1);
                self.bar.set_message(last.to_string());
                self.event(json!({"event": "items", "first": first, "last": last}));
            }
            News::Trouble { number, reason } => {
                let shown = reason.clone();
                if self.bar.is_hidden() {
                    eprintln!("{shown}");
                } else {
                    self.bar.println(shown);
                }
                self.event(json!({"event": "trouble", "number": number, "reason": reason}));
            }
            News::Resumed { number } => {
                self.bar
                    .println(format!("number {number} was begun before and goes on"));
                self.event(json!({"event": "resumed", "number": number}));
            }
        }
    }
}
