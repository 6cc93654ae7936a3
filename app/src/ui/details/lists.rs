//! Lists in a card: connections, children, tables, property lists. Five rows at first; all on demand; sorted by any column.

use leptos::prelude::*;
use smol_str::SmolStr;

use super::{CardUi, info_row};
use crate::protocol::{Cell, Group, GroupRow, PropertyList};
use crate::session::card::sort_rows;
use crate::ui::{icons::icon, marked, store::Store};

/// Rows shown at first; one more would be shorter than the button that shows it.
const FIRST_ROWS: usize = 5;

fn cut(count: usize) -> usize {
    if count <= FIRST_ROWS + 1 { count } else { FIRST_ROWS }
}

/// The button below a list that was cut.
pub fn more(hidden: usize, open: bool, toggle: impl Fn() + 'static) -> impl IntoView {
    (hidden > 0).then(|| {
        view! {
            <button class="more" aria-expanded=open.to_string() on:click=move |_| toggle()>
                {if open { "Show less".to_owned() } else { format!("{hidden} more") }}
                {icon(if open { "up" } else { "down" })}
            </button>
        }
    })
}

fn truncated(count: u32) -> impl IntoView {
    (count > 0).then(|| {
        view! {
            <p class="minor cut">{icon("warning")}{format!("The probe left {count} entries out of this list.")}</p>
        }
    })
}

/// A property list.
pub fn properties(store: Store, list: PropertyList, ui: CardUi) -> impl IntoView {
    let id = list.id.clone();
    let total = list.rows.len();
    let matched_below = list.rows.iter().skip(cut(total)).any(|row| !row.spans.is_empty());
    let open = matched_below || ui.unfolded.with(|unfolded| unfolded.contains(&id));
    let shown = if open { total } else { cut(total) };
    let hidden = total - cut(total);
    view! {
        <section data-list=list.id.to_string()>
            <h3>{list.label.to_string()} <span class="count">{total}</span></h3>
            <dl class="info wide-labels">{list.rows.into_iter().take(shown).map(|row| info_row(store, row)).collect_view()}</dl>
            {(!matched_below).then(|| more(hidden, open, move || ui.toggle(&id)))}
            {truncated(list.truncated)}
        </section>
    }
}

/// A list with columns.
pub fn group(store: Store, mut group: Group, ui: CardUi) -> impl IntoView {
    let id = group.id.clone();
    let default = (group.sort.0 as usize, group.sort.1);
    let (column, descending) = ui.sorts.with(|sorts| sorts.get(&id).copied()).unwrap_or(default);
    if (column, descending) != default {
        sort_rows(&mut group.rows, column, descending);
    }
    let total = group.rows.len();
    let matched_below = group
        .rows
        .iter()
        .skip(cut(total))
        .any(|row| row.cells.iter().any(|cell| !cell.spans.is_empty()));
    let open = matched_below || ui.unfolded.with(|unfolded| unfolded.contains(&id));
    let shown = if open { total } else { cut(total) };
    let hidden = total - cut(total);
    let beyond = (group.total as usize).saturating_sub(total);
    let numeric: Vec<bool> = group.columns.iter().map(|column| column.numeric).collect();
    let sorted_id = id.clone();
    view! {
        <section data-list=group.id.to_string()>
            <table class="list">
                <thead>
                    <tr>
                        {group
                            .columns
                            .iter()
                            .enumerate()
                            .map(|(at, one)| header(at, &one.label, &one.id, one.numeric, (column, descending), &sorted_id, group.total, ui))
                            .collect_view()}
                    </tr>
                </thead>
                <tbody>{group.rows.into_iter().take(shown).map(|one| row(store, one, &numeric)).collect_view()}</tbody>
            </table>
            {(!matched_below).then(|| more(hidden, open, move || ui.toggle(&id)))}
            {(open && beyond > 0).then(|| view! { <p class="minor cut">{format!("{beyond} more are not listed here; use the table.")}</p> })}
            {truncated(group.truncated)}
        </section>
    }
}

#[allow(clippy::too_many_arguments)] // one caller, in a loop
fn header(
    at: usize,
    label: &SmolStr,
    id: &SmolStr,
    numeric: bool,
    sort: (usize, bool),
    list: &SmolStr,
    total: u32,
    ui: CardUi,
) -> impl IntoView + use<> {
    let active = sort.0 == at;
    let state = match (active, sort.1) {
        (false, _) => "none",
        (true, false) => "ascending",
        (true, true) => "descending",
    };
    let list = list.clone();
    let shown = if matches!(id.as_str(), "count" | "container") {
        "#".to_owned()
    } else {
        label.to_string()
    };
    view! {
        <th scope="col" class:number=numeric aria-sort=state>
            <button
                class="plain"
                title=format!("Sort by {label}")
                on:click=move |_| {
                    let next = if active { !sort.1 } else { numeric };
                    ui.sorts.update(|sorts| {
                        sorts.insert(list.clone(), (at, next));
                    });
                }
            >
                <span>{shown}</span>
                {(at == 0).then(|| view! { <span class="count">{total}</span> })}
                {active.then(|| icon(if sort.1 { "sort-down" } else { "sort-up" }))}
            </button>
        </th>
    }
}

fn row(store: Store, row: GroupRow, numeric: &[bool]) -> impl IntoView + use<> {
    let link = row.link;
    let mut cells = row.cells.into_iter();
    let first = cells.next().unwrap_or_default();
    let numeric: Vec<bool> = numeric.iter().skip(1).copied().collect();
    view! {
        <tr>
            <td title=first.text.to_string()>
                {match link {
                    Some(link) => view! {
                        <button class="link" on:click=move |_| store.update(|state| state.push_card(&link.topology, &link.id))>
                            {marked(&first.text, &first.spans)}
                        </button>
                    }
                    .into_any(),
                    None => text(&first),
                }}
            </td>
            {cells
                .zip(numeric)
                .map(|(cell, numeric)| view! { <td class:number=numeric title=cell.text.to_string()>{text(&cell)}</td> })
                .collect_view()}
        </tr>
    }
}

fn text(cell: &Cell) -> AnyView {
    if cell.link {
        return view! { <a href=cell.text.to_string() target="_blank" rel="noopener noreferrer">{marked(&cell.text, &cell.spans)}</a> }
            .into_any();
    }
    marked(&cell.text, &cell.spans)
}
