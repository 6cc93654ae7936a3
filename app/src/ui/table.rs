//! Table mode: a real table of which only the rows on screen exist. The worker sorts and cuts; this scrolls.

use leptos::html::Div;
use leptos::prelude::*;
use smol_str::SmolStr;
use wasm_bindgen::JsCast as _;

use super::{css, icons::icon, marked, store::Store};
use crate::protocol::{CardRef, Sort, TableCell, TableColumn, TableRowVm, ToWorker};

/// Height of a row, CSS pixels; `table.css` has the same number.
const ROW: f64 = 32.0;
/// Rows made beyond the visible ones, so that a slow answer leaves no hole.
const MARGIN: u32 = 24;
/// Frames of scrolling looked ahead.
const AHEAD: u32 = 3;

/// The table.
#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
pub fn table(store: Store) -> impl IntoView {
    let scroller = NodeRef::<Div>::new();
    let cursor = RwSignal::new(0u32);
    let asked = StoredValue::new((0u32, 0u32));
    let seen = StoredValue::new((0u32, MARGIN));
    let ask = move || {
        let Some(element) = scroller.get_untracked() else { return };
        let first = (f64::from(element.scroll_top()) / ROW) as u32;
        let visible = (f64::from(element.client_height()) / ROW) as u32 + 2;
        let (last, _) = seen.get_value();
        seen.set_value((first, visible));
        // Whoever scrolls fast has gone on by the time the answer is here.
        let (above, below) = (
            MARGIN + AHEAD * last.saturating_sub(first).min(visible),
            MARGIN + AHEAD * first.saturating_sub(last).min(visible),
        );
        let start = first.saturating_sub(above);
        let count = (first - start + visible + below).min(400);
        let (old_start, old_count) = asked.get_value();
        let covered = first >= old_start && first + visible <= old_start + old_count;
        let near_edge = first.saturating_sub(old_start) < MARGIN / 2 && old_start > 0;
        let near_end = (old_start + old_count).saturating_sub(first + visible) < MARGIN / 2;
        if !covered || near_edge || near_end {
            if (start, count) == (old_start, old_count) {
                return;
            }
            asked.set_value((start, count));
            store.tell(ToWorker::Window { start, count });
        }
    };
    Effect::new(move |_| {
        if scroller.get().is_some() {
            ask();
        }
    });
    let columns = Memo::new(move |_| store.table.with(|table| table.columns.clone()));
    let order = Memo::new(move |_| store.table.with(|table| (table.sort.clone(), table.descending)));
    let shown = rows_in_two_steps(store, seen);
    let selected = Memo::new(move |_| store.state.with(|state| state.selected.clone()));
    view! {
        <div
            class="table-view"
            node_ref=scroller
            tabindex="0"
            role="region"
            aria-label="Nodes"
            on:scroll=move |_| ask()
            on:keydown=move |event| key(store, scroller, cursor, &event)
            on:mouseleave=move |_| store.tell(ToWorker::HoldRow(None))
        >
            <table
                // Fixed columns want a width of their own: without it the longest value decides.
                style:width=move || format!("max(100%, {}px)", columns.with(|columns| columns.iter().map(|column| u32::from(column.width)).sum::<u32>()))
                aria-rowcount=move || store.table.with(|table| table.total + 1).to_string()>
                <colgroup>
                    {move || columns.get().into_iter().map(|column| view! { <col style:width=format!("{}px", column.width) /> }).collect_view()}
                    <col />
                </colgroup>
                <thead>
                    <tr aria-rowindex="1">
                        {move || {
                            let (sort, descending) = order.get();
                            columns.get().into_iter().map(move |column| header(store, column, &sort, descending)).collect_view()
                        }}
                        <th class="rest" aria-hidden="true"></th>
                    </tr>
                </thead>
                <tbody>
                    <tr class="gap" aria-hidden="true">
                        <td style:height=move || shown.with(|shown| height(shown.start))></td>
                    </tr>
                    // A row stays as long as its node is on screen, and of it what does not change: a letter typed or a report that
                    // arrives makes nothing anew that shows the same.
                    <For each=move || shown.with(|shown| shown.ids.clone()) key=Clone::clone let:id>
                        {row(store, id, selected, cursor)}
                    </For>
                    <tr class="gap" aria-hidden="true">
                        <td style:height=move || shown.with(|shown| height(shown.below))></td>
                    </tr>
                </tbody>
            </table>
        </div>
    }
}

