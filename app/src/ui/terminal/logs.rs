//! Logs: lines that can be followed, filtered, and saved; time stamps are shown or hidden where lines carry them.
//!
//! Holds the last [`MAX_LINES`] lines; what is older is gone and counted. Only the lines on screen exist as elements.

use std::collections::VecDeque;

use leptos::html::Div;
use leptos::prelude::*;

use super::pipe::{Pipe, PipeState};
use crate::platform::files;
use crate::search::Text;
use crate::ui::{icons::icon, marked};

/// Lines kept; 100,000 of 200 bytes are 20 MB.
const MAX_LINES: usize = 200_000;
/// A line longer than this is cut in two.
const MAX_LINE: usize = 16 << 10;
/// Height of a line; `overlays.css` has the same number.
const LINE: f64 = 20.0;

/// Lines as they come in.
#[derive(Default)]
struct Lines {
    kept: VecDeque<String>,
    dropped: usize,
    partial: Vec<u8>,
}

impl Lines {
    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' || self.partial.len() >= MAX_LINE {
                self.end_line();
            }
            if *byte != b'\n' && *byte != b'\r' {
                self.partial.push(*byte);
            }
        }
    }

    /// The log is over.
    fn end(&mut self) {
        if !self.partial.is_empty() {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        let line = strip_escapes(&String::from_utf8_lossy(&self.partial));
        self.partial.clear();
        self.kept.push_back(line);
        if self.kept.len() > MAX_LINES {
            self.kept.pop_front();
            self.dropped += 1;
        }
    }
}

/// Drops colour and cursor sequences; a log is text.
fn strip_escapes(line: &str) -> String {
    if !line.contains('\u{1b}') {
        return line.to_owned();
    }
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            out.push(c);
        } else if chars.next() == Some('[') {
            for c in chars.by_ref() {
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
        }
    }
    out
}

/// The length of a line's leading time stamp, blank included.
fn stamp_length(line: &str) -> usize {
    let end = line.find(' ').unwrap_or_default();
    let looks = end >= 19 && line.as_bytes().get(4) == Some(&b'-') && line.as_bytes().get(10) == Some(&b'T');
    if looks { end + 1 } else { 0 }
}