fn height(rows: u32) -> String {
    format!("{}px", f64::from(rows) * ROW)
}

/// The rows that exist, and how many are left out above and below.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shown {
    /// Where the rows that the worker sent begin.
    sent: u32,
    start: u32,
    ids: Vec<SmolStr>,
    below: u32,
}

/// So many new rows are worth a second step.
const MANY: usize = 12;
/// After so long, in milliseconds, the rows on screen are painted.
const PAINTED: u32 = 60;

/// Where most rows are new, sorted or found, those on screen come first, and the ones beyond the edges once these are painted.
fn rows_in_two_steps(store: Store, seen: StoredValue<(u32, u32)>) -> Memo<Shown> {
    let rest = RwSignal::new(false);
    Memo::new(move |before: Option<&Shown>| {
        let with_rest = rest.get();
        store.table.with(|table| {
            let known = before.map(|before| before.ids.as_slice()).unwrap_or_default();
            let fresh = table.rows.iter().filter(|row| !known.contains(&row.id)).count();
            let (mut from, mut to) = (0, table.rows.len());
            let is_scrolled = before.is_some_and(|before| before.sent != table.start);
            if fresh <= MANY || with_rest || is_scrolled {
                rest.update_untracked(|rest| *rest = false);
            } else {
                let (first, visible) = seen.get_value();
                from = (first.saturating_sub(table.start) as usize).min(to);
                to = from.saturating_add(visible as usize).min(to);
                gloo_timers::callback::Timeout::new(PAINTED, move || {
                    // The table may be gone by now.
                    let _gone = rest.try_set(true);
                })
                .forget();
            }
            Shown {
                sent: table.start,
                start: table.start + from as u32,
                ids: table
                    .rows
                    .get(from..to)
                    .unwrap_or_default()
                    .iter()
                    .map(|row| row.id.clone())
                    .collect(),
                below: table.total.saturating_sub(table.start + to as u32),
            }
        })
    })
}

fn header(store: Store, column: TableColumn, sort: &str, descending: bool) -> impl IntoView + use<> {
    let active = column.id == sort;
    let state = match (active, descending) {
        (false, _) => "none",
        (true, false) => "ascending",
        (true, true) => "descending",
    };
    let id = column.id.clone();
    view! {
        <th scope="col" class:number=column.numeric aria-sort=state data-column=column.id.to_string()>
            <button
                class="plain"
                title=format!("Sort by {}", column.label)
                on:click=move |_| {
                    let id = id.clone();
                    store.update(|state| {
                        state.sort = Some(Sort { column: id, descending: active.then_some(!descending) });
                    });
                }
            >
                <span>{column.label.to_string()}</span>
                {active.then(|| icon(if descending { "sort-down" } else { "sort-up" }))}
            </button>
        </th>
    }
}

fn row(store: Store, id: SmolStr, selected: Memo<Option<SmolStr>>, cursor: RwSignal<u32>) -> impl IntoView {
    let id = StoredValue::new(id);
    // A row that is about to go shows what it showed.
    let row = Memo::new(move |before: Option<&(u32, TableRowVm)>| {
        let found = store.table.with(|table| {
            let at = id.with_value(|id| table.rows.iter().position(|row| row.id == *id))?;
            Some((table.start + at as u32, table.rows.get(at)?.clone()))
        });
        found.or_else(|| before.cloned()).unwrap_or_default()
    });
    let index = Memo::new(move |_| row.with(|row| row.0));
    let name = Memo::new(move |_| row.with(|(_, row)| (row.label.clone(), row.spans.clone(), row.minor.clone(), row.colour)));
    let cells = Memo::new(move |_| row.with(|(_, row)| row.cells.clone()));
    let chosen = Memo::new(move |_| selected.with(|selected| id.with_value(|id| selected.as_ref() == Some(id))));
    let pressed = StoredValue::new((0, 0));
    view! {
        <tr
            class="node"
            class:chosen=chosen
            class:cursor=move || cursor.get() == index.get()
            aria-rowindex=move || (index.get() + 2).to_string()
            aria-selected=move || chosen.get().to_string()
            data-node=id.with_value(SmolStr::to_string)
            on:mouseenter=move |_| store.tell(ToWorker::HoldRow(Some((id.get_value(), index.get_untracked()))))
            on:mousedown=move |event| pressed.set_value((event.client_x(), event.client_y()))
            on:click=move |event| {
                let (x, y) = pressed.get_value();
                // A drag selects text; it is no click.
                if (event.client_x() - x).abs() > 2 || (event.client_y() - y).abs() > 2 {
                    return;
                }
                cursor.set(index.get_untracked());
                store.update(|state| id.with_value(|id| state.click_node(id)));
            }
        >
            {move || {
                let (label, spans, minor, colour) = name.get();
                view! {
                    <th scope="row">
                        <span class="swatch" style:background=css(colour)></span>
                        <span class="name" title=label.to_string()>{marked(&label, &spans)}</span>
                        <span class="minor">{minor.to_string()}</span>
                    </th>
                }
            }}
            {move || cells.get().into_iter().map(|one| cell(store, one)).collect_view()}
            <td class="rest"></td>
        </tr>
    }
}

fn cell(store: Store, cell: TableCell) -> AnyView {
    if !cell.links.is_empty() {
        return view! {
            <td>
                {cell
                    .links
                    .into_iter()
                    .map(|link| {
                        let card = CardRef { topology: link.topology, id: link.id };
                        view! {
                            <button
                                class="link"
                                on:click=move |event| {
                                    event.stop_propagation();
                                    store.update(|state| state.push_card(&card.topology, &card.id));
                                }
                            >
                                {link.label.to_string()}
                            </button>
                        }
                    })
                    .collect_view()}
            </td>
        }
        .into_any();
    }
    if cell.bar >= 0.0 {
        return view! {
            <td class="number">
                <span class="bar" aria-hidden="true">
                    <span style:width=format!("{:.0}%", cell.bar * 100.0)></span>
                </span>
                {cell.text.to_string()}
            </td>
        }
        .into_any();
    }
    view! { <td title=cell.text.to_string()>{cell.text.to_string()}</td> }.into_any()
}

fn key(store: Store, scroller: NodeRef<Div>, cursor: RwSignal<u32>, event: &web_sys::KeyboardEvent) {
    let on_region = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .is_some_and(|element| element.class_name() == "table-view");
    let last = store.table.with_untracked(|table| table.total.saturating_sub(1));
    let page = scroller
        .get_untracked()
        .map_or(10, |element| (f64::from(element.client_height()) / ROW) as u32)
        .max(1);
    let now = cursor.get_untracked();
    let next = match event.key().as_str() {
        "ArrowDown" => (now + 1).min(last),
        "ArrowUp" => now.saturating_sub(1),
        "PageDown" => (now + page).min(last),
        "PageUp" => now.saturating_sub(page),
        "Home" => 0,
        "End" => last,
        "Enter" if on_region => {
            let id = store.table.with_untracked(|table| {
                let at = now.checked_sub(table.start)? as usize;
                table.rows.get(at).map(|row| row.id.clone())
            });
            if let Some(id) = id {
                store.update(|state| state.click_node(&id));
            }
            return;
        }
        _ => return,
    };
    event.prevent_default();
    cursor.set(next);
    if let Some(element) = scroller.get_untracked() {
        let (top, height) = (f64::from(element.scroll_top()), f64::from(element.client_height()));
        // The header covers one row.
        let (above, below) = (f64::from(next) * ROW, f64::from(next + 2) * ROW);
        if above < top {
            element.set_scroll_top(above as i32);
        } else if below > top + height {
            element.set_scroll_top((below - height) as i32);
        }
    }
    store.announce.set(store.table.with_untracked(|table| {
        next.checked_sub(table.start)
            .and_then(|at| table.rows.get(at as usize))
            .map(|row| format!("{}, row {} of {}", row.label, next + 1, table.total))
            .unwrap_or_default()
    }));
}