/// The view.
pub fn view(pipe: Pipe, title: String) -> impl IntoView {
    let lines = StoredValue::new(Lines::default());
    let shown = StoredValue::new(Vec::<u32>::new());
    let version = RwSignal::new(0u32);
    let waiting = StoredValue::new(false);
    let filter = RwSignal::new(String::new());
    let follow = RwSignal::new(true);
    let stamps = RwSignal::new(true);
    let scroller = NodeRef::<Div>::new();
    let window_of = RwSignal::new((0usize, 60usize));
    pipe.deliver_to(move |bytes| {
        lines.update_value(|lines| lines.take(bytes));
        // A chatty container sends thousands of lines a second; the eye needs ten updates.
        if !waiting.get_value() {
            waiting.set_value(true);
            gloo_timers::callback::Timeout::new(100, move || {
                waiting.try_set_value(false);
                version.try_update(|version| *version = version.wrapping_add(1));
            })
            .forget();
        }
    });
    // A log that ends in the middle of a line says what it has of it.
    let state = pipe.state;
    Effect::new(move |_| {
        if matches!(state.get(), PipeState::Closed(_)) {
            lines.update_value(Lines::end);
            version.update(|version| *version = version.wrapping_add(1));
        }
    });
    let matcher = Memo::new_with_compare(
        move |_| {
            Some(filter.get())
                .filter(|text| !text.trim().is_empty())
                .map(|text| Text::new(text.trim()))
        },
        |_, _| true,
    );
    let total = Memo::new(move |_| {
        version.track();
        let matcher = matcher.get();
        lines.with_value(|lines| match &matcher {
            None => lines.kept.len(),
            Some(wanted) => {
                let found: Vec<u32> = lines
                    .kept
                    .iter()
                    .zip(0u32..)
                    .filter(|(line, _)| wanted.is_in(line))
                    .map(|(_, at)| at)
                    .collect();
                let count = found.len();
                shown.set_value(found);
                count
            }
        })
    });
    let measure = move || {
        let Some(element) = scroller.get_untracked() else { return };
        let first = (f64::from(element.scroll_top()) / LINE) as usize;
        let visible = (f64::from(element.client_height()) / LINE) as usize + 2;
        let next = (first.saturating_sub(10), visible + 20);
        if window_of.get_untracked() != next {
            window_of.set(next);
        }
    };
    Effect::new(move |_| {
        total.track();
        version.track();
        if follow.get()
            && let Some(element) = scroller.get()
        {
            element.set_scroll_top(i32::MAX);
            measure();
        }
    });
    view! {
        <div class="logs-bar">
            <label class="find">
                {icon("filter")}
                <input
                    type="text"
                    placeholder="Show lines with…"
                    aria-label="Show only lines with this text"
                    on:keydown=|event| event.stop_propagation()
                    on:input=move |event| filter.set(event_target_value(&event))
                />
            </label>
            <button class="tool" aria-pressed=move || follow.get().to_string() on:click=move |_| follow.update(|on| *on = !*on)>
                {icon("down")}
                "Follow"
            </button>
            <button class="tool" aria-pressed=move || stamps.get().to_string() on:click=move |_| stamps.update(|on| *on = !*on)>
                "Time stamps"
            </button>
            <button
                class="tool"
                title="Save all lines as a file"
                on:click=move |_| {
                    let text = lines.with_value(|lines| {
                        let mut text = String::new();
                        for line in &lines.kept {
                            text.push_str(line);
                            text.push('\n');
                        }
                        text
                    });
                    let name: String = title.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
                    files::save(&format!("{name}.log"), "text/plain", text.as_bytes());
                }
            >
                {icon("download")}
                "Save"
            </button>
            <span class="spacer"></span>
            <span class="minor" data-testid="log-count">
                {move || {
                    version.track();
                    let dropped = lines.with_value(|lines| lines.dropped);
                    let more = if dropped > 0 { format!(" ({dropped} older dropped)") } else { String::new() };
                    format!("{} lines{more}", total.get())
                }}
            </span>
        </div>
        <div
            class="logs"
            node_ref=scroller
            tabindex="0"
            role="log"
            aria-live="off"
            aria-label="Log lines"
            on:scroll=move |_| {
                measure();
                if let Some(element) = scroller.get_untracked() {
                    let below = element.scroll_height() - element.scroll_top() - element.client_height();
                    follow.set(below < LINE as i32 * 2);
                }
            }
        >
            <div class="logs-space" style:height=move || format!("{}px", total.get() as f64 * LINE)>
                <div class="logs-window" style:top=move || format!("{}px", window_of.get().0 as f64 * LINE)>
                    {move || {
                        version.track();
                        let (start, count) = window_of.get();
                        let (matcher, with_stamps) = (matcher.get(), stamps.get());
                        let end = (start + count).min(total.get());
                        (start..end)
                            .map(|at| {
                                let line = lines.with_value(|lines| {
                                    let index = if matcher.is_some() {
                                        shown.with_value(|shown| shown.get(at).copied()).unwrap_or_default() as usize
                                    } else {
                                        at
                                    };
                                    lines.kept.get(index).cloned().unwrap_or_default()
                                });
                                let cut = if with_stamps { 0 } else { stamp_length(&line) };
                                let text = line.get(cut..).unwrap_or_default().to_owned();
                                let spans: Vec<(u32, u32)> = matcher.iter().filter_map(|wanted| wanted.find(&text)).collect();
                                view! { <div class="line">{marked(&text, &spans)}</div> }
                            })
                            .collect_view()
                    }}
                </div>
            </div>
        </div>
    }
}
